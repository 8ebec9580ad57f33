"""Models, made from data: the shipped ones again, and some of your own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from glassformer.errors import MissingError, UsageError, one_line


@dataclass
class Given:
    """What is learned from.

    Parameters
    ----------
    data
        The folder of the data sets, each `<data set>/<split>.jsonl.gz`; reverse needs none.
    text
        For characters, a text of your own instead, in UTF-8.
    """

    data: Annotated[Path | None, Parameter(env_var="GLASSFORMER_DATA")] = None
    text: Path | None = None

    @property
    def place(self) -> Path | None:
        """The folder or the file.  Raises MissingError where there is no such file."""
        if self.text is not None and not self.text.is_file():
            raise MissingError(f"there is no file {self.text}; give --text the file of a text")
        return self.text or self.data


def train(
    name: str,
    /,
    *,
    given: Annotated[Given | None, Parameter(name="*")] = None,
    out: Path | None = None,
    seeds: str | None = None,
    steps: int | None = None,
    minutes: float | None = None,
) -> None:
    """Make a model: reverse, characters, translate; or a shipped classifier again.

    Interrupted (Ctrl-C, a crash), the same command goes on where it stopped, to the same weights.

    Parameters
    ----------
    name
        reverse, characters, translate, bag-of-words, sentiment-plain, tiny or sentiment.
    out
        Where the run and the model go; runs/NAME when left out.
    seeds
        One seed, or several with commas, of which the median is kept; the seed that ships when left out.
    steps
        Stop after so many steps (the same command without it goes on).
    minutes
        For reverse, characters and translate, take as many steps as fit.
    """
    from glassformer.train.recipes import SHIPS, recipe
    from glassformer.train.run import train as run

    numbers = [str(SHIPS.get(recipe(name).name, 0))] if seeds is None else [seed.strip() for seed in seeds.split(",")]
    if not all(seed.isdecimal() and len(seed) < 10 for seed in numbers):
        raise UsageError(f"--seeds {one_line(seeds, 40)!r} are no numbers; write 0 or 0,1,2")
    place = given.place if given else None
    run(name, place, out or Path("runs") / name, tuple(map(int, numbers)), steps, minutes)

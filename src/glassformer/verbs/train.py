"""Models, made from data: the shipped ones again, and some of your own."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from glassformer.errors import MissingError, UsageError, one_line
from glassformer.verbs.options import Precision


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


@dataclass
class Machine:
    """What the machine is asked for.  All three are for reverse, characters and translate.

    Parameters
    ----------
    minutes
        Take as many steps as fit.
    accumulate
        Learn each batch in so many parts, one after the other: the same gradient in less memory.
    precision
        bfloat16 multiplies matrices in two bytes a number: less memory, coarser, and on a processor it may be slower.
        Left out, it is float32 on a processor and bfloat16 on a GPU.
    """

    minutes: float | None = None
    accumulate: int = 1
    precision: Precision | None = None


def train(
    name: str,
    /,
    *,
    given: Annotated[Given | None, Parameter(name="*")] = None,
    out: Path | None = None,
    seeds: str | None = None,
    steps: int | None = None,
    machine: Annotated[Machine | None, Parameter(name="*")] = None,
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
    """
    from glassformer.train.how import How
    from glassformer.train.recipes import SHIPS, recipe
    from glassformer.train.run import train as run

    numbers = [str(SHIPS.get(recipe(name).name, 0))] if seeds is None else [seed.strip() for seed in seeds.split(",")]
    if not all(seed.isdecimal() and len(seed) < 10 for seed in numbers):
        raise UsageError(f"--seeds {one_line(seeds, 40)!r} are no numbers; write 0 or 0,1,2")
    place = given.place if given else None
    how = How(**asdict(machine)) if machine else How()
    run(name, place, out or Path("runs") / name, tuple(map(int, numbers)), steps, how)

"""The shipped models, made again."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from glassformer.errors import UsageError, one_line


def train(
    name: str,
    /,
    *,
    data: Annotated[Path, Parameter(env_var="GLASSFORMER_DATA")],
    out: Path | None = None,
    seeds: str | None = None,
    steps: int | None = None,
) -> None:
    """Make a shipped model again from data: bag-of-words, sentiment-plain, tiny or sentiment.

    Interrupted (Ctrl-C, a crash), the same command goes on where it stopped, to the same weights.

    Parameters
    ----------
    name
        bag-of-words, sentiment-plain, tiny or sentiment.
    data
        The folder of the data sets, each `<data set>/<split>.jsonl.gz`.
    out
        Where the run and the model go; runs/NAME when left out.
    seeds
        One seed, or several with commas, of which the median is kept; the seed that ships when left out.
    steps
        Stop after so many steps (the same command without it goes on).
    """
    from glassformer.train.recipes import SHIPS, recipe
    from glassformer.train.run import train as run

    numbers = [str(SHIPS.get(recipe(name).name, 0))] if seeds is None else [seed.strip() for seed in seeds.split(",")]
    if not all(seed.isdecimal() and len(seed) < 10 for seed in numbers):
        raise UsageError(f"--seeds {one_line(seeds, 40)!r} are no numbers; write 0 or 0,1,2")
    run(name, data, out or Path("runs") / name, tuple(map(int, numbers)), steps)

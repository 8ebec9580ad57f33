"""How long a learner waits: python -m bench.learn

Prints, in seconds of the clock: the first check of all (torch is loaded in it), then for every exercise, from the save
of a file to the answer in watch mode: of the solution, and of a mistake that is unknown (every pair is tried).
"""

import statistics
import tempfile
import time
from pathlib import Path

from glassformer.learn.folder import Folder
from glassformer.learn.order import Entry, there
from glassformer.learn.run import Checker
from glassformer.learn.watch import watching

UNKNOWN = """
_right = {function}


def {function}(*arguments):
    answer = _right(*arguments)
    return answer * 1.37 + 0.1 if hasattr(answer, "shape") else answer
"""


def waits(folder: Folder, entry: Entry, checker: Checker) -> list[float]:
    """From a save to the answer: of the solution, and of its numbers made wrong in a way that has no name."""
    seen, took = watching(folder, entry, checker), []
    next(seen)
    solution = entry.solution.read_text("utf-8")
    for text in (solution, solution + UNKNOWN.format(function=entry.function), solution + "\n"):
        folder.path(entry).write_text(text, "utf-8")
        begun = time.monotonic()
        next(seen)
        took.append(time.monotonic() - begun)
    return took


def main() -> None:
    with tempfile.TemporaryDirectory() as place, Checker() as checker:
        folder, _ = Folder.start(Path(place))
        begun, first = time.monotonic(), there()[0]
        checker.check(folder.path(first), first.name)
        print(f"the first check, torch loaded in it   {time.monotonic() - begun:.2f}")
        every = {entry.name: waits(folder, entry, checker) for entry in there()}
    for name, took in every.items():
        print(f"{name:24} right {took[2]:.2f}   wrong, unknown {took[1]:.2f}")
    of_all = [wait for took in every.values() for wait in took[1:]]
    print(f"median {statistics.median(of_all):.2f}, longest {max(of_all):.2f}")


if __name__ == "__main__":
    main()

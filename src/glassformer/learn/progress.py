"""What was passed, when, after which mistakes: one JSON file in the learner's folder.  Nothing here imports torch."""

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from glassformer.errors import UsageError, WriteError, one_line
from glassformer.learn.order import Entry, there
from glassformer.learn.result import Result

FILE = "progress.json"
MOST_NAME = 200  # characters of a mistake's name
MOST_COUNT = 1_000_000


@dataclass
class Done:
    """One exercise.  passed: when, in UTC, or "".  mistakes: their names as they were met, unknown ones too."""

    passed: str = ""
    tries: int = 0
    hints: int = 0
    mistakes: list[str] = field(default_factory=list)


def known(content: bytes) -> dict[str, Done]:
    """What a progress file says of each exercise.  Raises ValueError with the reason where no check wrote it."""
    try:
        told = json.loads(content.decode("utf-8"))["exercises"]
        done = {str(name): Done(**each) for name, each in told.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("it is no progress file that this version reads") from None
    for name, each in done.items():
        _valid(name, each)
    return done


def _valid(name: str, done: Done) -> None:
    """Raises ValueError where a field holds what the checker never writes."""
    counts = all(type(each) is int and 0 <= each <= MOST_COUNT for each in (done.tries, done.hints))
    listed = isinstance(done.mistakes, list) and all(
        isinstance(each, str) and len(each) <= MOST_NAME for each in done.mistakes
    )
    if not (counts and listed and isinstance(done.passed, str) and _when(done.passed)):
        raise ValueError(f"what it says of {one_line(name, 40)!r} was not written by a check")


def _when(passed: str) -> bool:
    try:
        return not passed or bool(datetime.fromisoformat(passed))
    except ValueError:
        return False


class Progress:
    """Of one folder; every change is written at once."""

    def __init__(self, folder: Path):
        self.file = folder / FILE
        self.done: dict[str, Done] = self._read()

    def _read(self) -> dict[str, Done]:
        try:
            return known(self.file.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            repair = "move it away, and the exercises count as not yet done"
            raise UsageError(f"{self.file} is no progress file that this version reads; {repair}") from None

    def of(self, entry: Entry) -> Done:
        return self.done.setdefault(entry.name, Done())

    def passed(self, entry: Entry) -> bool:
        return bool(self.of(entry).passed)

    def next(self) -> Entry | None:
        """The first that is not passed."""
        return next((entry for entry in there() if not self.passed(entry)), None)

    def count(self, result: Result, entry: Entry) -> None:
        """Remember one check, until it is passed: what is tried out afterwards is nobody's mistake."""
        done = self.of(entry)
        if done.passed:
            return
        done.tries += 1
        if result.passed:
            done.passed = datetime.now(UTC).isoformat(timespec="seconds")
        elif result.mistake:
            done.mistakes.append(result.mistake)
        self.write()

    def hint(self, entry: Entry, most: int) -> int:
        """Which hint is next, from 0; the last one again and again."""
        done = self.of(entry)
        at = min(done.hints, most - 1)
        done.hints += 1
        self.write()
        return at

    def write(self) -> None:
        """Whole or not at all."""
        text = json.dumps(
            {"schema": 1, "exercises": {name: asdict(each) for name, each in self.done.items()}}, indent=1
        )
        part = self.file.with_suffix(".part")
        try:
            part.write_text(text, "utf-8")
            os.replace(part, self.file)
        except OSError as error:
            raise WriteError(f"{self.file} could not be written: {error.strerror}") from error

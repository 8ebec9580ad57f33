"""What a class has passed, where it is stuck, which mistakes it makes: of its progress files.  Torch only for a hint.

A learner is called what the file or folder is called, and nothing else is known of anybody.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from glassformer.errors import MissingError, UsageError, one_line
from glassformer.learn import bank
from glassformer.learn.folder import NAME
from glassformer.learn.order import ORDER, Entry, there
from glassformer.learn.progress import FILE, Done, known

STUCK = 3  # checks without passing
MOST_BYTES = 1 << 20  # of a progress file
MOST_FILES = 2000
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Learner:
    name: str
    done: dict[str, Done]


@dataclass(frozen=True)
class Made:
    """A mistake: how many learners made it, and how often it was seen."""

    mistake: str
    learners: int
    times: int


@dataclass(frozen=True)
class Line:
    """One exercise.  checks: the median of those who passed, the passing one included; none where nobody has."""

    exercise: str
    title: str
    passed: int
    tried: int
    checks: float | None
    mistakes: list[Made]
    unknown: int  # checks that found something wrong, but not which mistake
    stuck: list[str]


@dataclass(frozen=True)
class Commonest:
    """The mistake that most learners made, and what to say to them: the first hint of its exercise."""

    exercise: str
    mistake: str
    learners: int
    times: int
    hint: str


@dataclass(frozen=True)
class Classroom:
    learners: list[str]
    exercises: list[Line]
    commonest: Commonest | None
    left_out: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {"schema": 1, **asdict(self)}


def classroom(paths: Iterable[Path]) -> Classroom:
    """Of files and folders.  Files that cannot be read are in `left_out`, a sentence each.

    Raises MissingError where there is no progress file, UsageError where there are too many, or none can be read.
    """
    files = list(islice(dict.fromkeys(file for path in paths for file in _files(path)), MOST_FILES + 1))
    if len(files) > MOST_FILES:
        raise UsageError(f"more than {MOST_FILES} progress files are no class; name fewer")
    learners, left_out = [], []
    for file, name in zip(files, _names(files), strict=True):
        try:
            learners.append(Learner(name, _read(file)))
        except ValueError as error:
            left_out.append(f"{one_line(file, 200)} is left out: {one_line(error)}")
    if not learners:
        raise UsageError("; ".join(left_out[:3]))
    return _summed(learners, left_out)


def _files(path: Path) -> Iterator[Path]:
    """A file; a learner's folder; or a folder of files or of learners' folders."""
    if path.is_file():
        yield path.absolute()
        return
    ways = [FILE] if (path / FILE).is_file() else ["*.json", f"*/{FILE}", f"*/*/{FILE}"]
    found = sorted(file.absolute() for way in ways for file in path.glob(way) if file.is_file())
    if not found:
        what = "holds no progress file" if path.is_dir() else "is not there"
        raise MissingError(f"{one_line(path, 200)} {what}; name {FILE} files, or a folder of learners' folders")
    yield from found


def _names(files: list[Path]) -> list[str]:
    """anna for anna.json and for anna/glassformer-exercises/progress.json; a second one is anna (2)."""
    names, seen = [], Counter()
    for file in files:
        home = file.parent.parent if file.parent.name == NAME else file.parent
        name = home.name if file.name == FILE else file.stem
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def _read(file: Path) -> dict[str, Done]:
    """Raises ValueError with the reason."""
    try:
        with open(file, "rb") as given:
            content = given.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(error.strerror or "it cannot be opened") from None
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
    return known(content)


def _summed(learners: list[Learner], left_out: list[str]) -> Classroom:
    known = {entry.name for entry in ORDER}
    other = [
        f"{one_line(each.name, 60)}: there is no exercise {one_line(name, 40)!r} here; it is left out"
        for each in learners
        for name in each.done.keys() - known
    ]
    lines = [line for entry in ORDER if (line := _line(entry, learners)).tried]
    names = [each.name for each in learners]
    return Classroom(names, lines, _commonest(lines), left_out + sorted(other))


def _line(entry: Entry, learners: list[Learner]) -> Line:
    done = [(each.name, each.done[entry.name]) for each in learners if entry.name in each.done]
    tried = [(name, each) for name, each in done if each.tries]
    checks = [each.tries for _, each in tried if each.passed]
    times = Counter(mistake for _, each in tried for mistake in each.mistakes)
    people = Counter(mistake for _, each in tried for mistake in set(each.mistakes))
    unknown = times.pop(UNKNOWN, 0)
    made = sorted((Made(m, people[m], times[m]) for m in times), key=lambda m: (-m.learners, -m.times, m.mistake))
    stuck = [name for name, each in tried if not each.passed and each.tries >= STUCK]
    middle = float(median(checks)) if checks else None
    return Line(entry.name, entry.title, len(checks), len(tried), middle, made, unknown, stuck)


def _commonest(lines: list[Line]) -> Commonest | None:
    found = [(line, made) for line in lines for made in line.mistakes]
    if not found:
        return None
    line, made = max(found, key=lambda each: (each[1].learners, each[1].times))
    return Commonest(line.exercise, made.mistake, made.learners, made.times, _hint(line.exercise))


def _hint(exercise: str) -> str:
    """Its first hint; none where this version has not the exercise."""
    if exercise not in {entry.name for entry in there()}:
        return ""
    return bank.hints(exercise)[0]

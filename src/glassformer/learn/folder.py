"""The learner's folder: the exercises copied into it, never over what is there.  Nothing here imports torch."""

import shutil
from pathlib import Path

from glassformer.errors import MissingError, UsageError, WriteError
from glassformer.learn.order import Entry, entry, there
from glassformer.learn.progress import FILE, Progress

NAME = "glassformer-exercises"


class Folder:
    """Where one learner works."""

    def __init__(self, place: Path):
        self.place = place
        self.progress = Progress(place)

    @classmethod
    def find(cls, given: Path | None = None) -> "Folder":
        """`given`; or the nearest of this folder and its parents that is one, or holds one.  Raises MissingError."""
        here = Path.cwd()
        places = [given] if given else [each for up in (here, *here.parents) for each in (up, up / NAME)]
        for place in places:
            if (place / FILE).is_file():
                return cls(place)
        where = f"in {given}" if given else "here"
        raise MissingError(f"there are no exercises {where}; `glassformer learn start` copies them into {NAME}/")

    @classmethod
    def around(cls, file: Path) -> "Folder | None":
        """The folder that `file` lies in, if it is a learner's; a file elsewhere is checked all the same."""
        place = file.resolve().parent
        return cls(place) if (place / FILE).is_file() else None

    @classmethod
    def start(cls, place: Path | None = None) -> tuple["Folder", list[Entry]]:
        """Copy what is not there yet; returns what was copied."""
        place = place or Path(NAME)
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(f"{place} cannot be made: {error.strerror}") from error
        folder = cls(place)
        copied = [each for each in there() if not folder.path(each).exists()]
        for each in copied:
            folder._copy(each)
        folder.progress.write()
        return folder, copied

    def path(self, wanted: Entry) -> Path:
        """Its file here, under whatever number it had when it was copied."""
        others = sorted(self.place.glob(f"[0-9][0-9]_{wanted.module}.py"))
        return others[0] if others else self.place / wanted.file

    def _copy(self, wanted: Entry) -> None:
        target = self.path(wanted)
        try:
            with open(target, "xb") as out:
                out.write(wanted.exercise.read_bytes())
        except OSError as error:
            raise WriteError(f"{target} could not be written: {error.strerror}") from error

    def choose(self, name: str | None) -> Entry:
        """By name, number or file; the next one where none is given."""
        if name is not None:
            return named(name)
        following = self.progress.next()
        if following is None:
            raise UsageError("all exercises are passed; name one, such as `glassformer check attention`")
        return following

    def reset(self, wanted: Entry) -> Path | None:
        """The exercise as it was at first; returns where the learner's version is kept, if there was one."""
        target, kept = self.path(wanted), None
        if target.exists():
            kept = _free(target.with_name(f"{target.stem}.before-reset.py"))
            try:
                shutil.move(target, kept)
            except OSError as error:
                raise WriteError(f"{target} could not be kept: {error.strerror}") from error
        self._copy(wanted)
        return kept


def named(name: str) -> Entry:
    """A file may be given as a path, with the number it was copied with, or had before a reset."""
    stem = Path(name).name.removesuffix(".py").split(".")[0]
    number, _, rest = stem.partition("_")
    return entry(rest if number.isdecimal() and rest else stem)


def _free(path: Path) -> Path:
    """`path`, or the same with a number where it is taken."""
    if not path.exists():
        return path
    numbered = (path.with_name(f"{path.stem}-{k}.py") for k in range(2, 10_000))
    return next(each for each in numbered if not each.exists())

"""`check --watch`: a file is checked again as soon as it is saved.  Nothing here imports torch."""

import time
from collections.abc import Iterator
from pathlib import Path

from glassformer.learn.folder import Folder
from glassformer.learn.order import Entry, there
from glassformer.learn.result import Result
from glassformer.learn.run import Checker

EVERY = 0.1  # seconds between two looks at the files


def watching(folder: Folder, only: Entry | None, checker: Checker) -> Iterator[tuple[Entry, Result]]:
    """The next exercise at once, then each file that is saved, without end.  only: this exercise alone."""
    first = only or folder.progress.next()
    watched = [only] if only else there()
    seen = _saved(folder, watched)
    if first is not None:
        yield first, checker.check(folder.path(first), first.name)
    while True:
        time.sleep(EVERY)
        now = _saved(folder, watched)
        for each in watched:
            if now[each.name] not in (None, seen[each.name]):
                yield each, checker.check(folder.path(each), each.name)
        seen = now


def _saved(folder: Folder, watched: list[Entry]) -> dict[str, tuple[int, int] | None]:
    return {each.name: _stamp(folder.path(each)) for each in watched}


def _stamp(path: Path) -> tuple[int, int] | None:
    """When it was saved, and how long it is; None while an editor has it away."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return (status.st_mtime_ns, status.st_size)

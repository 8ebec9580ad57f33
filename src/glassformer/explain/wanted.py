"""Work that nobody waits for any more ends before its next forward pass, or its next layer."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Abandoned(Exception):
    """Nobody waits for what was being computed."""


class _Here(threading.local):
    wanted: Callable[[], bool] | None = None


_here = _Here()


@contextmanager
def as_long_as(wanted: Callable[[], bool]) -> Iterator[None]:
    """What is computed inside on this thread raises Abandoned, soon after `wanted` has become false."""
    before, _here.wanted = _here.wanted, wanted
    try:
        yield
    finally:
        _here.wanted = before


def go_on() -> None:
    """Raise Abandoned where nobody waits any more."""
    if _here.wanted is not None and not _here.wanted():
        raise Abandoned("nobody waits for this answer any more")

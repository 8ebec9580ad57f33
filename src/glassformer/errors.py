"""What can go wrong, each with its exit code.  A message is one line: what was wrong, and what to do."""

import difflib
from collections.abc import Iterable


class GlassformerError(Exception):
    """The parent of every error raised for something a person did or has; never for a bug of ours."""

    exit_code = 1


class UsageError(GlassformerError, ValueError):
    """The question does not fit: an empty text, an address that does not exist, two options that exclude each other."""

    exit_code = 2


class MissingError(GlassformerError, FileNotFoundError):
    """Something named is not there: a model, a data set, a file."""

    exit_code = 3


class CheckpointError(GlassformerError, ValueError):
    """A model's files are there but cannot be trusted: cut short, altered, or of another shape."""

    exit_code = 4


class WriteError(GlassformerError, OSError):
    """Something could not be written."""

    exit_code = 5


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """'; did you mean a or b?' for the closest of `known`, or nothing where none is close."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(wrong.lower(), by_lower, n=2, cutoff=0.5)
    return f"; did you mean {' or '.join(by_lower[name] for name in close)}?" if close else ""


def one_line(text: object, most: int = 200) -> str:
    """`text` on one line, for an error message: no control characters, at most `most` characters."""
    shown = "".join(c if c.isprintable() else "�" for c in str(text))
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"

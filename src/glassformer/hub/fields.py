"""What a field of a config.json may be: a number, a switch, or the key of a table; never code, never a path."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

LARGE = 1 << 24  # of any whole number
MOST_LAYERS, MOST_LABELS = 1024, 1 << 16
Check = tuple[Callable[[Any], bool], str]  # and what it allows, in words


class Field(NamedTuple):
    """ours: what it is called here; may_be: what it may be; read, write: between their value and ours."""

    ours: str
    may_be: Check
    read: Callable[[Any], Any] = lambda value: value
    write: Callable[[Any], Any] = lambda value: value


def whole(least: int, most: int = LARGE) -> Check:
    return lambda value: type(value) is int and least <= value <= most, f"a whole number from {least} to {most:,}"


def number(least: float, most: float) -> Check:
    def check(value: Any) -> bool:
        return type(value) in (int, float) and least <= value <= most  # NaN is neither

    return check, f"a number from {least:g} to {most:g}"


def one_of(known: Any) -> Check:
    return lambda value: isinstance(value, str) and value in known, f"one of {', '.join(known)}"


def or_none(check: Check) -> Check:
    return lambda value: value is None or check[0](value), f"{check[1]}, or null"


def spelt(fields: Mapping[str, Field], words: Mapping[str, str]) -> dict[str, Field]:
    """The same fields, some by another word."""
    return {words.get(theirs, theirs): field for theirs, field in fields.items()}


SWITCH: Check = (lambda value: isinstance(value, bool), "true or false")
CHANCE = number(0.0, 1.0)
LAYERS = whole(1, MOST_LAYERS)

"""One module an exercise, each with EXERCISE: its cases, its key, its named wrong versions, its right variants."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from glassformer.learn.order import entry, there

if TYPE_CHECKING:
    from glassformer.learn.exercise import Exercise


@cache
def _module(module: str) -> "Exercise":
    return import_module(f"{__name__}.{module}").EXERCISE


def load(name: str) -> "Exercise":
    """By name, number, function or file.  Raises UsageError where there is none."""
    return _module(entry(name).module)


def exercises() -> "list[Exercise]":
    """All of them, in order."""
    return [_module(each.module) for each in there()]

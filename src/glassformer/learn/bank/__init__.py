"""One module an exercise, each with EXERCISE: its cases, its key, its named wrong versions, its right variants."""

import ast
from functools import cache
from importlib import import_module
from pathlib import Path
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


def hints(name: str) -> tuple[str, ...]:
    """The words of `load(name).hints`, read off the module's text: who asks for one does not wait for torch.

    Raises UsageError where there is no such exercise.
    """
    text = (Path(__file__).parent / f"{entry(name).module}.py").read_text("utf-8")
    said = (each for each in ast.walk(ast.parse(text)) if isinstance(each, ast.keyword))
    (found,) = (each.value for each in said if each.arg == "hints")
    return ast.literal_eval(found)


def exercises() -> "list[Exercise]":
    """All of them, in order."""
    return [_module(each.module) for each in there()]

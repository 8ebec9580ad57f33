"""One case put to somebody's code: what it answers, what it makes on the way, whether it changes what it was given."""

import contextlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from glassformer.learn import kept
from glassformer.learn.exercise import Case, Exercise, Stages, copied
from glassformer.learn.record import Recorder


@dataclass(frozen=True)
class Trial:
    """One case put to the learner's code: its answer or what it raised, and which arguments it changed."""

    case: Case
    right: Stages
    answer: Any = None
    error: BaseException | None = None
    changed: tuple[str, ...] = ()


def put(function: Callable, exercise: Exercise, case: Case) -> Trial:
    given = copied(case.arguments)
    right = kept.right(exercise, case)
    try:
        answer = function(*given)
        answer = answer.answer if isinstance(answer, Stages) else answer
        answer = answer.detach().clone() if isinstance(answer, Tensor) else answer
    except (Exception, SystemExit) as error:
        return Trial(case, right, error=error)
    changed = [k for k, (a, b) in enumerate(zip(given, case.arguments, strict=True)) if not _unchanged(a, b)]
    return Trial(case, right, answer, changed=tuple(_named(function, k) for k in changed))


def _unchanged(now: Any, before: Any) -> bool:
    if isinstance(before, Tensor):
        return isinstance(now, Tensor) and now.shape == before.shape and torch.equal(now, before)
    if isinstance(before, list | tuple):
        return len(now) == len(before) and all(map(_unchanged, now, before))
    if isinstance(before, dict):
        return now.keys() == before.keys() and all(_unchanged(now[key], before[key]) for key in before)
    return not isinstance(before, str | int | float | bool | None) or now == before


def _named(function: Callable, k: int) -> str:
    try:
        return list(inspect.signature(function).parameters)[k]
    except (ValueError, IndexError, TypeError):
        return f"argument {k + 1}"


def again(function: Callable, exercise: Exercise, seed: int) -> list[tuple[Case, Any]]:
    trials = [put(function, exercise, case) for case in kept.cases(exercise, seed)]
    return [(trial.case, trial.answer) for trial in trials if trial.error is None]


def is_random(function: Callable, trial: Trial) -> bool:
    again = [function(*copied(trial.case.arguments)) for _ in range(2)]
    again = [each.answer if isinstance(each, Stages) else each for each in again]
    if not isinstance(again[0], Tensor) or again[0].shape != again[1].shape:
        return False
    return not torch.allclose(again[0], again[1], rtol=1e-3, atol=1e-5, equal_nan=True)


def made_by(function: Callable, case: Case) -> Recorder:
    """What the learner's code makes on this case; the arguments themselves are no work of theirs."""
    with Recorder() as made, contextlib.suppress(Exception):  # what it made until then counts
        function(*copied(case.arguments))
    return made

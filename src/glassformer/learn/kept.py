"""What no learner changes, computed once for all checks: the cases of a seed, what is right, what the bank answers."""

from functools import cache, lru_cache
from typing import Any

from glassformer.learn.exercise import Case, Exercise, Mistake, Stages, copied

MOST = 4096  # answers: all that a few exercises ask for


@cache
def cases(exercise: Exercise, seed: int) -> tuple[Case, ...]:
    return tuple(exercise.cases(seed))


def right(exercise: Exercise, case: Case) -> Stages:
    return (_right if exercise.random else _kept_right)(exercise, case)


def wrong(exercise: Exercise, mistakes: tuple[Mistake, ...], case: Case, other: bool = False) -> Stages | None:
    """With these mistakes; None where that version breaks down on this case.  other: as in `Exercise.version`."""
    alone = len(mistakes) == 1 and not exercise.random
    return (_kept_wrong if alone else _wrong)(exercise, mistakes, case, other)


def answer(exercise: Exercise, mistakes: tuple[Mistake, ...], case: Case, other: bool = False) -> Any:
    """What `wrong` ends with, or None.  Of the many pairs nothing else is kept: numbers that lie about cost time."""
    return (_answer if exercise.random else _kept_answer)(exercise, mistakes, case, other)


def _right(exercise: Exercise, case: Case) -> Stages:
    return exercise.key(*copied(case.arguments))


def _wrong(exercise: Exercise, mistakes: tuple[Mistake, ...], case: Case, other: bool) -> Stages | None:
    version = exercise.version(*mistakes, other=other)
    try:
        return version(*copied(case.arguments))
    except (RuntimeError, IndexError, ValueError, TypeError, KeyError, AssertionError):
        return None


def _answer(exercise: Exercise, mistakes: tuple[Mistake, ...], case: Case, other: bool) -> Any:
    made = wrong(exercise, mistakes, case, other)
    return None if made is None else made.answer


_kept_right, _kept_wrong, _kept_answer = lru_cache(MOST)(_right), lru_cache(MOST)(_wrong), lru_cache(MOST)(_answer)

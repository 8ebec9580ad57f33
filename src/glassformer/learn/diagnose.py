"""Which mistake of the bank, or which two together, gives exactly these numbers; else nothing is named."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from glassformer.learn import kept
from glassformer.learn.exercise import Case, Evidence, Exercise, Mistake, Stages
from glassformer.learn.stages import Made
from glassformer.learn.trial import made_by

Group = tuple[Mistake, ...]
Answers = Sequence[tuple[Case, Any]]  # the cases that the learner's code answered, and what it answered


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes (one, or two together), and whether there is more wrong behind them that is not known."""

    mistakes: tuple[Mistake, ...]
    more: bool = False

    @property
    def name(self) -> str:
        *most, last = (mistake.name for mistake in self.mistakes)
        return f"{', '.join(most)} and {last}" if most else last

    def says(self, evidence: Evidence) -> str:
        said = [each.says if isinstance(each.says, str) else each.says(evidence) for each in self.mistakes]
        if self.more:
            said.append("Behind that something else differs too.")
        return " ".join(said)


def by_answers(
    exercise: Exercise, answers: Answers, again: Callable[[int], Answers], together: bool = True
) -> Diagnosis | None:
    """A version whose answers are the learner's on every case.  again: the learner's answers to newly drawn cases.

    together: try two mistakes, and then a third one that only some cases show (such as those with a mask).
    """
    singles = [(mistake,) for mistake in exercise.mistakes if not mistake.gradients]
    found = _only_one(exercise, singles, answers, again)
    if found or not together:
        return found
    pairs = exercise.pairs()
    begun = [pair for pair in pairs if gives(exercise, pair, answers[:1])]
    found = _only_one(exercise, begun, answers, again)
    return found or _only_one(exercise, _threes(exercise, begun), answers, again)


def _only_one(exercise: Exercise, groups: Sequence[Group], answers: Answers, again: Callable) -> Diagnosis | None:
    fitting = [group for group in groups if gives(exercise, group, answers)]
    if len(fitting) > 1:
        more = again(1)
        fitting = [group for group in fitting if gives(exercise, group, more)] or fitting
    return Diagnosis(max(fitting, key=lambda group: _met(exercise, group, answers))) if fitting else None


def _met(exercise: Exercise, mistakes: Group, answers: Answers) -> int:
    """How many of the cases that the learner answers this version can answer too."""
    return sum(kept.answer(exercise, mistakes, case) is not None for case, _ in answers)


def _threes(exercise: Exercise, begun: Sequence[Group]) -> list[Group]:
    """Pairs that fit the first case, with a third mistake that turns another switch."""
    pairs = exercise.pairs()
    beside = {mistake.name: mistake for pair in pairs for mistake in pair}
    apart = {frozenset((a.name, b.name)) for a, b in pairs}
    return [
        (*pair, third)
        for pair in begun[:40]
        for third in beside.values()
        if all(frozenset((each.name, third.name)) in apart for each in pair)
    ]


def gives(exercise: Exercise, mistakes: Group, answers: Answers) -> bool:
    """Whether this version answers as the learner does; a case that it cannot answer is no evidence against it."""
    any_met = False
    for case, theirs in answers:
        made = kept.answer(exercise, mistakes, case)
        if made is None:
            continue
        any_met = True
        if not exercise.compare(theirs, made) and not _the_other_way(exercise, mistakes, case, theirs, made):
            return False
    return any_met


def _the_other_way(exercise: Exercise, mistakes: Group, case: Case, theirs: Any, made: Any) -> bool:
    """Where this version has no numbers, perhaps it has some when it is written the other right way."""
    if not exercise.other_way or not isinstance(made, Tensor) or not made.isnan().any():
        return False
    other = kept.answer(exercise, mistakes, case, other=True)
    return other is not None and exercise.compare(theirs, other)


def by_stages(exercise: Exercise, case: Case, right: Stages, made: Made, first: str) -> Diagnosis | None:
    """A mistake of the stage `first`, the first wrong one, whose numbers were made on the way to an unknown answer."""
    for mistake in exercise.mistakes:
        if mistake.stage != first or mistake.gradients or first == exercise.last:
            continue
        wrong = kept.wrong(exercise, (mistake,), case)
        value = None if wrong is None else wrong.get(first)
        telling = isinstance(value, Tensor) and _telling(value, right[first])
        if telling and made.holds(value) and not _made_in_any_case(exercise, case).holds(value):
            return Diagnosis((mistake,), more=True)
    return None


@lru_cache(64)
def _made_in_any_case(exercise: Exercise, case: Case) -> Made:
    """What is given, what is right, and what right ways pass through: that they are there says nothing of a mistake.

    Shares that were not divided by their sum are on the way of whoever takes e to the power of each score.
    """
    ways = [value for way in exercise.right for value in made_by(way, case).values]
    return Made([*_tensors(kept.right(exercise, case).values()), *_tensors(case.arguments), *ways])


def _tensors(values: Iterable[Any]) -> list[Tensor]:
    return [value for value in values if isinstance(value, Tensor)]


def _telling(wrong: Tensor, right: Any) -> bool:
    """The same numbers in another arrangement say nothing: they are made on the way to the right one too."""
    if not isinstance(right, Tensor) or wrong.dim() < 2 or not wrong.isfinite().all():
        return False
    return wrong.numel() != right.numel() or not torch.allclose(wrong.flatten().sort()[0], right.flatten().sort()[0])


def by_gradients(exercise: Exercise, case: Case, theirs: Sequence[Tensor | None]) -> Diagnosis | None:
    """A mistake that leaves the numbers right and the gradients wrong."""
    for mistake in exercise.mistakes:
        if mistake.gradients and same_gradients(theirs, gradients(exercise.version(mistake), exercise, case)):
            return Diagnosis((mistake,))
    return None


def gradients(function: Callable, exercise: Exercise, case: Case) -> list[Tensor | None]:
    """Of a generic sum over the answer (the first of several) by each learned argument: None where nothing arrives."""
    arguments = [
        each.clone().requires_grad_() if k in exercise.learned else each for k, each in enumerate(case.arguments)
    ]
    answer = function(*arguments)
    answer = answer.answer if isinstance(answer, Stages) else answer
    answer = answer[0] if isinstance(answer, tuple) else answer
    if not answer.requires_grad:
        return [None] * len(exercise.learned)
    weights = torch.linspace(-1.0, 1.3, answer.numel(), dtype=answer.dtype).view(answer.shape)
    learned = [arguments[k] for k in exercise.learned]
    return list(torch.autograd.grad((answer * weights).sum(), learned, allow_unused=True))


def same_gradients(theirs: Sequence[Tensor | None], right: Sequence[Tensor | None]) -> bool:
    return all(
        (a is None or not a.any()) if b is None else a is not None and torch.allclose(a, b, rtol=1e-2, atol=1e-3)
        for a, b in zip(theirs, right, strict=True)
    )

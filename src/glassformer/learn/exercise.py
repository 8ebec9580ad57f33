"""What an exercise is: questions, the key with its stages, and named wrong versions."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from glassformer.learn.order import Entry, entry

TOLERANCE = 1e-4  # of the largest number: float32 summed in any order is well inside, the smallest mistake outside
PLAIN = (Tensor, int, float, bool, str, type(None))  # a clone of each is a copy of all


class Stages(dict[str, Any]):
    """Every stage by its name, in order; the last one is the answer."""

    @property
    def answer(self) -> Any:
        return next(reversed(self.values()))


@dataclass(frozen=True, eq=False)
class Case:
    """One question.  about: what is special about it, such as "more keys than queries".  Arguments go by position."""

    arguments: tuple
    about: str = ""


@dataclass(frozen=True)
class Stage:
    """needs: the stages it is computed from; whoever has this one right has those right too."""

    name: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What a sentence about a mistake may speak of.  wrong: the stages of the version that answers as they do."""

    case: Case
    theirs: Any
    right: Stages
    wrong: Stages


Says = Callable[[Evidence], str] | str


@dataclass(frozen=True, eq=False)
class Mistake:
    """A named wrong version: settings of the exercise's switchboard, or a function of its own.

    stage: the first one it gets wrong.  says: one sentence with the learner's numbers, and what to do.
    gradients: its numbers are right, its gradients are not.  rare: not tried together with another one.
    """

    name: str
    stage: str
    says: Says
    switches: Mapping[str, Any] | None = None
    wrong: Callable | None = None
    gradients: bool = False
    rare: bool = False


@dataclass(frozen=True)
class Property:
    """Something every right version has.  broken: of a function and a case, a sentence where it has not, else ""."""

    name: str
    broken: Callable[[Callable, Case], str]


def copied(arguments: tuple) -> tuple:
    """The same once more, for code that may change it; a model and its optimiser stay together."""
    if any(type(each) not in PLAIN for each in arguments):
        return copy.deepcopy(arguments)
    return tuple(each.clone() if isinstance(each, Tensor) else each for each in arguments)


def equal(theirs: Any, right: Any) -> bool:
    """Tensors to 1e-4 of the largest number and of one shape; where `right` has no number (NaN), any will do."""
    if isinstance(right, Tensor):
        return isinstance(theirs, Tensor) and theirs.shape == right.shape and _close(theirs, right)
    if isinstance(right, float | int) and not isinstance(right, bool) and not isinstance(theirs, bool):
        number = isinstance(theirs, float | int) or (isinstance(theirs, Tensor) and theirs.numel() == 1)
        return number and abs(float(theirs) - right) <= TOLERANCE * max(1.0, abs(right))
    if isinstance(right, Mapping):
        same = isinstance(theirs, Mapping) and theirs.keys() == right.keys()
        return same and all(equal(theirs[key], right[key]) for key in right)
    if isinstance(right, list | tuple):
        same = isinstance(theirs, list | tuple) and len(theirs) == len(right)
        return same and all(map(equal, theirs, right))
    return type(theirs) is type(right) and bool(theirs == right)


def _close(theirs: Tensor, right: Tensor) -> bool:
    if right.dtype == torch.bool or theirs.dtype == torch.bool:
        return theirs.dtype == right.dtype and torch.equal(theirs, right)
    if theirs.is_complex() or right.is_complex():
        return False
    theirs, right = theirs.detach().double(), right.detach().double()
    near = (theirs - right).abs() <= TOLERANCE * max(scale(right), 1e-6)
    if near.all():
        return True
    same_ends = (theirs == right) | right.isnan()  # infinities
    return bool((same_ends | near).all()) and bool(theirs.isnan().all() or not right.isnan().all())


def scale(values: Tensor) -> float:
    """The largest number of those that are finite."""
    return float(values.abs().nan_to_num(0.0, 0.0).max()) if values.numel() else 0.0


@dataclass(frozen=True, eq=False)
class Exercise:
    """cases: of a seed, small integers first, generic numbers last.  key: from the parts, every stage, the answer last.

    switchboard: the same computation with every mistake as a setting, called with a case's arguments and settings;
    with none it equals the key.  right: versions that must pass, each written another way.  compare: for answers
    that `equal` cannot compare.  module: makes functions of a class that the learner may write instead.
    learned: the positions of the arguments that gradients must reach.  other_way: settings of the switchboard that are
    right too, tried where a wrong version has no numbers (NaN): a mask filled with −1e9 instead of −∞.
    random: its answers are drawn, and compared by how often what is in them.
    """

    name: str
    cases: Callable[[int], list[Case]]
    key: Callable[..., Stages]
    mistakes: tuple[Mistake, ...]
    right: tuple[Callable, ...]
    hints: tuple[str, ...]
    explanation: str
    stages: tuple[Stage, ...] = ()
    switchboard: Callable[..., Stages] | None = None
    properties: tuple[Property, ...] = ()
    compare: Callable[[Any, Any], bool] = equal
    module: Callable[[type], list[Callable]] | None = None
    learned: tuple[int, ...] = ()
    together: bool = True
    random: bool = False
    other_way: Mapping[str, Any] = field(default_factory=dict)
    axes: Mapping[str, str] = field(default_factory=dict)  # of a stage: what its last two axes are, for the picture

    @property
    def entry(self) -> Entry:
        return entry(self.name)

    def version(self, *mistakes: Mistake, other: bool = False) -> Callable[..., Stages]:
        """The function with one mistake, or several of the switchboard; other: written the other right way."""
        if mistakes[0].wrong is not None:
            wrong, last = mistakes[0].wrong, self.last

            def alone(*arguments: Any) -> Stages:
                made = wrong(*arguments)
                return made if isinstance(made, Stages) else Stages({last: made})

            return alone
        board = self.switchboard
        if board is None:
            raise TypeError(
                f"exercise {self.name}: {mistakes[0].name!r} needs a `wrong`, or the exercise a switchboard"
            )
        settings = dict(self.other_way) if other else {}
        settings |= {key: value for mistake in mistakes for key, value in (mistake.switches or {}).items()}
        return lambda *arguments: board(*arguments, **settings)

    @property
    def last(self) -> str:
        return self.stages[-1].name if self.stages else "answer"

    def pairs(self) -> list[tuple[Mistake, Mistake]]:
        """Two mistakes that turn different switches."""
        if not self.together:
            return []
        able = [mistake for mistake in self.mistakes if mistake.switches and not mistake.gradients and not mistake.rare]
        return [(a, b) for a, b in combinations(able, 2) if not set(a.switches or ()) & set(b.switches or ())]

    def rank(self, stage: str) -> int:
        names = [each.name for each in self.stages]
        return names.index(stage) if stage in names else len(names)

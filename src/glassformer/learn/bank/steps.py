"""A computation as steps: how each is done, and beside that every wrong way, with its name and what to do.

    BOARD = Board(
        "a b",
        Step("products", lambda s: s.a * s.b, Wrong("the vectors are added", lambda s: s.a + s.b, "multiply them")),
        Step("score", lambda s: s.products.sum()),
    )

is the switchboard of an exercise (`BOARD(a, b, products=…)`: another way for a step), `BOARD.mistakes` its bank, and
`BOARD.across(…)` a mistake that spoils several steps.  A step sees the arguments and the steps before it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from glassformer.learn.bank.words import number
from glassformer.learn.exercise import Evidence, Mistake, Stages, equal

Does = Callable[[Any], Any]
MOST = 4  # numbers in a sentence


@dataclass(frozen=True)
class Wrong:
    """name: of the mistake; what: the sentence's beginning, the name when left out.  rare: as in `Mistake`."""

    name: str
    does: Does
    repair: str
    what: str = ""
    rare: bool = False


class Step:
    """hidden: no stage of its own, as right versions do it in different ways; its mistakes show in the next one."""

    def __init__(self, stage: str, does: Does, *wrong: Wrong, hidden: bool = False):
        self.stage, self.does, self.wrong, self.hidden = stage, does, wrong, hidden


class Board:
    """arguments: their names; one that a case leaves out is None."""

    def __init__(self, arguments: str, *steps: Step):
        self.arguments = arguments.split()
        self.steps = steps

    def __call__(self, *arguments: Any, **switches: Does) -> Stages:
        seen = SimpleNamespace(**dict(zip_longest(self.arguments, arguments)))
        made = Stages()
        for step in self.steps:
            value = switches.get(step.stage, step.does)(seen)
            vars(seen)[step.stage] = value
            if not step.hidden:
                made[step.stage] = value
        return made

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        return tuple(
            self.across(wrong.name, wrong.repair, wrong.what, wrong.rare, **{step.stage: wrong.does})
            for step in self.steps
            for wrong in step.wrong
        )

    def across(self, name: str, repair: str, what: str = "", rare: bool = False, **does: Does) -> Mistake:
        stage = self._shown(next(step.stage for step in self.steps if step.stage in does))
        return Mistake(name, stage, apart(stage, what or name, repair), does, rare=rare)

    def _shown(self, first: str) -> str:
        """The stage itself, or the first one behind it that can be seen."""
        names = [step.stage for step in self.steps]
        return next(step.stage for step in self.steps[names.index(first) :] if not step.hidden)


def apart(stage: str, what: str, repair: str) -> Callable[[Evidence], str]:
    """A sentence: what is wrong, their numbers where they differ first and the right ones, what to do."""

    def says(e: Evidence) -> str:
        return f"{what}: {difference(e.wrong[stage], e.right[stage], f'your {stage}')}; {repair}."

    return says


def difference(theirs: Any, right: Any, called: str) -> str:
    """`called` at the first place where they differ, and what it should be there."""
    if isinstance(right, tuple) and isinstance(theirs, tuple):
        k = next((k for k, pair in enumerate(zip(theirs, right, strict=False)) if not equal(*pair)), 0)
        return difference(theirs[k], right[k], f"{called}[{k}]")
    if isinstance(right, Tensor) and isinstance(theirs, Tensor):
        return _of_tensors(theirs, right, called)
    if isinstance(right, Tensor):
        return f"{called} is a {type(theirs).__name__}, a tensor is wanted"
    return f"{called} is {theirs}, it should be {right}"


def _of_tensors(theirs: Tensor, right: Tensor, called: str) -> str:
    if theirs.shape != right.shape:
        return f"the shape of {called} is {tuple(theirs.shape)}, it should be {tuple(right.shape)}"
    if theirs.dtype != right.dtype and torch.bool in (theirs.dtype, right.dtype):
        return f"in {called} there are {_kind(theirs)}, wanted are {_kind(right)}"
    at = place(theirs, right)
    mine, other = _shown(theirs[at], right[at])
    if not at and called.endswith("s") and not called.endswith("ss"):
        return f"{called} are {mine}, they should be {other}"
    index = str(list(at)) if at else ""
    return f"{called}{index} is {mine}, it should be {other}"


def place(theirs: Tensor, right: Tensor) -> tuple[int, ...]:
    """The index of the first row in which they differ by something that can be seen; () where there is one row."""
    if right.numel() == right.shape[-1:].numel():
        return ()
    found = _seen(theirs, right).any(-1).nonzero()[:1].flatten()
    return tuple(int(k) for k in found) or (0,) * (right.dim() - 1)


def _seen(theirs: Tensor, right: Tensor) -> Tensor:
    """Where the difference can be seen in two digits."""
    theirs, right = theirs.double(), right.double()
    return ~(((theirs - right).abs() <= 5e-3) | (theirs == right))


def _kind(values: Tensor) -> str:
    return "True and False" if values.dtype == torch.bool else f"numbers ({values.dtype})".replace("torch.", "")


def _shown(theirs: Tensor, right: Tensor) -> tuple[str, str]:
    """A few numbers of each, from where they differ, with as many digits as that takes."""
    if right.dtype == torch.bool:
        return _listed(theirs, lambda x: str(bool(x))), _listed(right, lambda x: str(bool(x)))
    digits = (2, 4, 6) if right.is_floating_point() or theirs.is_floating_point() else (0,)
    theirs, right = theirs.flatten(), right.flatten()
    first = int(_seen(theirs, right).int().argmax())
    start = first if first >= MOST else 0
    written = [[_listed(each[start:], partial(number, digits=n), start) for each in (theirs, right)] for n in digits]
    clear = [
        pair for pair, n in zip(written, digits, strict=True) if pair[0] != pair[1] and _told(theirs, right, first, n)
    ]
    mine, other = [*clear, *(pair for pair in written if pair[0] != pair[1]), written[0]][0]
    return mine, other


def _told(theirs: Tensor, right: Tensor, at: int, digits: int) -> bool:
    """Neither is written as 0 that is not."""
    return all(each == 0 or round(abs(each), digits) > 0 for each in (float(theirs[at]), float(right[at])))


def _listed(values: Tensor, say: Callable[[Tensor], str], start: int = 0) -> str:
    """start: how many stand before these."""
    before, after = ("… " if start else ""), (" …" if values.numel() > MOST else "")
    return f"{before}{', '.join(say(each) for each in values.flatten()[:MOST])}{after}"

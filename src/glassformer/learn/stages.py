"""Which stage of the key is among the tensors somebody made, and the first that is not."""

from collections.abc import Iterable, Sequence
from itertools import permutations

import torch
from torch import Tensor

from glassformer.learn.exercise import TOLERANCE, Exercise, Stages, scale


class Made:
    """The tensors of one run, laid out so that a stage is found quickly: by shape, by rows, by single numbers."""

    def __init__(self, values: Sequence[Tensor]):
        numbers = [_plain(value) for value in values if value.dtype != torch.bool and not value.is_complex()]
        shapes: dict[tuple[int, ...], list[Tensor]] = {}
        for value in numbers:
            shapes.setdefault(tuple(value.shape), []).append(value)
        self.whole = {shape: torch.stack(values) for shape, values in shapes.items()}  # all of one shape at once
        self.sizes = {values[0].numel() for values in self.whole.values()}
        self.single = self.whole[()].unique() if () in self.whole else torch.empty(0).double()

    def holds(self, stage: Tensor) -> bool:
        """Up to the order of axes and to merging all but the last; else row by row, or number by number."""
        stage = _plain(stage)
        if stage.numel() == 0 or stage.is_complex():
            return False
        return self._wholly(stage) or self._by_slices(stage) or self._by_numbers(stage)

    def _wholly(self, stage: Tensor) -> bool:
        if stage.numel() not in self.sizes:
            return False
        near = TOLERANCE * max(scale(stage), 1e-6)
        return any(self._is_there(arranged, near) for arranged in _arrangements(stage))

    def _is_there(self, wanted: Tensor, near: float) -> bool:
        values = self.whole.get(tuple(wanted.shape))
        return values is not None and _among(values, wanted, near)

    def _by_slices(self, stage: Tensor) -> bool:
        """Each sentence, head or row on its own: loops over leading axes, or columns for loops over the last."""
        for depth in range(1, stage.dim()):
            parts = stage.flatten(0, depth - 1)
            if all(self._wholly(part) for part in parts):
                return True
        if stage.dim() > 3 and 2 * sum(map(self._wholly, stage.unbind(1))) >= stage.size(1):
            return True  # head by head; a loop that ends too early makes the others right
        return stage.dim() > 1 and all(self._wholly(column) for column in stage.unbind(-1))

    def _by_numbers(self, stage: Tensor) -> bool:
        if not self.single.numel():
            return False
        wanted, near = stage.flatten(), TOLERANCE * max(scale(stage), 1e-6)
        at = torch.searchsorted(self.single, wanted).clamp(max=len(self.single) - 1)
        below = (at - 1).clamp(min=0)
        distance = torch.minimum((self.single[at] - wanted).abs(), (self.single[below] - wanted).abs())
        return bool((distance <= near).all())


def _plain(value: Tensor) -> Tensor:
    """Without axes of one, in float64."""
    value = value.detach()
    return (value.double() if not value.is_complex() else value).squeeze()


def _among(values: Tensor, wanted: Tensor, near: float) -> bool:
    """Whether one of the values is the wanted one."""
    same = ((values - wanted).abs() <= near) | (values == wanted)
    return bool(same.flatten(1).all(1).any()) if wanted.dim() else bool(same.any())


def _arrangements(stage: Tensor) -> Iterable[Tensor]:
    """Every order of axes, and neighbours merged, all but the last axis of the stage: its rows stay rows."""
    axes = range(stage.dim())
    for order in permutations(axes):
        arranged = stage.permute(order)
        yield arranged
        last = order.index(stage.dim() - 1) if order else 0
        if last >= 2:
            yield arranged.flatten(0, last - 1)
            if last >= 3:
                yield arranged.flatten(0, 1)
        if stage.dim() - last > 2:
            yield arranged.flatten(last + 1)


def right_ones(exercise: Exercise, right: Stages, made: Made) -> set[str]:
    """The stages that are there, and those that these were computed from: a fused call hides them."""
    tensors = {name: value for name, value in right.items() if isinstance(value, Tensor)}
    found = {name for name, value in tensors.items() if name != exercise.last and made.holds(value)}
    needs = {stage.name: stage.needs for stage in exercise.stages}
    todo = list(found)
    while todo:
        for name in needs.get(todo.pop(), ()):
            if name not in found:
                found.add(name)
                todo.append(name)
    return found


def first_wrong(exercise: Exercise, right: Stages, made: Made) -> str:
    """The first stage that was not made; the answer itself where all others were."""
    found = right_ones(exercise, right, made)
    return next((stage.name for stage in exercise.stages if stage.name not in found), exercise.last)

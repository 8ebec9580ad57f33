"""A tensor that grows at one end and is not copied each time: behind it there is room for more.

Whoever takes the room first has it.  Another that grows from the same beginning, as the copy of a memory does, finds
it taken and moves, so what was handed out before never changes.
"""

import threading

import torch
from torch import Tensor

from glassformer.parts.kernels.linear import followed
from glassformer.tape import fused

ROOM = 64  # the least that is added; of a long tensor a quarter, so that no number is moved more than a few times
_one_at_a_time = threading.Lock()


class Room:
    """The tensor behind the tensors.  used: how much of it somebody has taken, along `axis`."""

    def __init__(self, like: Tensor, axis: int, length: int, used: int):
        self.axis, self.used = axis, used
        self.whole = like.new_empty((*like.shape[:axis], length, *like.shape[axis + 1 :]))

    @classmethod
    def behind(cls, known: Tensor, axis: int, more: int) -> "Room":
        used = known.size(axis)
        room = cls(known, axis, used + more + max(ROOM, used // 4), used)
        room._part(0, used).copy_(known)
        return room

    def take(self, known: int, new: Tensor) -> Tensor | None:
        """The first `known` and `new` after them, or None where another has been here, or there is no room."""
        more = new.size(self.axis)
        with _one_at_a_time:
            if self.used != known or known + more > self.whole.size(self.axis):
                return None
            self.used += more
        self._part(known, more).copy_(new)
        return self._seen(known + more)

    def rows(self, x: Tensor, rows: Tensor) -> Tensor:
        """These rows of `x`, which is the beginning of this room, in a room of their own."""
        used = x.size(self.axis)
        room = Room(x[:1].expand(len(rows), *x.shape[1:]), self.axis, self.whole.size(self.axis), used)
        torch.index_select(x, 0, rows, out=room._part(0, used))
        return room._seen(used)

    def _seen(self, length: int) -> Tensor:
        part = self._part(0, length)
        part.__dict__["room"] = self
        return part

    def _part(self, start: int, length: int) -> Tensor:
        return self.whole.narrow(self.axis, start, length)


def in_place(known: Tensor | None, new: Tensor, axis: int) -> Tensor:
    """`new` behind `known`, which is moved only where there is no room."""
    if known is None or not (_may(known, new) and _along(known, new, axis % new.dim())):
        return longer.definition(known, new, axis)  # type: ignore[attr-defined]
    axis, room = axis % new.dim(), known.__dict__.get("room")
    usable = room is not None and room.axis == axis and _may_change(room.whole)
    found = room.take(known.size(axis), new) if usable else None  # type: ignore[union-attr]
    return Room.behind(known, axis, new.size(axis)).take(known.size(axis), new) if found is None else found  # type: ignore


def with_room(x: Tensor, rows: Tensor) -> Tensor:
    """Some rows, with as much room behind them as all had."""
    room = x.__dict__.get("room")
    numbers = rows.dtype == torch.long and rows.dim() == 1
    if room is None or not (numbers and _may(x, x)) or not room.axis:
        return chosen.definition(x, rows)  # type: ignore[attr-defined]
    return room.rows(x, rows % len(x) if (rows < 0).any() else rows)


def _may(known: Tensor, new: Tensor) -> bool:
    """Nobody learns or reads along, and the two fit as they are."""
    aside = torch.is_grad_enabled() or followed() or torch._C._len_torch_dispatch_stack()
    fits = (known.dtype, known.device) == (new.dtype, new.device)
    return not aside and fits and type(known) is type(new) is Tensor


def _along(known: Tensor, new: Tensor, axis: int) -> bool:
    """They differ in length only."""
    one, other = (each.shape[:axis] + each.shape[axis + 1 :] for each in (known, new))
    return one == other


def _may_change(whole: Tensor) -> bool:
    return torch.is_inference_mode_enabled() or not whole.is_inference()


@fused(in_place, hides=())
def longer(known: Tensor | None, new: Tensor, axis: int) -> Tensor:
    """What was known, and then what is new, along `axis`."""
    return new if known is None else torch.cat([known, new], dim=axis)


@fused(with_room, hides=())
def chosen(x: Tensor, rows: Tensor) -> Tensor:
    """These rows of the batch, in this order."""
    return x[rows]

"""Who may look at whom.  A mask is True where position i may look at position j.

Masks combine with `&`, and stand before the softmax: what may not be looked at has the score −∞.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import torch
from torch import Tensor

from glassformer.parts.kernels.softmax import unless_empty
from glassformer.tape import fused


@dataclass(frozen=True)
class Runs:
    """Texts one after the other in one row, none padded; each text looks at itself.  lengths: of each text."""

    lengths: tuple[int, ...]

    def __post_init__(self):
        if not self.lengths or min(self.lengths) < 1:
            raise ValueError(f"texts of {self.lengths} pieces cannot be packed; each needs one piece or more")

    @cached_property
    def owner(self) -> Tensor:
        """The number of the text that each position belongs to: (n,)."""
        return torch.arange(len(self.lengths)).repeat_interleave(torch.tensor(self.lengths))  # n

    @cached_property
    def places(self) -> Tensor:
        """Where in its text each position stands: (n,)."""
        return torch.cat([torch.arange(length) for length in self.lengths])  # n

    @cached_property
    def groups(self) -> tuple[tuple[int, int], ...]:
        """(how many, length) of neighbours that have one length."""
        return tuple((len(list(same)), length) for length, same in groupby(self.lengths))

    @cached_property
    def mask(self) -> Tensor:
        return self.owner[:, None] == self.owner  # i j


Mask = Tensor | Runs | None


def padding(real: Tensor) -> Tensor:
    """Nobody may look at padding.  real: (b, n) True for real pieces → (b, 1, 1, j), for every head and query."""
    return boolean(real)[:, None, None, :]  # b 1 1 j


def pairs(real: Tensor) -> Tensor:
    """Who may look at whom, sentence by sentence: (b, i, j) → (b, 1, i, j), for every head."""
    return boolean(real)[:, None]  # b 1 i j


def causal(queries: int, keys: int | None = None, device: torch.device | None = None) -> Tensor:
    """Nobody may look ahead: → (i, j), for every text and head.

    With fewer queries than keys, the queries are the *last* positions.
    """
    keys = queries if keys is None else keys
    everything = torch.ones(queries, keys, dtype=torch.bool, device=device)  # i j
    return everything.tril(diagonal=keys - queries)


def places(real: Tensor) -> Tensor:
    """The how-manieth real piece stands at each position, from 0, wherever the padding is.

    real: (b, n), or (b, i, j) who may look at whom, where real is what anybody may look at → (b, n).
    """
    real = real if real.dim() == 2 else real.any(dim=1)  # b n
    return (real.long().cumsum(dim=-1) - 1).clamp(min=0)  # b n


def boolean(mask: Tensor | Runs, device: torch.device | None = None) -> Tensor:
    """The mask as it is, if it is one: numbers would be added to the scores by a kernel, without a word.

    device: where the mask that `Runs` stand for is wanted.
    """
    if isinstance(mask, Runs):
        return mask.mask.to(device)  # i j
    if mask.dtype != torch.bool:
        repair = "`mask != 0` if it holds ones and zeros, `mask == 0` if it holds zeros and −∞"
        raise TypeError(f"a mask is True where i may look at j, this one holds {mask.dtype}; try {repair}")
    return mask


@fused(unless_empty, hides=())
def softmax(scores: Tensor, mask: Mask = None) -> Tensor:
    """softmax over the last axis, of what may be looked at.

    scores: (…, i, j); mask: broadcastable to it → weights (…, i, j).  Each row sums to one, but a row that may
    look at nothing: its weights are zeros and its gradients zero, where the bare equation says 0/0.
    """
    if mask is not None:
        scores = scores.masked_fill(~boolean(mask, scores.device), -torch.inf)
    empty = (scores == -torch.inf).all(dim=-1, keepdim=True)  # b h i 1
    return scores.masked_fill(empty, 0.0).softmax(dim=-1).masked_fill(empty, 0.0)

"""Who may look at whom.  A mask is True where position i may look at position j.

Masks combine with `&`, and stand before the softmax: what may not be looked at has the score −∞.
"""

import torch
from torch import Tensor


def padding(real: Tensor) -> Tensor:
    """Nobody may look at padding.  real: (b, n) True for real pieces → (b, 1, 1, j), for every head and query."""
    return boolean(real)[:, None, None, :]  # b 1 1 j


def causal(queries: int, keys: int | None = None, device: torch.device | None = None) -> Tensor:
    """Nobody may look ahead: → (i, j).  With fewer queries than keys, the queries are the *last* positions."""
    keys = queries if keys is None else keys
    everything = torch.ones(queries, keys, dtype=torch.bool, device=device)  # i j
    return everything.tril(diagonal=keys - queries)


def boolean(mask: Tensor) -> Tensor:
    """The mask as it is, if it is one: numbers would be added to the scores by a kernel, without a word."""
    if mask.dtype != torch.bool:
        repair = "`mask != 0` if it holds ones and zeros, `mask == 0` if it holds zeros and −∞"
        raise TypeError(f"a mask is True where i may look at j, this one holds {mask.dtype}; try {repair}")
    return mask


def softmax(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """softmax over the last axis, of what may be looked at.

    scores: (…, i, j); mask: broadcastable to it → weights (…, i, j).  Each row sums to one, but a row that may
    look at nothing: its weights are zeros and its gradients zero, where the bare equation says 0/0.
    """
    if mask is not None:
        scores = scores.masked_fill(~boolean(mask), -torch.inf)
    empty = (scores == -torch.inf).all(dim=-1, keepdim=True)  # b h i 1
    return scores.masked_fill(empty, 0.0).softmax(dim=-1).masked_fill(empty, 0.0)

"""Keys and values computed once"""

import math

import torch
from torch import Tensor

Kept = tuple[Tensor, Tensor] | None  # keys and values (b, p, d) of the p words before


def cached_attention(
    x: Tensor, kept: Kept, wq: Tensor, wk: Tensor, wv: Tensor, places: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """x: (b, n, w) new words, kept: None at the beginning, wq, wk, wv: (d, w), each (out, in), places: (most, w)
    → the answer (b, n, d), and keys and values (b, p + n, d) to be kept."""
    new = x.size(1)
    past = 0 if kept is None else kept[0].size(1)
    x = x + places[past : past + new]  # b n w
    q, k, v = x @ wq.T, x @ wk.T, x @ wv.T  # b n d
    if kept is not None:
        k, v = torch.cat([kept[0], k], dim=1), torch.cat([kept[1], v], dim=1)  # b j d
    may = torch.ones(new, past + new, dtype=torch.bool).tril(diagonal=past)  # n j
    scaled = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # b n j
    return scaled.masked_fill(~may, -torch.inf).softmax(dim=-1) @ v, (k, v)

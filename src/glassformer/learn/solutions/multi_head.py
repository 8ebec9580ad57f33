"""Several soft dictionaries side by side"""

import math

import torch
from torch import Tensor


def multi_head(
    x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor, heads: int, mask: Tensor | None = None
) -> Tensor:
    """x: (b, n, w), wq … wo: (w, w), each (out, in); mask: (n, n), True where i may look at j → (b, n, w)."""

    def split(y: Tensor) -> Tensor:
        return y.unflatten(-1, (heads, -1)).transpose(1, 2)  # b h n d

    q, k, v = split(x @ wq.T), split(x @ wk.T), split(x @ wv.T)
    scaled = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # b h i j
    if mask is not None:
        scaled = scaled.masked_fill(~mask, -torch.inf)
    mixture = scaled.softmax(dim=-1) @ v  # b h n d
    merged = mixture.transpose(1, 2).flatten(-2)  # b n w
    return merged @ wo.T

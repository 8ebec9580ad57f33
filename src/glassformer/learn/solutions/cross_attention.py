"""Looking at another sentence"""

import math

import torch
from torch import Tensor


def cross_attention(
    x: Tensor, source: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, real: Tensor | None = None
) -> Tensor:
    """x: (b, i, w), source: (b, j, w), wq, wk, wv: (d, w), each (out, in), real: (b, j), True where the source is
    no padding → (b, i, d)."""
    q = x @ wq.T  # b i d
    k, v = source @ wk.T, source @ wv.T  # b j d
    scaled = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # b i j
    if real is not None:
        scaled = scaled.masked_fill(~real[:, None, :], -torch.inf)
    return scaled.softmax(dim=-1) @ v  # b i d

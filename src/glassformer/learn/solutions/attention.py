"""softmax(q·kᵀ / √d) · v"""

import math

import torch
from torch import Tensor


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """q: (b, i, d), k: (b, j, d), v: (b, j, d); mask: (i, j), True where i may look at j → (b, i, d)."""
    scores = q @ k.transpose(-2, -1)  # b i j
    scaled = scores / math.sqrt(q.size(-1))
    if mask is not None:
        scaled = scaled.masked_fill(~mask, -torch.inf)
    weights = scaled.softmax(dim=-1)  # each row sums to one
    return weights @ v  # b i d

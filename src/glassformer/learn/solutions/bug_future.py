"""Find the bug: the mask that leaked the future

It stood behind the softmax: the shares of later words were taken away, after they had made all others smaller.
"""

import math

import torch
from torch import Tensor


def leaking_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """q, k, v: (b, n, d) → (b, n, d): attention in which position i looks at positions j ≤ i only."""
    n = q.size(-2)
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # b i j
    past = torch.ones(n, n, dtype=torch.bool).tril()  # i j
    weights = scores.masked_fill(~past, -torch.inf).softmax(dim=-1)
    return weights @ v

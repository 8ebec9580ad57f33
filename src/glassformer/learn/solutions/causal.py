"""Nobody looks ahead"""

import math

import torch
from torch import Tensor


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """q, k, v: (b, n, d) → (b, n, d): attention in which position i looks at positions j ≤ i only."""
    n = q.size(-2)
    scaled = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # b i j
    past = torch.ones(n, n, dtype=torch.bool).tril()  # i j
    weights = scaled.masked_fill(~past, -torch.inf).softmax(dim=-1)  # b i j
    return weights @ v  # b n d

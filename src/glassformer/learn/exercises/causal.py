"""Nobody looks ahead

A model that writes must not see what it is to write: word i looks at words 0 … i, itself included.
Write `causal_attention`, then: glassformer check causal
"""

import math

import torch
from torch import Tensor


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """q, k, v: (b, n, d) → (b, n, d): attention in which position i looks at positions j ≤ i only."""
    raise NotImplementedError

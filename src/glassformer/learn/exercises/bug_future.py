"""Find the bug: the mask that leaked the future

Causal attention: a word looks at itself and at what came before.  In this code no word mixes a later value, and yet an
answer changes when later words change: a model trained so is good at its task, and bad at writing.

    >>> q = k = torch.zeros(1, 2, 1)
    >>> leaking_attention(q, k, torch.tensor([[[2.0], [4.0]]]))      # the first word sees only itself
    tensor([[[2.],
             [3.]]])

Mend `leaking_attention`, then: glassformer check bug-future
"""

import math

import torch
from torch import Tensor


def leaking_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """q, k, v: (b, n, d) → (b, n, d): attention in which position i looks at positions j ≤ i only."""
    n = q.size(-2)
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # b i j
    weights = scores.softmax(dim=-1)
    past = torch.ones(n, n, dtype=torch.bool).tril()  # i j
    return weights.masked_fill(~past, 0.0) @ v

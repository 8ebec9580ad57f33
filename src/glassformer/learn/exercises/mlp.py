"""The part that works on each position alone

Attention moves things between words; the MLP works on each word alone.  Out to a larger width, every negative number
to 0 (relu), and back.  Without the relu two matrices would be no more than one.

    >>> x, w1, w2 = torch.tensor([[[2.0]]]), torch.tensor([[1.0], [-1.0], [3.0]]), torch.tensor([[1.0, 1.0, 10.0]])
    >>> mlp(x, w1, torch.tensor([0.0, 0.0, -5.0]), w2, torch.tensor([0.5]))   # 2, −2, 1 → 2, 0, 1 → 2 + 10 + 0.5
    tensor([[[12.5000]]])

Write `mlp`, then: glassformer check mlp
"""

import torch
from torch import Tensor


def mlp(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    """x: (b, n, w); w1: (m, w), b1: (m,), the way out; w2: (w, m), b2: (w,), the way back → (b, n, w)."""
    raise NotImplementedError

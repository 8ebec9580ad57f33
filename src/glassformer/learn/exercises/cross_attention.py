"""Looking at another sentence

A decoder that translates looks at the sentence it translates: queries come from what it writes, keys and values from
the source.  All else is attention as before.  Padding of the source must not be looked at.

    >>> x, source = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[1.0, 0.0], [1.0, 4.0], [9.0, 9.0]]])
    >>> real = torch.tensor([[True, True, False]])
    >>> cross_attention(x, source, torch.eye(2), torch.eye(2), torch.eye(2), real)   # both match 1: half of each
    tensor([[[1., 2.]]])

Write `cross_attention`, then: glassformer check cross-attention
"""

import math

import torch
from torch import Tensor


def cross_attention(
    x: Tensor, source: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, real: Tensor | None = None
) -> Tensor:
    """x: (b, i, w), source: (b, j, w), wq, wk, wv: (d, w), each (out, in), real: (b, j), True where the source is
    no padding → (b, i, d)."""
    raise NotImplementedError

"""Several soft dictionaries side by side

Project x to q, k and v, split the width over the heads, attend in each, merge, project.
A projection is what nn.Linear does: x @ w.T.  Write `multi_head`, or a class in its place:

    class MultiHead(nn.Module):
        def __init__(self, width, heads): ...    # four nn.Linear, of any names
        def forward(self, x, mask=None): ...

then: glassformer check multi-head
"""

import math

import torch
from torch import Tensor


def multi_head(
    x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor, heads: int, mask: Tensor | None = None
) -> Tensor:
    """x: (b, n, w), wq … wo: (w, w), each (out, in); mask: (n, n), True where i may look at j → (b, n, w)."""
    raise NotImplementedError

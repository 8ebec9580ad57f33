"""softmax(q·kᵀ / √d) · v

Every query matches every key to some extent; the answer is the mixture of all values by how well.
Write `attention`, then: glassformer check attention
"""

import math

import torch
from torch import Tensor


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """q: (b, i, d), k: (b, j, d), v: (b, j, d); mask: (i, j), True where i may look at j → (b, i, d)."""
    raise NotImplementedError

"""The heads put together again

Every head has an answer for every word.  Side by side, the first head first, they make one vector again.

    >>> z = torch.tensor([[[[1, 2], [5, 6]], [[3, 4], [7, 8]]]])   # 2 heads, 2 words, 2 features each
    >>> merge_heads(z)   # word 0: 1, 2 of head 0, then 3, 4 of head 1
    tensor([[[1, 2, 3, 4],
             [5, 6, 7, 8]]])

Write `merge_heads`, then: glassformer check merge-heads
"""

import torch
from torch import Tensor


def merge_heads(z: Tensor) -> Tensor:
    """z: (b, heads, n, d) → (b, n, heads · d)."""
    raise NotImplementedError

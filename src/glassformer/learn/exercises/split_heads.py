"""The width split over the heads

Several heads look at a sentence at once, each with its own part of the features: of a width of 6, two heads get 3 each.
A head takes neighbours, the first head the first ones, and keeps all words in their order.

    >>> x = torch.tensor([[[1, 2, 3, 4], [5, 6, 7, 8]]])   # 1 sentence, 2 words, width 4
    >>> split_heads(x, 2)   # head 0: 1, 2 of word 0 and 5, 6 of word 1
    tensor([[[[1, 2],
              [5, 6]],
    <BLANKLINE>
             [[3, 4],
              [7, 8]]]])

Write `split_heads`, then: glassformer check split-heads
"""

import torch
from torch import Tensor


def split_heads(x: Tensor, heads: int) -> Tensor:
    """x: (b, n, w) → (b, heads, n, w / heads)."""
    raise NotImplementedError

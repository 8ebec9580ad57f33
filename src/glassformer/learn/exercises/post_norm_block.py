"""A block as first published

A block reads a stream of vectors, one for each word, and changes it twice: attention lets the words look at each other,
then the MLP works on each alone.  What either says is *added* to what it read, so the stream goes on; and each sum is
normalised, by a norm of its own (Vaswani et al. 2017).

    >>> def norm(x): return x - x.mean(-1, keepdim=True)
    >>> def twice(x): return 2 * x
    >>> def one_more(x): return x + torch.tensor([1.0, 3.0])
    >>> post_norm_block(torch.tensor([[[1.0, 3.0]]]), twice, norm, one_more, norm)
    tensor([[[-7.,  7.]]])

By hand: 1, 3 and twice that are 3, 9, normalised −3, 3.  The MLP makes −2, 6 of it; added −5, 9, normalised −7, 7.

Write `post_norm_block`, then: glassformer check post-norm-block
"""

from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]


def post_norm_block(
    x: Tensor, attention: Function, attention_norm: Function, mlp: Function, mlp_norm: Function
) -> Tensor:
    """x: (b, n, w) → (b, n, w).  Each of the four functions: (b, n, w) → (b, n, w)."""
    raise NotImplementedError

"""A block that normalises what it reads

The same parts as in the block as first published, in another order.  Attention and MLP each read a *normalised* stream,
but what they say is added to the stream as it was: nothing ever normalises the stream itself, so there is a straight
way from the last block back to the words (Xiong et al. 2020).  Such blocks learn without warm-up.

    >>> def norm(x): return x - x.mean(-1, keepdim=True)
    >>> def twice(x): return 2 * x
    >>> def one_more(x): return x + torch.tensor([1.0, 3.0])
    >>> pre_norm_block(torch.tensor([[[1.0, 3.0]]]), twice, norm, one_more, norm)
    tensor([[[-3., 11.]]])

By hand: 1, 3 normalised is −1, 1, twice that −2, 2; added −1, 5.  That normalised is −3, 3, the MLP makes −2, 6 of
it; added −3, 11.

Write `pre_norm_block`, then: glassformer check pre-norm-block
"""

from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]


def pre_norm_block(
    x: Tensor, attention: Function, attention_norm: Function, mlp: Function, mlp_norm: Function
) -> Tensor:
    """x: (b, n, w) → (b, n, w).  Each of the four functions: (b, n, w) → (b, n, w)."""
    raise NotImplementedError

"""Keys and values computed once

A decoder that keeps its keys and values gives the numbers of one that reads everything again.  Two things go wrong
easily: the new words do not stand at position 0, and the mask must know of the words before.

    x: n new words.  Add to each the row of `places` where it stands, behind all that was read.
    Project; put the new keys and values behind the kept ones; word i of the new ones sees all before it, and itself.

    >>> one, places = torch.eye(1), torch.tensor([[0.0], [1.0], [2.0]])
    >>> kept = (torch.tensor([[[5.0]]]), torch.tensor([[[5.0]]]))       # one word was read: the new one is at place 1
    >>> cached_attention(torch.tensor([[[4.0]]]), kept, one, one, one, places)[1][0]
    tensor([[[5.],
             [5.]]])

Write `cached_attention`, then: glassformer check cache
"""

import math

import torch
from torch import Tensor

Kept = tuple[Tensor, Tensor] | None  # keys and values (b, p, d) of the p words before


def cached_attention(
    x: Tensor, kept: Kept, wq: Tensor, wk: Tensor, wv: Tensor, places: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """x: (b, n, w) new words, kept: None at the beginning, wq, wk, wv: (d, w), each (out, in), places: (most, w)
    → the answer (b, n, d), and keys and values (b, p + n, d) to be kept."""
    raise NotImplementedError

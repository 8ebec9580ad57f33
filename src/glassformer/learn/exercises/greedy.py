"""The likeliest piece, again and again

A model says of every piece how likely it comes next.  Greedy decoding takes the likeliest, reads on from there, and
stops after the piece that ends a text, or after `most` pieces.  Here the model is a table: row p says what follows p.

    >>> table = torch.tensor([[0.1, 0.7, 0.2], [0.2, 0.1, 0.7], [1.0, 0.0, 0.0]]).log()
    >>> greedy(table, begin=0, end=2, most=9)   # after 0 most likely 1, after 1 most likely 2, which ends it
    [1, 2]

Write `greedy`, then: glassformer check greedy
"""

import torch
from torch import Tensor


def greedy(table: Tensor, begin: int, end: int, most: int) -> list[int]:
    """table: (v, v), log-probabilities of the piece in the column after the piece in the row → what is written:
    without `begin`, with `end` where it is reached, at most `most` pieces."""
    raise NotImplementedError

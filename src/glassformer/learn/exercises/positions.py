"""Where a word stands: both layouts

Attention sees a set: it cannot tell the first word from the last.  So a vector that says where a word stands is added:
sines and cosines of the position, some that change fast, some slowly.  Two layouts are in use, and they are not the
same numbers in another order.  With w features there are w/2 frequencies, f = 0 … w/2 − 1:

    "interleaved", of the paper:     10000^(−2f/w),        sin, cos, sin, cos …: each sine beside its cosine
    "halves", of Tensor2Tensor:      10000^(−f/(w/2 − 1)), all sines, then all cosines

    >>> positions(2, 4, "interleaved")   # position 1: sin 1, cos 1, sin 0.01, cos 0.01
    tensor([[0.0000, 1.0000, 0.0000, 1.0000],
            [0.8415, 0.5403, 0.0100, 0.9999]])
    >>> positions(2, 4, "halves")   # position 1: sin 1, sin 0.0001, cos 1, cos 0.0001
    tensor([[0.0000e+00, 0.0000e+00, 1.0000e+00, 1.0000e+00],
            [8.4147e-01, 1.0000e-04, 5.4030e-01, 1.0000e+00]])

Write `positions`, then: glassformer check positions
"""

import math

import torch
from torch import Tensor


def positions(length: int, width: int, layout: str) -> Tensor:
    """layout: "interleaved" or "halves"; width: even, 4 or more → (length, width), a row for each position from 0."""
    raise NotImplementedError

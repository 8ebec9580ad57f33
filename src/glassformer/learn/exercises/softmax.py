"""From scores to shares

A score may be any number; a share lies between 0 and 1, and the shares of one row add up to 1.
Softmax takes e to the power of each score and divides by their sum: who scores more gets more, nobody gets less than 0.

    >>> softmax(torch.tensor([[[0.0, 1.0986, 0.0]]]))   # e^0 = 1, e^1.0986 = 3, e^0 = 1: of 5
    tensor([[[0.2000, 0.6000, 0.2000]]])

Two things a formula does not say.  e^1000 is too large for a number: first subtract the largest score of the row, which
changes no share.  And a score of −∞ gets no share; a row of nothing but −∞ has no shares to give: zeros, not NaN.

Write `softmax` without calling torch's own, then: glassformer check softmax
"""

import torch
from torch import Tensor


def softmax(scores: Tensor) -> Tensor:
    """scores: (b, i, j) → shares (b, i, j): over the last axis, each row sums to 1; zeros where a row is all −∞."""
    raise NotImplementedError

"""From a sentence to a label

The blocks leave a vector for every piece; a label belongs to the whole sentence.  So the vectors are pooled into one,
their mean, and a linear map gives every class a score (a logit).  Sentences of a batch are filled up with padding;
that says nothing, and counts neither in the sum nor in how many there are.

    >>> x = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]])
    >>> real = torch.tensor([[True, True, False]])   # the mean of two: 2 and 3
    >>> classifier(x, real, torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), torch.tensor([0.0, 0.0, 1.0]))
    tensor([[2., 3., 6.]])

Write `classifier`, then: glassformer check classifier
"""

import torch
from torch import Tensor


def classifier(x: Tensor, real: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x: (b, n, w), real: (b, n) True for real pieces, weight: (c, w), bias: (c,) → logits (b, c)."""
    raise NotImplementedError

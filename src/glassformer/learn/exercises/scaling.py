"""Why the scores are divided by √d

A dot product adds up d products, so it grows with d: of numbers near 1 and −1, it is about as large as √d.
Large scores make softmax give all to one word, and then nothing is learned any more.  Divided by √d, scores stay near 1
however wide the vectors are.

    >>> q, k = torch.tensor([[[1.0, 1.0, 1.0, 1.0]]]), torch.tensor([[[2.0, 2.0, 0.0, 1.0], [1.0, -1.0, 0.0, 1.0]]])
    >>> scaled_scores(q, k)   # dot products 5 and 1; √4 = 2
    tensor([[[2.5000, 0.5000]]])

Write `scaled_scores`, then: glassformer check scaling
"""

import math

import torch
from torch import Tensor


def scaled_scores(q: Tensor, k: Tensor) -> Tensor:
    """q: (b, i, d), k: (b, j, d) → (b, i, j): every dot product of a row of q with a row of k, divided by √d."""
    raise NotImplementedError

"""From a text to its next piece

At every position a generator gives a score (a logit) for each piece that might come next.  The text itself says which
one came: what stands at position 0 is followed by ids[1], what stands at position 1 by ids[2].  So a text of n pieces
asks n − 1 questions; after the last piece nothing is known.  The loss of one is −log p of the piece that came.

    >>> ids = torch.tensor([2, 0, 1])
    >>> shares = torch.tensor([[0.50, 0.25, 0.25], [0.50, 0.25, 0.25], [0.10, 0.10, 0.80]])
    >>> generator(shares.log(), ids)   # after 2 came 0: −log 0.5 = 0.6931; after 0 came 1: −log 0.25 = 1.3863
    tensor(1.0397)

Write `generator`, then: glassformer check generator
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def generator(logits: Tensor, ids: Tensor) -> Tensor:
    """logits: (n, v), ids: (n,) whole numbers below v → the loss (): the mean over n − 1 positions."""
    raise NotImplementedError

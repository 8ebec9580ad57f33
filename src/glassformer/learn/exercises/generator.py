"""From a text to its next piece

At every position a generator gives a score (a logit) for each piece that might come next.  The text itself says which
one came: what stands at position 0 is followed by ids[1], what stands at position 1 by ids[2].  So a text of n pieces
asks n − 1 questions.  The loss of one is −log p of the piece that came.  Texts of several lengths stand in one batch,
padding behind the shorter ones: that is no piece, asks nothing and answers nothing.  Every question counts the same,
in a long text and in a short one.

What follows the last real piece of a text is not known: there the generator goes on, with the likeliest piece.

    >>> ids = torch.tensor([[2, 0, 1], [1, 2, 0]])
    >>> real = torch.tensor([[True, True, True], [True, True, False]])
    >>> shares = torch.tensor([[[0.50, 0.25, 0.25], [0.50, 0.25, 0.25], [0.10, 0.10, 0.80]],
    ...                        [[0.25, 0.25, 0.50], [0.60, 0.30, 0.10], [0.10, 0.80, 0.10]]])
    >>> loss_and_next(shares.log(), ids, real)
    (tensor(0.9242), tensor([2, 0]))

There: after 2 came 0, −log 0.5 = 0.6931; after 0 came 1, −log 0.25 = 1.3863; after 1 came 2, 0.6931; the mean of the
three.  The first text goes on with 2 (0.80), the second, whose last real piece is its second, with 0 (0.60).
Write `loss_and_next`, then: glassformer check generator
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def loss_and_next(logits: Tensor, ids: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """logits: (b, n, v), ids: (b, n) whole numbers below v, real: (b, n), True for real pieces, padding behind them
    → the loss (): the mean over all real pieces but the first of each text; and the next piece of each text (b,)."""
    raise NotImplementedError

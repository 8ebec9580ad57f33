"""What a masked language model is asked

BERT learns by guessing pieces that were hidden.  Each piece that is no special one is chosen with 15 %, each for
itself.  Of the chosen, 80 % become [MASK], 10 % another piece drawn at random, and 10 % stay as they are.  The label of
a chosen piece is the piece that stood there; every other label is −100, which the loss leaves out.

    >>> ids, special = torch.tensor([[1, 7, 8, 2]]), torch.tensor([[True, True, True, True]])
    >>> masked_batch(ids, special, mask=3, vocabulary=9)   # nothing here may be chosen
    (tensor([[1, 7, 8, 2]]), tensor([[-100, -100, -100, -100]]))

Write `masked_batch`, then: glassformer check masked-batch
"""

import torch
from torch import Tensor


def masked_batch(ids: Tensor, special: Tensor, mask: int, vocabulary: int) -> tuple[Tensor, Tensor]:
    """ids: (b, n), special: (b, n), True for [CLS], [SEP] and padding, mask: the id of [MASK], vocabulary: how many
    pieces there are → what the model reads (b, n), and the labels (b, n)."""
    raise NotImplementedError

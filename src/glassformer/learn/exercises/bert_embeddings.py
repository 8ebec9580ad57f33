"""Piece + position + type

What BERT's first block reads: for each piece the vector of the piece, plus that of its position, plus that of the text
it belongs to (0 for the first, 1 for the second).  The sum is brought to one scale by layer norm, with ε = 1e-12.

    >>> rows = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 4.0]])
    >>> bert_embeddings(torch.tensor([[2]]), torch.tensor([[1]]), rows, rows, rows, torch.ones(2), torch.zeros(2))
    tensor([[[-1.,  1.]]])

There: [0, 4] of piece 2, [0, 0] of position 0, [1, 0] of type 1: [1, 4], of mean 2.5 and deviation 1.5.
Write `bert_embeddings`, then: glassformer check bert-embeddings
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def bert_embeddings(
    ids: Tensor, types: Tensor, pieces: Tensor, positions: Tensor, kinds: Tensor, gain: Tensor, shift: Tensor
) -> Tensor:
    """ids, types: (b, n), pieces: (v, w), positions: (most, w), kinds: (2, w), the tables; gain, shift: (w,)
    → (b, n, w)."""
    raise NotImplementedError

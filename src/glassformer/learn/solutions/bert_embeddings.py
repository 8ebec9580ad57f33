"""Piece + position + type"""

import torch.nn.functional as F
from torch import Tensor


def bert_embeddings(
    ids: Tensor, types: Tensor, pieces: Tensor, positions: Tensor, kinds: Tensor, gain: Tensor, shift: Tensor
) -> Tensor:
    """ids, types: (b, n), pieces: (v, w), positions: (most, w), kinds: (2, w), the tables; gain, shift: (w,)
    → (b, n, w)."""
    total = pieces[ids] + positions[: ids.size(1)] + kinds[types]  # b n w
    return F.layer_norm(total, gain.shape, gain, shift, 1e-12)

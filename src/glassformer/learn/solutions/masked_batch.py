"""What a masked language model is asked"""

import torch
from torch import Tensor


def masked_batch(ids: Tensor, special: Tensor, mask: int, vocabulary: int) -> tuple[Tensor, Tensor]:
    """ids: (b, n), special: (b, n), True for [CLS], [SEP] and padding, mask: the id of [MASK], vocabulary: how many
    pieces there are → what the model reads (b, n), and the labels (b, n)."""
    chosen = (torch.rand(ids.shape) < 0.15) & ~special  # b n
    fate = torch.rand(ids.shape)  # b n
    drawn = torch.randint(vocabulary, ids.shape)  # b n
    inputs = torch.where(chosen & (fate < 0.8), mask, ids)
    inputs = torch.where(chosen & (fate >= 0.9), drawn, inputs)
    return inputs, torch.where(chosen, ids, -100)

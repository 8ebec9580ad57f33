"""From scores to shares"""

import torch
from torch import Tensor


def softmax(scores: Tensor) -> Tensor:
    """scores: (b, i, j) → shares (b, i, j): over the last axis, each row sums to 1; zeros where a row is all −∞."""
    empty = (scores == -torch.inf).all(dim=-1, keepdim=True)  # b i 1
    scores = scores.masked_fill(empty, 0.0)  # where nothing can be subtracted
    powers = (scores - scores.amax(dim=-1, keepdim=True)).exp()  # b i j, the largest is 1
    shares = powers / powers.sum(dim=-1, keepdim=True)
    return shares.masked_fill(empty, 0.0)

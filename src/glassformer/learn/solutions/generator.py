"""From a text to its next piece"""

import torch.nn.functional as F
from torch import Tensor


def generator(logits: Tensor, ids: Tensor) -> Tensor:
    """logits: (n, v), ids: (n,) whole numbers below v → the loss (): the mean over n − 1 positions."""
    guesses = logits[:-1]  # n − 1 v, nothing follows the last piece
    came = ids[1:]  # n − 1, nothing was read before the first
    return F.cross_entropy(guesses, came)

"""From a text to its next piece"""

import torch
import torch.nn.functional as F
from torch import Tensor


def loss_and_next(logits: Tensor, ids: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """logits: (b, n, v), ids: (b, n) whole numbers below v, real: (b, n), True for real pieces, padding behind them
    → the loss (): the mean over all real pieces but the first of each text; and the next piece of each text (b,)."""
    guesses = logits[:, :-1]  # b n − 1 v, nothing follows the last one
    came = ids[:, 1:].masked_fill(~real[:, 1:], -100)  # b n − 1, and −100 is left out of the loss
    loss = F.cross_entropy(guesses.flatten(0, 1), came.flatten())
    last = real.sum(dim=1) - 1  # b, where the last real piece stands
    return loss, logits[torch.arange(len(ids)), last].argmax(dim=-1)

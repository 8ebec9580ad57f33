"""How many bits a text takes, where a model says what to expect and an ideal coder writes down what comes.

Shannon 1948, "A mathematical theory of communication": what was expected with probability p takes −log₂ p bits.
"""

import math

import torch
from torch import Tensor, nn

BATCH = 64  # windows


@torch.inference_mode()
def compressed(model: nn.Module, ids: Tensor, window: int, pieces: int) -> float:
    """Bits of the whole text `ids` (n,), exactly: every character is predicted once, from what stands before it.

    Windows of `window` characters overlap by half, and of each only the later half counts: so a character is
    predicted from at least half a window, unless the text has not so much before it.  The first of all is predicted
    from nothing: one of `pieces` alike.
    """
    if window < 2:
        raise ValueError(f"a window of {window} has no half; give 2 or more")
    model.eval()
    last, total = len(ids) - 1, 0.0
    starts = list(range(0, max(last - window, 0) + window // 2, window // 2)) if last else []
    for first in range(0, len(starts), BATCH):
        total += _windows(model, ids, starts[first : first + BATCH], window)
    return total / math.log(2) + math.log2(pieces)


def _windows(model: nn.Module, ids: Tensor, starts: list[int], window: int) -> float:
    """What the characters cost that these windows count, in nats.  Of the first window of a text all of them count."""
    place = torch.arange(window, device=ids.device)  # n
    at = ids.new_tensor(starts)[:, None] + place  # b n
    counts = (at == place) | (place >= window - window // 2)  # b n
    end = len(ids) - 1
    logits = model(ids[at.clamp(max=end)])  # b n v
    following = ids[(at + 1).clamp(max=end)]  # b n
    cost = -logits.float().log_softmax(-1).gather(-1, following[..., None])[..., 0]  # b n
    return cost.double().where(counts & (at < end), 0.0).sum().item()

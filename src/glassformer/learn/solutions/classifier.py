"""From a sentence to a label"""

from torch import Tensor


def classifier(x: Tensor, real: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x: (b, n, w), real: (b, n) True for real pieces, weight: (c, w), bias: (c,) → logits (b, c)."""
    total = (x * real[..., None]).sum(dim=1)  # b w, padding adds nothing
    pooled = total / real.sum(dim=1, keepdim=True)  # b w
    return pooled @ weight.T + bias

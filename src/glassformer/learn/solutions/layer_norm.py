"""Every position brought to one scale"""

import torch
from torch import Tensor


def layer_norm(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    """x: (b, n, w), gain, shift: (w,) → (b, n, w)."""
    centred = x - x.mean(dim=-1, keepdim=True)  # b n w
    variance = centred.square().mean(dim=-1, keepdim=True)  # b n 1
    return gain * centred / torch.sqrt(variance + epsilon) + shift

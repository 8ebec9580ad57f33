"""Every position brought to one scale."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.tape import fused, note


def _kernel(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    return F.layer_norm(x, gain.shape, gain, shift, epsilon)


@fused(_kernel, hides=("centred", "normalised"))
def layer_norm(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    """gain · (x − mean) / √(variance + ε) + shift, over the last axis.  Ba et al. 2016, section 3."""
    centred = note("centred", x - x.mean(dim=-1, keepdim=True))
    variance = centred.square().mean(dim=-1, keepdim=True)  # b n 1
    return note("normalised", centred / torch.sqrt(variance + epsilon)) * gain + shift


class LayerNorm(nn.Module):
    """Mean zero and variance one at every position, then a learned gain and shift.  (…, w) → (…, w)."""

    def __init__(self, width: int, epsilon: float = 1e-5):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return note("out", layer_norm(x, self.gain, self.shift, self.epsilon))

"""From many positions to one.  Padding does not count."""

import torch
from torch import Tensor


def mean(x: Tensor, real: Tensor) -> Tensor:
    """The mean over real positions.  x: (b, n, w), real: (b, n) → (b, w); zeros where nothing is real."""
    total = (x * real[..., None]).sum(dim=1)  # b w
    return total / real.sum(dim=1).clamp(min=1)[:, None]  # b w


def maximum(x: Tensor, real: Tensor) -> Tensor:
    """The largest value of each feature over real positions.  x: (b, n, w), real: (b, n) → (b, w); zeros for none."""
    largest = x.masked_fill(~real[..., None], -torch.inf).amax(dim=1)  # b w
    return largest.masked_fill(~real.any(dim=1)[:, None], 0.0)  # b w


def last(x: Tensor, real: Tensor) -> Tensor:
    """The last real position.  x: (b, n, w), real: (b, n) → (b, w); zeros where nothing is real."""
    numbered = real * torch.arange(1, real.size(1) + 1, device=real.device)  # b n
    found = x[torch.arange(len(x), device=x.device), numbered.argmax(dim=1)]  # b w
    return found.masked_fill(~real.any(dim=1)[:, None], 0.0)  # b w

"""Where a word stands: both layouts"""

import torch
from torch import Tensor


def positions(length: int, width: int, layout: str) -> Tensor:
    """layout: "interleaved" or "halves"; width: even, 4 or more → (length, width), a row for each position from 0."""
    f = torch.arange(width // 2)
    paper = layout == "interleaved"
    frequencies = 10000.0 ** (-2 * f / width if paper else -f / (width // 2 - 1))  # f
    angles = torch.arange(length)[:, None] * frequencies  # n f
    waves = torch.stack([angles.sin(), angles.cos()], dim=-1 if paper else 1)  # n f 2, or n 2 f
    return waves.flatten(1)  # n w

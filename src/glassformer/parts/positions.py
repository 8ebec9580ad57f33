"""Where in the sentence a word stands.  Attention alone cannot tell: it sees a set, not a sequence."""

import torch
from torch import Tensor, nn


def _angles(length: int, frequencies: Tensor) -> Tensor:
    return torch.arange(length, dtype=torch.float64)[:, None] * frequencies  # n f


def interleaved(length: int, width: int) -> Tensor:
    """sin and cos side by side, frequencies 10000^(−2f/w).  Vaswani et al. 2017, section 3.5.  → (n, w)."""
    _even(width)
    frequencies = 10_000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)  # f
    angles = _angles(length, frequencies)  # n f
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).float()  # n w


def halves(length: int, width: int) -> Tensor:
    """All sines, then all cosines, frequencies 10000^(−f/(w/2−1)).  → (n, w).

    The layout of the Tensor2Tensor code (`get_timing_signal_1d`) and so of the Illustrated Transformer's
    pictures: another order than the paper's formula, and other frequencies too.
    """
    _even(width)
    steps = torch.arange(width // 2, dtype=torch.float64) / max(width // 2 - 1, 1)  # f
    angles = _angles(length, 10_000.0**-steps)  # n f
    return torch.cat([angles.sin(), angles.cos()], dim=-1).float()  # n w


def _even(width: int) -> None:
    if width % 2:
        raise ValueError(f"sinusoidal positions pair a sine with a cosine: width {width} is odd, try {width + 1}")


def _rows(table: Tensor, length: int) -> Tensor:
    if length > len(table):
        repair = f"cut the text, or give length={length}"
        raise ValueError(f"{length} positions asked for, the model knows {len(table)}: {repair}")
    return table[:length]  # n w


class Learned(nn.Module):
    """One learned vector a position.  Knows nothing of positions it was not trained on.  n → (n, w)."""

    def __init__(self, length: int, width: int):
        super().__init__()
        self.table = nn.Parameter(torch.randn(length, width) * 0.02)

    def forward(self, length: int) -> Tensor:
        return _rows(self.table, length)  # n w


class Sinusoidal(nn.Module):
    """A fixed table of sines and cosines, in either layout above.  n → (n, w)."""

    table: Tensor

    def __init__(self, table: Tensor):
        super().__init__()
        self.register_buffer("table", table, persistent=False)

    def forward(self, length: int) -> Tensor:
        return _rows(self.table, length)  # n w

"""From pieces to vectors: what the piece is, plus where it stands.  Attention alone sees a set."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.tape import note


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


class Placed(nn.Module):
    """The same for positions given one by one; the first of them has the row `first`.  (b, n) → (b, n, w)."""

    def __init__(self, length: int, width: int, first: int = 0):
        super().__init__()
        self.table = nn.Parameter(torch.randn(length, width) * 0.02)
        self.first = first

    def forward(self, places: Tensor) -> Tensor:
        return F.embedding(places + self.first, self.table)  # b n w


class Sinusoidal(nn.Module):
    """A fixed table of sines and cosines, in either layout above.  n → (n, w)."""

    table: Tensor

    def __init__(self, table: Tensor):
        super().__init__()
        self.register_buffer("table", table, persistent=False)

    def forward(self, length: int) -> Tensor:
        return _rows(self.table, length)  # n w


class Nothing(nn.Module):
    """Stands where a model has no such table, and adds nothing.  (b, n) → (b, n, w) of zeros."""

    zeros: Tensor

    def __init__(self, width: int):
        super().__init__()
        self.register_buffer("zeros", torch.zeros(width, device="cpu"), persistent=False)  # in no file, never on `meta`

    def forward(self, which: Tensor) -> Tensor:
        return self.zeros.expand(*which.shape, -1)  # b n w


class Embed(nn.Module):
    """Vector of the piece + vector of the position.  ids (b, n) → (b, n, w)."""

    def __init__(self, vocabulary: int, width: int, positions: nn.Module, dropout: float = 0.0):
        super().__init__()
        self.pieces = nn.Embedding(vocabulary, width)
        self.positions = positions
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor) -> Tensor:
        pieces = note("pieces", self.pieces(ids))  # b n w
        places = note("places", self.positions(ids.size(1))[None])  # 1 n w
        return note("stream", self.dropout(pieces + places))  # b n w


class EmbedPairs(nn.Module):
    """Vector of the piece + of the position + of the text it belongs to, brought to one scale.

    Devlin et al. 2019, figure 2.  ids, types, places: (b, n) → (b, n, w).
    """

    def __init__(self, pieces: nn.Module, positions: nn.Module, types: nn.Module, norm: nn.Module, dropout=0.0):
        super().__init__()
        self.pieces = pieces
        self.positions = positions
        self.types = types
        self.norm = norm
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, types: Tensor, places: Tensor) -> Tensor:
        pieces = note("pieces", self.pieces(ids))  # b n w
        kinds = note("types", self.types(types))  # b n w
        where = note("places", self.positions(places))  # b n w
        return note("stream", self.dropout(self.norm(pieces + kinds + where)))  # b n w

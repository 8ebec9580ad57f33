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


def marian(length: int, width: int) -> Tensor:
    """The paper's sines and cosines, but all sines first: the layout of Marian (transformers' `MarianMTModel`)."""
    return interleaved(length, width).unflatten(1, (-1, 2)).mT.flatten(1)  # n w


def _even(width: int) -> None:
    if width % 2:
        raise ValueError(f"sinusoidal positions pair a sine with a cosine: width {width} is odd, try {width + 1}")


def _rows(table: Tensor, places: Tensor) -> Tensor:
    try:
        return F.embedding(places, table)  # b n w
    except IndexError:
        asked = int(places.max()) + 1
        repair = f"cut the text, or give length={asked}"
        raise IndexError(f"{asked} positions asked for, the model knows {len(table)}: {repair}") from None


class Placed(nn.Module):
    """One learned vector a position; the first position has the row `first`.  (b, n) → (b, n, w).

    Knows nothing of positions it was not trained on.
    """

    def __init__(self, length: int, width: int, first: int = 0):
        super().__init__()
        self.table = nn.Parameter(torch.randn(length, width) * 0.02)
        self.first = first

    def forward(self, places: Tensor) -> Tensor:
        return _rows(self.table, places + self.first)  # b n w


class Sinusoidal(nn.Module):
    """A fixed table of sines and cosines, in any layout above.  (b, n) → (b, n, w)."""

    table: Tensor

    def __init__(self, table: Tensor):
        super().__init__()
        self.register_buffer("table", table, persistent=False)

    def forward(self, places: Tensor) -> Tensor:
        return _rows(self.table, places)  # b n w


class Nothing(nn.Module):
    """Stands where a model has no such table, and adds nothing.  (b, n) → (b, n, w) of zeros."""

    zeros: Tensor

    def __init__(self, width: int):
        super().__init__()
        self.register_buffer("zeros", torch.zeros(width, device="cpu"), persistent=False)  # in no file, never on `meta`

    def forward(self, which: Tensor) -> Tensor:
        return self.zeros.expand(*which.shape, -1)  # b n w


TOKENIZER = "cut the text with the model's own tokenizer"


def looked_up(table: nn.Module, ids: Tensor, what: str = "piece", repair: str = TOKENIZER) -> Tensor:
    """The vector of each of `ids`: (b, n) → (b, n, w).  Raises ValueError where the table has none of that number.

    Nothing is looked at before that: it costs nothing.  (A GPU notices by itself too, and stops with its own words.)
    """
    try:
        return table(ids)  # b n w
    except IndexError:
        raise missing(table, ids, what, repair) from None


def missing(table: nn.Module, ids: Tensor, what: str = "piece", repair: str = TOKENIZER) -> ValueError:
    """What to say where the table has not all of `ids`: the first of them, and those there are."""
    count = len(table.weight)  # type: ignore[arg-type]
    wrong = ids[(ids < 0) | (ids >= count)][0].item()
    return ValueError(f"{what} {wrong} was asked for, the model knows 0 to {count - 1}: {repair}")


class Embed(nn.Module):
    """Vector of the piece + vector of the position.  ids (b, n) → (b, n, w).

    pieces: a table, or nn.Identity() where the vectors of the pieces are given instead of their ids.
    """

    def __init__(self, pieces: nn.Module, positions: nn.Module, dropout: float = 0.0):
        super().__init__()
        self.pieces = pieces
        self.positions = positions
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, places: Tensor | None = None) -> Tensor:
        """places: (b, n), counted from 0 when left out."""
        pieces = note("pieces", looked_up(self.pieces, ids))  # b n w
        return note("stream", self.dropout(pieces + self._where(ids, places)))

    def _where(self, ids: Tensor, places: Tensor | None) -> Tensor:
        if places is None:
            counted = torch.arange(ids.size(1), device=ids.device)  # n
            return note("places", self.positions(counted)[None])  # 1 n w
        return note("places", self.positions(places))  # b n w


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
        pieces = note("pieces", looked_up(self.pieces, ids))  # b n w
        kinds = note("types", looked_up(self.types, types, "type", "number the texts from 0"))  # b n w
        where = note("places", self.positions(places))  # b n w
        return note("stream", self.dropout(self.norm(pieces + kinds + where)))  # b n w

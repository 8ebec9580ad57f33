"""From pieces to vectors: what the piece is, plus where it stands."""

from torch import Tensor, nn

from glassformer.tape import note


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

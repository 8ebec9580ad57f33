"""Attention, then MLP, each added to the stream it read.  Where the norm stands makes the two kinds of block."""

from torch import Tensor, nn

from glassformer.parts.attention import Attention
from glassformer.parts.mlp import MLP
from glassformer.parts.norm import LayerNorm
from glassformer.tape import note


class Block(nn.Module):
    """The parts both kinds share; each kind below is only the order they come in.

    `finish` is what has to stand after the last block of that kind, before anything reads the stream.
    """

    finish: type[nn.Module] = nn.Identity

    def __init__(self, width: int, heads: int, hidden: int, dropout: float = 0.0):
        super().__init__()
        self.attention = Attention(width, heads, dropout=dropout)
        self.attention_norm = LayerNorm(width)
        self.mlp = MLP(width, hidden)
        self.mlp_norm = LayerNorm(width)
        self.dropout = nn.Dropout(dropout)


class PostNormBlock(Block):
    """As first published: add, then normalise.  Vaswani et al. 2017, section 3.1.  (b, n, w) → (b, n, w)."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = note("between", self.attention_norm(x + self.dropout(self.attention(x, mask=mask))))
        return note("stream", self.mlp_norm(x + self.dropout(self.mlp(x))))


class PreNormBlock(Block):
    """Normalise what is read, never the stream itself.  Xiong et al. 2020, figure 1b.  (b, n, w) → (b, n, w)."""

    finish = LayerNorm

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = note("between", x + self.dropout(self.attention(self.attention_norm(x), mask=mask)))
        return note("stream", x + self.dropout(self.mlp(self.mlp_norm(x))))

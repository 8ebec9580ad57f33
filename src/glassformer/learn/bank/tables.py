"""A model that is a table: what follows a piece depends on that piece alone.  Greedy and beam search write from it."""

from types import SimpleNamespace

import torch
from torch import Tensor, nn

from glassformer.learn.bank.words import drawn
from glassformer.parts.attention import Memory


class Table(nn.Module):
    """log P(column | row): (v, v)."""

    def __init__(self, table: Tensor):
        super().__init__()
        self.table = table
        self.config = SimpleNamespace(longest=1000)

    def forward(self, ids: Tensor, real: Tensor | None, memory: Memory) -> Tensor:
        return self.table[ids]  # b n v


def likely(draw: torch.Generator, pieces: int, end: int, sharp: float = 1.5, ends: float = 0.0) -> Tensor:
    """Log-probabilities of what follows each piece; ends: how much likelier than others the end is."""
    scores = sharp * drawn(draw, pieces, pieces)
    scores[:, end] += ends
    return scores.log_softmax(-1)

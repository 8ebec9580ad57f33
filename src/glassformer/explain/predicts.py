"""What models have in common that say of every piece how well it would stand somewhere: at a mask, or next."""

from typing import Any

import torch
from torch import Tensor

from glassformer.explain.answers import Candidate, Metric
from glassformer.explain.batch import Batch
from glassformer.explain.kind import Kind
from glassformer.explain.measure import Measure, log_odds
from glassformer.models.heads import Pretrained

CLEAR_ODDS = 0.25
TOP = 5


class Predicts(Kind):
    """The pieces that may stand at one position of a text.  where: that position, in words."""

    where = ""

    def at(self, batch: Batch) -> Tensor:
        """The position that answers, of each text: (b,)."""
        raise NotImplementedError

    def shown(self, id: int) -> str:
        """A piece as a person reads it."""
        raise NotImplementedError

    def measure(self, batch: Batch, output: Any) -> Measure:
        logits = pieces_of(output)
        return self.about(int(logits[0, self.at(batch)[0]].argmax()), batch)

    def about(self, piece: int, batch: Batch) -> "OfPiece":
        """What is measured of one piece."""
        at = self.at(batch)
        address = f"logits[{int(at[0])},{piece}]"
        metric = Metric("log-odds", self.shown(piece), address, None, CLEAR_ODDS, blank=self.blank)
        return OfPiece(metric, self, piece, at)  # of many pieces: 0 is no border

    def candidates(self, rows: Tensor, top: int = TOP) -> list[list[Candidate]]:
        """The likeliest pieces, the first first.  rows: logits (…, v), of positions."""
        best = rows.double().softmax(dim=-1).topk(min(top, rows.size(-1)))
        return [
            [Candidate(self.shown(id), share) for id, share in zip(*each, strict=True)]
            for each in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]


class OfPiece(Measure):
    """The log-odds of one piece at one position: at (1,) or (b,)."""

    def __init__(self, metric: Metric, kind: Predicts, piece: int, at: Tensor):
        super().__init__(metric)
        self.kind, self.piece, self.at = kind, piece, at

    def rows(self, output: Any) -> Tensor:
        """What the model says at that position, or at the only one that was asked: logits (b, v)."""
        logits = pieces_of(output)
        return logits[torch.arange(len(logits)), self.at.clamp(max=logits.size(1) - 1)]

    def __call__(self, output: Any, batch: Batch) -> Tensor:
        return log_odds(self.rows(output), self.piece)

    def elsewhere(self, output: Any, batch: Batch) -> Measure:
        return self.moved(batch)

    def moved(self, batch: Batch) -> Measure:
        return OfPiece(self.metric, self.kind, self.piece, self.kind.at(batch))


def pieces_of(output: Any) -> Tensor:
    """The logits of pieces (b, n, v), where a model may have said something else as well."""
    logits: Any = output.pieces if isinstance(output, Pretrained) else output
    return logits

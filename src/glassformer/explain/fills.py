"""A model that says which piece may stand at a mask."""

import re
from typing import Any

import torch
from torch import Tensor

from glassformer.errors import UsageError, one_line
from glassformer.explain.answers import Candidate, Filled, Metric, Said
from glassformer.explain.batch import Batch
from glassformer.explain.kind import Kind
from glassformer.explain.measure import Measure, log_odds
from glassformer.hub.tokens import Pieces
from glassformer.models.heads import Pretrained

MASKS = re.compile(r"\[MASK\]|<mask>")  # as people write it, whatever the model's own mask is called
CLEAR_ODDS = 0.25
TOP = 5


class Fills(Kind):
    """The pieces that may stand at each mask."""

    what = "says which piece may stand at a mask"
    verbs = ("explain", "why", "fill", "embed")

    def marked(self, text: str) -> str:
        """`text` with the model's own mask, however the mask is written."""
        return MASKS.sub(lambda _: self.tokens.mask_name, text)

    def has_mask(self, *texts: str | None) -> bool:
        return any(self.tokens.mask_name in self.marked(text) for text in texts if text)

    def cut(self, text: str, most: int, second: str | None = None, joint: bool = False) -> Pieces:
        """Raises UsageError, too, where no mask is read."""
        if not self.has_mask(text, second):
            example = f"the food was {self.tokens.mask_name}"
            raise UsageError(f"{one_line(text, 40)!r} has no mask; write {self.tokens.mask_name} in it: {example!r}")
        pieces = self.tokens.cut(self.marked(text), most, None if second is None else self.marked(second), masks=True)
        if self.tokens.mask not in pieces.ids:
            raise UsageError(f"the mask stands beyond the {most} pieces that {self.name} reads; shorten the text")
        return pieces

    def answers(self, cut: list[Pieces], batch: Batch, output: Any, top: int = TOP) -> list[Said]:
        logits = pieces_of(output)
        return [self.answer(*each, top) for each in zip(cut, batch.ids, logits, strict=True)]

    def answer(self, pieces: Pieces, ids: Tensor, logits: Tensor, top: int) -> Said:
        rows = logits[(ids == self.tokens.mask).nonzero()[:, 0]].double()  # masks v
        best = rows.softmax(dim=-1).topk(min(top, rows.size(-1)))
        masks = [
            [Candidate(self.shown(id), share) for id, share in zip(*each, strict=True)]
            for each in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        odds = log_odds(rows[:1], int(best.indices[0, 0])).item()
        return Filled(pieces.text, masks, odds, pieces.left_out, pieces.second)

    def shown(self, id: int) -> str:
        """A piece as it is called, without the sign that stands for a space before it."""
        return self.tokens.name(id).removeprefix("Ġ").removeprefix("▁")

    def measure(self, batch: Batch, output: Any) -> Measure:
        logits = pieces_of(output)
        at = first_mask(batch, self.tokens.mask)
        piece = int(logits[0, at[0]].argmax())
        name = self.shown(piece)
        address = f"logits[{int(at[0])},{piece}]"
        metric = Metric("log-odds", name, address, None, CLEAR_ODDS, blank=self.blank)  # of many: 0 is no border
        return OfPiece(metric, self, piece, at)


class OfPiece(Measure):
    """The log-odds of one piece at the first mask: at (1,) or (b,)."""

    def __init__(self, metric: Metric, kind: Fills, piece: int, at: Tensor):
        super().__init__(metric)
        self.kind, self.piece, self.at = kind, piece, at

    def __call__(self, output: Any, batch: Batch) -> Tensor:
        logits = pieces_of(output)
        return log_odds(logits[torch.arange(len(logits)), self.at], self.piece)

    def elsewhere(self, output: Any, batch: Batch) -> Measure:
        return self.moved(batch)

    def moved(self, batch: Batch) -> Measure:
        return OfPiece(self.metric, self.kind, self.piece, first_mask(batch, self.kind.tokens.mask))


def first_mask(batch: Batch, mask: int) -> Tensor:
    """Where the first mask of each text stands: (b,)."""
    return (batch.ids == mask).int().argmax(dim=1)


def pieces_of(output: Any) -> Tensor:
    """The logits of pieces (b, n, v), where a model may have said something else as well."""
    logits: Any = output.pieces if isinstance(output, Pretrained) else output
    return logits

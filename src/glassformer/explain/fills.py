"""A model that says which piece may stand at a mask."""

import re
from typing import Any

from torch import Tensor

from glassformer.errors import UsageError, one_line
from glassformer.explain.answers import Filled, Said
from glassformer.explain.batch import Batch
from glassformer.explain.measure import log_odds
from glassformer.explain.predicts import TOP, Predicts, pieces_of
from glassformer.hub.tokens import Pieces

MASKS = re.compile(r"\[MASK\]|<mask>")  # as people write it, whatever the model's own mask is called


class Fills(Predicts):
    """The pieces that may stand at each mask."""

    what = "says which piece may stand at a mask"
    where = "at the mask"
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
        rows = logits[(ids == self.tokens.mask).nonzero()[:, 0]]  # masks v
        odds = log_odds(rows[:1], int(rows[0].argmax())).item()
        return Filled(pieces.text, self.candidates(rows, top), odds, pieces.left_out, pieces.second)

    def shown(self, id: int) -> str:
        """A piece as it is called, without the sign that stands for a space before it."""
        return self.tokens.name(id).removeprefix("Ġ").removeprefix("▁")

    def at(self, batch: Batch) -> Tensor:
        """Where the first mask of each text stands: (b,)."""
        return (batch.ids == self.tokens.mask).int().argmax(dim=1)

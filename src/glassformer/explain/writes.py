"""A model that writes: it says which piece comes next, after what it has read."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from glassformer.errors import UsageError, one_line
from glassformer.explain.answers import Next, Said
from glassformer.explain.batch import Batch
from glassformer.explain.measure import log_odds
from glassformer.explain.predicts import Predicts
from glassformer.explain.shorter import shorter
from glassformer.explain.wanted import go_on
from glassformer.hub.store import Checkpoint
from glassformer.hub.tokens import Pieces, Word
from glassformer.parts.kernels.likeness import last_only

SEEN = {chr(code): chr(0x2400 + code) for code in range(32)} | {" ": "␣", "\n": "⏎", "\t": "⇥"}  # as signs
SIGNS, SPOKEN = str.maketrans(SEEN), str.maketrans({sign: text for text, sign in SEEN.items()})


class Writes(Predicts):
    """The piece that comes next, and so a text that goes on."""

    what = "continues a text"
    where = "after the last piece"
    verbs = ("explain", "why", "generate")

    def __init__(self, checkpoint: Checkpoint):
        super().__init__(checkpoint)
        self.labels = ()
        self.target = checkpoint.target or checkpoint.tokens  # how a text that is written is cut

    @property
    def knows_mask(self) -> bool:
        """It has never read one, even where its tokenizer has such a piece."""
        return False

    def cut(self, text: str, most: int, second: str | None = None, joint: bool = False) -> Pieces:
        """Without what would end the text.  Raises UsageError for two texts: it continues one."""
        if second is not None:
            raise UsageError(f"{self.name} {self.what}: give one text, there are two")
        pieces = super().cut(text, most)
        last = max(set(range(len(pieces.ids))) - pieces.specials)
        pieces = shorter(pieces, [k for k, word in enumerate(pieces.words) if word.pieces[0] > last])
        words = [Word(word.text.strip() or word.text.translate(SIGNS), word.pieces) for word in pieces.words]
        return replace(pieces, names=[self.shown(id) for id in pieces.ids], words=words)

    def ask(self, batch: Batch) -> Tensor:
        """Only what the last position says, (b, 1, v), where no text is padded."""
        if not batch.real[:, -1].all():
            return self.run(batch)
        go_on()
        return last_only(self.model, batch.ids, batch.real, None)[:, None]

    def answers(self, cut: list[Pieces], batch: Batch, output: Any) -> list[Said]:
        rows = output[torch.arange(len(batch)), self.at(batch)]  # b v
        odds = (log_odds(row[None], int(row.argmax())).item() for row in rows)
        each = zip(cut, self.candidates(rows), odds, strict=True)
        return [Next(pieces.text, found, value, pieces.left_out) for pieces, found, value in each]

    def at(self, batch: Batch) -> Tensor:
        """The last position of each text: (b,)."""
        return (batch.real * torch.arange(1, 1 + batch.real.size(1))).argmax(dim=1)

    def shown(self, id: int) -> str:
        """A piece as it is written, a space as ␣; as it is called, where it is no text by itself."""
        text = self.tokens.decode([id])
        return text.translate(SIGNS) if text and "\ufffd" not in text else self.tokens.name(id)

    def piece(self, text: str) -> int:
        """The piece that `text` is: as it is called, written or shown.  Raises UsageError where it is several."""
        known = self.tokens.id(text)
        if known is not None:
            return known
        ids = self.tokens.begun(text.translate(SPOKEN), framed=False)
        if len(ids) != 1 or ids[0] == self.tokens.unknown:
            cut = " ".join(map(self.shown, ids))
            how = f"is {len(ids)} pieces ({one_line(cut, 80)})" if len(ids) != 1 else "is no piece that it knows"
            raise UsageError(f"{one_line(text, 40)!r} {how}; ask about one piece, a space before it written as ␣")
        return ids[0]

"""Texts side by side, as a model takes them."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from glassformer.explain.wanted import go_on
from glassformer.hub.tokens import Pieces, Tokens, Word, pad
from glassformer.models.bert import Bert
from glassformer.models.heads import MultipleChoice
from glassformer.models.seq2seq import Translator


class Apart(Pieces):
    """Two texts, each read on its own, though they stand in one row: nobody looks across."""


@dataclass(frozen=True)
class Translation(Pieces):
    """What is written of a text that is read.  source: that one; at: which of its positions is asked what follows;
    own: the model wrote it itself.
    """

    source: Pieces | None = None
    at: int = 0
    own: bool = True


@dataclass(frozen=True)
class Batch:
    """ids (b, n); real (b, n) True for real pieces; which (b, n) of two texts a piece belongs to.

    look: (b, i, j) who may look at whom, where texts are read apart; types and positions: (b, n), or None.
    source: what is read, where these texts are what is written of it; at: (b,) the positions that are asked.
    """

    ids: Tensor
    real: Tensor
    which: Tensor
    look: Tensor | None = None
    types: Tensor | None = None
    positions: Tensor | None = None
    source: "Batch | None" = None
    at: Tensor | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, chosen: Any) -> "Batch":
        """Some of its rows, by a slice or by their numbers."""
        given = (self.look, self.types, self.positions)
        look, types, places = (None if each is None else each[chosen] for each in given)
        source = None if self.source is None else self.source.rows(chosen)
        at = None if self.at is None else self.at[chosen]
        rows = Batch(self.ids[chosen], self.real[chosen], self.which[chosen], look, types, places)
        return rows if at is None else dataclasses.replace(rows, source=source, at=at)

    def times(self, count: int) -> "Batch":
        """Its one row, `count` times."""
        return self.rows(torch.zeros(count, dtype=torch.long))

    def split(self, most: int) -> Iterator["Batch"]:
        """A few rows at a time: at most so many positions, and at least one row."""
        step = max(1, most // self.ids.size(1))
        return (self.rows(slice(start, start + step)) for start in range(0, len(self), step))


def batch_of(cut: Sequence[Pieces], tokens: Tokens) -> Batch:
    """The texts of `cut`, padded to one length."""
    ids, real = pad([pieces.ids for pieces in cut], tokens.padding)
    which, _ = pad([pieces.types or [0] * len(pieces.ids) for pieces in cut])
    if isinstance(cut[0], Translation):
        source = batch_of([pieces.source for pieces in cut], tokens)  # type: ignore[attr-defined]
        return Batch(ids, real, which, source=source, at=torch.tensor([pieces.at for pieces in cut]))  # type: ignore[attr-defined]
    if not isinstance(cut[0], Apart):
        return Batch(ids, real, which, types=which if tokens.types else None)
    look = (which[:, :, None] == which[:, None]) & real[:, None]  # b i j
    first = ((which == 0) & real).sum(dim=1, keepdim=True)  # b 1
    places = torch.arange(ids.size(1)).expand_as(ids)
    return Batch(ids, real, which, look, positions=torch.where(which == 0, places, places - first) * real)


def run(model: nn.Module, batch: Batch) -> Any:
    """What `model` says of a batch.  Raises Abandoned."""
    go_on()
    if isinstance(model, Bert):
        look = batch.look.tril() if batch.look is not None and model.config.decoder else batch.look
        given = (batch.ids, batch.real if look is None else look, batch.types, batch.positions)
        if isinstance(model, MultipleChoice):  # each text is the one choice it has
            given = tuple(None if each is None else each[:, None] for each in given)
        return model(*given)
    if isinstance(model, Translator):
        assert batch.source is not None
        return model(batch.ids, batch.real, memory=model.read(batch.source.ids, batch.source.real))
    return model(batch.ids, batch.real)


def apart(first: Pieces, second: Pieces) -> Apart:
    """The pieces of two texts, one after the other."""
    n = len(first.ids)
    words = [Word(word.text, tuple(k + n for k in word.pieces)) for word in second.words]
    return Apart(
        text=first.text,
        ids=first.ids + second.ids,
        names=first.names + second.names,
        spans=first.spans + second.spans,
        words=first.words + words,
        left_out=first.left_out + second.left_out,
        unread=" ".join(filter(None, (first.unread, second.unread))),
        types=[0] * n + [1] * len(second.ids),
        specials=first.specials | {k + n for k in second.specials},
        second=second.text,
    )

"""A model that makes one vector of a text.  Every BERT does, whatever stands on top of it.

What is measured of one text is how much of its vector is left: the cosine with the vector as it was, 1 when nothing
is changed.  Its gradient is zero there, so small changes are told from a few random directions r: to second order
1 − cosine = ½ |dv|², and |dv|² is the mean of (r · dv)² over directions of unit variance (Hutchinson 1990).

What is measured of two texts, each read on its own, is the cosine of their vectors.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.explain.answers import Embedding, Metric, Said, Similar
from glassformer.explain.batch import Apart, Batch, apart, run
from glassformer.explain.kind import Kind
from glassformer.explain.measure import Measure
from glassformer.hub.store import Checkpoint
from glassformer.hub.tokens import Pieces
from glassformer.models.bert import Bert
from glassformer.models.heads import (
    MultipleChoice,
    Pooled,
    QuestionAnswering,
    TokenClassification,
)
from glassformer.parts import pool
from glassformer.tape import listen

DIRECTIONS = 8
CLEAR_COSINE = 0.005  # a smaller change is called none: a turn of less than 6 degrees
ONE, TWO = "the vector with the vector as it was", "the two vectors"


DOES = {  # what a BERT with another head does, which is not asked here
    TokenClassification: "puts a label on each piece",
    QuestionAnswering: "marks the answer to a question in a text",
    MultipleChoice: "chooses one of several texts",
}


def first(x: Tensor, real: Tensor) -> Tensor:
    """The first real position.  x (b, n, w), real (b, n) → (b, w)."""
    return x[torch.arange(len(x)), real.int().argmax(dim=1)]


POOLS = {"mean": pool.mean, "cls": first, "max": pool.maximum}


class Embeds(Kind):
    """One vector a text.  pooling and normalised: as the folder says."""

    what = "makes a vector of a text"
    verbs = ("explain", "why", "embed")

    def __init__(self, checkpoint: Checkpoint):
        super().__init__(checkpoint)
        does = DOES.get(type(self.model))
        self.what = f"{does}; here it is asked for its vector of a text" if does else Embeds.what
        self.pooling, self.normalised = checkpoint.pooling, checkpoint.normalised

    def cut(self, text: str, most: int, second: str | None = None, joint: bool = False) -> Pieces:
        """Two texts are read each on its own, unless `joint`."""
        if second is None or joint:
            return super().cut(text, most, second)
        told = self.model.config.positions == "absolute"  # else distances count, and both stand in one row
        own = most if told else min(most, self.model.config.longest // 2)
        return apart(super().cut(text, own), super().cut(second, own))

    def run(self, batch: Batch) -> Tensor:
        """The stream of the last layer, whatever the model answers with: (b, n, w)."""
        if type(self.model) in (Bert, Pooled):
            return run(self.model, batch)
        with listen(self.model, "final") as tape:
            run(self.model, batch)
        return tape["final"]

    def vectors(self, stream: Tensor, batch: Batch) -> list[Tensor]:
        """The vector of each text: one, or two that are read apart, each (b, w)."""
        asked = [batch.real] if batch.look is None else [batch.real & (batch.which == k) for k in (0, 1)]
        pooled = [POOLS[self.pooling](stream, real) for real in asked]
        return [F.normalize(each, dim=-1) for each in pooled] if self.normalised else pooled

    def answers(self, cut: list[Pieces], batch: Batch, output: Tensor) -> list[Said]:
        vectors = self.vectors(output, batch)
        if isinstance(cut[0], Apart):
            cosines = F.cosine_similarity(vectors[0].double(), vectors[1].double()).tolist()
            return [Similar(p.text, p.second or "", c, p.left_out) for p, c in zip(cut, cosines, strict=True)]
        rows = zip(cut, vectors[0].tolist(), strict=True)
        return [Embedding(pieces.text, row, pieces.left_out, pieces.second) for pieces, row in rows]

    def measure(self, batch: Batch, output: Tensor) -> Measure:
        return Similarity(self) if batch.look is not None else Kept(self, self.vectors(output, batch)[0])


class Similarity(Measure):
    """The cosine of two vectors."""

    def __init__(self, kind: Embeds):
        super().__init__(Metric("cosine", TWO, "similarity", None, CLEAR_COSINE, digits=4, blank=kind.blank))
        self.kind = kind

    def __call__(self, output: Tensor, batch: Batch) -> Tensor:
        one, other = (vector.double() for vector in self.kind.vectors(output, batch))
        return F.cosine_similarity(one, other)


class Kept(Measure):
    """How much of the vector is left: its cosine with the vector as it was, `unchanged` (1, w) or (b, w)."""

    def __init__(self, kind: Embeds, unchanged: Tensor):
        how = f"to second order, by {DIRECTIONS} backward passes"
        super().__init__(Metric("cosine", ONE, "sentence[0]", None, CLEAR_COSINE, 4, kind.blank, how))
        self.kind, self.unchanged = kind, F.normalize(unchanged.detach().double(), dim=-1)

    def unit(self, output: Tensor, batch: Batch) -> Tensor:
        return F.normalize(self.kind.vectors(output, batch)[0].double(), dim=-1)  # b w

    def __call__(self, output: Tensor, batch: Batch) -> Tensor:
        """1 − ½ |v − v'|² of unit vectors: exact where the cosine itself would round to 1."""
        return 1 - (self.unit(output, batch) - self.unchanged).square().sum(dim=-1) / 2

    def elsewhere(self, output: Tensor, batch: Batch) -> Measure:
        return Kept(self.kind, self.kind.vectors(output, batch)[0])

    @property
    def directions(self) -> int:
        return DIRECTIONS

    def slopes(self, output: Tensor, batch: Batch, first: int = 0) -> Tensor:
        unit = self.unit(output, batch)  # b w
        random = torch.Generator().manual_seed(0)
        drawn = torch.randn(DIRECTIONS, unit.size(-1), generator=random, dtype=torch.float64)
        return (drawn[first : first + len(unit)] * unit).sum(dim=-1)

    def change(self, moved: Tensor) -> Tensor:
        return -moved.square().mean(dim=0) / 2


def can_embed(model: Any) -> bool:
    """A BERT that needs nothing beside the text."""
    return isinstance(model, Bert) and not model.config.cross

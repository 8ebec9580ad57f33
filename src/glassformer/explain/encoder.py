"""Texts to vectors, many at once: nothing that is padding is ever computed."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.errors import UsageError
from glassformer.hub.store import Checkpoint
from glassformer.hub.tokens import pad
from glassformer.models.bert import Bert
from glassformer.parts.kernels.packed import filler
from glassformer.parts.mask import Runs

if TYPE_CHECKING:
    from glassformer.explain.reader import Reader

TOGETHER = 2048  # pieces read at once
POOLS = {  # texts of one length (b, n, w) → (b, w)
    "mean": lambda x: x.mean(dim=1),
    "cls": lambda x: x[:, 0],
    "max": lambda x: x.amax(dim=1),
}


class Encoder:
    """`Encoder(checkpoint).encode(["the food was good", …])` → float32 (texts, width).

    normalised: to length 1, as the folder says when left out; most: pieces read of a text, the rest is cut off.
    """

    def __init__(self, checkpoint: "Checkpoint | Reader", normalised: bool | None = None, most: int | None = None):
        checkpoint = checkpoint if isinstance(checkpoint, Checkpoint) else checkpoint.checkpoint
        if not isinstance(checkpoint.model, Bert):
            raise UsageError(f"{checkpoint.name} is no BERT and has no vectors of texts; choose a model that is one")
        self.model, self.tokens, self.pooling = checkpoint.model, checkpoint.tokens, checkpoint.pooling
        self.normalised = checkpoint.normalised if normalised is None else normalised
        self.most = most or checkpoint.most or self.model.config.longest
        packs = self.model.config.positions == "absolute" and not self.model.config.decoder
        self._read = self._packed if packs else self._padded

    def encode(self, texts: list[str]) -> Tensor:
        """One vector a text, in their order; zeros for a text with nothing to read."""
        rows = self.tokens.encode_many(texts, self.most)
        return self.encode_ids([row if self.readable(row) else [] for row in rows])

    def readable(self, row: Sequence[int]) -> bool:
        """Some piece of the text is in the vocabulary."""
        return len(row) - row.count(self.tokens.unknown) > self.tokens.specials

    @torch.inference_mode()
    def encode_ids(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """The same for texts that are cut into pieces; zeros for a text without any."""
        vectors = torch.zeros(len(rows), self.model.config.width)
        for numbers in chunks([len(row) for row in rows], TOGETHER):
            vectors[numbers] = self._read([rows[k] for k in numbers])
        return F.normalize(vectors, dim=-1) if self.normalised else vectors

    def _packed(self, rows: Sequence[Sequence[int]]) -> Tensor:
        filled = [*rows, *[[self.tokens.padding]] * filler(sum(map(len, rows)))]
        runs = Runs(tuple(len(row) for row in filled))
        stream = self.model.read_packed(torch.tensor([id for row in filled for id in row]), runs)  # n w
        sizes = [texts * length for texts, length in runs.groups]
        groups = zip(stream.split(sizes), runs.groups, strict=True)
        vectors = torch.cat([POOLS[self.pooling](part.unflatten(0, group)) for part, group in groups])
        return vectors[: len(rows)]

    def _padded(self, rows: Sequence[Sequence[int]]) -> Tensor:
        ids, real = pad(rows, self.tokens.padding)
        stream = Bert.forward(self.model, ids, real)  # b n w
        vectors = [POOLS[self.pooling](x[None, : len(row)])[0] for x, row in zip(stream, rows, strict=True)]
        return torch.stack(vectors)


def chunks(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """The numbers of texts to be read together: of like length, at most so many pieces; empty texts in none."""
    together: list[int] = []
    for k in sorted(range(len(lengths)), key=lengths.__getitem__):
        if together and lengths[k] * (len(together) + 1) > most:
            yield together
            together = []
        if lengths[k]:
            together.append(k)
    if together:
        yield together

"""What the parts of a model do on average, in twenty everyday sentences: what stands in for a part that is off."""

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from glassformer.explain.batch import Batch, batch_of, run
from glassformer.explain.reader import Reader
from glassformer.explain.switches import LOOKS
from glassformer.parts.kernels.linear import Source
from glassformer.tape import Tape, listen

# Everyday sentences of both kinds and of neither, none of them negated.
REFERENCE = (
    "we had dinner there on a Tuesday night",
    "the soup arrived hot and tasted wonderful",
    "the waiter was rude to my mother",
    "this film tells the story of two brothers",
    "a dull and lifeless sequel",
    "I bought the phone in March",
    "the room was clean, quiet and cheap",
    "they charged us twice for the same bottle",
    "the actors are charming together",
    "it starts at eight and lasts two hours",
    "the battery died after a week",
    "everyone at the table loved the dessert",
    "the plot is a mess from start to finish",
    "our table was next to the window",
    "a warm, funny and generous comedy",
    "the delivery came late and the pizza was cold",
    "she plays a doctor in a small town",
    "the best meal we have had this year",
    "the sound is awful and the picture is worse",
    "you order at the counter and pay first",
)
SITES = (*(f"{sites}.z" for sites, _ in LOOKS.values()), "layers.*.attention.weights", "layers.*.mlp.out")


class Reference:
    """Means over all positions of REFERENCE.

    heads: (layer, head) → mean z (d,); mlps: mean of what each MLP adds (w,); looks: of each layer (heads, ways), how
    much a position looks at another that stands to it in one of so many ways, which `ways` numbers.
    """

    @torch.no_grad()
    def __init__(self, reader: Reader):
        cut = reader.kind.references(REFERENCE, reader.longest)
        batch = batch_of(cut, reader.tokens)
        with listen(reader.model, SITES) as tape:
            run(reader.model, batch)
        layers = range(sum(site.startswith("layers.") and site.endswith(".attention.weights") for site in tape))
        self._of_heads = {kind: _means(tape, kind, batch) for kind in LOOKS}
        self.heads = self._of_heads[""]
        self.mlps = [tape[f"layers.{k}.mlp.out"][batch.real].mean(0) for k in layers]
        self.specials = sorted({pieces.ids[k] for pieces in cut for k in pieces.specials})
        self.furthest = max(len(pieces.ids) - len(pieces.specials) for pieces in cut) - 1
        self.looks = self._looks([tape[f"layers.{k}.attention.weights"] for k in layers], batch)

    def of_heads(self, kind: str) -> dict[tuple[int, int], Tensor]:
        """`heads`, of another kind of look: a key of LOOKS."""
        return self._of_heads[kind]

    def _looks(self, weights: Sequence[Tensor], batch: Batch) -> list[Tensor]:
        seen = batch.real[:, :, None] & batch.real[:, None]  # b i j
        ways = torch.stack([self.ways(ids) for ids in batch.ids])[seen]  # pairs
        count = torch.bincount(ways).clamp(min=1)
        totals = (torch.zeros(w.size(1), len(count)).index_add(1, ways, w.transpose(0, 1)[:, seen]) for w in weights)
        return [total / count for total in totals]

    def ways(self, ids: Tensor) -> Tensor:
        """How j stands to i: so far behind it, or before, at most `furthest`; each special piece in a way of its own.

        ids (n,) → numbers (i, j).
        """
        place, size = torch.arange(len(ids)), len(self.specials) + 1
        distance = (place - place[:, None]).clamp(-self.furthest, self.furthest) + self.furthest  # i j
        special = sum((ids == id) * k for k, id in enumerate(self.specials, 1)) + torch.zeros_like(ids)
        kinds = special[:, None] * size + special  # i j
        return torch.where(kinds > 0, 2 * self.furthest + kinds, distance)

    def attention(self, ids: Tensor, may_look: Tensor) -> list[Tensor]:
        """The mean weights of every layer, (h, i, j), for a text of these pieces; each row sums to one."""
        ways = self.ways(ids)
        rows = [looks[:, ways.clamp(max=looks.size(1) - 1)] * (ways < looks.size(1)) * may_look for looks in self.looks]
        return [each / each.sum(-1, keepdim=True).clamp(min=1e-30) for each in rows]


def _means(tape: Tape, kind: str, batch: Batch) -> dict[tuple[int, int], Tensor]:
    """(layer, head) → mean z (d,), over the positions that look."""
    before, behind = f"{LOOKS[kind][0]}.z".split("*")
    source = batch.source if kind == "encoder" else batch
    real = batch.real if source is None else source.real
    layers = sum(site.startswith(before) and site.endswith(behind) for site in tape)
    means = [tape[f"{before}{k}{behind}"].transpose(1, 2)[real].mean(0) for k in range(layers)]  # h d
    return {(layer, head): mean for layer, each in enumerate(means) for head, mean in enumerate(each)}


_known: WeakKeyDictionary[Reader, tuple[Source, Reference]] = WeakKeyDictionary()


def reference(reader: Reader) -> Reference:
    """The means of a reader's model, taken once, and again when a weight has changed."""
    if reader not in _known or not _known[reader][0].unchanged():
        _known[reader] = Source(reader.model), Reference(reader)
    return _known[reader][1]

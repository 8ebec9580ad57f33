"""One sentence, or two, through one model, to be run again with something changed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from glassformer.errors import UsageError
from glassformer.explain.address import Address
from glassformer.explain.answers import Metric, Said
from glassformer.explain.batch import Batch, Translation, batch_of
from glassformer.explain.embeds import Embeds
from glassformer.explain.fills import Fills
from glassformer.explain.kind import Kind
from glassformer.explain.measure import Measure
from glassformer.explain.predicts import Predicts
from glassformer.explain.reader import Reader
from glassformer.explain.resumed import alone, joining, looked_again, switched_again
from glassformer.explain.shorter import beyond, shorter
from glassformer.explain.switches import Switch, cut, each_in_its_row, edits, put
from glassformer.explain.usual import kind_of
from glassformer.explain.writes import Writes
from glassformer.hub.tokens import Pieces, Word
from glassformer.models.seq2seq import read_times
from glassformer.models.simple import PATTERNS, BagOfWords, Generator
from glassformer.parts.block import PreNormBlock, PreNormCrossBlock
from glassformer.tape import Tape, listen

AT_ONCE = 4096  # positions in one batch
WORK_AT_ONCE = 1e11  # multiplications in one batch: about a second, before which nothing can be given up
NUMBERS = 1 << 25  # and of numbers that a model puts out for them, where it predicts pieces
Place = tuple[int, int | None]  # a layer, and a head of it or all of them
Asked = Callable[[Any, Batch], Any]  # the model's output, and of which batch → what is read off it
EXACT_WORK = 2e11  # multiplications and additions, above which effects are estimated first: seconds
FEWEST, MOST = 3_000, 20_000  # positions that are always, or never, computed for that


class Trial:
    """`pieces` put to `reader`.  Every effect is a difference of one number, its `measure`.

    switches: what is switched in every run; measure: what is asked, where the text alone does not say it.
    """

    def __init__(self, reader: Reader, pieces: Pieces, switches: Sequence[Switch] = (), measure: Measure | None = None):
        self.reader, self.pieces, self.switches, self._asked = reader, pieces, tuple(switches), measure
        self.kind, self.batch = reader.kind_of(pieces), batch_of([pieces], reader.tokens)

    @property
    def ids(self) -> Tensor:
        """(1, n)"""
        return self.batch.ids

    @property
    def words(self) -> list[Word]:
        return self.pieces.words

    @property
    def texts(self) -> list[str]:
        """The words as they were written, [CLS] and [SEP] among them by their names."""
        return [word.text for word in self.words]

    @cached_property
    def spoken(self) -> list[int]:
        """The words that somebody wrote: the numbers of all but the special ones."""
        return [k for k, word in enumerate(self.words) if word.pieces[0] not in self.pieces.specials]

    @property
    def specials(self) -> list[int]:
        return [k for k in range(len(self.words)) if k not in self.spoken]

    @property
    def read(self) -> int:
        """How many positions an encoder reads for it."""
        return 0 if self.batch.source is None else self.batch.source.ids.size(1)

    @property
    def source(self) -> Pieces | None:
        """What an encoder reads, where this text is what a decoder writes of it."""
        return self.pieces.source if isinstance(self.pieces, Translation) else None

    @cached_property
    def _unchanged(self) -> tuple[Tape, Any]:
        with torch.no_grad(), listen(self.reader.model, edit=edits(self.switches)) as tape:
            output = self.kind.run(self.batch)
        return tape, output

    @property
    def tape(self) -> Tape:
        """Every intermediate value of the unchanged run, by address."""
        return self._unchanged[0]

    @property
    def output(self) -> Any:
        """What the model puts out."""
        return self._unchanged[1]

    @cached_property
    def answer(self) -> Said:
        """What the model says."""
        return self.kind.answers([self.pieces], self.batch, self.output)[0]

    def switched(self, *switches: Switch) -> "Trial":
        """The same question with `switches` on: what its tape holds is what they made of it.

        Raises UsageError where a word is taken out, and another switch counts what stands behind it.
        """
        beyond(self.pieces, switches)
        gone = [k for switch in switches for k in switch.gone]
        pieces = shorter(self.pieces, gone) if gone else self.pieces
        measure = self.measure.moved(batch_of([pieces], self.reader.tokens)) if gone else self.measure
        return Trial(self.reader, pieces, (*self.switches, *switches), measure)

    @cached_property
    def values(self) -> dict[str, Tensor]:
        """What is on the tape, and what an answer is made of besides: the vector of a text, how near two are."""
        values = dict(self.tape)
        if isinstance(self.kind, Embeds):
            vectors = self.kind.vectors(self._unchanged[1], self.batch)
            values |= dict(zip(("sentence", "sentence2"), vectors, strict=False))
            values |= {"similarity": self.measure(self._unchanged[1], self.batch)} if len(vectors) > 1 else {}
        return values

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Site → shape of what stands there, without the batch: what an address is checked against."""
        return {site: tuple(value.shape[1:]) for site, value in self.values.items()}

    def axes(self, address: Address) -> tuple[str, ...]:
        """What each index of an address counts."""
        shape = self.shapes.get(address.site, ())
        if address.site != "logits" or len(shape) < 2:
            return address.axes
        return "position", "piece" if shape[-1] == self.reader.config.vocabulary else "class"

    @cached_property
    def measure(self) -> Measure:
        return self._asked or self.kind.measure(self.batch, self._unchanged[1])

    @property
    def metric(self) -> Metric:
        return self.measure.metric

    @cached_property
    def before(self) -> float:
        """The measure of the unchanged run."""
        return self.measure(self._unchanged[1], self.batch).item()

    @cached_property
    def asked_about(self) -> int | None:
        """The word whose mask is asked about, where it is one."""
        if not isinstance(self.kind, Fills):
            return None
        return self.pieces.word_at(self.ids[0].tolist().index(self.reader.tokens.mask))

    @cached_property
    def asks(self) -> int | None:
        """The word whose look tells what comes next, where that is asked: the last one."""
        if self.batch.at is not None:
            return self.pieces.word_at(int(self.batch.at))
        return self.spoken[-1] if isinstance(self.kind, Writes) else None

    @cached_property
    def layers(self) -> int:
        return sum(site.startswith("layers.") and site.endswith(".attention.weights") for site in self.tape)

    @cached_property
    def heads(self) -> list[tuple[int, int]]:
        """(layer, head) of every head: layers need not have equally many."""
        counts = (self.tape[f"layers.{k}.attention.weights"].size(1) for k in range(self.layers))
        return [(layer, head) for layer, count in enumerate(counts) for head in range(count)]

    @property
    def block(self) -> str:
        """Where the norms of its blocks stand: pre or post."""
        first = self.reader.model.get_submodule("layers.0")
        return "pre" if isinstance(first, PreNormBlock | PreNormCrossBlock) else "post"

    @property
    def head_width(self) -> int:
        return self.tape["layers.0.attention.q"].size(-1)

    def need_attention(self) -> None:
        """Raise UsageError where the model has none."""
        if not self.layers:
            name = self.reader.name
            raise UsageError(f"{name} has no attention: no position looks at another; try --model sentiment")

    @cached_property
    def _weights(self) -> int:
        """How many multiplications a position takes."""
        model = self.reader.model
        weights = sum(w.numel() for name, w in model.named_parameters() if w.dim() > 1 and "embed" not in name)
        if isinstance(self.kind, Predicts) and not isinstance(model, Generator):
            weights += model.get_parameter("embed.pieces.weight").numel()  # each position is held beside every piece
        return max(1, weights)

    @cached_property
    def exact(self) -> int:
        """How many positions may be computed before effects are estimated: fewer in larger models."""
        return int(min(MOST, max(FEWEST, EXACT_WORK / (2 * self._weights))))

    @property
    def at_once(self) -> int:
        """Positions in one batch."""
        widest = self.tape["logits"].size(-1) if "logits" in self.tape else 1
        return min(AT_ONCE, max(1, NUMBERS // widest), max(1, int(WORK_AT_ONCE / self._weights)))

    @torch.no_grad()
    def after(self, *switches: Switch, batch: Batch | None = None, measure: Measure | None = None) -> Tensor:
        """The measure with `switches` on, of this text or of another batch → (b,)."""
        if any(switch.gone for switch in switches):
            return self.switched(*switches).after()
        batch, asked = self.batch if batch is None else batch, measure or self.measure  # asked of the unchanged run
        every = (*self.switches, *switches)
        with listen(self.reader.model, keep=(), edit=edits(every)):
            return asked(_asking(self.kind, every)(batch), batch)

    def after_from(self, starts: Mapping[int, Tensor], switches: Sequence[Switch] = ()) -> Tensor:
        """The measure of rows that join the stream at a layer each: starts is layer → (rows, n, w) → (b,)."""
        return self._read_from(self.measure, starts, switches)

    @torch.no_grad()
    def _read_from(self, asked: Asked, starts: Mapping[int, Tensor], switches: Sequence[Switch] = ()) -> Any:
        kind, batch = joining(self.kind, starts), self.batch.times(sum(map(len, starts.values())))
        meets = min(starts)
        still = [switch for switch in (*self.switches, *switches) if switch.acts_from(meets, self.layers)]
        with listen(kind.model, keep=(), edit=edits(still)) as kind.model.layers.tape:
            return asked(_asking(kind, still)(batch), batch)

    def streams(self) -> list[Tensor]:
        """What stands before each layer, and behind the last one: (1, n, w) each."""
        return [self.tape[site] for site in ("embed.stream", *(f"layers.{k}.stream" for k in range(self.layers)))]

    def ended(self, streams: Tensor, asked: Asked | None = None) -> Any:
        """What the model makes of a stream behind its last layer, (b, n, w), as `asked` reads it; the measure: (b,)."""
        return self._read_from(asked or self.measure, {self.layers: streams})

    def _joins(self, firsts: Sequence[int]) -> dict[int, Tensor]:
        """For rows that change nothing before these layers, in their order."""
        streams = self.streams()
        return {k: streams[k].expand(firsts.count(k), -1, -1) for k in dict.fromkeys(firsts)}

    def after_cuts(self, cuts: Tensor, places: Sequence[Place] = ()) -> Tensor:
        """The measure after each of many cuts.  cuts: (m, i, j), each one set of edges → (m,).

        places: (layer, head) of each, where it is cut in one head only, or (layer, None).
        """
        if not len(cuts):
            return torch.zeros(0)
        first = [layer for layer, _ in places] if places else [0] * len(cuts)
        order = torch.tensor(first).argsort(stable=True)
        parts = [self._after_cuts(cuts[k], [places[i] for i in k.tolist() if places]) for k in order.split(self.rows)]
        return torch.cat(parts)[order.argsort()]

    @torch.no_grad()
    def _after_cuts(self, cuts: Tensor, places: Sequence[Place]) -> Tensor:
        """Cuts in the order of their layers.  In the first layer only the positions that look are computed again."""
        known = places or [(0, None)] * len(cuts)
        if not self.resumes:
            where = places or [(None, None)] * len(cuts)
            return torch.tensor(self.after_each([cut(c[None], "", *at) for c, at in zip(cuts, where, strict=True)]))
        starts: dict[int, Tensor] = {}
        for layer in dict.fromkeys(layer for layer, _ in known):
            own = torch.tensor([at == layer for at, _ in known])
            heads = [head for at, head in known if at == layer]
            starts[layer + 1] = looked_again(self, layer, cuts[own], heads)
        return self.after_from(starts, [] if places else [cut(cuts)])

    @property
    def resumes(self) -> bool:
        """A block that is another one may be run alone, on what its tape holds of the rest."""
        return not self.switches and self.batch.source is None

    @property
    def rows(self) -> int:
        """Variants of this text in one batch."""
        return max(1, self.at_once // (self.read + self.ids.size(1)))

    def after_each(self, switches: Sequence[Switch]) -> list[float]:
        """The measure after each of many switches, every one alone."""
        after: dict[int, float] = {k: self.after(s).item() for k, s in enumerate(switches) if s.gone}
        layers = (
            {} if not self.resumes else {k: at for k, each in enumerate(switches) if (at := alone(each)) is not None}
        )
        for numbers in _chunks(sorted(layers, key=lambda k: layers[k]), self.rows):
            each = self._after_layers([switches[k] for k in numbers], [layers[k] for k in numbers])
            after |= dict(zip(numbers, each.tolist(), strict=True))
        firsts = {k: switch.first for k, switch in enumerate(switches) if not switch.gone and k not in layers}
        inside = sorted((k for k, first in firsts.items() if first is not None), key=lambda k: firsts[k] or 0)
        outside = [k for k, first in firsts.items() if first is None]
        for numbers in (*_chunks(inside, self.rows), *_chunks(outside, self.rows)):
            rows = each_in_its_row([switches[k] for k in numbers])
            starts = [first for k in numbers if (first := firsts[k]) is not None]
            each = self.after_from(self._joins(starts), rows) if starts else self._after_rows(rows, len(numbers))
            after |= dict(zip(numbers, each.tolist(), strict=True))
        return [after[k] for k in range(len(switches))]

    @torch.no_grad()
    def _after_layers(self, switches: Sequence[Switch], layers: Sequence[int]) -> Tensor:
        """Of switches in the order of their layers, each of which acts in one layer alone."""
        own = {layer: [s for s, at in zip(switches, layers, strict=True) if at == layer] for layer in layers}
        return self.after_from({layer + 1: switched_again(self, layer, each) for layer, each in own.items()})

    def _after_rows(self, switches: Sequence[Switch], count: int) -> Tensor:
        return self.after(*switches, batch=self.batch.times(count))

    def blanked(self, word: int) -> Switch:
        """A word taken away: `metric.blank` stands in its place."""
        site = "shares" if isinstance(self.reader.model, BagOfWords) else "embed.pieces"
        vector, places = self.stand_in, list(self.words[word].pieces)
        said = f"{self.texts[word]} masked", self.metric.blank, f"word:{word}:mask"
        return put(site, (places,), lambda value: vector.expand_as(value), said)

    @cached_property
    def stand_in(self) -> Tensor:
        """What the model begins with where a word is taken away, its vector or what it says: (w,) or (c,)."""
        bag = isinstance(self.reader.model, BagOfWords)
        table = self.reader.model.get_parameter("weight.weight" if bag else "embed.pieces.weight").detach()
        return self.kind.stand_in(table) * read_times(self.reader.model)

    def edges(self, pairs: Iterable[tuple[int, int]]) -> Tensor:
        """For each pair of words (who looks, at whom) the edges between their pieces, as (m, i, j)."""
        pairs, n = list(pairs), self.ids.size(1)
        cuts = torch.zeros(len(pairs), n, n, dtype=torch.bool)
        for k, (looks, at) in enumerate(pairs):
            rows, columns = torch.tensor(self.words[looks].pieces), torch.tensor(self.words[at].pieces)
            cuts[k, rows[:, None], columns] = True
        return cuts

    @cached_property
    def may_look(self) -> Tensor:
        """Which position may look at which: (n, n)."""
        n = self.ids.size(1)
        may = torch.ones(n, n, dtype=torch.bool) if self.batch.look is None else self.batch.look[0]
        if (pattern := kind_of(self.reader.config)[1]) != "all":
            may = may & PATTERNS[pattern](self.reader.config.stride, n)
        return may if self.kind.looks_ahead else may.tril()

    def pairs(self) -> list[tuple[int, int]]:
        """Every two different words of which the first may look at the second; no special ones."""
        return [(i, j) for i in self.spoken for j in self.spoken if i != j and self.words_may_look[i, j]]

    @cached_property
    def words_may_look(self) -> Tensor:
        """Which word may look at which, with some piece of it at some piece of the other: (words, words)."""
        words = self.word_matrix()
        return words @ self.may_look.float() @ words.T > 0

    def attention(self) -> list[Tensor]:
        """How much each word looks at each: (heads, words, words) a layer.

        Summed over the pieces looked at, averaged over the pieces that look.
        """
        return self._attention

    @cached_property
    def _attention(self) -> list[Tensor]:
        to_words = self.word_matrix()  # words n
        looks = to_words / to_words.sum(1, keepdim=True)
        return [looks @ self.tape[f"layers.{k}.attention.weights"][0] @ to_words.T for k in range(self.layers)]

    def mixture(self) -> list[Tensor]:
        """The same, each weight by what it brings: its share of Σ ‖weight · value · output matrix‖.

        Kobayashi et al. 2020, "Attention is not only a weight", equation 5.
        """
        to_words = self.word_matrix()
        looks = to_words / to_words.sum(1, keepdim=True)
        layers = (self._moved(k) for k in range(self.layers))
        return [looks @ (norms / norms.sum(-1, keepdim=True).clamp(min=1e-30)) @ to_words.T for norms in layers]

    def _moved(self, layer: int) -> Tensor:
        return self.tape[f"layers.{layer}.attention.weights"][0] * self.brought(layer)[:, None]  # h i j

    def brought(self, layer: int) -> Tensor:
        """How much each position would bring at weight 1: ‖value · output matrix‖, (h, n)."""
        v = self.tape[f"layers.{layer}.attention.v"][0]  # h n d
        out = self.reader.model.get_parameter(f"layers.{layer}.attention.out.weight").detach()  # w hd
        return (v @ out.unflatten(1, (v.size(0), -1)).permute(1, 2, 0)).norm(dim=-1)

    def mean_attention(self, layer: int | None = None, head: int | None = None) -> Tensor:
        """How much each word looks at each, over all layers and heads, or in those given: (words, words)."""
        layers = self.attention() if layer is None else [self.attention()[layer]]
        return torch.cat(layers if head is None else [each[head : head + 1] for each in layers]).mean(dim=0)

    def word_matrix(self) -> Tensor:
        """Which pieces belong to which word: (words, n) of zeros and ones."""
        matrix = torch.zeros(len(self.words), self.ids.size(1))
        for k, word in enumerate(self.words):
            matrix[k, list(word.pieces)] = 1.0
        return matrix


def about(reader: Reader, pieces: Pieces, piece: str) -> Measure:
    """What is measured of one piece that may come next.  Raises UsageError where nobody says what comes next."""
    kind = reader.kind_of(pieces)
    if not isinstance(kind, Writes):
        raise UsageError(f"{reader.name} {kind.what}: only a model that continues a text is asked about the next piece")
    return kind.about(kind.piece(piece), batch_of([pieces], reader.tokens))


def _asking(kind: Kind, switches: Iterable[Switch]) -> Callable[[Batch], Any]:
    """How a model is run whose values nobody keeps."""
    return kind.run if any(switch.sites == "logits" for switch in switches) else kind.ask


def _chunks(numbers: list[int], size: int) -> Iterator[list[int]]:
    return (numbers[start : start + size] for start in range(0, len(numbers), size))

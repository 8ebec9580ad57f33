"""What of a text that is read a translator needs where it writes a piece: looks at it cut, and its words taken away."""

import re
from dataclasses import dataclass

import torch
from torch import Tensor

from glassformer.errors import UsageError, one_line
from glassformer.explain.address import Address, check
from glassformer.explain.answers import Metric
from glassformer.explain.batch import Translation
from glassformer.explain.effects import Edge, verified
from glassformer.explain.named import word_number
from glassformer.explain.sides import by_layer, heads_of
from glassformer.explain.switches import LOOKS, Choice, Switch, cut, put
from glassformer.explain.trial import Trial
from glassformer.hub.tokens import Pieces

CLEAR = 3.0  # a look counts as the reason if its cut changes this many times what the control does
Heads = list[list[float]]


@dataclass(frozen=True)
class Crossed:
    """Where one piece that is written came from.

    words, positions, specials: of the text that was read; written: all that is written, by the model where it is its
    `own`; at: the position that is asked, behind the word number `looks`; adds: what each word read adds to the
    measure, None where not measured; edges: the looks of that position's word at each word read, cut in all layers and
    heads, the largest change first; control: the look at another word, the nearest in weight; by_head: the first edge
    cut in one head only; attention: how much that word looks at each word read, by layer and head; before: the measure,
    nothing being changed.
    """

    text: str
    words: list[str]
    positions: list[int]
    specials: list[int]
    written: str
    own: bool
    at: int
    looks: int
    adds: list[float | None]
    edges: list[Edge]
    control: Edge | None
    by_head: Heads
    attention: list[Heads]
    metric: Metric
    before: float

    @property
    def doubt(self) -> str | None:
        """Why the first edge cannot be called the reason; None where nothing speaks against it."""
        if not self.edges or abs(self.edges[0].change) < self.metric.least:
            return "small"
        if self.control is None:
            return "no control"
        return "like the control" if abs(self.edges[0].change) < CLEAR * abs(self.control.change) else None


def crossed(trial: Trial) -> Crossed:
    """What is measured of one translation.  n = 1: no other text is asked."""
    source, pieces = source_of(trial), trial.pieces
    assert isinstance(pieces, Translation) and trial.asks is not None
    edges, chosen = sorted(_edges(trial), key=lambda edge: -abs(edge.change)), _chosen(trial)
    away = trial.after_each([source_off(trial, k) for k in chosen])
    adds = {k: trial.before - after for k, after in zip(chosen, away, strict=True)}
    control = next((edge for edge in edges[:1] for edge in _controls(trial, edges, edge)), None)
    places = heads_of(trial, "cross")
    through = trial.after_each([cross_cut(trial, (trial.asks, edges[0].at), *place) for place in places])
    return Crossed(
        source.text,
        [word.text for word in source.words],
        [word.pieces[0] for word in source.words],
        specials(source),
        pieces.text,
        pieces.own,
        pieces.at,
        trial.asks,
        [adds.get(k) for k in range(len(source.words))],
        edges,
        control,
        by_layer(trial, [each - trial.before for each in through], "cross"),
        [layer[:, trial.asks].tolist() for layer in cross_attention(trial)],
        trial.metric,
        trial.before,
    )


def source_of(trial: Trial) -> Pieces:
    """What was read.  Raises UsageError where there is no such text beside the one that is answered."""
    if trial.source is None:
        raise UsageError(f"{trial.reader.name} {trial.kind.what}: it reads no source; only a translator does")
    return trial.source


def specials(source: Pieces) -> list[int]:
    """Words that nobody wrote."""
    return [k for k, word in enumerate(source.words) if word.pieces[0] in source.specials]


def _chosen(trial: Trial) -> list[int]:
    """The words that are measured: all; of a long text those looked at most."""
    source = source_of(trial)
    every = range(len(source.words))
    if len(every) * (trial.read + trial.ids.size(1)) <= trial.exact:
        return list(every)
    weight = mean_cross(trial)[trial.asks]
    return sorted(sorted(every, key=lambda k: -weight[k].item())[: verified(trial)])


def _edges(trial: Trial) -> list[Edge]:
    weight, chosen, asks = mean_cross(trial), _chosen(trial), trial.asks
    assert asks is not None
    after = trial.after_each([cross_cut(trial, (asks, k)) for k in chosen])
    each = zip(chosen, after, strict=True)
    return [Edge(asks, k, value - trial.before, weight[asks, k].item()) for k, value in each]


def _controls(trial: Trial, edges: list[Edge], edge: Edge) -> list[Edge]:
    other = nearest(trial, edge.looks, edge.at)
    return [each for each in edges if each.at == other]


def nearest(trial: Trial, looks: int, at: int) -> int | None:
    """The word read that `looks` looks at most nearly as much as at `at`: a special one only beside another."""
    row, special = mean_cross(trial)[looks].tolist(), specials(source_of(trial))
    others = [k for k in range(len(row)) if k != at and (k in special) == (at in special)]
    others = others or [k for k in range(len(row)) if k != at and k not in special]
    return min(others, key=lambda k: abs(row[k] - row[at]), default=None)


def cross_attention(trial: Trial) -> list[Tensor]:
    """How much each word written looks at each that was read: (heads, words, words read) a layer."""
    to_words, source = trial.word_matrix(), source_of(trial)
    matrix = torch.zeros(len(source.words), len(source.ids))
    for k, word in enumerate(source.words):
        matrix[k, list(word.pieces)] = 1.0
    looks = to_words / to_words.sum(1, keepdim=True)
    return [looks @ trial.tape[f"layers.{k}.cross.weights"][0] @ matrix.T for k in range(trial.layers)]


def mean_cross(trial: Trial) -> Tensor:
    """The same over all heads and layers: (words, words read)."""
    return torch.cat(cross_attention(trial)).mean(dim=0)


def cross_cut(trial: Trial, pair: tuple[int, int], layer: int | None = None, head: int | None = None) -> Switch:
    """Word `pair[0]`, written, may not look at word `pair[1]`, read; in all layers, or in one layer or head."""
    source, (looks, at) = source_of(trial), pair
    edges = torch.zeros(1, trial.ids.size(1), trial.read, dtype=torch.bool)
    edges[0, torch.tensor(trial.words[looks].pieces)[:, None], list(source.words[at].pieces)] = True
    where = "" if layer is None else f"L{layer}" if head is None else f"L{layer}.H{head}"
    name = f"{trial.texts[looks]} may not look at {source.words[at].text}, read" + (f", in {where}" if where else "")
    return cut(edges, name, layer, head, f"cross:{looks}>{at}" + (f"@{where}" if where else ""), "cross")


def crossed_cells(trial: Trial, kind: str, layer: int, head: int) -> tuple[Tensor | None, bool]:
    """The change of the measure when one cell of one head of that kind is cut, (i, j); None where that takes long."""
    n, m = trial.tape[LOOKS[kind][0].replace("*", str(layer)) + ".weights"].shape[-2:]
    if n * m * (trial.read + trial.ids.size(1)) > trial.exact:
        return None, True
    cells = torch.eye(n * m, dtype=torch.bool).view(-1, 1, n, m)  # each one edge
    after = trial.after_each([cut(each, layer=layer, head=head, kind=kind) for each in cells])
    return (torch.tensor(after, dtype=torch.float64) - trial.before).view(n, m), True


def source_off(trial: Trial, word: int) -> Switch:
    """A word that is read taken away: the mean of all pieces stands in its place."""
    where = source_of(trial).words[word]
    vector = trial.stand_in
    said = f"{where.text}, read, masked", trial.metric.blank, f"source:{word}:mask"
    return put("encoder.embed.pieces", (list(where.pieces),), lambda value: vector.expand_as(value), said)


def choose_cross(trial: Trial, rest: str) -> Choice:
    """`4>3`, `4>3@L0`, `4>3@L0.H1`; control: the same word may not look at another, the nearest in weight."""
    words, _, where = rest.partition("@")
    looks, sign, at = words.partition(">")
    if not sign:
        raise UsageError(f"{one_line(rest, 40)!r} names no look; write cross:4>3: word written > word read")
    source = [word.text for word in source_of(trial).words]
    pair = word_number(trial, _number(looks)), word_number(trial, _number(at), source)
    place = _place(trial, where.strip()) if where.strip() else ()
    other = nearest(trial, *pair)
    return Choice(cross_cut(trial, pair, *place), [] if other is None else [cross_cut(trial, (pair[0], other), *place)])


def _place(trial: Trial, where: str) -> tuple[int, int | None]:
    match = re.fullmatch(r"L([0-9]{1,9})(?:\.H([0-9]{1,9}))?", where)
    if not match:
        raise UsageError(f"{one_line(where, 40)!r} is no layer or head; write cross:4>3@L0 or cross:4>3@L0.H1")
    layer, head = int(match[1]), None if match[2] is None else int(match[2])
    check(Address(f"layers.{layer}.cross.weights", () if head is None else (head,)), trial.shapes)
    return layer, head


def choose_source(trial: Trial, rest: str) -> Choice:
    """`3:mask`; controls: every other word that was read, in the same way."""
    word, _, how = rest.rpartition(":")
    if how != "mask":
        raise UsageError(f"{one_line(rest, 40)!r}: a word that is read can be masked; write source:3:mask")
    texts = [each.text for each in source_of(trial).words]
    number = word_number(trial, _number(word), texts)
    return Choice(source_off(trial, number), [source_off(trial, k) for k in range(len(texts)) if k != number])


def _number(word: str) -> str | int:
    return int(word) if re.fullmatch(r"[0-9]{1,9}", word.strip()) else word

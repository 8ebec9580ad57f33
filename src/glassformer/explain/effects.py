"""What really changes: each word taken away, each edge cut.  Every effect is causal, a difference of one measure.

Where a sentence is too long, or a model too large, to cut every edge, backward passes estimate all of them, and the
largest are then cut for real (Syed et al. 2023 and Kramár et al. 2024 do so for whole circuits).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from glassformer.explain.trial import Trial
from glassformer.tape import listen

VERIFIED = 24  # words, edges or heads measured in that case; fewer of the longest texts,
AT_LEAST = 8  # but never less
AT_FIRST = 12  # heads, where more are measured later
TOGETHER = 512  # positions that gradients are computed for at once


@dataclass(frozen=True)
class Edge:
    """Word `looks` looks at word `at`.  change: of the measure when it may not; attention: the mean weight."""

    looks: int
    at: int
    change: float
    attention: float


def verified(trial: Trial) -> int:
    """How many effects are measured where not all can be."""
    return max(AT_LEAST, min(VERIFIED, trial.exact // trial.ids.size(1)))


def words_add(trial: Trial, chosen: list[int] | None = None) -> list[float | None]:
    """What each word adds to the measure: with it − with what stands in for it; None where not measured.

    chosen: the words to measure; when left out, those `worth_measuring`.
    """
    chosen = worth_measuring(trial) if chosen is None else chosen
    after = trial.after_each([trial.blanked(k) for k in chosen])
    adds = {k: trial.before - each for k, each in zip(chosen, after, strict=True)}
    return [adds.get(k) for k in range(len(trial.words))]


def worth_measuring(trial: Trial) -> list[int]:
    """All words that somebody wrote; of a long text those that are estimated to add most."""
    words = trial.spoken if not trial.read else [k for k in trial.spoken if k <= (trial.asks or 0)]
    if len(words) * trial.ids.size(1) <= trial.exact or not trial.layers:
        return words
    estimate = estimated_words(trial).abs()[words]
    return sorted(words[k] for k in estimate.topk(min(verified(trial), len(words))).indices.tolist())


def gradients(trial: Trial, sites: str) -> tuple[list[Tensor], list[Tensor]]:
    """The values at `sites`, without the axis of the batch, and for each slope of the measure the gradients there:
    (slopes, …).  Each slope has a row of the batch.
    """
    slopes, step, found = trial.measure.directions, max(1, TOGETHER // trial.ids.size(1)), []
    values: tuple[Tensor, ...] = ()
    leaves = dict.fromkeys(("embed.pieces", *(["encoder.embed.pieces"] if trial.read else [])), _leaf)
    for first in range(0, slopes, step):
        batch, model = trial.batch.times(min(step, slopes - first)), trial.reader.model
        with torch.enable_grad(), _fixed(model), listen(model, sites, leaves) as tape:
            output: Any = trial.kind.run(batch)
        values = tuple(tape.values())
        found.append(torch.autograd.grad(trial.measure.slopes(output, batch, first).sum(), values))
    return [value[0].detach() for value in values], [torch.cat(each) for each in zip(*found, strict=True)]


def _leaf(pieces: Tensor) -> Tensor:
    """Where gradients end: at what was read."""
    return pieces.detach().requires_grad_()


@contextmanager
def _fixed(model: nn.Module) -> Iterator[None]:
    """Nobody asks for the gradients of weights, which would be computed along with the others."""
    asked = [weight for weight in model.parameters() if weight.requires_grad]
    try:
        for weight in asked:
            weight.requires_grad_(False)
        yield
    finally:
        for weight in asked:
            weight.requires_grad_(True)


def estimated_words(trial: Trial) -> Tensor:
    """What each word adds, estimated: (x − x of what stands in) · gradient, summed over its pieces: (words,)."""
    (pieces,), (along,) = gradients(trial, "embed.pieces")
    away = trial.stand_in - pieces  # n w
    moved = (away * along).sum(-1)  # slopes n
    return -trial.measure.change(moved @ trial.word_matrix().T)


def edges_cut(trial: Trial) -> list[Edge]:
    """Every edge between two different words, the largest change first."""
    pairs = trial.pairs() if trial.layers else []
    if not pairs:
        return []
    checked = pairs if every_edge(trial) else _worth_cutting(trial, pairs)
    return sorted(measured(trial, checked), key=lambda edge: -abs(edge.change))


def every_edge(trial: Trial) -> bool:
    """There is time to cut each of them."""
    return len(trial.pairs()) * trial.ids.size(1) <= trial.exact


def measured(trial: Trial, pairs: list[tuple[int, int]]) -> list[Edge]:
    """These edges, each cut for real."""
    changes = (trial.after_cuts(trial.edges(pairs)) - trial.before).tolist() if pairs else []
    attention = trial.mean_attention().tolist()
    return [Edge(i, j, change, attention[i][j]) for (i, j), change in zip(pairs, changes, strict=True)]


def _worth_cutting(trial: Trial, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those with the largest estimates, and of the word whose look is asked about the largest of its own."""
    estimate = estimated(trial)
    own = _largest([pair for pair in pairs if pair[0] == trial.asks], estimate, AT_LEAST)
    return list(dict.fromkeys([*_largest(pairs, estimate, verified(trial)), *own]))


def _largest(pairs: list[tuple[int, int]], estimate: Tensor, most: int) -> list[tuple[int, int]]:
    return sorted(pairs, key=lambda pair: -abs(estimate[pair].item()))[:most]


def estimated(trial: Trial) -> Tensor:
    """The change of the measure when word i may not look at word j, estimated for all pairs: (words, words)."""
    to_words = trial.word_matrix()  # words n
    return trial.measure.change(to_words @ _estimates(trial)[1] @ to_words.T)


def estimated_cells(trial: Trial) -> list[Tensor]:
    """The change of the measure when one cell of one head is cut, estimated for all of them: (h, i, j) a layer."""
    return _estimates(trial)[0]


Estimates = tuple[list[Tensor], Tensor]
_known: WeakKeyDictionary[Trial, Estimates] = WeakKeyDictionary()


def _estimates(trial: Trial) -> Estimates:
    """For each cell the change; and how far each slope moves for all heads and layers at once: (slopes, i, j)."""
    if trial not in _known:
        cells, together = [], torch.zeros(())
        for moved in _moved_cells(trial):
            cells.append(trial.measure.change(moved))
            together = together + moved.sum(dim=1)
        _known[trial] = cells, together
    return _known[trial]


def _moved_cells(trial: Trial) -> Iterator[Tensor]:
    """How far each slope of the measure moves when one cell of one head is cut: (slopes, h, i, j), layer by layer.

    To first order in the weights a: cutting j moves row i by a_j/(1−a_j)·(a − e_j), so a slope moves by
    a_j/(1−a_j) · (g·a − g_j), with g its gradient.
    """
    for a, g in zip(*gradients(trial, "layers.*.attention.weights"), strict=True):  # h i j, slopes h i j
        yield a / (1 - a).clamp(min=1e-6) * ((g * a).sum(-1, keepdim=True) - g)


def cells_cut(trial: Trial, layer: int, head: int) -> tuple[Tensor, bool]:
    """The change of the measure when one cell of one head is cut, (i, j); whether each was measured."""
    n = trial.ids.size(1)
    if n**3 > trial.exact:
        return estimated_cells(trial)[layer][head], False
    cells = torch.eye(n * n, dtype=torch.bool).view(-1, n, n)  # each one edge
    return (trial.after_cuts(cells, [(layer, head)] * n**2) - trial.before).view(n, n), True


def control_of(trial: Trial, told: Edge, known: Sequence[Edge] = ()) -> Edge | None:
    """The same word looking at another one, the nearest in weight: what cutting just any of its edges changes.

    known: edges that are measured already.
    """
    at = nearest_other(trial, told.looks, told.at)
    if at is None:
        return None
    there = [edge for edge in known if (edge.looks, edge.at) == (told.looks, at)]
    return there[0] if there else measured(trial, [(told.looks, at)])[0]


def nearest_other(trial: Trial, looks: int, at: int, layer: int | None = None, head: int | None = None) -> int | None:
    """The word that `looks` looks at most nearly as much as at `at`; None where it may look at no other.

    For a special piece another special one, where there is one; for a word never a special one.  By the mean weight,
    of one layer or head where it is given.
    """
    row = trial.mean_attention(layer, head)[looks].tolist()
    seen = [k for k, may in enumerate(trial.words_may_look[looks].tolist()) if may and k not in (looks, at)]
    alike = [k for k in seen if (k in trial.specials) == (at in trial.specials)]
    others = alike or [k for k in seen if k not in trial.specials]
    return min(others, key=lambda k: abs(row[k] - row[at]), default=None)


def nearest_key(trial: Trial, layer: int, head: int, i: int, j: int) -> int | None:
    """The position that i looks at most nearly as much as at j, in one head; special pieces as above."""
    row = trial.tape[f"layers.{layer}.attention.weights"][0, head, i].tolist()
    seen = [k for k in trial.may_look[i].nonzero()[:, 0].tolist() if k not in (i, j)]
    special = j in trial.pieces.specials
    others = [k for k in seen if (k in trial.pieces.specials) == special]
    others = others or [k for k in seen if k not in trial.pieces.specials]
    return min(others, key=lambda k: abs(row[k] - row[j])) if others else None


def by_head(trial: Trial, edge: Edge, full: bool = True) -> list[list[float | None]]:
    """The change when the edge is cut in one head only: a row a layer, a column a head; None where not measured.

    full: in every head where there is time for that, else in those that are estimated to matter most; at first in
    those that bring most of that word along.
    """
    cuts, heads = trial.edges([(edge.looks, edge.at)]), trial.heads
    chosen = heads
    if len(heads) * trial.ids.size(1) > trial.exact:
        estimate = [(layer * cuts[0]).sum(dim=(1, 2)) for layer in estimated_cells(trial)]
        chosen = sorted(heads, key=lambda at: -abs(estimate[at[0]][at[1]].item()))[: verified(trial)]
    elif len(heads) > VERIFIED and not full:
        brought = [layer[:, edge.looks, edge.at].tolist() for layer in trial.mixture()]
        chosen = sorted(heads, key=lambda at: -brought[at[0]][at[1]])[:AT_FIRST]
    after = trial.after_cuts(cuts.expand(len(chosen), -1, -1), chosen).tolist()
    changes = {at: each - trial.before for at, each in zip(chosen, after, strict=True)}
    return [[changes.get((k, head)) for layer, head in heads if layer == k] for k in range(trial.layers)]

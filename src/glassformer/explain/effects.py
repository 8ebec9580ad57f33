"""What really changes: each word taken away, each edge cut.  Every effect is causal, a difference of log-odds.

Where a sentence is too long to cut every edge, one backward pass estimates all of them, and the largest are
then cut for real (Syed et al. 2023 and Kramár et al. 2024 do so for whole circuits).
"""

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from glassformer.explain.reader import log_odds
from glassformer.explain.trial import Trial
from glassformer.tape import listen

EXACT_WORK = 20_000  # positions to compute, above which edges are estimated first
VERIFIED = 24  # edges cut for real in that case


@dataclass(frozen=True)
class Edge:
    """Word `looks` looks at word `at`.  change: of the log-odds when it may not; attention: the mean weight."""

    looks: int
    at: int
    change: float
    attention: float


def words_add(trial: Trial, chosen: list[int] | None = None) -> list[float | None]:
    """What each word adds to the log-odds: with it − with [MASK] in its place; None where that was not measured.

    chosen: the words to measure; when left out, those `worth_measuring`.
    """
    chosen = worth_measuring(trial) if chosen is None else chosen
    ids = trial.ids.repeat(len(chosen), 1)  # words n
    for row, k in zip(ids, chosen, strict=True):
        row[list(trial.words[k].pieces)] = trial.reader.tokens.mask
    adds = dict(zip(chosen, (trial.before - trial.after_all(ids)).tolist(), strict=True))
    return [adds.get(k) for k in range(len(trial.words))]


def worth_measuring(trial: Trial) -> list[int]:
    """All words; of a long text those that one backward pass estimates to add most."""
    words = len(trial.words)
    if words * trial.ids.size(1) <= EXACT_WORK or not trial.layers:
        return list(range(words))
    return sorted(estimated_words(trial).abs().topk(min(VERIFIED, words)).indices.tolist())


def estimated_words(trial: Trial) -> Tensor:
    """What each word adds, to first order: (x − x of [MASK]) · gradient, summed over its pieces: (words,)."""
    with torch.enable_grad(), listen(trial.reader.model, "embed.pieces") as tape:
        answer = log_odds(trial.reader.model(trial.ids))
    pieces = tape["embed.pieces"]  # 1 n w
    (gradient,) = torch.autograd.grad(answer.sum(), pieces)
    mask = trial.reader.model.get_parameter("embed.pieces.weight")[trial.reader.tokens.mask]
    return trial.word_matrix() @ ((pieces - mask) * gradient)[0].sum(-1).detach()


def edges_cut(trial: Trial) -> list[Edge]:
    """Every edge between two different words, the largest change first."""
    pairs = [(i, j) for i, j in product(range(len(trial.words)), repeat=2) if i != j]
    if not pairs or not trial.layers:
        return []
    exact = len(pairs) * trial.ids.size(1) <= EXACT_WORK
    checked = pairs if exact else _largest(pairs, estimated(trial))
    changes = (trial.after_cuts(trial.edges(checked)) - trial.before).tolist()
    attention = trial.mean_attention().tolist()
    edges = [Edge(i, j, change, attention[i][j]) for (i, j), change in zip(checked, changes, strict=True)]
    return sorted(edges, key=lambda edge: -abs(edge.change))


def _largest(pairs: list[tuple[int, int]], estimate: Tensor) -> list[tuple[int, int]]:
    return sorted(pairs, key=lambda pair: -abs(estimate[pair].item()))[:VERIFIED]


def estimated(trial: Trial) -> Tensor:
    """The change of the log-odds when word i may not look at word j, estimated for all pairs: (words, words)."""
    to_words = trial.word_matrix()  # words n
    return to_words @ estimated_cells(trial).sum(dim=(0, 1)) @ to_words.T


def estimated_cells(trial: Trial) -> Tensor:
    """The change of the log-odds when one cell of one head is cut, estimated for all of them: (l, h, i, j).

    To first order in the weights a: cutting j moves row i by a_j/(1−a_j)·(a − e_j), so the change is
    a_j/(1−a_j) · (g·a − g_j), with g the gradient of the log-odds.
    """
    with torch.enable_grad(), listen(trial.reader.model, "*.attention.weights") as tape:
        answer = log_odds(trial.reader.model(trial.ids))
    weights = list(tape.values())
    gradients = torch.cat(torch.autograd.grad(answer.sum(), weights))  # l h i j
    a = torch.cat(weights).detach()
    along = (gradients * a).sum(-1, keepdim=True)  # l h i 1
    return a / (1 - a).clamp(min=1e-6) * (along - gradients)


def control_of(trial: Trial, told: Edge) -> Edge | None:
    """The same word looking at another one, the nearest in weight: what cutting just any of its edges changes."""
    at = nearest_other(trial, told.looks, told.at)
    if at is None:
        return None
    change = trial.after_cuts(trial.edges([(told.looks, at)])).item() - trial.before
    return Edge(told.looks, at, change, trial.mean_attention()[told.looks, at].item())


def nearest_other(trial: Trial, looks: int, at: int) -> int | None:
    """The word that `looks` looks at most nearly as much as at `at`; None in a sentence of two words."""
    row = trial.mean_attention()[looks].tolist()
    others = [k for k in range(len(row)) if k not in (looks, at)]
    return min(others, key=lambda k: abs(row[k] - row[at]), default=None)


def by_head(trial: Trial, edge: Edge) -> list[list[float]]:
    """The change when the edge is cut in one head only: a row a layer, a column a head."""
    cuts = trial.edges([(edge.looks, edge.at)])
    return [
        [trial.after_cuts(cuts, layer, head).item() - trial.before for head in range(trial.heads)]
        for layer in range(trial.layers)
    ]

"""Piece + position + type, then layer norm."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Property, Stage, Stages
from glassformer.parts.block import layer_norm
from glassformer.parts.embed import EmbedPairs, Placed
from glassformer.tape import listen

EPSILON = 1e-12  # BERT's


class _Scaled(nn.Module):
    """The part's layer norm with weights that are given; what it reads is named."""

    def __init__(self, gain: Tensor, shift: Tensor, epsilon: float):
        super().__init__()
        self.given = (gain, shift, epsilon)
        self.read = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        self.read = x
        return layer_norm(x, *self.given)


def key(ids, types, pieces, positions, kinds, gain, shift) -> Stages:
    norm, tables = _Scaled(gain, shift, EPSILON), [_Table(each) for each in (pieces, positions, kinds)]
    embed = EmbedPairs(tables[0], tables[1], tables[2], norm)
    places = torch.arange(ids.size(1)).expand_as(ids)
    with listen(embed) as tape:
        answer = embed(ids, types, places)
    return Stages(
        of_pieces=tape["pieces"], of_places=tape["places"], of_types=tape["types"], sum=norm.read, answer=answer
    )


class _Table(nn.Module):
    def __init__(self, table: Tensor):
        super().__init__()
        self.table = table

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.table)


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(make, b: int, n: int, w: int, about: str) -> Case:
        ids = torch.randint(0, 9, (b, n), generator=draw)
        ids[:, 0], ids[:, -1] = 7, 3
        types = (torch.arange(n) >= torch.randint(1, n, (b, 1), generator=draw)).long()
        tables = (make(draw, 9, w), make(draw, 12, w), make(draw, 2, w))
        return Case((ids, types, *tables, 1 + 0.5 * drawn(draw, w), drawn(draw, w)), about)

    return [
        one(lambda *a: whole(*a, most=4), 1, 3, 4, "3 pieces, 4 features"),
        one(drawn, 2, 4, 5, "2 texts of 4 pieces, 5 features"),
        one(lambda *a: 0.01 * drawn(*a), 3, 5, 6, "3 texts of 5 pieces, features that hardly differ"),
        one(lambda *a: 1e-6 * drawn(*a), 2, 3, 7, "2 texts of 3 pieces, features as small as the root of ε"),
        one(drawn, 4, 6, 3, "4 texts of 6 pieces, 3 features"),
    ]


def _normed(x: Tensor, axes: tuple[int, ...] = (-1,), epsilon: float = EPSILON) -> Tensor:
    return (x - x.mean(axes, keepdim=True)) / (x.var(axes, unbiased=False, keepdim=True) + epsilon).sqrt()


def _places(s, first: int = 0) -> Tensor:
    return s.positions[first : first + s.ids.size(1)].expand(len(s.ids), -1, -1)


COUNTED = "positions count from 0: positions[:n], the same for every text"
THREE = "add all three: pieces[ids] + positions[:n] + kinds[types]"
LAST = "layer norm over the features of the sum, with its gain and shift"
BOARD = Board(
    "ids types pieces positions kinds gain shift",
    Step(
        "of_pieces",
        lambda s: s.pieces[s.ids],
        Wrong("the pieces are missing", lambda s: 0 * s.pieces[s.ids], THREE),
        Wrong(
            "the pieces are scaled by √width",
            lambda s: s.pieces[s.ids] * math.sqrt(s.gain.numel()),
            "BERT takes them as they are; Vaswani's transformer scales them",
        ),
        Wrong("the pieces are looked up by type", lambda s: s.pieces[s.types], "pieces[ids]"),
        Wrong("one piece off", lambda s: s.pieces[(s.ids + 1) % len(s.pieces)], "ids count from 0: pieces[ids]"),
    ),
    Step(
        "of_places",
        _places,
        Wrong("the positions are missing", lambda s: 0 * _places(s), THREE),
        Wrong("the positions begin at 1", lambda s: _places(s, 1), COUNTED),
        Wrong("the positions begin at 2", lambda s: _places(s, 2), f"RoBERTa's do, BERT's do not: {COUNTED}"),
        Wrong("the positions run backwards", lambda s: _places(s).flip(1), COUNTED),
        Wrong("the positions are looked up by piece", lambda s: s.positions[s.ids], COUNTED),
        Wrong("the positions are looked up by type", lambda s: s.positions[s.types], COUNTED),
        Wrong("every piece has the first position", lambda s: s.positions[0].expand_as(_places(s)), COUNTED),
        Wrong(
            "the positions count the texts",
            lambda s: s.positions[: len(s.ids), None].expand_as(_places(s)),
            f"ids.size(1) is how many pieces, ids.size(0) how many texts there are: {COUNTED}",
        ),
        Wrong(
            "the positions begin anew with the second text",
            lambda s: s.positions[torch.arange(s.ids.size(1)) - s.types * (s.types == 0).sum(1, keepdim=True)],
            f"they go on over both: {COUNTED}",
        ),
    ),
    Step(
        "of_types",
        lambda s: s.kinds[s.types],
        Wrong("the types are missing", lambda s: 0 * s.kinds[s.types], THREE),
        Wrong("every piece has type 0", lambda s: s.kinds[0 * s.types], "kinds[types]"),
        Wrong("every piece has type 1", lambda s: s.kinds[0 * s.types + 1], "kinds[types]"),
        Wrong("the types are exchanged", lambda s: s.kinds[1 - s.types], "kinds[types]: 0 for the first text"),
    ),
    Step(
        "sum",
        lambda s: s.of_pieces + s.of_places + s.of_types,
        Wrong("the vectors are multiplied", lambda s: s.of_pieces * s.of_places * s.of_types, THREE),
        Wrong(
            "each vector is normalised before the sum",
            lambda s: _normed(s.of_pieces) + _normed(s.of_places) + _normed(s.of_types),
            "first the sum, then one layer norm",
        ),
        Wrong("the type is subtracted", lambda s: s.of_pieces + s.of_places - s.of_types, THREE),
    ),
    Step(
        "answer",
        lambda s: _normed(s.sum) * s.gain + s.shift,
        Wrong("no layer norm", lambda s: s.sum, LAST),
        Wrong("gain and shift are missing", lambda s: _normed(s.sum), LAST),
        Wrong("the gain is missing", lambda s: _normed(s.sum) + s.shift, LAST),
        Wrong("the shift is missing", lambda s: _normed(s.sum) * s.gain, LAST),
        Wrong("gain and shift are exchanged", lambda s: _normed(s.sum) * s.shift + s.gain, LAST),
        Wrong(
            "ε is 1e-5, what PyTorch takes when it is not told",
            lambda s: _normed(s.sum, epsilon=1e-5) * s.gain + s.shift,
            "BERT's is 1e-12",
        ),
        Wrong(
            "ε is left out, or stands outside the root",
            lambda s: _normed(s.sum, epsilon=0.0) * s.gain + s.shift,
            "(variance + 1e-12).sqrt() stands below",
        ),
        Wrong("ε is 1e-6", lambda s: _normed(s.sum, epsilon=1e-6) * s.gain + s.shift, "BERT's is 1e-12"),
        Wrong("normalised over the pieces", lambda s: _normed(s.sum, (1,)) * s.gain + s.shift, LAST),
        Wrong("normalised over a text", lambda s: _normed(s.sum, (1, 2)) * s.gain + s.shift, LAST),
        Wrong(
            "unbiased variance",
            lambda s: (
                (s.sum - s.sum.mean(-1, True)) / (s.sum.var(-1, keepdim=True) + EPSILON).sqrt() * s.gain + s.shift
            ),
            "unbiased=False",
        ),
        Wrong(
            "the piece is added once more",
            lambda s: _normed(s.sum) * s.gain + s.shift + s.of_pieces,
            LAST,
        ),
    ),
)
ONLY_PIECES = BOARD.across(
    "positions and types are missing", THREE, of_places=lambda s: 0 * _places(s), of_types=lambda s: 0 * s.of_pieces
)


# right, each in another way


def by_kernels(ids, types, pieces, positions, kinds, gain, shift):
    total = F.embedding(ids, pieces) + F.embedding(types, kinds)
    total = total + F.embedding(torch.arange(ids.shape[1]), positions)[None]
    return F.layer_norm(total, (total.shape[-1],), gain, shift, EPSILON)


def by_moments(ids, types, pieces, positions, kinds, gain, shift):
    total = kinds[types] + pieces[ids]
    total = total + positions.narrow(0, 0, ids.size(1))
    mean = total.mean(-1, keepdim=True)
    variance = total.pow(2).mean(-1, keepdim=True) - mean**2
    return gain * (total - mean) * torch.rsqrt(variance + EPSILON) + shift


def by_one_hot(ids, types, pieces, positions, kinds, gain, shift):
    total = F.one_hot(ids, len(pieces)).float() @ pieces + F.one_hot(types, 2).float() @ kinds
    total = total + torch.eye(len(positions))[: ids.size(1)] @ positions
    return F.layer_norm(total, gain.shape, gain, shift, EPSILON)


def by_loops(ids, types, pieces, positions, kinds, gain, shift):
    rows = []
    for b in range(len(ids)):
        for n in range(ids.size(1)):
            row = pieces[ids[b, n]] + positions[n] + kinds[types[b, n]]
            centred = row - row.sum() / len(row)
            rows.append(centred / torch.sqrt((centred * centred).sum() / len(row) + EPSILON) * gain + shift)
    return torch.stack(rows).view(*ids.shape, -1)


def by_where(ids, types, pieces, positions, kinds, gain, shift):
    total = torch.where(types[..., None] == 0, kinds[0], kinds[1]) + positions[: ids.shape[1]]
    total = total + pieces.index_select(0, ids.flatten()).view(*ids.shape, -1)
    return _normed(total) * gain + shift


def by_modules(ids, types, pieces, positions, kinds, gain, shift):
    total = _Table(pieces)(ids) + Placed.forward(_placed(positions), torch.arange(ids.size(1))) + _Table(kinds)(types)
    norm = nn.LayerNorm(gain.numel(), EPSILON)
    return torch.func.functional_call(norm, {"weight": gain, "bias": shift}, (total,))


def _placed(table: Tensor) -> Placed:
    placed = Placed(*table.shape)
    del placed.table
    placed.table = table  # type: ignore[assignment]
    return placed


def by_doubles(ids, types, *rest):
    return by_kernels(ids, types, *(each.double() for each in rest)).float()


def _ordered(function, case: Case) -> str:
    """Where a piece stands is in its vector."""
    ids, types, *rest = case.arguments
    same, one = torch.zeros_like(ids), torch.zeros_like(types)
    out = function(same, one, *rest)
    away = (out[:, 0] - out[:, 1]).abs().max()
    return "One piece at two positions must get two vectors; yours are the same." if away < 1e-5 else ""


def _alone(function, case: Case) -> str:
    ids, types, *rest = case.arguments
    away = (function(ids[:1], types[:1], *rest) - function(ids, types, *rest)[:1]).abs().max()
    return (
        f"A text's vectors must not depend on the other texts; yours change by {number(away)}." if away > 1e-4 else ""
    )


EXERCISE = Exercise(
    name="bert-embeddings",
    cases=cases,
    key=key,
    switchboard=BOARD,
    stages=(
        Stage("of_pieces"),
        Stage("of_places"),
        Stage("of_types"),
        Stage("sum", ("of_pieces", "of_places", "of_types")),
        Stage("answer", ("sum",)),
    ),
    mistakes=(ONLY_PIECES, *BOARD.mistakes),
    right=(by_kernels, by_moments, by_one_hot, by_loops, by_where, by_modules, by_doubles),
    properties=(Property("positions tell", _ordered), Property("texts do not meet", _alone)),
    learned=(2, 3, 4, 5, 6),
    axes=dict.fromkeys(("of_pieces", "of_places", "of_types", "sum", "answer"), "piece feature"),
    hints=(
        "A table with a tensor of numbers as its index gives a row for each: pieces[ids] is (b, n, w).",
        "The positions are 0, 1, 2 … for every text: positions[: ids.size(1)], (n, w), is added to each.",
        "F.layer_norm(total, gain.shape, gain, shift, 1e-12) brings the sum to one scale.",
    ),
    explanation="Attention sees a set; these sums tell it what stands where, and in which of two texts. Next: what "
    "BERT is asked while it learns.",
)

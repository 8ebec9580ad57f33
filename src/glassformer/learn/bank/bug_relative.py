"""Scores with a learned vector for each distance; the lesson's code added the positions instead of subtracting."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Property, Stage, Stages
from glassformer.learn.heard import heard
from glassformer.parts.attention import RelativeKey, scaled_dot


def key(q: Tensor, k: Tensor, table: Tensor) -> Stages:
    known = RelativeKey((len(table) + 1) // 2, q.size(-1))
    del known.table
    known.table = table  # type: ignore[assignment]
    nearness = known(q, k)
    stages, answer = heard(scaled_dot, q, k, nearness)
    return Stages(scores=stages["scores"], nearness=nearness, answer=answer)


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(make, b: int, i: int, j: int, length: int, d: int, about: str) -> Case:
        return Case((make(draw, b, i, d), make(draw, b, j, d), make(draw, 2 * length - 1, d)), about)

    return [
        one(whole, 1, 3, 3, 3, 4, "3 words, a table of 5 distances"),
        one(whole, 1, 2, 4, 4, 4, "the last 2 of 4 words, a table of 7 distances"),
        one(drawn, 2, 4, 4, 6, 3, "2 sentences of 4 words, a table of 11 distances"),
        one(drawn, 2, 3, 5, 6, 6, "2 sentences, the last 3 of 5 words, a table of 11 distances"),
        one(drawn, 3, 1, 6, 7, 5, "the last of 6 words, a table of 13 distances"),
    ]


def _asking(s) -> Tensor:
    return torch.arange(s.k.size(1))[s.k.size(1) - s.q.size(1) :, None]


def _places(s) -> Tensor:
    return torch.arange(s.k.size(1))


def _length(s) -> int:
    return (len(s.table) + 1) // 2


def _near(which):
    """q · the row of the table that `which` gives for each pair."""
    return lambda s: torch.einsum("bid,ijd->bij", s.q, s.table[which(s)])


def _distance(s) -> Tensor:
    return _asking(s) - _places(s)


def _cut(which):
    return lambda s: which(s).clamp(0, len(s.table) - 1)


FROM_0 = "row 0 is the distance −(length − 1): table[i − j + length − 1]"
APART = f"how far apart two words are is i − j; {FROM_0}"
LAST = "the queries are the last ones: i = j_total − i_total + 0, 1, 2 …"
BOARD = Board(
    "q k table",
    Step(
        "scores",
        lambda s: s.q @ s.k.mT,
        Wrong("the keys are not matched", lambda s: 0 * (s.q @ s.k.mT), "q · k and q · r are added"),
        Wrong("the scores are transposed", lambda s: (s.q @ s.k.mT).mT, "q @ kᵀ, queries are rows"),
    ),
    Step(
        "nearness",
        _near(lambda s: _distance(s) + _length(s) - 1),
        Wrong("the positions are added: i + j", _near(_cut(lambda s: _asking(s) + _places(s))), APART),
        Wrong("the positions are added: i + j", _near(lambda s: (_asking(s) + _places(s)) % len(s.table)), APART),
        Wrong("the positions are added: i + j", _near(_cut(lambda s: _asking(s) + _places(s) + _length(s) - 1)), APART),
        Wrong("the distance is turned: j − i", _near(lambda s: _length(s) - 1 - _distance(s)), APART),
        Wrong(
            "the distance has lost its sign",
            _near(lambda s: _distance(s).abs() + _length(s) - 1),
            f"before and after differ: {APART}",
        ),
        Wrong(
            "the distance has lost its sign", _near(lambda s: _distance(s).abs()), f"before and after differ: {APART}"
        ),
        Wrong("negative distances count from the end of the table", _near(_distance), FROM_0),
        Wrong("the table is read one row too far", _near(_cut(lambda s: _distance(s) + _length(s))), FROM_0),
        Wrong("the table is read one row too early", _near(_cut(lambda s: _distance(s) + _length(s) - 2)), FROM_0),
        Wrong("negative distances are cut off at 0", _near(lambda s: _distance(s).clamp(min=0)), FROM_0),
        Wrong(
            "negative distances are cut off at 0", _near(lambda s: _distance(s).clamp(min=0) + _length(s) - 1), FROM_0
        ),
        Wrong(
            "the middle is that of the words, not of the table", _near(lambda s: _distance(s) + s.k.size(1) - 1), FROM_0
        ),
        Wrong(
            "the queries are taken for the first words",
            _near(lambda s: torch.arange(s.q.size(1))[:, None] - _places(s) + _length(s) - 1),
            LAST,
        ),
        Wrong("every pair has the distance 0", _near(lambda s: 0 * _distance(s) + _length(s) - 1), APART),
        Wrong("only where the key stands counts", _near(lambda s: 0 * _distance(s) + _places(s)), APART),
        Wrong("only where the query stands counts", _near(lambda s: 0 * _distance(s) + _asking(s)), APART),
        Wrong(
            "the key is matched with the distance",
            lambda s: torch.einsum("bjd,ijd->bij", s.k, s.table[_distance(s) + _length(s) - 1]),
            "the query is: q_i · r_(i−j)",
        ),
        Wrong("the distances are missing", lambda s: 0 * s.scores, "q · k and q · r are added"),
        Wrong(
            "the distance's vector is added up, not matched",
            lambda s: s.table[_distance(s) + _length(s) - 1].sum(-1).expand_as(s.scores),
            "the query is matched with it: q_i · r_(i−j)",
        ),
    ),
    Step(
        "answer",
        lambda s: (s.scores + s.nearness) / math.sqrt(s.q.size(-1)),
        Wrong("no scaling", lambda s: s.scores + s.nearness, "divide the sum by √d"),
        Wrong(
            "the distances are not scaled",
            lambda s: s.scores / math.sqrt(s.q.size(-1)) + s.nearness,
            "divide the sum by √d",
        ),
        Wrong(
            "only the distances are scaled",
            lambda s: s.scores + s.nearness / math.sqrt(s.q.size(-1)),
            "divide the sum by √d",
        ),
        Wrong("divided by d", lambda s: (s.scores + s.nearness) / s.q.size(-1), "divide the sum by √d"),
        Wrong(
            "the distances are subtracted",
            lambda s: (s.scores - s.nearness) / math.sqrt(s.q.size(-1)),
            "q · k and q · r are added",
        ),
        Wrong(
            "the distances are multiplied",
            lambda s: s.scores * s.nearness / math.sqrt(s.q.size(-1)),
            "q · k and q · r are added",
        ),
        Wrong(
            "a softmax is taken",
            lambda s: ((s.scores + s.nearness) / math.sqrt(s.q.size(-1))).softmax(-1),
            "the scores are wanted",
        ),
    ),
)


# right, each in another way


def by_loops(q, k, table):
    out, length = torch.zeros(q.size(0), q.size(1), k.size(1)), (len(table) + 1) // 2
    for i in range(q.size(1)):
        for j in range(k.size(1)):
            distance = i + k.size(1) - q.size(1) - j
            out[:, i, j] = (q[:, i] * (k[:, j] + table[distance + length - 1])).sum(-1) / math.sqrt(q.size(-1))
    return out


def by_gathering(q, k, table):
    """Every query meets every distance; each pair takes its own."""
    length, (i, j) = (len(table) + 1) // 2, (q.size(1), k.size(1))
    which = torch.arange(j - i, j)[:, None] - torch.arange(j) + length - 1
    near = (q @ table.T).gather(2, which.expand(len(q), -1, -1))
    return (torch.bmm(q, k.transpose(1, 2)) + near) * q.size(-1) ** -0.5


def by_embedding(q, k, table):
    j = k.shape[1]
    which = (torch.arange(j)[:, None] - torch.arange(j)[None, :])[-q.shape[1] :] + len(table) // 2
    pairs = k[:, None] + F.embedding(which, table)
    return (q[:, :, None] * pairs).sum(-1) / math.sqrt(q.shape[-1])


def by_slices(q, k, table):
    """Row i reads a stretch of the table, backwards."""
    i, j, middle = q.size(1), k.size(1), len(table) // 2
    rows = []
    for row in range(i):
        at = j - i + row
        stretch = table[middle + at - j + 1 : middle + at + 1].flip(0)
        rows.append(torch.einsum("bd,bjd->bj", q[:, row], k + stretch))
    return torch.stack(rows, 1) / math.sqrt(q.size(-1))


def by_flipping(q, k, table):
    length = (len(table) + 1) // 2
    ahead = torch.arange(k.size(1)) - torch.arange(k.size(1) - q.size(1), k.size(1))[:, None]  # j − i
    near = torch.einsum("bid,ijd->bij", q, table.flip(0)[ahead + length - 1])
    return torch.add(q @ k.mT, near).div(math.sqrt(q.size(-1)))


def by_scaling_first(q, k, table):
    return by_gathering(q / math.sqrt(q.size(-1)), k, table) * math.sqrt(q.size(-1))


def by_doubles(q, k, table):
    return by_embedding(q.double(), k.double(), table.double()).float()


def _shifted(function, case: Case) -> str:
    """Who stands at the same distance gets the same score, wherever both stand."""
    q, k, table = case.arguments
    if q.size(1) < 2:
        return ""
    out = function(torch.ones_like(q), torch.zeros_like(k), table)
    away = (out[:, 1:, 1:] - out[:, :-1, :-1]).abs().max()
    return (
        f"Two words side by side must get one vector wherever they stand; yours differ by {number(away)}."
        if away > 1e-4
        else ""
    )


EXERCISE = Exercise(
    name="bug-relative",
    cases=cases,
    key=key,
    switchboard=BOARD,
    stages=(Stage("scores"), Stage("nearness"), Stage("answer", ("scores", "nearness"))),
    mistakes=BOARD.mistakes,
    right=(by_loops, by_gathering, by_embedding, by_slices, by_flipping, by_scaling_first, by_doubles),
    properties=(Property("the same distance, the same score", _shifted),),
    learned=(0, 1, 2),
    axes=dict.fromkeys(("scores", "nearness", "answer"), "query key"),
    hints=(
        "Print `which` for three words: which pairs share a number, and are they equally far apart?",
        "A distance is a difference. It may be negative, and a row of a table may not: shift it by length − 1.",
        "which = asking[:, None] - places + length - 1; the clamp is not needed then, it only hid the bug.",
    ),
    explanation="A wrong index into a table raises nothing and learns something: test what must be the same (equal "
    "distances, here) rather than that it runs. Next: the same table, and a cache.",
)

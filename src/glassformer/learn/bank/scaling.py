"""q·kᵀ / √d: the scores before the softmax.  Its mistakes are those of attention up to there, and a few more."""

import math
from typing import Any

import torch
from torch import Tensor

from glassformer.learn.bank.attending import STAGES, Switches, attending
from glassformer.learn.bank.attending_roles import ALL
from glassformer.learn.bank.steps import apart
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Mistake, Property, Stages
from glassformer.learn.heard import heard
from glassformer.parts.attention import scaled_dot


def key(q: Tensor, k: Tensor) -> Stages:
    stages, scaled = heard(scaled_dot, q, k)
    return Stages(scores=stages["scores"], scaled=scaled)


def switchboard(q: Tensor, k: Tensor, **switches: Any) -> Stages:
    made = attending(q, k, k, None, Switches(**switches))
    return Stages(scores=made["scores"], scaled=made["scaled"])


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)
    return [
        Case((whole(draw, 1, 3, 4), whole(draw, 1, 3, 4)), "3 queries, 3 keys, 4 features"),
        Case((whole(draw, 2, 3, 9), whole(draw, 2, 5, 9)), "2 sentences, 3 queries, 5 keys, 9 features"),
        Case((drawn(draw, 3, 4, 6), drawn(draw, 3, 5, 6)), "4 queries, 5 keys, 6 features"),
        Case((drawn(draw, 2, 4, 64), drawn(draw, 2, 3, 64)), "64 features"),
    ]


def _scores(q: Tensor, k: Tensor) -> Tensor:
    return q @ k.mT


BARE = "only divide; the softmax is another step"
ROOT = "divide by √d, the root of the last size of q"


def _more(name: str, wrong: Any, repair: str = ROOT) -> Mistake:
    return Mistake(name, "scaled", apart("scaled", name, repair), wrong=wrong)


MORE = (
    _more("the softmax is taken too", lambda q, k: (_scores(q, k) / math.sqrt(q.size(-1))).softmax(-1), BARE),
    _more("softmax, and no scaling", lambda q, k: _scores(q, k).softmax(-1), f"{ROOT}, and leave the softmax away"),
    _more("scaled after the softmax", lambda q, k: _scores(q, k).softmax(-1) / math.sqrt(q.size(-1)), BARE),
    _more("the root of the score is taken", lambda q, k: _scores(q, k).abs().sqrt()),
    _more("√d is subtracted", lambda q, k: _scores(q, k) - math.sqrt(q.size(-1))),
    _more("always divided by 8", lambda q, k: _scores(q, k) / 8, f"{ROOT}: it is 8 only where d is 64"),
    _more("divided by the largest score", lambda q, k: _scores(q, k) / _scores(q, k).abs().amax(-1, keepdim=True)),
    _more("brought to spread 1", lambda q, k: _scores(q, k) / _scores(q, k).std()),
    _more("divided by the logarithm of d", lambda q, k: _scores(q, k) / math.log(q.size(-1))),
)
OTHERS = {
    "divided by the root of the batch",
    "scaled after the softmax",
    "values are matched with values",
    "queries are matched with values",
    "queries and values are exchanged",
    "keys and values are exchanged",
    "all three roles are turned round",
}
SHARED = tuple(m for m in ALL if m.stage in ("scores", "scaled") and m.name not in OTHERS)


# right, each in another way


def by_bmm(q, k):
    return torch.bmm(q, k.transpose(1, 2)) * q.shape[-1] ** -0.5


def by_einsum(q, k):
    return torch.einsum("bid,bjd->bij", q, k).div(math.sqrt(k.size(2)))


def by_loops(q, k):
    out = torch.zeros(q.size(0), q.size(1), k.size(1))
    for b in range(q.size(0)):
        for i in range(q.size(1)):
            for j in range(k.size(1)):
                out[b, i, j] = q[b, i].dot(k[b, j]) / math.sqrt(q.size(-1))
    return out


def by_scaling_queries(q, k):
    return (q / math.sqrt(q.size(-1))) @ k.mT


def by_scaling_both(q, k):
    root = q.size(-1) ** 0.25
    return (q / root) @ (k / root).mT


def by_broadcasting(q, k):
    return (q[:, :, None].double() * k[:, None]).sum(-1).float() / torch.tensor(q.size(-1)).sqrt()


def by_keys(q, k):
    return (k @ q.mT).mT / k.size(-1) ** 0.5


def _wide(function, case: Case) -> str:
    """Features written down twice: d doubles, the dot product doubles, the scaled score grows by √2."""
    q, k = case.arguments
    away = (function(torch.cat([q, q], -1), torch.cat([k, k], -1)) - math.sqrt(2) * function(q, k)).abs().max()
    said = f"With every feature written twice the scores must grow by √2; yours are {number(away)} off."
    return said if not away < 1e-3 else ""


EXERCISE = Exercise(
    name="scaling",
    cases=cases,
    key=key,
    switchboard=switchboard,
    stages=STAGES[:2],
    mistakes=(*SHARED, *MORE),
    right=(by_bmm, by_einsum, by_loops, by_scaling_queries, by_scaling_both, by_broadcasting, by_keys),
    properties=(Property("twice as wide, √2 as large", _wide),),
    learned=(0, 1),
    axes={"scores": "query key", "scaled": "query key"},
    hints=(
        "First all dot products at once, then one division.",
        "q @ k.transpose(-2, -1) has the dot product of query i and key j at [b, i, j].",
        "d is the size of the last axis: q.size(-1). math.sqrt takes its root.",
    ),
    explanation="Divided by √d, wide vectors score no larger than narrow ones; the softmax stays soft and can learn.",
)

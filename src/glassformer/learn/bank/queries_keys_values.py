"""x @ w.T three times: what a word looks for, what it is found by, what it gives."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Property, Stage, Stages
from glassformer.parts.kernels.linear import Linear


def _linear(x: Tensor, weight: Tensor) -> Tensor:
    """The projection of `Attention`, without a bias."""
    linear = Linear(weight.size(1), weight.size(0))
    return torch.func.functional_call(linear, {"weight": weight, "bias": torch.zeros(weight.size(0))}, (x,))


def key(x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor) -> Stages:
    q, k, v = (_linear(x, weight) for weight in (wq, wk, wv))
    return Stages(q=q, k=k, v=v, answer=(q, k, v))


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(make: Callable, batch: int, words: int, width: int, out: tuple[int, int], about: str) -> Case:
        weights = (make(draw, size, width) for size in (out[0], *out))
        return Case((make(draw, batch, words, width), *weights), about)

    return [
        one(whole, 1, 3, 4, (4, 4), "3 words, 4 features in and out"),
        one(whole, 2, 3, 4, (4, 4), "2 sentences of 3 words, 4 features in and out"),
        one(drawn, 2, 4, 5, (5, 5), "2 sentences of 4 words, 5 features in and out"),
        one(drawn, 2, 4, 6, (3, 5), "6 features in, 3 out, 5 in a value"),
        one(drawn, 3, 5, 4, (6, 2), "4 features in, 6 out, 2 in a value"),
    ]


LINEAR = "apply a matrix as nn.Linear does: x @ w.T"
OWN = "each of q, k and v has a matrix of its own, and reads x"
ORDER = "give back q, k, v in that order"


def _plain(role: str) -> Callable:
    return lambda s: s.x @ vars(s)[f"w{role}"].T


def _step(role: str) -> Step:
    own = f"w{role}"
    others = {"q": "kv", "k": "qv", "v": "qk"}[role]
    return Step(
        role,
        _plain(role),
        Wrong(f"{own} is applied the wrong way round", lambda s: s.x @ vars(s)[own], LINEAR, f"{role} is x @ {own}"),
        *(
            Wrong(f"{role} uses the matrix of {other}", _plain(other), OWN, f"{role} is made with w{other}")
            for other in others
        ),
        Wrong(f"{role} is x itself", lambda s: s.x, OWN),
        Wrong(f"a relu is in {role}", lambda s: _plain(role)(s).relu(), "only the matrix: no non-linearity"),
        Wrong(f"softmax of {role}", lambda s: _plain(role)(s).softmax(-1), "the softmax comes later, of the scores"),
        Wrong(f"{role} is brought to length 1", lambda s: F.normalize(_plain(role)(s), dim=-1), "only the matrix"),
        Wrong(f"{role} is given back turned", lambda s: _plain(role)(s).mT, "words stay the rows: (b, n, d)"),
        Wrong(f"{own} is multiplied feature by feature", lambda s: s.x * vars(s)[own].sum(-1), LINEAR),
        Wrong(
            f"{role} is divided by √d",
            lambda s: _plain(role)(s) / s.wq.size(0) ** 0.5,
            "it is the scores that are divided, later",
        ),
        Wrong(f"x is added to {role}", lambda s: _plain(role)(s) + s.x, "only the matrix"),
    )


BOARD = Board(
    "x wq wk wv",
    *map(_step, "qkv"),
    Step(
        "answer",
        lambda s: (s.q, s.k, s.v),
        Wrong("queries and keys are exchanged", lambda s: (s.k, s.q, s.v), ORDER),
        Wrong("keys and values are exchanged", lambda s: (s.q, s.v, s.k), ORDER),
        Wrong("queries and values are exchanged", lambda s: (s.v, s.k, s.q), ORDER),
        Wrong("given back as k, v, q", lambda s: (s.k, s.v, s.q), ORDER),
        Wrong("given back as v, q, k", lambda s: (s.v, s.q, s.k), ORDER),
        Wrong("k is made of q", lambda s: (s.q, s.q @ s.wk.T, s.v), OWN),
        Wrong("v is made of k", lambda s: (s.q, s.k, s.k @ s.wv.T), OWN),
        Wrong("v is made of q", lambda s: (s.q, s.k, s.q @ s.wv.T), OWN),
    ),
)


def _all(does: Callable[[str], Callable]) -> dict[str, Any]:
    return {role: does(role) for role in "qkv"}


MORE = (
    BOARD.across(
        "each is made of the one before",
        OWN,
        "k is made of q, and v of k",
        k=lambda s: s.q @ s.wk.T,
        v=lambda s: s.k @ s.wv.T,
    ),
    BOARD.across(
        "all matrices are applied the wrong way round",
        LINEAR,
        "q is x @ wq, and so are the others",
        **_all(lambda role: lambda s: s.x @ vars(s)[f"w{role}"]),
    ),
    BOARD.across("nothing is projected", OWN, "all three are x itself", **_all(lambda _: lambda s: s.x)),
    *(BOARD.across(f"w{one} for all three", OWN, **_all(lambda _, one=one: _plain(one))) for one in "qkv"),
    BOARD.across("a relu is in all three", "no non-linearity", **_all(lambda role: lambda s: _plain(role)(s).relu())),
    BOARD.across(
        "all three are given back turned",
        "words stay the rows: (b, n, d)",
        **_all(lambda role: lambda s: _plain(role)(s).mT),
    ),
    BOARD.across(
        "only the first sentence is read",
        "keep the batch: x @ w.T does it for every sentence",
        **_all(lambda role: lambda s: _plain(role)(s)[:1].expand(len(s.x), -1, -1)),
    ),
    BOARD.across(
        "the words are averaged first",
        "every word has a query, key and value of its own",
        **_all(lambda role: lambda s: _plain(role)(s).mean(1, keepdim=True)),
    ),
)


# right, each in another way


def by_linear(x, wq, wk, wv):
    return F.linear(x, wq), F.linear(x, wk), F.linear(x, wv)


def by_einsum(x, wq, wk, wv):
    return tuple(torch.einsum("bnw,dw->bnd", x, w) for w in (wq, wk, wv))


def by_one_matrix(x, wq, wk, wv):
    return (x @ torch.cat([wq, wk, wv]).T).split([len(wq), len(wk), len(wv)], dim=-1)


def by_modules(x, wq, wk, wv):
    made = []
    for weight in (wq, wk, wv):
        linear = torch.nn.Linear(weight.size(1), weight.size(0), bias=False)
        linear.weight = torch.nn.Parameter(weight)
        made.append(linear(x))
    return made[0], made[1], made[2]


def by_loops(x, wq, wk, wv):
    made = []
    for weight in (wq, wk, wv):
        out = torch.zeros(*x.shape[:2], len(weight))
        for b in range(x.size(0)):
            for n in range(x.size(1)):
                for f in range(len(weight)):
                    out[b, n, f] = (weight[f] * x[b, n]).sum()
        made.append(out)
    return tuple(made)


def by_columns(x, wq, wk, wv):
    return tuple((w @ x.mT).mT for w in (wq, wk, wv))


def by_doubles(x, wq, wk, wv):
    q, k, v = (torch.matmul(x.double(), w.double().transpose(0, 1)).float() for w in (wq, wk, wv))
    return q, k, v


def _linearly(function, case: Case) -> str:
    x, *weights = case.arguments
    away = max(
        float((a - 2 * b).abs().max()) for a, b in zip(function(2 * x, *weights), function(x, *weights), strict=True)
    )
    return f"A projection of 2·x is twice that of x; yours is {number(away)} off." if not away < 1e-3 else ""


EXERCISE = Exercise(
    name="queries-keys-values",
    cases=cases,
    key=key,
    switchboard=BOARD,
    stages=(Stage("q"), Stage("k"), Stage("v"), Stage("answer", ("q", "k", "v"))),
    mistakes=(*MORE, *BOARD.mistakes),
    right=(by_linear, by_einsum, by_one_matrix, by_modules, by_loops, by_columns, by_doubles),
    properties=(Property("twice as much in, twice as much out", _linearly),),
    axes=dict.fromkeys("qkv", "word feature"),
    hints=(
        "Three projections of the same x, each with its own matrix.",
        "A matrix is (out, in), so it has to be turned: x @ w.T, or torch.nn.functional.linear(x, w).",
        "return x @ wq.T, x @ wk.T, x @ wv.T",
    ),
    explanation="A word may now look for something else than it is: who matches whom, and what is given, are learned.",
)

"""The mean over real pieces, then a linear map: one vector of logits a sentence."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Property, Stage, Stages
from glassformer.parts import pool
from glassformer.parts.kernels.linear import Linear


def key(x: Tensor, real: Tensor, weight: Tensor, bias: Tensor) -> Stages:
    pooled = pool.mean(x, real)
    head = Linear(weight.size(1), weight.size(0))
    logits = torch.func.functional_call(head, {"weight": weight, "bias": bias}, (pooled,))
    return Stages(total=pooled * _count(real), pooled=pooled, logits=logits)


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(make: Callable, lengths: list[int], n: int, w: int, c: int, about: str) -> Case:
        real = torch.arange(n) < torch.tensor(lengths)[:, None]
        return Case((make(draw, len(lengths), n, w), real, make(draw, c, w), make(draw, c) + 0.5), about)

    scattered = one(drawn, [5, 5], 5, 4, 3, "padding in the middle")
    scattered.arguments[1][0, 1] = scattered.arguments[1][1, 2] = scattered.arguments[1][1, 4] = False
    return [
        one(whole, [2, 4], 4, 3, 2, "2 sentences, of 2 and of 4 pieces, 3 features, 2 classes"),
        one(whole, [3, 1], 5, 4, 3, "2 sentences, of 3 and of 1 pieces, and padding"),
        one(drawn, [4, 2, 3], 6, 5, 5, "as many classes as features"),
        one(drawn, [3, 5], 5, 4, 4, "2 sentences, 4 features, 4 classes"),
        one(drawn, [1, 6, 3], 7, 4, 2, "3 sentences, of 1, 6 and 3 pieces"),
        scattered,
        one(drawn, [4, 4], 4, 6, 3, "no padding"),
    ]


def _count(real: Tensor) -> Tensor:
    return real.sum(1, keepdim=True)


def _total(s) -> Tensor:
    return (s.x * s.real[..., None]).sum(1)


def _padding_only(s) -> Tensor:
    return (s.x * ~s.real[..., None]).sum(1)


def _mean(s) -> Tensor:
    return _total(s) / _count(s.real)


def _last(s) -> Tensor:
    numbered = s.real * torch.arange(1, s.real.size(1) + 1)
    return s.x[torch.arange(len(s.x)), numbered.argmax(1)]


REAL = "add up the real pieces only and divide by how many they are: real.sum(dim=1, keepdim=True)"
LINEAR = "the logits are pooled @ weight.T + bias, and nothing behind it"

BOARD = Board(
    "x real weight bias",
    Step(
        "total",
        _total,
        Wrong("padding counts in the sum", lambda s: s.x.sum(1), REAL),
        Wrong("the padding is added up", _padding_only, REAL, rare=True),
    ),
    Step(
        "pooled",
        lambda s: s.total / _count(s.real),
        Wrong("padding counts in the mean", lambda s: s.x.mean(1), REAL),
        Wrong("divided by all positions", lambda s: s.total / s.real.size(1), REAL, "padding counts as how many"),
        Wrong("the sum is not divided", lambda s: s.total, REAL),
        Wrong("multiplied by how many there are", lambda s: s.total * _count(s.real), REAL),
        Wrong("divided by the real pieces of the whole batch", lambda s: s.total / s.real.sum(), REAL),
        Wrong("the largest instead of the mean", lambda s: s.x.masked_fill(~s.real[..., None], -1e9).amax(1), REAL),
        Wrong("the largest instead of the mean", lambda s: s.x.amax(1), REAL),
        Wrong("the largest, padding counted as 0", lambda s: (s.x * s.real[..., None]).amax(1), REAL),
        Wrong("only the first piece", lambda s: s.x[:, 0], REAL),
        Wrong("only the last position", lambda s: s.x[:, -1], REAL),
        Wrong("only the last real piece", _last, REAL),
        Wrong("divided by one more", lambda s: s.total / (_count(s.real) + 1), REAL),
        Wrong("divided by one less", lambda s: s.total / (_count(s.real) - 1).clamp(min=1), REAL, rare=True),
        Wrong("divided by the root", lambda s: s.total / _count(s.real).sqrt(), REAL),
        Wrong("one sentence's mean for all", lambda s: _mean(s)[:1].expand(len(s.x), -1), REAL),
        Wrong("the mean over the batch too", lambda s: _mean(s).mean(0, keepdim=True).expand(len(s.x), -1), REAL),
        Wrong("brought to length 1", lambda s: F.normalize(_mean(s), dim=-1), REAL),
        Wrong("tanh of the mean", lambda s: _mean(s).tanh(), "hand the mean on as it is"),
        Wrong("relu of the mean", lambda s: _mean(s).relu(), "hand the mean on as it is"),
    ),
    Step(
        "logits",
        lambda s: s.pooled @ s.weight.T + s.bias,
        Wrong("there is no linear map", lambda s: s.pooled, LINEAR, "the mean is given back as it is"),
        Wrong("the bias is missing", lambda s: s.pooled @ s.weight.T, LINEAR),
        Wrong("the bias is subtracted", lambda s: s.pooled @ s.weight.T - s.bias, LINEAR),
        Wrong("the bias is added twice", lambda s: s.pooled @ s.weight.T + 2 * s.bias, LINEAR, rare=True),
        Wrong("the weight is applied the wrong way round", lambda s: s.pooled @ s.weight + s.bias, LINEAR),
        Wrong("softmax of the logits", lambda s: (s.pooled @ s.weight.T + s.bias).softmax(-1), LINEAR),
        Wrong("softmax over the sentences", lambda s: (s.pooled @ s.weight.T + s.bias).softmax(0), LINEAR),
        Wrong("log-softmax of the logits", lambda s: (s.pooled @ s.weight.T + s.bias).log_softmax(-1), LINEAR),
        Wrong("sigmoid of the logits", lambda s: (s.pooled @ s.weight.T + s.bias).sigmoid(), LINEAR),
        Wrong("relu of the logits", lambda s: (s.pooled @ s.weight.T + s.bias).relu(), LINEAR),
        Wrong("tanh of the logits", lambda s: (s.pooled @ s.weight.T + s.bias).tanh(), LINEAR),
        Wrong(
            "the bias once for every piece",
            lambda s: s.pooled @ s.weight.T + s.bias * _count(s.real),
            "add the bias once, to the logits of the sentence",
        ),
        Wrong(
            "the bias is divided with the sum",
            lambda s: s.pooled @ s.weight.T + s.bias / _count(s.real),
            "add the bias once, to the logits of the sentence",
        ),
    ),
)
MORE = (
    BOARD.across("the mask is turned round", REAL, total=_padding_only, pooled=lambda s: s.total / _count(~s.real)),
    BOARD.across("the sum of everything", REAL, total=lambda s: s.x.sum(1), pooled=lambda s: s.total),
    BOARD.across(
        "linear first, and padding counts",
        REAL,
        pooled=lambda s: s.total / s.real.size(1),
        logits=lambda s: s.pooled @ s.weight.T + s.bias * _count(s.real) / s.real.size(1),
    ),
    BOARD.across(
        "the logits of all pieces are added up",
        REAL,
        pooled=lambda s: s.total,
        logits=lambda s: s.pooled @ s.weight.T + s.bias * _count(s.real),
    ),
)


# right, each in another way


def by_linear(x, real, weight, bias):
    return F.linear((x * real.unsqueeze(-1)).sum(1) / real.sum(1).unsqueeze(-1), weight, bias)


def by_loops(x, real, weight, bias):
    rows = []
    for b in range(x.size(0)):
        total, count = torch.zeros(x.size(2)), 0
        for i in range(x.size(1)):
            if real[b, i]:
                total, count = total + x[b, i], count + 1
        rows.append(torch.stack([weight[c].dot(total / count) + bias[c] for c in range(len(bias))]))
    return torch.stack(rows)


def by_choosing(x, real, weight, bias):
    return torch.stack([weight @ x[b][real[b]].mean(0) + bias for b in range(len(x))])


def by_einsum(x, real, weight, bias):
    shares = real.float() / real.float().sum(-1, keepdim=True)
    return torch.einsum("bn,bnw,cw->bc", shares, x, weight) + bias


def by_linear_first(x, real, weight, bias):
    logits = F.linear(x, weight, bias).masked_fill(~real[..., None], 0.0)
    return logits.sum(1) / real.sum(1, keepdim=True)


def by_attention(x, real, weight, bias):
    shares = torch.zeros(real.shape).masked_fill(~real, -torch.inf).softmax(-1)
    return (shares[:, None] @ x)[:, 0] @ weight.t() + bias


def by_doubles(x, real, weight, bias):
    kept = torch.where(real[..., None], x.double(), torch.nan)
    return torch.addmm(bias.double(), kept.nanmean(1), weight.double().T).float()


def _padding(function, case: Case) -> str:
    x, real, *more = case.arguments
    away = (function(x.masked_fill(~real[..., None], 7.0), real, *more) - function(*case.arguments)).abs().max()
    return f"What stands in padding must not matter; yours changes by {number(away)}." if away > 1e-3 else ""


def _order(function, case: Case) -> str:
    x, real, *more = case.arguments
    away = (function(x.flip(1), real.flip(1), *more) - function(*case.arguments)).abs().max()
    return f"A mean does not ask for the order of the pieces; yours changes by {number(away)}." if away > 1e-3 else ""


EXERCISE = Exercise(
    name="classifier",
    cases=cases,
    key=key,
    switchboard=BOARD,
    stages=(Stage("total"), Stage("pooled", ("total",)), Stage("logits", ("pooled",))),
    mistakes=(*BOARD.mistakes, *MORE),
    right=(by_linear, by_loops, by_choosing, by_einsum, by_linear_first, by_attention, by_doubles),
    properties=(Property("padding does not matter", _padding), Property("in any order", _order)),
    learned=(0, 2, 3),
    axes={"total": "sentence feature", "pooled": "sentence feature", "logits": "sentence class"},
    hints=(
        "Two steps: from (b, n, w) to one vector a sentence (b, w), then from there to (b, c).",
        "x * real[..., None] makes padding zero; the sum over dim=1 is divided by real.sum(dim=1, keepdim=True).",
        "return pooled @ weight.T + bias: logits, so no softmax; the loss takes care of it.",
    ),
    explanation="One vector speaks for the whole sentence, and padding has no say in it, however long the batch.",
)

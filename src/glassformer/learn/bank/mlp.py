"""Out, relu, back: each position on its own."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Mistake, Property, Stage, Stages
from glassformer.learn.heard import heard
from glassformer.parts.block import MLP


def key(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Stages:
    part = MLP(x.size(-1), len(b1))
    given = {"inward.weight": w1, "inward.bias": b1, "outward.weight": w2, "outward.bias": b2}
    stages, output = heard(lambda: functional_call(part, given, (x,)))
    return Stages(hidden=stages["hidden"], output=output)


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(make: Callable, batch: int, words: int, width: int, hidden: int, about: str) -> Case:
        shapes = ((batch, words, width), (hidden, width), (hidden,), (width, hidden), (width,))
        return Case(tuple(make(draw, *shape) for shape in shapes), about)

    return [
        one(whole, 1, 2, 3, 5, "2 words, width 3, hidden 5"),
        one(whole, 2, 3, 4, 6, "2 sentences, 3 words, width 4, hidden 6"),
        one(drawn, 2, 4, 5, 5, "hidden as wide as the words"),
        one(drawn, 3, 4, 5, 12, "3 sentences, 4 words, width 5, hidden 12"),
        one(drawn, 2, 3, 6, 24, "2 sentences, 3 words, width 6, hidden 24"),
    ]


def _out(s) -> Tensor:
    return s.x @ s.w1.T + s.b1


LINEAR = "the way out is x @ w1.T + b1, as nn.Linear does it"
RELU = "between the two matrices every negative number becomes 0: .relu()"
BACK = "the way back is hidden @ w2.T + b2, and nothing after it"
ALONE = "each word is worked on alone"

BOARD = Board(
    "x w1 b1 w2 b2",
    Step(
        "inward",
        _out,
        Wrong("the first bias is missing", lambda s: s.x @ s.w1.T, LINEAR),
        Wrong("the first bias is subtracted", lambda s: s.x @ s.w1.T - s.b1, LINEAR),
        Wrong("the first bias comes twice", lambda s: _out(s) + s.b1, LINEAR),
        Wrong("the first bias is added to x", lambda s: (s.x + s.b1) @ s.w1.T, LINEAR),
        Wrong("the second bias on the way out", lambda s: s.x @ s.w1.T + s.b2, LINEAR),
        Wrong("w2 on the way out", lambda s: s.x @ s.w2 + s.b1, LINEAR),
        Wrong("w1 is applied the wrong way round", lambda s: s.x @ s.w1 + s.b1, LINEAR),
        Wrong("a relu before the first matrix", lambda s: s.x.relu() @ s.w1.T + s.b1, RELU),
        Wrong("x is normalised first", lambda s: F.layer_norm(s.x, s.x.shape[-1:]) @ s.w1.T + s.b1, "leave x as it is"),
        Wrong("the words are averaged first", lambda s: _out(s).mean(1, True).expand_as(_out(s)), ALONE),
        hidden=True,
    ),
    Step(
        "hidden",
        lambda s: s.inward.relu(),
        Wrong(
            "no relu", lambda s: s.inward, RELU, "nothing stands between the two matrices, so they are no more than one"
        ),
        Wrong("the positive numbers become 0", lambda s: s.inward.clamp(max=0), RELU),
        Wrong("the signs are lost", lambda s: s.inward.abs(), RELU, "negative numbers become positive"),
        Wrong("gelu instead of relu", lambda s: F.gelu(s.inward), RELU),
        Wrong("gelu instead of relu", lambda s: F.gelu(s.inward, approximate="tanh"), RELU, "gelu, approximated"),
        Wrong("silu instead of relu", lambda s: F.silu(s.inward), RELU),
        Wrong("elu instead of relu", lambda s: F.elu(s.inward), RELU),
        Wrong("softplus instead of relu", lambda s: F.softplus(s.inward), RELU),
        Wrong("a leaky relu", lambda s: F.leaky_relu(s.inward), RELU),
        Wrong("a leaky relu", lambda s: F.leaky_relu(s.inward, 0.1), RELU),
        Wrong("tanh instead of relu", lambda s: s.inward.tanh(), RELU),
        Wrong("sigmoid instead of relu", lambda s: s.inward.sigmoid(), RELU),
        Wrong("softmax instead of relu", lambda s: s.inward.softmax(-1), RELU),
        Wrong("the relu stops at 6", lambda s: s.inward.clamp(0, 6), RELU),
        Wrong("the relu stops at 1", lambda s: s.inward.clamp(0, 1), RELU),
        Wrong("the relu is squared", lambda s: s.inward.relu().square(), RELU),
        Wrong("ones and zeros instead of relu", lambda s: (s.inward > 0).to(s.x.dtype), RELU),
        Wrong("at least 1 instead of at least 0", lambda s: s.inward.clamp(min=1), RELU),
        Wrong("the first bias after the relu", lambda s: (s.inward - s.b1).relu() + s.b1, f"{LINEAR}; relu after"),
    ),
    Step(
        "output",
        lambda s: s.hidden @ s.w2.T + s.b2,
        Wrong("the second bias is missing", lambda s: s.hidden @ s.w2.T, BACK),
        Wrong("the second bias is subtracted", lambda s: s.hidden @ s.w2.T - s.b2, BACK),
        Wrong("the first bias on the way back", lambda s: s.hidden @ s.w2.T + s.b1, BACK),
        Wrong("w1 on the way back", lambda s: s.hidden @ s.w1 + s.b2, BACK, "w1 is used on both ways"),
        Wrong("w2 is applied the wrong way round", lambda s: s.hidden @ s.w2 + s.b2, BACK),
        Wrong("a relu at the end too", lambda s: (s.hidden @ s.w2.T + s.b2).relu(), BACK),
        Wrong("softmax of the answer", lambda s: (s.hidden @ s.w2.T + s.b2).softmax(-1), BACK),
        Wrong("x is added", lambda s: s.hidden @ s.w2.T + s.b2 + s.x, "adding x belongs to the block, not to the MLP"),
        Wrong(
            "x is added, and all is normalised",
            lambda s: F.layer_norm(s.hidden @ s.w2.T + s.b2 + s.x, s.x.shape[-1:]),
            "adding and normalising belong to the block, not to the MLP",
        ),
        Wrong("the answer is normalised", lambda s: F.layer_norm(s.hidden @ s.w2.T + s.b2, s.x.shape[-1:]), BACK),
        Wrong("hidden is given back", lambda s: s.hidden, BACK, "the way back is missing"),
        Wrong("divided by the hidden width", lambda s: s.hidden @ s.w2.T / s.hidden.size(-1) + s.b2, BACK),
        Wrong("the words are averaged", lambda s: (s.hidden @ s.w2.T + s.b2).mean(1), ALONE),
        Wrong("the words are summed", lambda s: (s.hidden @ s.w2.T + s.b2).sum(1), ALONE),
    ),
)

MORE = (
    BOARD.across(
        "both biases are missing",
        f"{LINEAR}; {BACK}",
        inward=lambda s: s.x @ s.w1.T,
        output=lambda s: s.hidden @ s.w2.T,
    ),
    BOARD.across(
        "the relu comes at the end, not between",
        RELU,
        hidden=lambda s: s.inward,
        output=lambda s: (s.hidden @ s.w2.T + s.b2).relu(),
    ),
    BOARD.across(
        "the two matrices are exchanged",
        f"{LINEAR}; {BACK}",
        inward=lambda s: s.x @ s.w2 + s.b1,
        output=lambda s: s.hidden @ s.w1 + s.b2,
    ),
    Mistake(
        "hidden is detached",
        "hidden",
        "the numbers are right, but no gradient goes through hidden: drop .detach() or no_grad.",
        wrong=lambda x, w1, b1, w2, b2: (x @ w1.T + b1).relu().detach() @ w2.T + b2,
        gradients=True,
    ),
)


# right, each in another way


def by_linear(x, w1, b1, w2, b2):
    return F.linear(F.relu(F.linear(x, w1, b1)), w2, b2)


def by_einsum(x, w1, b1, w2, b2):
    hidden = torch.clamp(torch.einsum("bnw,mw->bnm", x, w1) + b1, min=0)
    return torch.einsum("bnm,wm->bnw", hidden, w2) + b2


def by_modules(x, w1, b1, w2, b2):
    made = torch.nn.Sequential(torch.nn.Linear(*w1.T.shape), torch.nn.ReLU(), torch.nn.Linear(*w2.T.shape))
    return functional_call(made, {"0.weight": w1, "0.bias": b1, "2.weight": w2, "2.bias": b2}, (x,))


def by_words(x, w1, b1, w2, b2):
    out = torch.zeros_like(x)
    for b in range(x.size(0)):
        for n in range(x.size(1)):
            hidden = torch.maximum(w1 @ x[b, n] + b1, torch.tensor(0.0))
            out[b, n] = w2 @ hidden + b2
    return out


def by_where(x, w1, b1, w2, b2):
    inward = torch.matmul(x, w1.mT).add(b1)
    return torch.where(inward > 0, inward, torch.zeros_like(inward)).matmul(w2.mT).add(b2)


def by_doubles(x, w1, b1, w2, b2):
    inward = x.double() @ w1.double().T + b1
    return (((inward + inward.abs()) / 2) @ w2.double().T + b2).float()


def by_features(x, w1, b1, w2, b2):
    """One hidden feature after the other."""
    total = b2.expand_as(x)
    for m in range(len(b1)):
        total = total + ((x * w1[m]).sum(-1, keepdim=True) + b1[m]).relu() * w2[:, m]
    return total


def _alone(function, case: Case) -> str:
    x, *weights = case.arguments
    away = (function(x[:, :1], *weights) - function(x, *weights)[:, :1]).abs().max()
    return f"A word's answer must not depend on the others; yours changes by {number(away)}." if away > 1e-4 else ""


def _zero(function, case: Case) -> str:
    x, w1, b1, w2, b2 = case.arguments
    away = (function(x, torch.zeros_like(w1), torch.zeros_like(b1), w2, b2) - b2).abs().max()
    return f"Where w1 and b1 are 0, b2 is left; yours is {number(away)} away from it." if away > 1e-4 else ""


EXERCISE = Exercise(
    name="mlp",
    cases=cases,
    key=key,
    switchboard=BOARD,
    stages=(Stage("hidden"), Stage("output", ("hidden",))),
    mistakes=(*MORE, *BOARD.mistakes),
    right=(by_linear, by_einsum, by_modules, by_words, by_where, by_doubles, by_features),
    properties=(Property("words stay apart", _alone), Property("nothing in, b2 out", _zero)),
    learned=(0, 1, 2, 3, 4),
    axes={"hidden": "word hidden", "output": "word feature"},
    hints=(
        "Three steps: a linear layer, relu, another linear layer.",
        "A linear layer is x @ w.T + b: the matrix is (out, in).",
        "hidden = (x @ w1.T + b1).relu(), then the same way back with w2 and b2, without a relu.",
    ),
    explanation="Attention moves things between words, the MLP changes each alone. A block is one after the other.",
)

"""What both kinds of block are asked: a stream x, an attention, an MLP and a norm for each."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Property, Stage
from glassformer.learn.heard import heard
from glassformer.parts.attention import Attention, Memory
from glassformer.parts.block import MLP, Block
from glassformer.parts.mask import Mask

Function = Callable[[Tensor], Tensor]
STAGES = (
    Stage("attended"),
    Stage("between", ("attended",)),
    Stage("changed", ("between",)),
    Stage("stream", ("changed",)),
)
AXES = dict.fromkeys(("attended", "between", "changed", "stream"), "word feature")


class _Given(nn.Module):
    """A function of the case in the place of a part."""

    def __init__(self, function: Function):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor, mask: Mask = None, memory: Memory | None = None) -> Tensor:
        return self.function(x)


def through(kind: type[Block], x: Tensor, *functions: Function) -> tuple[Tensor, Tensor]:
    """The stream between attention and MLP, and behind both.  functions: attention, attention_norm, mlp, mlp_norm."""
    block = kind(Attention(x.size(-1), 1), MLP(x.size(-1), 1))
    for name, function in zip(("attention", "attention_norm", "mlp", "mlp_norm"), functions, strict=True):
        setattr(block, name, _Given(function))
    stages, stream = heard(block, x)
    return stages["between"], stream


def norm(gain: Tensor, shift: Tensor) -> Function:
    return lambda x: F.layer_norm(x, gain.shape, gain, shift)


def looking(weight: Tensor, sharp: float) -> Function:
    """Every word looks at every word, at those that are like it more; sharp 0: at all alike."""
    return lambda x: (sharp * x @ x.mT).softmax(-1) @ x @ weight.T


def each(inward: Tensor, outward: Tensor, bias: Tensor) -> Function:
    return lambda x: (x @ inward.T + bias).relu() @ outward.T + bias.mean()


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(make: Callable, b: int, n: int, w: int, about: str, sharp: float = 0.3) -> Case:
        attention = looking(make(draw, w, w), sharp)
        mlp = each(make(draw, 2 * w, w), make(draw, w, 2 * w), 0.5 + make(draw, 2 * w))
        norms = [norm(1 + 0.5 * drawn(draw, w), drawn(draw, w)) for _ in range(2)]
        return Case((make(draw, b, n, w), attention, norms[0], mlp, norms[1]), about)

    return [
        one(partial(whole, most=3), 1, 2, 4, "2 words, 4 features, everybody looks at all alike", 0.0),
        one(whole, 2, 3, 4, "2 sentences, 3 words, 4 features"),
        one(drawn, 2, 3, 5, "2 sentences, 3 words, 5 features"),
        one(drawn, 3, 4, 6, "3 sentences, 4 words, 6 features"),
    ]


def _silent(x: Tensor) -> Tensor:
    return torch.zeros_like(x)


def silent(right: Callable[[Tensor, Function, Function], Tensor], says: str) -> Property:
    """With an attention and an MLP that say nothing, only x and the norms are left."""

    def broken(function, case: Case) -> str:
        x, _, first, _, second = case.arguments
        away = (function(x, _silent, first, _silent, second) - right(x, first, second)).abs().max()
        return f"{says}; yours is {number(away)} off." if away > 1e-3 else ""

    return Property("where attention and MLP say nothing", broken)

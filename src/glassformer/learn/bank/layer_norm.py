"""gain · (x − mean) / √(variance + ε) + shift, over the features of each position."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.layer_norm_switches import MISTAKES, switchboard
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Property, Stage, Stages
from glassformer.learn.heard import heard
from glassformer.learn.modules import norms
from glassformer.parts.block import layer_norm


def key(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Stages:
    stages, out = heard(layer_norm, x, gain, shift, epsilon)
    centred = stages["centred"]
    between = {"mean": (x - centred)[..., :1], "centred": centred, "variance": centred.square().mean(-1, keepdim=True)}
    return Stages(between, normalised=stages["normalised"], output=out)


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(x: Tensor, epsilon: float, about: str) -> Case:
        gain, shift = 1 + 0.5 * drawn(draw, x.size(-1)), drawn(draw, x.size(-1))
        return Case((x, gain, shift, epsilon), about)

    plain = (torch.ones(4), torch.zeros(4), 1e-5)
    return [
        Case(
            (torch.tensor([[[1.0, 2.0, 3.0, 6.0], [0.0, 4.0, 4.0, 0.0]]]), *plain),
            "2 words, 4 features, gain 1, shift 0",
        ),
        one(whole(draw, 1, 3, 4, most=5) + 2 * torch.arange(4), 1e-5, "3 words, 4 features"),
        one(0.02 * drawn(draw, 2, 3, 6), 1e-3, "features that hardly differ"),
        one(5 + drawn(draw, 2, 4, 5), 0.5, "ε = 0.5"),
        one(0.5 * drawn(draw, 3, 5, 8) - 2, 0.1, "3 sentences, 5 words, 8 features, ε = 0.1"),
    ]


# right, each in another way


def by_moments(x, gain, shift, epsilon):
    mean = x.mean(-1, keepdim=True)
    variance = (x**2).mean(-1, keepdim=True) - mean**2
    return (x - mean) * torch.rsqrt(variance + epsilon) * gain + shift


def by_var(x, gain, shift, epsilon):
    return (
        gain * (x - x.mean(dim=-1, keepdim=True)) / torch.sqrt(x.var(dim=-1, keepdim=True, unbiased=False) + epsilon)
        + shift
    )


def by_kernel(x, gain, shift, epsilon):
    return F.layer_norm(x, (x.size(-1),), gain, shift, epsilon)


def by_loops(x, gain, shift, epsilon):
    out = torch.zeros_like(x)
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            row = x[b, i]
            mean = sum(row) / len(row)
            variance = sum((each - mean) ** 2 for each in row) / len(row)
            for f in range(len(row)):
                out[b, i, f] = (row[f] - mean) / (variance + epsilon) ** 0.5 * gain[f] + shift[f]
    return out


def by_doubles(x, gain, shift, epsilon):
    x = x.double()
    variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return ((x - mean) / (variance + epsilon).sqrt() * gain + shift).float()


def by_numbers(x, gain, shift, epsilon):
    rows = []
    for row in x.reshape(-1, x.shape[-1]).tolist():
        mean = sum(row) / len(row)
        root = math.sqrt(sum((a - mean) ** 2 for a in row) / len(row) + epsilon)
        rows.append([(a - mean) / root * g + s for a, g, s in zip(row, gain.tolist(), shift.tolist(), strict=True)])
    return torch.tensor(rows).view(x.shape)


def by_einsum(x, gain, shift, epsilon):
    w = x.size(-1)
    centred = x - torch.einsum("bnw->bn", x)[..., None] / w
    variance = torch.einsum("bnw,bnw->bn", centred, centred) / w
    return torch.addcmul(shift, centred / (variance + epsilon).pow(0.5)[..., None], gain)


def by_unbiased(x, gain, shift, epsilon):
    n = x.shape[-1]
    variance = x.var(-1, keepdim=True) * (n - 1) / n
    return torch.nn.functional.linear(
        (x - x.mean(-1, keepdim=True)) / (variance + epsilon).sqrt(), torch.diag(gain), shift
    )


def _centred(function, case: Case) -> str:
    x, gain, _, epsilon = case.arguments
    mean = function(x, torch.ones_like(gain), torch.zeros_like(gain), epsilon).mean(-1).abs().max()
    return f"With gain 1 and shift 0 each position has the mean 0; yours has {number(mean)}." if mean > 1e-3 else ""


def _unit(function, case: Case) -> str:
    x, gain, *_ = case.arguments
    out = function(x, torch.ones_like(gain), torch.zeros_like(gain), 0.0)
    away = out.var(-1, unbiased=False).flatten()
    worst = away[(away - 1).abs().argmax()]
    return (
        f"With ε 0, gain 1 and shift 0 each position has the variance 1; yours has {number(worst)}."
        if abs(worst - 1) > 1e-2
        else ""
    )


def _alone(function, case: Case) -> str:
    x, *more = case.arguments
    away = (function(x[:1, :1], *more) - function(x, *more)[:1, :1]).abs().max()
    return f"A position's answer must not depend on the others; yours changes by {number(away)}." if away > 1e-3 else ""


EXERCISE = Exercise(
    name="layer-norm",
    cases=cases,
    key=key,
    switchboard=switchboard,
    stages=(
        Stage("mean"),
        Stage("centred", ("mean",)),
        Stage("variance", ("mean",)),
        Stage("normalised", ("centred", "variance")),
        Stage("output", ("normalised",)),
    ),
    mistakes=MISTAKES,
    right=(by_moments, by_var, by_kernel, by_loops, by_doubles, by_numbers, by_einsum, by_unbiased),
    properties=(Property("mean 0", _centred), Property("variance 1", _unit), Property("positions do not meet", _alone)),
    module=norms,
    learned=(0, 1, 2),
    axes=dict.fromkeys(("mean", "centred", "normalised", "output"), "word feature"),
    hints=(
        "Each position on its own: x.mean(dim=-1, keepdim=True).",
        "The variance is the mean of the squared differences: x.var(dim=-1, keepdim=True, unbiased=False).",
        "ε stands under the root, beside the variance; gain and shift come last.",
    ),
    explanation="Every position is brought to mean 0 and variance 1, then to what has been learned: gain and shift.",
)

"""gain · (x − mean) / √(variance + ε) + shift, over the features of each position."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.words import drawing, drawn, first_row, number, numbers, whole
from glassformer.learn.exercise import Case, Evidence, Exercise, Mistake, Property, Stage, Stages
from glassformer.learn.heard import heard
from glassformer.learn.modules import norms
from glassformer.parts.block import layer_norm

AXES = {
    "features": (-1,),
    "positions": (-2,),
    "batch": (0,),
    "a sentence": (-2, -1),
    "everything": (-3, -2, -1),
    "batch and positions": (0, 1),
}


def key(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Stages:
    stages, out = heard(layer_norm, x, gain, shift, epsilon)
    centred = stages["centred"]
    between = {"mean": (x - centred)[..., :1], "centred": centred, "variance": centred.square().mean(-1, keepdim=True)}
    return Stages(between, normalised=stages["normalised"], output=out)


@dataclass(frozen=True)
class Switches:
    mean: str = "features"  # over which axes
    spread: str = "features"
    centre: str = "yes"
    count: str = "n"
    under: str = "inside"
    by: str = "root"
    affine: str = "gain · + shift"


def _less(x: Tensor, mean: Tensor, how: str) -> Tensor:
    return {
        "yes": x - mean,
        "no": x,
        "added": x + mean,
        "variance only": x,
        "median": x - x.median(-1, keepdim=True).values,
        "least": x - x.amin(-1, keepdim=True),
    }[how]


def _variance(x: Tensor, mean: Tensor, axes: tuple[int, ...], on: Switches) -> Tensor:
    around = x - mean if on.centre == "variance only" or on.count == "around the mean" else _less(x, mean, on.centre)
    if on.count == "around its own mean":
        around = x - x.mean(axes, keepdim=True)
    many = math.prod(x.size(axis) for axis in axes)
    total = around.square().sum(axes, keepdim=True)
    absolute = around.abs().mean(axes, keepdim=True).square()
    counts = {"n − 1": total / max(1, many - 1), "sum": total, "absolute": absolute, "n + 1": total / (many + 1)}
    return counts.get(on.count, total / many)


EPSILON: dict[str, Callable[[Tensor, float], Tensor]] = {
    "inside": lambda v, e: (v + e).sqrt(),
    "outside": lambda v, e: v.sqrt() + e,
    "missing": lambda v, e: v.sqrt(),
    "squared": lambda v, e: (v + e**2).sqrt(),
    "root": lambda v, e: (v + math.sqrt(e)).sqrt(),
    "1e-5": lambda v, e: (v + 1e-5).sqrt(),
    "1e-6": lambda v, e: (v + 1e-6).sqrt(),
    "subtracted": lambda v, e: (v - e).sqrt(),
    "at least": lambda v, e: v.clamp(min=e).sqrt(),
    "std at least": lambda v, e: v.sqrt().clamp(min=e),
    "both": lambda v, e: (v + e).sqrt() + e,
}

BY: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "root": lambda c, root, x: c / root,
    "variance": lambda c, root, x: c / root.square(),
    "nothing": lambda c, root, x: c,
    "times": lambda c, root, x: c * root,
    "largest": lambda c, root, x: c / c.abs().amax(-1, keepdim=True),
    "range": lambda c, root, x: c / (x.amax(-1, keepdim=True) - x.amin(-1, keepdim=True)),
    "fourth root": lambda c, root, x: c / root.sqrt(),
    "length": lambda c, root, x: c / c.norm(dim=-1, keepdim=True),
    "width": lambda c, root, x: c / math.sqrt(c.size(-1)),
    "x": lambda c, root, x: x / root,
    "softmax": lambda c, root, x: c.softmax(-1),
}

AFFINE: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "gain · + shift": lambda y, g, s: y * g + s,
    "no gain": lambda y, g, s: y + s,
    "no shift": lambda y, g, s: y * g,
    "neither": lambda y, g, s: y,
    "exchanged": lambda y, g, s: y * s + g,
    "shift first": lambda y, g, s: (y + s) * g,
    "gain + 1": lambda y, g, s: y * (g + 1) + s,
    "subtracted": lambda y, g, s: y * g - s,
    "added gain": lambda y, g, s: y + g + s,
    "divided": lambda y, g, s: y / g + s,
    "before": lambda y, g, s: y,
    "gain before": lambda y, g, s: y + s,
    "gain twice": lambda y, g, s: y * g * g + s,
}


def switchboard(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float, **switches: Any) -> Stages:
    on = Switches(**switches)
    given = x
    x = x * gain + shift if on.affine == "before" else x * gain if on.affine == "gain before" else x
    mean = x.mean(AXES[on.mean], keepdim=True)
    centred = _less(x, mean, on.centre)
    variance = _variance(x, mean, AXES[on.spread], on)
    root = EPSILON[on.under](variance, epsilon)
    normalised = BY[on.by](centred, root, x)
    output = AFFINE[on.affine](normalised, gain, shift)
    return Stages(
        mean=mean.expand_as(given)[..., :1], centred=centred, variance=variance, normalised=normalised, output=output
    )


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


def _at(stage: str, what: str, repair: str) -> Callable[[Evidence], str]:
    def says(e: Evidence) -> str:
        theirs, right = first_row(e.wrong[stage]), first_row(e.right[stage])
        return f"{what}: for the first word your {stage} is {numbers(theirs)}, it should be {numbers(right)}; {repair}."

    return says


def _mistake(name: str, stage: str, repair: str, **switches: str) -> Mistake:
    return Mistake(name, stage, _at(stage, name, repair), switches)


OVER = "mean and variance are taken over the features of one position, dim −1, keepdim=True"
ROOT = "divide by √(variance + ε)"
LAST = "multiply by gain, then add shift"


def _over(axis: str) -> tuple[Mistake, Mistake, Mistake]:
    both = _mistake(f"normalised over {axis}", "mean", OVER, mean=axis, spread=axis)
    return (
        both,
        _mistake(f"the mean is over {axis}", "mean", OVER, mean=axis, count="around its own mean"),
        _mistake(f"the variance is over {axis}", "variance", OVER, spread=axis),
    )


MISTAKES = (
    *(each for axis in AXES if axis != "features" for each in _over(axis)),
    *(
        _mistake(f"the mean is over {axis}, and so is what the variance is around", "mean", OVER, mean=axis)
        for axis in AXES
        if axis != "features"
    ),
    _mistake(
        "unbiased variance",
        "variance",
        "divide the squares by how many features there are, not by one less: unbiased=False",
        count="n − 1",
    ),
    _mistake("the squares are summed, not averaged", "variance", "divide by how many features there are", count="sum"),
    _mistake("divided by n + 1", "variance", "divide by how many features there are", count="n + 1"),
    _mistake(
        "absolute deviation instead of variance",
        "variance",
        "square the differences, and average the squares",
        count="absolute",
    ),
    _mistake("no centring (RMSNorm)", "centred", "subtract the mean of the features first", centre="no"),
    _mistake("the mean is not subtracted", "centred", "subtract it from x before dividing", centre="variance only"),
    _mistake("the mean is added", "centred", "subtract it", centre="added"),
    _mistake("the mean is added", "centred", "subtract it", centre="added", count="around its own mean"),
    _mistake("the median instead of the mean", "centred", "subtract the mean", centre="median"),
    _mistake(
        "the median instead of the mean", "centred", "subtract the mean", centre="median", count="around its own mean"
    ),
    _mistake("the smallest is subtracted instead of the mean", "centred", "subtract the mean", centre="least"),
    _mistake(
        "the smallest is subtracted instead of the mean",
        "centred",
        "subtract the mean",
        centre="least",
        count="around its own mean",
    ),
    _mistake("ε outside the root", "normalised", "ε belongs under the root: √(variance + ε)", under="outside"),
    _mistake("ε is missing", "normalised", ROOT, under="missing"),
    _mistake("ε is squared", "normalised", "ε is added to the variance as it is", under="squared"),
    _mistake("the root of ε is added", "normalised", "ε is added to the variance as it is", under="root"),
    *(
        _mistake("ε is a fixed number", "normalised", f"ε comes as an argument, yours is always {fixed}", under=fixed)
        for fixed in ("1e-5", "1e-6")
    ),
    _mistake("ε is subtracted", "normalised", "add it", under="subtracted"),
    _mistake("ε is a lower bound", "normalised", ROOT, under="at least"),
    _mistake("ε is a lower bound", "normalised", ROOT, under="std at least"),
    _mistake("ε is added twice", "normalised", "once, under the root", under="both"),
    _mistake("divided by the variance, not its root", "normalised", ROOT, by="variance"),
    _mistake("not divided", "normalised", ROOT, by="nothing"),
    _mistake("multiplied by the root", "normalised", ROOT, by="times"),
    _mistake("divided by the largest feature", "normalised", ROOT, by="largest"),
    _mistake("divided by the range", "normalised", ROOT, by="range"),
    _mistake("the root is taken twice", "normalised", ROOT, by="fourth root"),
    _mistake("divided by the length", "normalised", ROOT, by="length"),
    _mistake("divided by √width", "normalised", ROOT, by="width"),
    _mistake("softmax instead of a division", "normalised", ROOT, by="softmax"),
    _mistake("the gain is missing", "output", LAST, affine="no gain"),
    _mistake("the shift is missing", "output", LAST, affine="no shift"),
    _mistake("gain and shift are missing", "output", LAST, affine="neither"),
    _mistake("gain and shift are exchanged", "output", LAST, affine="exchanged"),
    _mistake("the shift comes before the gain", "output", LAST, affine="shift first"),
    _mistake("the gain is one too large", "output", LAST, affine="gain + 1"),
    _mistake("the shift is subtracted", "output", LAST, affine="subtracted"),
    _mistake("the gain is added", "output", LAST, affine="added gain"),
    _mistake("divided by the gain", "output", LAST, affine="divided"),
    _mistake("the gain is applied twice", "output", LAST, affine="gain twice"),
    _mistake("gain and shift before normalising", "mean", f"normalise first; {LAST}", affine="before"),
    _mistake("the gain before normalising", "mean", f"normalise first; {LAST}", affine="gain before"),
    Mistake(
        "the statistics are detached",
        "normalised",
        "the numbers are right, but no gradient goes through mean and variance: drop .detach() or no_grad.",
        wrong=lambda x, g, s, e: (
            (x - x.mean(-1, keepdim=True).detach()) / (x.var(-1, unbiased=False, keepdim=True) + e).sqrt().detach() * g
            + s
        ),
        gradients=True,
    ),
)


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

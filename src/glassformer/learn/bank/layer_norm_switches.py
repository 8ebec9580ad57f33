"""Layer norm with every mistake as a switch, and the mistakes; a test holds it equal to the part."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from glassformer.learn.bank.words import numbers, rows_apart
from glassformer.learn.exercise import Evidence, Mistake, Stages

AXES = {
    "features": (-1,),
    "positions": (-2,),
    "batch": (0,),
    "a sentence": (-2, -1),
    "everything": (-3, -2, -1),
    "batch and positions": (0, 1),
}


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
    around = x if on.count == "around 0" else around
    many = math.prod(x.size(axis) for axis in axes)
    total = around.square().sum(axes, keepdim=True)
    absolute = around.abs().mean(axes, keepdim=True).square()
    counts = {"n − 1": total / max(1, many - 1), "sum": total, "absolute": absolute, "n + 1": total / (many + 1)}
    counts["positions"] = total / x.size(-2)
    counts["less the mean"] = x.square().mean(axes, keepdim=True) - x.mean(axes, keepdim=True)
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
    "mean after": lambda c, root, x: x / root - x.mean(-1, keepdim=True),
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


def _at(stage: str, what: str, repair: str) -> Callable[[Evidence], str]:
    def says(e: Evidence) -> str:
        theirs, right = rows_apart(e.wrong[stage], e.right[stage])
        return f"{what}: for one word your {stage} is {numbers(theirs)}, it should be {numbers(right)}; {repair}."

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


OFTEN = {"positions", "a sentence", "features"}  # the axes that people confuse; with others, one mistake at a time
RARE = {
    "divided by n + 1",
    "divided by how many words there are",
    "the mean is subtracted after the division",
    "the mean is not squared in the variance",
    "absolute deviation instead of variance",
    "the median instead of the mean",
    "the smallest is subtracted instead of the mean",
    "the root of ε is added",
    "ε is subtracted",
    "ε is a lower bound",
    "ε is added twice",
    "multiplied by the root",
    "divided by the largest feature",
    "divided by the range",
    "the root is taken twice",
    "divided by the length",
    "divided by √width",
    "softmax instead of a division",
    "the gain is one too large",
    "the gain is added",
    "divided by the gain",
    "the gain is applied twice",
    "the mean is added",
}

_ALL = (
    *(each for axis in AXES if axis != "features" for each in _over(axis)),
    *(
        _mistake(f"the mean is over {axis}, and so is what the variance is around", "mean", OVER, mean=axis)
        for axis in AXES
        if axis != "features"
    ),
    *(
        _mistake(f"the variance is over {axis}", "variance", OVER, spread=axis, count="around its own mean")
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
    _mistake(
        "variance without centring",
        "variance",
        "average the squares of x − mean, not those of x",
        count="around 0",
    ),
    _mistake(
        "divided by how many words there are", "variance", "divide by how many features there are", count="positions"
    ),
    _mistake(
        "the mean is not squared in the variance", "variance", "E[x²] − mean², the mean squared", count="less the mean"
    ),
    _mistake("divided by n + 1", "variance", "divide by how many features there are", count="n + 1"),
    _mistake(
        "absolute deviation instead of variance",
        "variance",
        "square the differences, and average the squares",
        count="absolute",
    ),
    _mistake(
        "absolute deviation instead of variance",
        "variance",
        "square the differences, average the squares, and take the root of that and ε",
        count="absolute",
        under="outside",
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
    _mistake(
        "the mean is subtracted after the division", "normalised", "(x − mean) is what is divided", by="mean after"
    ),
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


def _is_rare(mistake: Mistake) -> bool:
    axes = {value for key, value in (mistake.switches or {}).items() if key in ("mean", "spread")}
    return mistake.name in RARE or not axes <= OFTEN


MISTAKES = tuple(replace(each, rare=_is_rare(each)) for each in _ALL)

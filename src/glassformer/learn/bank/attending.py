"""softmax(q·kᵀ / √d) · v with every mistake as a switch; a test holds it equal to the parts.

One switch a step, each a table from the setting to what it does; attention, causal attention and heads share it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from glassformer.learn.exercise import Stage, Stages

STAGES = (
    Stage("scores"),
    Stage("scaled", ("scores",)),
    Stage("weights", ("scaled",)),
    Stage("mixture", ("weights",)),
)


@dataclass(frozen=True)
class Switches:
    """The settings of a right version; width: of the model, where heads share it."""

    roles: str = "qkv"
    product: str = "q·kᵀ"
    scale: str = "√d"
    sense: str = "may look"
    fill: str | float = "−∞"
    normalise: str = "keys"
    mix: str = "weights·v"
    detach: str = ""
    width: int = 0


def _sizes(q: Tensor, k: Tensor, v: Tensor) -> dict[str, float]:
    return {
        "d": q.size(-1),
        "queries": q.size(-2),
        "keys": k.size(-2),
        "values": v.size(-1),
        "batch": q.size(0),
        "heads": q.size(1),
    }


DIVISORS: dict[str, Callable[[dict[str, float]], float | Tensor]] = {
    "√d": lambda n: math.sqrt(n["d"]),
    "none": lambda n: 1.0,
    "after": lambda n: 1.0,
    "d": lambda n: n["d"],
    "d²": lambda n: n["d"] ** 2,
    "d/2": lambda n: n["d"] / 2,
    "∜d": lambda n: n["d"] ** 0.25,
    "⌊√d⌋": lambda n: math.floor(math.sqrt(n["d"])),
    "half √d": lambda n: math.sqrt(n["d"]) / 2,
    "×√d": lambda n: 1 / math.sqrt(n["d"]),
    "×d": lambda n: 1 / n["d"],
    "√width": lambda n: math.sqrt(n["width"]),
    "width": lambda n: n["width"],
    "√keys": lambda n: math.sqrt(n["keys"]),
    "keys": lambda n: n["keys"],
    "√queries": lambda n: math.sqrt(n["queries"]),
    "√values": lambda n: math.sqrt(n["values"]),
    "√batch": lambda n: math.sqrt(n["batch"]),
    "√heads": lambda n: math.sqrt(n["heads"]),
    "heads": lambda n: n["heads"],
    "√(d+1)": lambda n: math.sqrt(n["d"] + 1),
    "√seen": lambda n: torch.arange(1, n["queries"] + 1).sqrt()[:, None],
}

PRODUCTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "q·kᵀ": lambda q, k: q @ k.mT,
    "reshaped": lambda q, k: q @ k.reshape(*k.shape[:-2], k.size(-1), k.size(-2)),
    "k·qᵀ": lambda q, k: k @ q.mT,
    "cosine": lambda q, k: torch.nn.functional.normalize(q, dim=-1) @ torch.nn.functional.normalize(k, dim=-1).mT,
    "distance": lambda q, k: (q[..., :, None, :] - k[..., None, :, :]).square().sum(-1),
    "−distance": lambda q, k: -(q[..., :, None, :] - k[..., None, :, :]).square().sum(-1),
    "sum": lambda q, k: (q[..., :, None, :] + k[..., None, :, :]).sum(-1),
    "absolute": lambda q, k: (q @ k.mT).abs(),
    "mean": lambda q, k: (q @ k.mT) / q.size(-1),
    "all but the last": lambda q, k: torch.nn.functional.pad((q @ k.mT)[..., :-1], (0, 1), value=-torch.inf),
}

SENSES: dict[str, Callable[[Tensor], Tensor]] = {
    "may look": lambda mask: mask,
    "inverted": lambda mask: ~mask,
    "turned": lambda mask: mask.mT,
}


def _shares(values: Tensor) -> Tensor:
    return values / values.sum(-1, keepdim=True)


NORMALISED: dict[str, Callable[[Tensor], Tensor]] = {
    "keys": lambda s: s.softmax(-1),
    "queries": lambda s: s.softmax(-2),
    "batch": lambda s: s.softmax(0),
    "heads": lambda s: s.softmax(1),
    "everything": lambda s: s.flatten(-2).softmax(-1).view_as(s),
    "twice": lambda s: s.softmax(-1).softmax(-1),
    "not at all": lambda s: s,
    "only exp": lambda s: s.exp(),
    "exp / queries": lambda s: s.exp() / s.exp().sum(-2, keepdim=True),
    "by the sum": lambda s: _shares(s),
    "sigmoid": lambda s: s.sigmoid(),
    "hard": lambda s: torch.nn.functional.one_hot(s.argmax(-1), s.size(-1)).to(s.dtype),
    "log": lambda s: s.log_softmax(-1),
    "negative": lambda s: (-s).softmax(-1),
    "base 2": lambda s: (s * math.log(2)).softmax(-1),
    "tanh": lambda s: s.tanh(),
    "relu": lambda s: s.relu() / s.relu().sum(-1, keepdim=True).clamp(min=1e-9),
    "exp / (1 + sum)": lambda s: s.exp() / (1 + s.exp().sum(-1, keepdim=True)),
    "largest above only": lambda s: (s - s.amax(-1, keepdim=True)).exp() / s.exp().sum(-1, keepdim=True),
    "exp / sum so far": lambda s: s.exp() / s.exp().cumsum(-1),
    "not rescaled": lambda s: _shares((s - s.cummax(-1).values).exp()),
}

MIXED: dict[str, Callable[..., Tensor]] = {
    "weights·v": lambda q, s, w, v: w @ v,
    "weightsᵀ·v": lambda q, s, w, v: w.mT @ v,
    "the weights": lambda q, s, w, v: w,
    "the scores": lambda q, s, w, v: s,
    "mean": lambda q, s, w, v: v.mean(-2, keepdim=True).expand(*q.shape[:-1], -1),
    "sum": lambda q, s, w, v: v.sum(-2, keepdim=True).expand(*q.shape[:-1], -1),
    "÷ keys": lambda q, s, w, v: w @ v / v.size(-2),
    "+ q": lambda q, s, w, v: w @ v + q,
    "+ v": lambda q, s, w, v: w @ v + v,
    "v ⊙ total": lambda q, s, w, v: w.sum(-1, keepdim=True) * v,
    "v reshaped": lambda q, s, w, v: w @ v.mT.reshape(v.shape),
    "v a word late": lambda q, s, w, v: w @ torch.nn.functional.pad(v, (0, 0, 1, 0))[..., :-1, :],
    "softmax again": lambda q, s, w, v: (w @ v).softmax(-1),
}


def _blocked(scores: Tensor, mask: Tensor, fill: str | float) -> Tensor:
    """What stands in the scores of pairs that may not look, before the softmax."""
    if fill in ("ignored", "after"):
        return scores
    if fill == "added":
        return scores + mask
    if isinstance(fill, str) and fill.startswith("less "):
        return scores - float(fill[5:]) * ~mask
    if fill == "×−∞":
        return scores + (~mask).to(scores.dtype) * -torch.inf
    if fill == "first head":
        return torch.cat([scores[:, :1].masked_fill(~mask, -torch.inf), scores[:, 1:]], 1)
    if fill == "tril's zeros":  # every score of exactly 0 is taken for a masked one
        kept = scores * mask
        return kept.masked_fill(kept == 0, -torch.inf)
    return scores.masked_fill(~mask, -torch.inf if fill == "−∞" else float(fill))


def words_first(count: int) -> Callable[[Callable[..., Stages]], Callable[..., Stages]]:
    """A switchboard that has `axes="words first"` too: its first `count` arguments are read as (n, b, …)."""

    def switched(board: Callable[..., Stages]) -> Callable[..., Stages]:
        def either(*given: Any, axes: str = "sentences first", **switches: Any) -> Stages:
            if axes == "sentences first":
                return board(*given, **switches)
            turned = [each.transpose(0, 1) for each in given[:count]]
            stages = board(*turned, *given[count:], **switches)
            return Stages(stages, **{list(stages)[-1]: stages.answer.transpose(0, 1)})

        return either

    return switched


def attending(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, on: Switches) -> Stages:
    """Every stage of softmax(q·kᵀ / √d) · v.  q: (…, i, d), k, v: (…, j, d), mask: (…, i, j) True where i may look."""
    given = {"q": q, "k": k, "v": v}
    q, k, v = (given[role] for role in on.roles)
    sizes = _sizes(q, k, v) | {"width": on.width}
    scores = PRODUCTS[on.product](q, k)  # … i j
    scaled = scores / DIVISORS[on.scale](sizes)  # … i j
    mask = None if mask is None else SENSES[on.sense](mask)
    blocked = scaled if mask is None else _blocked(scaled, mask, on.fill)
    weights = NORMALISED[on.normalise](blocked)  # … i j
    if mask is not None and on.fill == "after":
        weights = weights * mask
    if on.scale == "after":
        weights = weights / math.sqrt(q.size(-1))
    weights = weights.detach() if on.detach == "weights" else weights
    mixture = MIXED[on.mix](q, scores, weights, v)  # … i d
    return Stages(scores=scores, scaled=scaled, weights=weights, mixture=mixture)

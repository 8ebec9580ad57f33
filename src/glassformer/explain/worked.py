"""One number of one sentence, with its whole arithmetic, done again in float64 and held beside the model's own.

What each number is computed of is read off the model's parts, so this file mirrors `parts/` site by site.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from glassformer.errors import UsageError
from glassformer.explain.address import Address, check
from glassformer.explain.trial import Trial

# What each step of a block reads: the order of operations in parts/block.py, as data.
FEEDS = {
    "post": {
        "attention": ("before",),
        "attention_norm": ("before", "attention.mixed"),
        "between": ("attention_norm.out",),
        "mlp": ("between",),
        "mlp_norm": ("between", "mlp.out"),
        "stream": ("mlp_norm.out",),
    },
    "pre": {
        "attention": ("attention_norm.out",),
        "attention_norm": ("before",),
        "between": ("before", "attention.mixed"),
        "mlp": ("mlp_norm.out",),
        "mlp_norm": ("between",),
        "stream": ("between", "mlp.out"),
    },
}


@dataclass(frozen=True)
class Part:
    """One table of the arithmetic.  rows: a name, then numbers under `columns`; result: the line below it."""

    title: str
    columns: list[str]
    rows: list[tuple[str, list[float]]]
    result: str


@dataclass(frozen=True)
class Worked:
    """recomputed: here, in float64, from the operands; model: what the model computed in float32."""

    address: str
    question: str
    parts: list[Part]
    recomputed: float
    model: float
    operands: list[str] = field(default_factory=list)  # the addresses it was computed of

    @property
    def difference(self) -> float:
        return abs(self.recomputed - self.model)


Arithmetic = tuple[list[Part], float, list[str]]


def worked(trial: Trial, address: Address) -> Worked:
    """The arithmetic behind one number.  Raises UsageError where `address` is not one number of this sentence."""
    check(address, trial.shapes)
    value = trial.tape[address.site][0]
    if len(address.index) != value.dim():
        one = Address(address.site, (*address.index, *(0,) * value.dim())[: value.dim()])
        raise UsageError(f"{address} is not one number; give {', '.join(address.axes)}, such as {one}")
    parts, recomputed, operands = _arithmetic(trial, address)(trial, address)
    return Worked(str(address), _question(trial, address), parts, recomputed, value[address.index].item(), operands)


def _arithmetic(trial: Trial, address: Address) -> Callable[[Trial, Address], Arithmetic]:
    """How the number at `address` is computed."""
    if not trial.layers:
        return {"logits": _bag, "shares": _table}[address.kind]
    if address.layer is not None:
        return OF_A_BLOCK[address.site.split(".", 2)[2]]
    return OF_A_MODEL[address.site]


def _question(trial: Trial, address: Address) -> str:
    names, index = trial.pieces.names, address.index
    if address.axes[-1] == "key":
        return f"{names[index[-2]]} looks at {names[index[-1]]}"
    return f"at {names[index[-2]]}" if "position" in address.axes else ""


# Attention: parts/attention.py, top to bottom.


def _projected(trial: Trial, address: Address) -> Arithmetic:
    head, position, feature = address.index
    linear = _part(trial, f"layers.{address.layer}.attention.{address.kind}")
    return _linear(trial, linear, head * trial.head_width + feature, _feeds(trial, address, "attention")[0], position)


def _scores(trial: Trial, address: Address) -> Arithmetic:
    head, i, j = address.index
    q, k = _row(trial, address, "q", head, i), _row(trial, address, "k", head, j)
    part, total = _products("q · k, feature by feature", _numbers(q), ("q", "k"), q, k)
    return [part], total, [f"L{address.layer}.H{head}.q[{i}]", f"L{address.layer}.H{head}.k[{j}]"]


def _scaled(trial: Trial, address: Address) -> Arithmetic:
    parts, score, operands = _scores(trial, address)
    root = math.sqrt(trial.head_width)
    rows = [("score", [score]), (f"√{trial.head_width}", [root])]
    return [*parts, Part("divided by √d", ["value"], rows, f"= {score / root:.6f}")], score / root, operands


def _weights(trial: Trial, address: Address) -> Arithmetic:
    head, i, j = address.index
    parts, _, operands = _scaled(trial, address)
    q, k = _row(trial, address, "q", head, i), _row(trial, address, "k", head)
    row = k @ q / math.sqrt(trial.head_width)
    exps = (row - row.max()).exp()
    shares = exps / exps.sum()
    title = f"softmax over the row of {trial.pieces.names[i]}: exp(scaled − {row.max():.4f}), then its share of the sum"
    rows = _rows(trial.pieces.names, row, exps, shares)
    result = f"{exps[j]:.6f} ÷ {exps.sum():.6f} = {shares[j]:.7f}"
    return [*parts, Part(title, ["scaled", "exp", "weight"], rows, result)], shares[j].item(), operands


def _z(trial: Trial, address: Address) -> Arithmetic:
    head, i, feature = address.index
    weights, v = _row(trial, address, "weights", head, i), _row(trial, address, "v", head)[:, feature]
    part, total = _products("of each value as much as its weight", trial.pieces.names, ("weight", "v"), weights, v)
    return [part], total, [f"L{address.layer}.H{head}.weights[{i}]", f"L{address.layer}.H{head}.v"]


def _mixed(trial: Trial, address: Address) -> Arithmetic:
    position, feature = address.index
    out = _part(trial, f"layers.{address.layer}.attention.out")
    z = trial.tape[_sibling(address, "z")][0, :, position].flatten()
    return _linear_of(z, out, feature, f"z[{position}] of all heads, one after the other", _sibling(address, "z"))


# MLP, norm and residual: parts/mlp.py, norm.py, block.py.


def _hidden(trial: Trial, address: Address) -> Arithmetic:
    position, feature = address.index
    inward = _part(trial, f"layers.{address.layer}.mlp.inward")
    parts, value, operands = _linear(trial, inward, feature, _feeds(trial, address, "mlp")[0], position)
    kept = max(value, 0.0)
    return [*parts, Part("ReLU", ["value"], [("before", [value])], f"max(0, {value:.6f}) = {kept:.6f}")], kept, operands


def _mlp_out(trial: Trial, address: Address) -> Arithmetic:
    position, feature = address.index
    outward = _part(trial, f"layers.{address.layer}.mlp.outward")
    return _linear(trial, outward, feature, f"layers.{address.layer}.mlp.hidden", position)


def _normed(trial: Trial, address: Address) -> Arithmetic:
    position, feature = address.index
    path = address.site.rsplit(".", 1)[0]
    norm = _part(trial, path)
    inside = address.layer is not None
    sources = _feeds(trial, address, path.rsplit(".", 1)[-1]) if inside else [_stream(trial, trial.layers)]
    x = sum(trial.tape[source][0, position].double() for source in sources)
    assert isinstance(x, Tensor)
    spread = math.sqrt(x.var(unbiased=False).item() + norm.epsilon)
    gain, shift = norm.gain[feature].item(), norm.shift[feature].item()
    centred = x[feature].item() - x.mean().item()
    steps = {"centred": centred, "normalised": centred / spread, "out": centred / spread * gain + shift}
    facts = {"x": x[feature].item(), "mean": x.mean().item(), "√(variance + ε)": spread, "gain": gain, "shift": shift}
    rows = [(name, [number]) for name, number in {**facts, **steps}.items()]
    part = Part("gain · (x − mean) ÷ √(variance + ε) + shift", ["value"], rows, f"= {steps[address.kind]:.6f}")
    return [part], steps[address.kind], [f"{_short(source)}[{position}]" for source in sources]


def _added(trial: Trial, address: Address) -> Arithmetic:
    return _sum(trial, address, _feeds(trial, address, address.kind))


# Before and after the blocks: parts/embed.py, pool.py, models/simple.py.


def _embedded(trial: Trial, address: Address) -> Arithmetic:
    return _sum(trial, address, ["embed.pieces", "embed.places"])


def _final(trial: Trial, address: Address) -> Arithmetic:
    finished = "finish.out" if "finish.out" in trial.tape else _stream(trial, trial.layers)
    return _sum(trial, address, [finished])


def _table(trial: Trial, address: Address) -> Arithmetic:
    """Looked up, not computed."""
    value = trial.tape[address.site][0][address.index].item()
    what = f"looked up for {trial.pieces.names[address.index[0]]!r} at position {address.index[0]}: nothing is computed"
    return [Part(what, ["value"], [("entry", [value])], f"= {value:.6f}")], value, []


def _pooled(trial: Trial, address: Address) -> Arithmetic:
    feature = address.index[0]
    values = trial.tape["final"][0, :, feature].double()
    average = trial.reader.config.pool == "mean"
    value = (values.mean() if average else values.max()).item()
    what = "the mean over positions" if average else "the largest over positions"
    return [Part(what, ["value"], _rows(trial.pieces.names, values), f"= {value:.6f}")], value, ["final"]


def _logits(trial: Trial, address: Address) -> Arithmetic:
    return _linear_of(trial.tape["pooled"][0], _part(trial, "head"), address.index[0], "pooled", "pooled")


def _bag(trial: Trial, address: Address) -> Arithmetic:
    shares = trial.tape["shares"][0, :, address.index[0]].double()
    bias = trial.reader.model.get_parameter("bias")[address.index[0]].item()
    rows = _rows([*trial.pieces.names, "bias"], torch.cat([shares, torch.tensor([bias]).double()]))
    value = shares.sum().item() + bias
    part = Part("what every piece says, whatever stands around it", ["share"], rows, f"sum {value:.6f}")
    return [part], value, ["shares"]


# What the arithmetic above is made of.


def _products(title: str, names: list[str], columns: tuple, left: Tensor, right: Tensor) -> tuple[Part, float]:
    """Σ left · right, product by product with the running total."""
    left, right = left.double(), right.double()
    totals = (left * right).cumsum(0)
    rows = _rows(names, left, right, left * right, totals)
    return Part(title, [*columns, "product", "total"], rows, f"sum {totals[-1]:.6f}"), totals[-1].item()


def _linear(trial: Trial, linear, feature: int, source: str, position: int) -> Arithmetic:
    where = f"{_short(source)}[{position}]"
    return _linear_of(trial.tape[source][0, position], linear, feature, where, where)


def _linear_of(x: Tensor, linear, feature: int, what: str, operand: str) -> Arithmetic:
    """Σ x · weight + bias."""
    weight, bias = linear.weight[feature].detach(), linear.bias[feature].item()
    part, total = _products(f"{what} · row {feature} of the weight matrix", _numbers(x), ("x", "weight"), x, weight)
    rows = [("sum", [total]), ("bias", [bias])]
    return [part, Part("plus bias", ["value"], rows, f"= {total + bias:.6f}")], total + bias, [operand]


def _sum(trial: Trial, address: Address, sources: list[str]) -> Arithmetic:
    """The sum of the same cell of several values: a residual, or one value handed on."""
    values = [trial.tape[source][0][address.index].double() for source in sources]
    value = sum(v.item() for v in values)
    names = [str(Address(source, address.index)) for source in sources]
    title = "added to the stream" if len(sources) > 1 else "handed on as it is"
    rows = [(name, [v.item()]) for name, v in zip(names, values, strict=True)]
    return [Part(title, ["value"], rows, f"= {value:.6f}")], value, names


def _part(trial: Trial, path: str) -> Any:
    """The part of the model at `path`, whose weights the arithmetic reads."""
    return trial.reader.model.get_submodule(path)


def _feeds(trial: Trial, address: Address, step: str) -> list[str]:
    """The sites that a step of this block reads."""
    layer = address.layer or 0
    inputs = FEEDS[trial.reader.config.block][step]
    return [_stream(trial, layer) if name == "before" else f"layers.{layer}.{name}" for name in inputs]


def _stream(trial: Trial, layer: int) -> str:
    """The site of the stream that layer number `layer` reads."""
    return f"layers.{layer - 1}.stream" if layer else "embed.stream"


def _sibling(address: Address, kind: str) -> str:
    return f"{address.site.rsplit('.', 1)[0]}.{kind}"


def _row(trial: Trial, address: Address, kind: str, *index: int) -> Tensor:
    return trial.tape[_sibling(address, kind)][0][index].double()


def _rows(names: list[str], *columns: Tensor) -> list[tuple[str, list[float]]]:
    return list(zip(names, torch.stack(columns, dim=1).tolist(), strict=True))


def _numbers(x: Tensor) -> list[str]:
    return [str(k) for k in range(len(x))]


def _short(site: str) -> str:
    return str(Address(site))


NORMED = ("centred", "normalised", "out")
OF_A_BLOCK = {
    **dict.fromkeys(("attention.q", "attention.k", "attention.v"), _projected),
    "attention.scores": _scores,
    "attention.scaled": _scaled,
    "attention.weights": _weights,
    "attention.z": _z,
    "attention.mixed": _mixed,
    "mlp.hidden": _hidden,
    "mlp.out": _mlp_out,
    **{f"{norm}.{kind}": _normed for norm in ("attention_norm", "mlp_norm") for kind in NORMED},
    "between": _added,
    "stream": _added,
}
OF_A_MODEL = {
    "embed.pieces": _table,
    "embed.places": _table,
    "embed.stream": _embedded,
    **{f"finish.{kind}": _normed for kind in NORMED},
    "final": _final,
    "pooled": _pooled,
    "logits": _logits,
}

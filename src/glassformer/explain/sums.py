"""What the arithmetic of a number is made of: products, a linear map, a norm, a curve.  All of it in float64."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from glassformer.explain.address import Address
from glassformer.explain.trial import Trial


@dataclass(frozen=True)
class Part:
    """One table of the arithmetic.  rows: a name, then numbers under `columns`; result: the line below it.

    how: how its number follows from the first columns, so that a page can do it again, and at: where (docs/page.md):
    products, sum, mean, max, first, lookup, curve:NAME, divide (`at` rows are added up, then divided by the others),
    softmax (row `at` has the number; −1 where none has), norm (row `at` has it).
    """

    title: str
    columns: list[str]
    rows: list[tuple[str, list[float]]]
    result: str
    how: str = ""
    at: int = 0


Arithmetic = tuple[list[Part], float, list[str]]  # the tables, what they come to, and the addresses it was computed of
Curve = tuple[str, Callable[[float], float]]  # a formula, and the same as code


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


GELU: Curve = ("x · ½ (1 + erf(x ÷ √2))", lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2)
GELU_TANH: Curve = (
    "x · ½ (1 + tanh(√(2 ÷ π) · (x + 0.044715 x³)))",
    lambda x: x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
)
SILU: Curve = ("x ÷ (1 + e^−x)", lambda x: x * _sigmoid(x))
CURVES: dict[str, Curve] = {  # by the names of parts.block.ACTIVATIONS
    "relu": ("max(0, x)", lambda x: max(x, 0.0)),
    "gelu": GELU,
    "gelu_python": GELU,
    "gelu_new": GELU_TANH,
    "gelu_fast": GELU_TANH,
    "gelu_pytorch_tanh": GELU_TANH,
    "quick_gelu": ("x ÷ (1 + e^−1.702x)", lambda x: x * _sigmoid(1.702 * x)),
    "silu": SILU,
    "swish": SILU,
    "mish": ("x · tanh(ln(1 + e^x))", lambda x: x * math.tanh(_softplus(x))),
    "tanh": ("tanh(x)", math.tanh),
    "sigmoid": ("1 ÷ (1 + e^−x)", _sigmoid),
    "linear": ("x", lambda x: x),
}


def products(title: str, names: list[str], columns: tuple, left: Tensor, right: Tensor) -> tuple[Part, float]:
    """Σ left · right, product by product with the running total."""
    left, right = left.detach().double(), right.detach().double()
    totals = (left * right).cumsum(0)
    table = rows(names, left, right, left * right, totals)
    return Part(title, [*columns, "product", "total"], table, f"sum {totals[-1]:.6f}", "products"), totals[-1].item()


def linear(trial: Trial, path: str, feature: int, source: str, position: int) -> Arithmetic:
    """One feature of a linear map of what stands at a position of `source`."""
    where = f"{short(source)}[{position}]"
    return linear_of(trial.tape[source][0, position], part(trial, path), feature, where, where)


def linear_of(x: Tensor, module: Any, feature: int, what: str, operand: str) -> Arithmetic:
    """Σ x · weight + bias."""
    weight, bias = module.weight[feature], 0.0 if module.bias is None else module.bias[feature].item()
    table, total = products(f"{what} · row {feature} of the weight matrix", numbers(x), ("x", "weight"), x, weight)
    return [table, plus(total, "bias", bias)], total + bias, [operand]


def plus(total: float, name: str, more: float) -> Part:
    return Part(f"plus {name}", ["value"], [("sum", [total]), (name, [more])], f"= {total + more:.6f}", "sum")


def curved(name: str, arithmetic: Arithmetic) -> Arithmetic:
    """What an activation makes of a number."""
    tables, x, operands = arithmetic
    formula, curve = CURVES[name]
    value = curve(x)
    table = Part(name, ["value"], [("x", [x])], f"{formula} = {value:.6f}", f"curve:{name}")
    return [*tables, table], value, operands


def normed(x: Tensor, norm: Any, feature: int, kind: str) -> tuple[Part, float]:
    """One feature of a layer norm of x (w,): centred, normalised, or out."""
    x = x.double()
    spread = math.sqrt(x.var(unbiased=False).item() + norm.epsilon)
    gain, shift = norm.gain[feature].item(), norm.shift[feature].item()
    centred = x[feature].item() - x.mean().item()
    steps = {"centred": centred, "normalised": centred / spread, "out": centred / spread * gain + shift}
    facts = {"x": x[feature].item(), "mean": x.mean().item(), "√(variance + ε)": spread, "gain": gain, "shift": shift}
    table = [(name, [number]) for name, number in {**facts, **steps}.items()]
    title = "gain · (x − mean) ÷ √(variance + ε) + shift"
    at = len(facts) + list(steps).index(kind)
    return Part(title, ["value"], table, f"= {steps[kind]:.6f}", "norm", at), steps[kind]


def added(trial: Trial, address: Address, sources: list[str]) -> Arithmetic:
    """The sum of the same cell of several values: a residual, or one value handed on."""
    values = [trial.tape[source][0][address.index].item() for source in sources]
    names = [str(Address(source, address.index)) for source in sources]
    title = "added to the stream" if len(sources) > 1 else "handed on as it is"
    table = [(name, [value]) for name, value in zip(names, values, strict=True)]
    return [Part(title, ["value"], table, f"= {sum(values):.6f}", "sum")], sum(values), names


def part(trial: Trial, path: str) -> Any:
    """The part of the model at `path`, whose weights the arithmetic reads."""
    return trial.reader.model.get_submodule(path)


def stream(trial: Trial, layer: int, side: str = "") -> str:
    """The site of the stream that layer number `layer` reads; side: `encoder.` of an encoder beside a decoder."""
    return f"{side}layers.{layer - 1}.stream" if layer else f"{side}embed.stream"


def rows(names: list[str], *columns: Tensor) -> list[tuple[str, list[float]]]:
    return list(zip(names, torch.stack(columns, dim=1).tolist(), strict=True))


def numbers(x: Tensor) -> list[str]:
    return [str(k) for k in range(len(x))]


def short(site: str) -> str:
    return str(Address(site))

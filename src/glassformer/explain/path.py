"""What the answer is made of: what the embedding, each head, each MLP and the biases put into it.  Descriptive.

Everything between a part and the answer is linear, once the scales of the norms (1 ÷ √(variance + ε)), the positions
that won a maximum, and the bends behind the layers (value ÷ argument) are held as they were.  So the contributions
sum to the answer exactly; they are told from the tape in float64, from the answer back to the embedding.  What one
part puts in a later one may take out again: whether it is needed, only a switch tells.

Elhage et al. 2021, "A mathematical framework for transformer circuits", call this direct logit attribution.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from glassformer.explain.answers import Candidate
from glassformer.explain.batch import Batch
from glassformer.explain.measure import Measure
from glassformer.explain.predicts import OfPiece
from glassformer.explain.slope import answer_slope, back_through_norm, label_row, label_said
from glassformer.explain.sums import part
from glassformer.explain.trial import Trial

NORMS = "the scales of the norms"


@dataclass(frozen=True)
class Term:
    """kind: embed, head, cross (a look at a source), mlp or bias; layer and head: where it stands; value: what it puts
    into the answer.
    """

    name: str
    kind: str
    layer: int | None
    head: int | None
    value: float


@dataclass(frozen=True)
class Path:
    """of: what the terms sum to; total: their sum; held: what was kept as it was, so that they do."""

    of: str
    total: float
    terms: list[Term]
    held: str


def path(trial: Trial) -> Path:
    """The answer as a sum of what each part puts in."""
    if not trial.layers:
        return _of_a_bag(trial)
    ending = answer_slope(trial)
    slope, bias = ending.slope, ending.bias
    if "finish.out" in trial.tape:
        slope, shift = back_through_norm(slope, trial.streams()[-1][0], part(trial, "finish"))
        bias += shift
    terms = [Term("bias of the answer", "bias", None, None, bias)]
    for layer in reversed(range(trial.layers)):
        slope, more = _through_layer(trial, layer, slope)
        terms = more + terms
    embedded = (slope * _value(trial, "embed.stream")).sum().item()
    terms = [Term("embedding", "embed", None, None, embedded), *terms]
    return Path(ending.of, sum(term.value for term in terms), terms, ", ".join([NORMS, *ending.held]))


def _through_layer(trial: Trial, layer: int, slope: Tensor) -> tuple[Tensor, list[Term]]:
    """From the slope behind a layer to the one before it, and what the parts of the layer put in."""
    at, bias = f"layers.{layer}", 0.0
    out, mixed, before = _value(trial, f"{at}.mlp.out"), _value(trial, f"{at}.attention.mixed"), trial.streams()[layer]
    post, crossed = trial.block == "post", f"{at}.cross.mixed" in trial.tape
    if post:
        read = _value(trial, f"{at}.crossed" if crossed else f"{at}.between")
        slope, bias = back_through_norm(slope, read + out, part(trial, f"{at}.mlp_norm"))
    mlp = Term(f"L{layer}.mlp", "mlp", layer, None, (slope * out).sum().item())
    looks: list[Term] = []
    if crossed:
        slope, looks, more = _through_cross(trial, layer, slope)
        bias += more
    if post:
        slope, more = back_through_norm(slope, before[0].double() + mixed, part(trial, f"{at}.attention_norm"))
        bias += more
    linear = part(trial, f"{at}.attention.out")
    heads = _heads(_value(trial, f"{at}.attention.z"), linear.weight.detach().double(), slope)
    bias += (slope @ linear.bias.detach().double()).sum().item()
    terms = [Term(f"L{layer}.H{head}", "head", layer, head, value) for head, value in enumerate(heads)]
    return slope, [*terms, *looks, mlp, Term(f"biases of L{layer}", "bias", layer, None, bias)]


def _through_cross(trial: Trial, layer: int, slope: Tensor) -> tuple[Tensor, list[Term], float]:
    """The same through a look at a source, whose values are held as they are: the slope, its heads, its biases."""
    at, bias = f"layers.{layer}", 0.0
    if trial.block == "post":
        read = _value(trial, f"{at}.between") + _value(trial, f"{at}.cross.mixed")
        slope, bias = back_through_norm(slope, read, part(trial, f"{at}.cross_norm"))
    linear = part(trial, f"{at}.cross.out")
    heads = _heads(_value(trial, f"{at}.cross.z"), linear.weight.detach().double(), slope)
    bias += (slope @ linear.bias.detach().double()).sum().item()
    return slope, [Term(f"L{layer}.cross.H{k}", "cross", layer, k, value) for k, value in enumerate(heads)], bias


def _heads(z: Tensor, weight: Tensor, slope: Tensor) -> list[float]:
    """z (h, n, d), weight (w, h · d), slope (n, w): Σ slope · (z of the head · its columns of the weight)."""
    by_head = (slope @ weight).unflatten(1, (z.size(0), -1)).transpose(0, 1)  # h n d
    return (by_head * z).sum(dim=(1, 2)).tolist()


def _value(trial: Trial, site: str) -> Tensor:
    return trial.tape[site][0].double()


def _of_a_bag(trial: Trial) -> Path:
    """A bag of words: what every piece says, and the bias."""
    shares = label_row(trial, _value(trial, "shares").T).tolist()
    bias = label_row(trial, trial.reader.model.get_parameter("bias").detach().double()).item()
    terms = [Term(name, "embed", None, None, value) for name, value in zip(trial.pieces.names, shares, strict=True)]
    terms.append(Term("bias of the answer", "bias", None, None, bias))
    return Path(label_said(trial), sum(term.value for term in terms), terms, "nothing")


@dataclass(frozen=True)
class Reading:
    """What the answer would be if the model stopped here.  after: embed, L0 …; share: as a probability; candidates: the
    likeliest pieces, where the model predicts some.
    """

    after: str
    value: float
    share: float | None
    candidates: list[Candidate] | None = None


def readout(trial: Trial) -> list[Reading]:
    """The model's own ending put behind the embedding, and behind every layer (nostalgebraist 2020, "logit lens")."""
    if not trial.layers:
        return []
    streams = torch.cat(trial.streams())  # layers+1 n w
    values, likely = trial.ended(streams, lambda output, batch: _read(trial.measure, output, batch))
    names = ["embed", *(f"L{layer}" for layer in range(trial.layers))]
    each = zip(names, values, likely, strict=True)
    return [Reading(name, value, trial.metric.share(value), pieces) for name, value, pieces in each]


def _read(measure: Measure, output: Any, batch: Batch) -> tuple[list[float], list[list[Candidate] | None]]:
    values = measure(output, batch).tolist()
    if isinstance(measure, OfPiece):
        return values, [*measure.kind.candidates(measure.rows(output))]
    return values, [None] * len(values)

"""How an answer follows from the final stream: Σ slope · stream + bias, with what is not linear held as it was."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from glassformer.explain.classifies import OfLabel, OneLabel
from glassformer.explain.embeds import Embeds, Kept
from glassformer.explain.predicts import OfPiece, Predicts
from glassformer.explain.sums import part
from glassformer.explain.trial import Trial
from glassformer.models.bert import Bert
from glassformer.models.gpt2 import Gpt2Classifier
from glassformer.models.heads import Predicting, PreTraining
from glassformer.models.seq2seq import Translator
from glassformer.models.simple import Generator
from glassformer.parts.block import ACTIVATIONS

WINNERS, BEND = "the positions that won the maximum", "the bend of {} (value ÷ argument)"


@dataclass(frozen=True)
class Slope:
    """The answer, named `of`, is Σ slope · final + bias: slope (n, w), float64; held: what was kept as it was."""

    of: str
    slope: Tensor
    bias: float
    held: list[str] = field(default_factory=list)


def answer_slope(trial: Trial) -> Slope:
    """The slope of what is asked of a text, at the final stream."""
    kinds = {Predicts: _of_a_piece, Embeds: _of_vectors}
    return next((slope for kind, slope in kinds.items() if isinstance(trial.kind, kind)), _of_a_label)(trial)


def label_row(trial: Trial, rows: Tensor) -> Tensor:
    """Of rows that belong to a label each (c, …) the one of the answer: of two labels the difference."""
    assert isinstance(trial.measure, OfLabel)
    if type(trial.kind) is OneLabel and len(rows) == 2:
        return rows[1] - rows[0]
    return rows[trial.measure.label]


def label_said(trial: Trial) -> str:
    labels, name = trial.kind.labels, trial.metric.of
    if type(trial.kind) is OneLabel and len(labels) == 2:
        return f"the log-odds of {name}: its logit less that of {labels[0]}"
    return f"the {'score' if trial.metric.name == 'score' else 'logit'} of {name}"


def answered(trial: Trial) -> float:
    """What the contributions sum to, as the model computed it: a logit where the measure itself is no linear one."""
    if isinstance(trial.measure, OfPiece):
        return trial.tape["logits"][0, int(trial.measure.at[0]), trial.measure.piece].item()
    return (
        label_row(trial, trial.tape["logits"][0].double()).item()
        if isinstance(trial.measure, OfLabel)
        else trial.before
    )


def _of_a_label(trial: Trial) -> Slope:
    model = trial.reader.model
    path = "classifier" if hasattr(model, "classifier") else "follows" if isinstance(model, Bert) else "head"
    weight, biases = label_row(trial, _double(part(trial, path).weight)), part(trial, path).bias
    bias = torch.zeros(()) if biases is None else label_row(trial, _double(biases))
    x, said = _double(trial.tape["final"][0]), label_said(trial)
    if not isinstance(model, Bert):
        pool = pool_of(model)
        return Slope(said, _unpooled(x, weight, pool), bias.item(), [WINNERS] if pool == "max" else [])
    linear, bend = part(trial, "pooler.linear"), trial.reader.config.pooler
    back, more = _unbent(weight, x[0], linear, bend)
    slope = torch.zeros_like(x)
    slope[0] = back
    return Slope(said, slope, bias.item() + more, [BEND.format(bend)])


def pool_of(model: Any) -> str:
    """How many positions become one where it is no BERT: mean, max, or the last."""
    return "last" if isinstance(model, Gpt2Classifier) else model.config.pool


def _unpooled(x: Tensor, slope: Tensor, how: str) -> Tensor:
    """From the slope (w,) of a pooled vector to that of every position x (n, w) it was pooled from."""
    if how == "mean":
        return (slope / len(x)).expand_as(x)
    one = len(x) - 1 if how == "last" else 0
    winners = x.argmax(dim=0) if how == "max" else torch.full((x.size(1),), one)
    return torch.zeros_like(x).scatter(0, winners[None], slope[None])


def _unbent(slope: Tensor, x: Tensor, linear: torch.nn.Linear, bend: str) -> tuple[Tensor, float]:
    """Back through activation(linear(x)), of one position: the slope at x (w,), and what does not depend on x."""
    weight, bias = _double(linear.weight), _double(linear.bias)
    turned = weight @ x + bias
    bent = ACTIVATIONS[bend](turned)
    bends = torch.where(turned == 0, 0.0, bent / turned)  # value ÷ argument
    left = slope @ torch.where(turned == 0, bent, 0.0)
    return (slope * bends) @ weight, (slope * bends @ bias + left).item()


def back_through_norm(slope: Tensor, x: Tensor, norm: Any) -> tuple[Tensor, float]:
    """From the slope at what a norm gives to that at what it reads, x (n, w), and what its shift adds."""
    x = x.double()
    scale = torch.sqrt(x.var(dim=-1, unbiased=False, keepdim=True) + norm.epsilon)  # n 1
    inside = slope * _double(norm.gain) / scale
    return inside - inside.mean(dim=-1, keepdim=True), (slope @ _double(norm.shift)).sum().item()


def _of_a_piece(trial: Trial) -> Slope:
    assert isinstance(trial.measure, OfPiece)
    model, piece, at = trial.reader.model, trial.measure.piece, int(trial.measure.at[0])
    vectors, biases = predictor(model)
    x, row, held = _double(trial.tape["final"][0]), _double(vectors[piece]), []
    bias = 0.0 if biases is None else biases[piece].item()
    if isinstance(model, Predicting | PreTraining):
        row, more, held = _through_transform(trial, row, x[at])
        bias += more
    slope = torch.zeros_like(x)
    slope[at] = row
    return Slope(f"the logit of {trial.metric.of} {trial.measure.kind.where}", slope, bias, held)


def predictor(model: Any) -> tuple[Tensor, Tensor | None]:
    """The vectors that pieces are predicted with, (v, w), and what is added to each, (v,)."""
    if isinstance(model, Generator):
        return model.head.weight, model.head.bias
    bias = model.predict.bias if isinstance(model, Predicting | PreTraining | Translator) else None
    return model.embed.pieces.weight if model.predict.weight is None else model.predict.weight, bias


def _through_transform(trial: Trial, slope: Tensor, x: Tensor) -> tuple[Tensor, float, list[str]]:
    """Back through what a BERT does before it predicts: the slope at x (w,), what does not hang on x, what is held."""
    predict, bend = part(trial, "predict"), trial.reader.config.predict or trial.reader.config.activation
    bent = ACTIVATIONS[bend](_double(predict.transform.weight) @ x + _double(predict.transform.bias))
    back, shift = back_through_norm(slope[None], bent[None], predict.norm)
    back, more = _unbent(back[0], x, predict.transform, bend)
    return back, shift + more, [BEND.format(bend)]


def _of_vectors(trial: Trial) -> Slope:
    """A cosine is linear in each vector, the other one and both lengths held; of two vectors half from each side."""
    assert isinstance(trial.kind, Embeds)
    x, pooling = _double(trial.tape["final"][0]), trial.kind.pooling
    held = ["the lengths of the vectors", *([WINNERS] if pooling == "max" else [])]
    if isinstance(trial.measure, Kept):
        vector = _pooled(x, pooling)
        slope = _unpooled(x, trial.measure.unchanged[0] / vector.norm(), pooling)
        return Slope("the cosine of the vector with itself, which is 1", slope, 0.0, held)
    places = [(trial.batch.which[0] == k).nonzero()[:, 0] for k in (0, 1)]
    one, other = (_pooled(x[each], pooling) for each in places)
    lengths, slope = one.norm() * other.norm(), torch.zeros_like(x)
    for where, beside in zip(places, (other, one), strict=True):
        slope[where] = _unpooled(x[where], beside / lengths / 2, pooling)
    return Slope("the cosine of the two vectors, half of it from each side", slope, 0.0, held)


def _pooled(x: Tensor, how: str) -> Tensor:
    return {"mean": x.mean(dim=0), "max": x.amax(dim=0), "cls": x[0]}[how]


def _double(x: Tensor) -> Tensor:
    return x.detach().double()

"""The numbers of a picture, by the tape's names, without the axis of the batch: float32, exact, nothing left out.

What follows from others is not among them: scores, scaled, weights and z are made of q, k and v wherever the picture
is drawn.  Where a switch has changed one of these, so that it no longer follows, it stands here as well.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.explain.address import Address
from glassformer.explain.effects import estimated_cells
from glassformer.explain.trial import Trial
from glassformer.parts.attention import RelativeKey
from glassformer.tape import Tape

SITES = ("embed.pieces", "embed.places", "embed.types", "embed.stream", "final", "pooled", "shares")
OF_A_LAYER = ("attention.q", "attention.k", "attention.v", "attention.mixed", "between", "mlp.out", "stream")
VECTORS = ("sentence", "sentence2", "similarity")
OF_A_LOOK = (".cross.q", ".cross.k", ".cross.v", ".cross.mixed", ".crossed")
FOLLOWS = (".weights", ".scaled", ".scores", ".z")
THUMB, LONG = 32, 64  # rows of a small picture, and pieces from which on there is one
CLOSE = 1e-4  # what follows from others differs by rounding only
Arrays = dict[str, np.ndarray]


def arrays(trial: Trial, effects: bool = True) -> Arrays:
    """Everything a picture is drawn of.  effects: with the change of the measure for each cell, estimated."""
    found = {site: trial.values[site] for site in (*SITES, *VECTORS) if site in trial.values}
    if "logits" in trial.values and trial.values["logits"].size(-1) != trial.reader.config.vocabulary:
        found["logits"] = trial.values["logits"]
    cells = estimated_cells(trial) if effects and trial.layers else []
    for layer in range(trial.layers):
        found |= {site: trial.tape[site] for kind in OF_A_LAYER if (site := f"layers.{layer}.{kind}") in trial.tape}
        more = {**of_attention(trial, layer), **({"cells": cells[layer]} if cells else {})}
        found |= {f"layers.{layer}.attention.{name}": value[None] for name, value in more.items()}
    found |= _read(trial) if trial.read else {}
    if not trial.may_look.all():
        found["look"] = trial.may_look[None]
    return {name: plain(value[0]) for name, value in found.items()}


def _read(trial: Trial) -> dict[str, Tensor]:
    """What an encoder made of what it read, and how the decoder looks at it."""
    kinds = tuple(f".{kind}" for kind in OF_A_LAYER)
    own = {site for site in trial.tape if site.startswith("encoder.layers.") and site.endswith(kinds)}
    cross = {site for site in trial.tape if site.endswith(OF_A_LOOK)}
    ends = {f"encoder.{site}" for site in SITES if f"encoder.{site}" in trial.tape}
    return {site: trial.tape[site] for site in trial.tape if site in own | cross | ends}


def followed(tape: Tape) -> Arrays:
    """What follows from q, k and v, as the model itself computed it: for whoever works it out again, to compare."""
    sites = [site for site in tape if site.endswith(FOLLOWS) and Address(site).own and ".attention." in site]
    return {site: plain(tape[site][0]) for site in sites}


def head(trial: Trial, layer: int, number: int) -> Arrays:
    """One head: q, k, v, what each position brings, and what a switch has put in the place of what follows."""
    path = f"layers.{layer}.attention"
    found = {kind: trial.tape[f"{path}.{kind}"][0] for kind in ("q", "k", "v")} | of_attention(trial, layer)
    return {name: plain(value[number]) for name, value in found.items()}


def of_attention(trial: Trial, layer: int) -> dict[str, Tensor]:
    """What a picture holds of a layer's attention beside q, k and v: (h, …) each."""
    near = nearness(trial, layer)
    found = {"brought": trial.brought(layer), **({} if near is None else {"near": near}), **_edited(trial, layer, near)}
    if trial.ids.size(1) > LONG:
        weights = trial.tape[f"layers.{layer}.attention.weights"][0]
        found["thumb"] = F.adaptive_max_pool2d(weights, THUMB)
    return found


def nearness(trial: Trial, layer: int) -> Tensor | None:
    """What distances add to the scores: (h, i, j); None where they add nothing."""
    path = f"layers.{layer}.attention"
    part = trial.reader.model.get_submodule(path).nearness
    if not isinstance(part, RelativeKey):
        return None
    with torch.no_grad():
        return part(trial.tape[f"{path}.q"], trial.tape[f"{path}.k"])[0]


def _edited(trial: Trial, layer: int, near: Tensor | None) -> dict[str, Tensor]:
    """Scores, scaled, weights and z where a switch has changed them: else they follow from what stands before."""
    if not trial.switches:
        return {}
    path = f"layers.{layer}.attention"
    q, k, v, scores, scaled, weights, z = (
        trial.tape[f"{path}.{kind}"][0] for kind in ("q", "k", "v", "scores", "scaled", "weights", "z")
    )
    follow: dict[str, tuple[Tensor, Callable[[], Tensor]]] = {
        "scores": (scores, lambda: q @ k.mT),
        "scaled": (scaled, lambda: (scores + (0.0 if near is None else near)) / math.sqrt(q.size(-1))),
        "weights": (weights, lambda: _softmax(scaled, trial.may_look)),
        "z": (z, lambda: weights @ v),
    }
    return {kind: value for kind, (value, made) in follow.items() if not _close(value, made())}


def _softmax(scaled: Tensor, may_look: Tensor) -> Tensor:
    return scaled.masked_fill(~may_look, -torch.inf).softmax(dim=-1).nan_to_num(0.0)


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=CLOSE, atol=CLOSE)


def plain(value: Tensor) -> np.ndarray:
    """As numpy, float32."""
    return np.ascontiguousarray(value.detach().to(torch.float32).numpy())

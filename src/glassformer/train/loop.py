"""The training loop: a generator that yields after every step, and does nothing else.

What a step does depends on the seed, the number of the step and the state alone: a run that was killed and goes on
from a saved state ends with the same bits as one that was not.
"""

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.tape import listen
from glassformer.train.recipes import Recipe


@dataclass(frozen=True)
class Batch:
    """ids (b, n): pieces; real (b, n): the real ones; labels (b); cut (b, i, j): True where i may not look at j.

    calm: to be learned without dropout.
    """

    ids: Tensor
    real: Tensor
    labels: Tensor
    cut: Tensor | None = None
    calm: bool = False


@dataclass(frozen=True)
class Step:
    """number: steps done so far; loss: of this step's batch, in nats."""

    number: int
    loss: float


class State:
    """What a run is between two steps: the model, the running average of its weights, the optimiser, the step."""

    def __init__(self, model: nn.Module, recipe: Recipe):
        self.model, self.average, self.step = model, copy.deepcopy(model), 0
        matrices = [weight for weight in model.parameters() if weight.ndim > 1]
        vectors = [weight for weight in model.parameters() if weight.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": recipe.decay}, {"params": vectors, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(
            [g for g in groups if g["params"]], lr=recipe.rate, betas=(0.9, 0.98), fused=True
        )


def train(state: State, batch: Callable[[int], Batch], recipe: Recipe, seed: int, total: int) -> Iterator[Step]:
    """Take steps until `total` are done.  batch: from a step's number to its batch."""
    while state.step < total:
        with torch.random.fork_rng(devices=[]):  # dropout is drawn from (seed, step), and nobody else's draws move
            torch.manual_seed(seed * 1_000_003 + state.step)
            loss = _loss(state.model, batch(state.step), recipe.smoothing)
        _follow(state, loss, _rate(state.step, total, recipe))
        state.step += 1
        yield Step(state.step, loss.item())


def _loss(model: nn.Module, batch: Batch, smoothing: float) -> Tensor:
    model.train(not batch.calm)
    with forbidden(model, batch.cut):
        logits = model(batch.ids, batch.real)  # b c
    return F.cross_entropy(logits, batch.labels, label_smoothing=smoothing)


def forbidden(model: nn.Module, edges: Tensor | None) -> AbstractContextManager:
    """A pass in which some positions may not look at others, in all layers and heads."""
    if edges is None:
        return nullcontext()
    cut = {"layers.*.attention.scaled": lambda scaled: scaled.masked_fill(edges[:, None], -torch.inf)}  # b h i j
    return listen(model, keep=(), edit=cut)


def _follow(state: State, loss: Tensor, rate: float) -> None:
    """One step down the gradient of `loss`, and the average of the weights after it."""
    for group in state.optimiser.param_groups:
        group["lr"] = rate
    state.optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    state.optimiser.step()
    memory = min(AVERAGE, (1 + state.step) / (10 + state.step))
    with torch.no_grad():
        for mean, weight in zip(state.average.parameters(), state.model.parameters(), strict=True):
            mean.lerp_(weight, 1 - memory)


AVERAGE = 0.999  # how much of the average of the weights a step keeps


def _rate(step: int, total: int, recipe: Recipe) -> float:
    """Up in a straight line, then down a cosine to nothing.  Loshchilov and Hutter 2017, "SGDR"."""
    return recipe.rate * min(1.0, (step + 1) / recipe.warmup) * (1 + math.cos(math.pi * step / total)) / 2

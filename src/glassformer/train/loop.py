"""The training loop: a generator that yields after every step, and does nothing else.

What a step does depends on the seed, the number of the step and the state alone: a run that was killed and goes on
from a saved state ends with the same bits as one that was not.
"""

import copy
import math
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.tape import listen


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
    """number: steps done so far; loss: of this step's batch, in nats; seconds: that it took."""

    number: int
    loss: float
    seconds: float


@dataclass
class Log:
    """How a run went.  seconds: of the `timed` steps, all but those of before they were timed; curve: the looks."""

    seconds: float = 0.0
    timed: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)


class Optimised(Protocol):
    """How far a step goes, and how much of a weight it takes away."""

    @property
    def rate(self) -> float: ...

    @property
    def decay(self) -> float: ...


class Learned(Protocol):
    """What the loop has to know of a task (`task.py`)."""

    seed: int
    total: int

    def loss(self, model: nn.Module, step: int) -> Tensor: ...

    def rate(self, step: int) -> float: ...


class State:
    """What a run is between two steps: the model, the running average of its weights, the optimiser, the step."""

    def __init__(self, model: nn.Module, recipe: Optimised):
        self.model, self.average, self.step, self.log = model, copy.deepcopy(model), 0, Log()
        matrices = [weight for weight in model.parameters() if weight.ndim > 1]
        vectors = [weight for weight in model.parameters() if weight.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": recipe.decay}, {"params": vectors, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(
            [g for g in groups if g["params"]], lr=recipe.rate, betas=(0.9, 0.98), fused=True
        )

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device


def train(state: State, task: Learned, gradient: "Gradient | None" = None) -> Iterator[Step]:
    """Take steps until all are done.  gradient: how that of a step is made, as `whole` does or as in `big.py`."""
    while state.step < task.total:
        started = time.perf_counter()
        state.optimiser.zero_grad()  # or each step would follow the gradients of all steps before it as well
        loss = (gradient or whole)(state, task)
        _follow(state, task.rate(state.step))
        state.step += 1
        number, seconds = loss.item(), time.perf_counter() - started
        state.log.seconds, state.log.timed = state.log.seconds + seconds, state.log.timed + 1
        yield Step(state.step, number, seconds)


def whole(state: State, task: Learned) -> Tensor:
    """The gradient of the step's batch, left in the weights; its loss."""
    loss = loss_of(state, task, state.step)
    loss.backward()
    return loss.detach()


Gradient = Callable[[State, Learned], Tensor]


def loss_of(state: State, task: Learned, number: int) -> Tensor:
    """The loss of the batch of this number: batches and dropout are drawn from (seed, number)."""
    with drawn(state, task, number), short(state.device):
        return task.loss(state.model, number)


@contextmanager
def drawn(state: State, task: Learned, number: int) -> Generator[None]:
    """What is random in it is drawn from the seed and this number, and nobody else's draws move."""
    with torch.random.fork_rng(devices=[state.device] if state.device.type == "cuda" else []):
        torch.manual_seed(task.seed * 1_000_003 + number)
        yield


def short(device: torch.device, precision: str | None = None) -> AbstractContextManager:
    """Numbers of two bytes where matrices are multiplied; weights, and sums over many, keep four.

    precision: bfloat16 or float32; as it was around it when left out, or bfloat16 on a GPU.
    """
    if precision is None and device.type != "cuda":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16, enabled=precision != "float32")


def classified(model: nn.Module, batch: Batch, smoothing: float) -> Tensor:
    """The loss of a batch of labelled texts."""
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


def _follow(state: State, rate: float) -> None:
    """One step down the gradient, and the average of the weights after it."""
    for group in state.optimiser.param_groups:
        group["lr"] = rate
    nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    state.optimiser.step()
    memory = min(AVERAGE, (1 + state.step) / (10 + state.step))
    with torch.no_grad():
        for mean, weight in zip(state.average.parameters(), state.model.parameters(), strict=True):
            mean.lerp_(weight, 1 - memory)


AVERAGE = 0.999  # how much of the average of the weights a step keeps


def cosine(step: int, total: int, rate: float, warmup: int) -> float:
    """Up in a straight line, then down a cosine to nothing.  Loshchilov and Hutter 2017, "SGDR"."""
    return rate * min(1.0, (step + 1) / warmup) * (1 + math.cos(math.pi * step / total)) / 2

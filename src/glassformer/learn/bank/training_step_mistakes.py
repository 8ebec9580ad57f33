"""The same steps with every mistake as a setting, and what is said of each."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.learn.exercise import Mistake

Batches = list[tuple[Tensor, Tensor]]


def _clipped(weights: list[nn.Parameter], how: str) -> None:
    if how == "each":
        for weight in weights:
            nn.utils.clip_grad_norm_([weight], 1.0)
    elif how == "values":
        nn.utils.clip_grad_value_(weights, 1.0)
    elif how == "always 1":
        norm = torch.stack([weight.grad.norm() for weight in weights if weight.grad is not None]).norm()
        for weight in weights:
            weight.grad = None if weight.grad is None else weight.grad / norm
    elif how in ("before", "together"):
        nn.utils.clip_grad_norm_(weights, 1.0)


RATES: dict[str, Callable[[int, int, int], float | None]] = {
    "right": lambda step, width, warmup: width**-0.5 * min(step**-0.5, step * warmup**-1.5),
    "not set": lambda step, width, warmup: None,
    "from 0": lambda step, width, warmup: width**-0.5 * min(max(step - 1, 1e-9) ** -0.5, (step - 1) * warmup**-1.5),
    "from 2": lambda step, width, warmup: width**-0.5 * min((step + 1) ** -0.5, (step + 1) * warmup**-1.5),
    "max": lambda step, width, warmup: width**-0.5 * max(step**-0.5, step * warmup**-1.5),
    "no width": lambda step, width, warmup: min(step**-0.5, step * warmup**-1.5),
    "width^½": lambda step, width, warmup: width**0.5 * min(step**-0.5, step * warmup**-1.5),
    "no warm-up": lambda step, width, warmup: width**-0.5 * step**-0.5,
    "no fall": lambda step, width, warmup: width**-0.5 * step * warmup**-1.5,
    "warmup^−½": lambda step, width, warmup: width**-0.5 * min(step**-0.5, step * warmup**-0.5),
    "warmup^3⁄2": lambda step, width, warmup: width**-0.5 * min(step**-0.5, step * warmup**1.5),
    "step^½": lambda step, width, warmup: width**-0.5 * min(step**0.5, step * warmup**-1.5),
    "stays up": lambda step, width, warmup: width**-0.5 * min(warmup**-0.5, step * warmup**-1.5),
    "times": lambda step, width, warmup: 0.3 * width**-0.5 * min(step**-0.5, step * warmup**-1.5),
}


@dataclass(frozen=True)
class Switches:
    zero: str = "each step"
    clip: str = "together"
    rate: str = "right"
    set: str = "before"
    loss: str = "before"
    entropy: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy
    most: float = 1.0


def trained(
    model: nn.Module, optimiser: torch.optim.Optimizer, batches: Batches, width: int, warmup: int, on: Switches
) -> list[float]:
    weights, losses = list(model.parameters()), []
    for step, (inputs, labels) in enumerate(batches, start=1):
        if on.zero == "each step":
            optimiser.zero_grad()
        loss = on.entropy(model(inputs), labels)
        loss.backward()
        if on.zero == "after backward":
            optimiser.zero_grad()
        if on.most != 1.0:
            nn.utils.clip_grad_norm_(weights, on.most)
        _clipped(weights, on.clip)
        rate = RATES[on.rate](step, width, warmup)
        _step(optimiser, rate, on)
        losses.append((on.entropy(model(inputs), labels) if on.loss == "after" else loss).item())
    return losses


def _step(optimiser: torch.optim.Optimizer, rate: float | None, on: Switches) -> None:
    if on.set == "after":
        optimiser.step()
    for group in optimiser.param_groups:
        group["lr"] = group["lr"] if rate is None else rate
    if on.set == "before":
        optimiser.step()


def _reversed(logits: Tensor, labels: Tensor) -> Tensor:
    return -F.cross_entropy(logits, labels)


def _running(model: nn.Module, optimiser: Any, batches: Batches, width: int, warmup: int) -> list[float]:
    losses = trained(model, optimiser, batches, width, warmup, Switches())
    return [sum(losses[: k + 1]) / (k + 1) for k in range(len(losses))]


def _mistake(name: str, repair: str, wrong: Callable | None = None, **switches: Any) -> Mistake:
    function = wrong or (lambda *arguments: trained(*arguments, on=Switches(**switches)))  # type: ignore[call-arg]
    return Mistake(name, "answer", _losses(name, repair), wrong=lambda *given: function(*copy.deepcopy(given)))


def _losses(name: str, repair: str) -> Callable:
    """As lists of losses, to three places, from the first that differs."""

    def says(e: Any) -> str:
        theirs, right = e.wrong.answer, e.right.answer
        at = next((k for k, (a, b) in enumerate(zip(theirs, right, strict=False)) if abs(a - b) > 1e-4), None)
        if at is None:
            return f"{name}: yours are {len(theirs)} losses, {len(right)} are wanted; {repair}."
        return f"{name}: the loss of step {at + 1} is {theirs[at]:.3f}, it should be {right[at]:.3f}; {repair}."

    return says


ORDER = "zero_grad, loss, backward, clip, rate, step: in this order"
CUT = "nn.utils.clip_grad_norm_(model.parameters(), 1.0) between backward and step"
RATE = "width**-0.5 * min(step**-0.5, step * warmup**-1.5), step from 1"


def _right(*arguments: Any) -> list[float]:
    return trained(*arguments, on=Switches())


MISTAKES = (
    _mistake(
        "the gradients are never forgotten", f"each step follows those of all before it too: {ORDER}", zero="never"
    ),
    _mistake(
        "no step is taken, or after the gradients were forgotten",
        f"nothing is learned so: {ORDER}",
        zero="after backward",
    ),
    _mistake("the gradients are not cut", CUT, clip="never"),
    _mistake("each gradient is cut by itself", f"all together have a norm of at most 1: {CUT}", clip="each"),
    _mistake("the values are cut, not the norm", CUT, clip="values"),
    _mistake("small gradients are made larger", f"cut only what is above 1: {CUT}", clip="always 1"),
    _mistake("the gradients are cut to a norm of ½", CUT, most=0.5),
    _mistake("the gradients are cut to a norm of 0.1", CUT, most=0.1),
    _mistake("the rate is never set", "for group in optimiser.param_groups: group['lr'] = rate", rate="not set"),
    _mistake("the rate is set after the step", f"it would count for the next one: {ORDER}", set="after"),
    _mistake("the steps are counted from 0", RATE, rate="from 0"),
    _mistake("the steps are counted from 2", RATE, rate="from 2"),
    _mistake("the larger of the two is taken", RATE, rate="max"),
    _mistake("the width is missing in the rate", RATE, rate="no width"),
    _mistake("the rate grows with the width", RATE, rate="width^½"),
    _mistake("no warm-up", RATE, rate="no warm-up"),
    _mistake("the rate never falls", RATE, rate="no fall"),
    _mistake("the warm-up has the exponent −½", RATE, rate="warmup^−½"),
    _mistake("the rate stays up after the warm-up", RATE, rate="stays up"),
    _mistake("the rate is multiplied with the one that was there", f"it replaces it: {RATE}", rate="times"),
    _mistake("the loss is computed after the step", "give back the loss that backward ran through", loss="after"),
    _mistake(
        "the loss is summed, not averaged",
        "F.cross_entropy averages over the batch",
        entropy=lambda x, y: F.cross_entropy(x, y, reduction="sum"),
    ),
    _mistake(
        "softmax is taken twice",
        "F.cross_entropy takes the logits as they are",
        entropy=lambda x, y: F.cross_entropy(x.softmax(-1), y),
    ),
    _mistake("the logarithm is missing", "F.cross_entropy has it", entropy=lambda x, y: F.nll_loss(x.softmax(-1), y)),
    _mistake(
        "it climbs instead of descending",
        "the loss is made smaller, not its negative",
        lambda *arguments: [-each for each in trained(*arguments, on=Switches(entropy=_reversed))],
    ),
    _mistake("the running mean of the losses is given back", "the loss of each step by itself", _running),
    _mistake(
        "the losses are in reverse",
        "append each loss at the end",
        lambda *arguments: trained(*arguments, on=Switches())[::-1],
    ),
    _mistake(
        "the last step's loss is missing",
        "one loss for each batch",
        lambda *arguments: trained(*arguments, on=Switches())[:-1],
    ),
    _mistake(
        "only the last loss is given back",
        "one loss for each batch",
        lambda *arguments: _right(*arguments)[-1:],
    ),
    Mistake(
        "the losses are tensors with their graphs",
        "answer",
        "the losses are tensors that keep all they were made of: every step's graph stays in memory; loss.item() is "
        "the number alone.",
        wrong=lambda *given: [torch.tensor(each, requires_grad=True) for each in _right(*copy.deepcopy(given))],
    ),
)

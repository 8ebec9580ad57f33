"""Steps of learning: the losses of later ones tell what earlier ones did to the weights."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.learn.bank.words import drawing, drawn
from glassformer.learn.exercise import Case, Exercise, Mistake, Property, Stages, equal
from glassformer.models.rates import warmed
from glassformer.train import loop

Batches = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Task:
    """What the project's own loop asks of a task, and of a recipe."""

    batches: Batches
    width: int
    warmup: int
    seed: int = 0
    decay: float = 0.0

    @property
    def total(self) -> int:
        return len(self.batches)

    def loss(self, model: nn.Module, step: int) -> Tensor:
        return F.cross_entropy(model(self.batches[step][0]), self.batches[step][1])

    def rate(self, step: int = 0) -> float:
        return warmed(step + 1, self.width, self.warmup)


class Recipe:
    rate, decay = 0.0, 0.0


def key(model: nn.Module, optimiser: torch.optim.Optimizer, batches: Batches, width: int, warmup: int) -> Stages:
    """train.loop, with the learner's optimiser in place of its own."""
    state = loop.State(model, Recipe())
    state.optimiser = optimiser  # type: ignore[assignment]
    steps = loop.train(state, Task(batches, width, warmup))  # type: ignore[arg-type]
    return Stages(answer=[step.loss for step in steps])


def _model(draw: torch.Generator, w: int, c: int) -> nn.Module:
    model = nn.Sequential(nn.Linear(w, 6), nn.Tanh(), nn.Linear(6, c))
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(drawn(draw, *weight.shape))
    return model


OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "plain descent": lambda weights: torch.optim.SGD(weights, lr=0.3),
    "descent with momentum": lambda weights: torch.optim.SGD(weights, lr=0.3, momentum=0.9),
    "Adam": lambda weights: torch.optim.Adam(weights, lr=0.3, betas=(0.9, 0.98), eps=1e-9),
}


def cases(seed: int) -> list[Case]:
    draw, found = drawing(seed), []
    for name, make, size in zip(OPTIMISERS, OPTIMISERS.values(), (1.0, 3.0, 2.0), strict=True):
        w, c, width, warmup = 4, 3, 4, 3
        model = _model(draw, w, c)
        batches = [(size * drawn(draw, 5, w), torch.randint(c, (5,), generator=draw)) for _ in range(6)]
        about = f"6 batches, {name}, width {width}, warm-up {warmup}"
        found.append(Case((model, make(model.parameters()), batches, width, warmup), about))
    return found


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


def compare(theirs: Any, right: Any) -> bool:
    """The same numbers, and the same said of what they were made of."""
    return equal(theirs, right) and _with_graphs(theirs) == _with_graphs(right)


def _with_graphs(losses: Any) -> bool:
    return any(isinstance(each, Tensor) and each.requires_grad for each in losses)


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


# right, each in another way


def by_hand(model, optimiser, batches, width, warmup):
    losses = []
    for step in range(1, 1 + len(batches)):
        inputs, labels = batches[step - 1]
        for weight in model.parameters():
            weight.grad = None
        logs = model(inputs).log_softmax(-1)
        loss = -logs[range(len(labels)), labels].mean()
        loss.backward()
        norm = sum(weight.grad.square().sum() for weight in model.parameters()) ** 0.5
        for weight in model.parameters():
            weight.grad *= min(1.0, 1.0 / (norm + 1e-6))
        for group in optimiser.param_groups:
            group["lr"] = min(1 / step**0.5, step / warmup**1.5) / width**0.5
        optimiser.step()
        losses.append(loss.item())
    return losses


def by_zeroing_last(model, optimiser, batches, width, warmup):
    model.train()
    losses = []
    for k, (inputs, labels) in enumerate(batches):
        optimiser.param_groups[0]["lr"] = warmed(k + 1, width, warmup)
        loss = nn.CrossEntropyLoss()(model(inputs), labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1)
        optimiser.step()
        model.zero_grad()
        losses.append(loss.detach().item())
    return losses


def by_scheduler(model, optimiser, batches, width, warmup):
    for group in optimiser.param_groups:
        group["lr"], group["initial_lr"] = 1.0, 1.0
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda k: warmed(k + 1, width, warmup))
    losses = []
    for inputs, labels in batches:
        optimiser.zero_grad(set_to_none=False)
        loss = F.nll_loss(F.log_softmax(model(inputs), dim=-1), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    return losses


def by_autograd(model, optimiser, batches, width, warmup):
    weights = list(model.parameters())

    def one(step, inputs, labels):
        loss = F.cross_entropy(model(inputs), labels)
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.grad = gradient.clone()
        nn.utils.clip_grad_norm_(weights, 1.0)
        for group in optimiser.param_groups:
            group.update(lr=warmed(step, width, warmup))
        optimiser.step()
        return loss.item()

    return [one(step, *batch) for step, batch in enumerate(batches, 1)]


def by_closure(model, optimiser, batches, width, warmup):
    losses = []
    for step in range(1, len(batches) + 1):
        for group in optimiser.param_groups:
            group["lr"] = width**-0.5 * (step**-0.5 if step >= warmup else step * warmup**-1.5)

        def closure(step=step):
            optimiser.zero_grad()
            inputs, labels = batches[step - 1]
            (loss := F.cross_entropy(model(inputs), labels, reduction="sum") / len(labels)).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            return loss

        losses.append(optimiser.step(closure).item())
    return losses


def by_one_hot(model, optimiser, batches, width, warmup):
    losses = []
    for number, batch in enumerate(batches):
        logits = model(batch[0])
        loss = (logits.logsumexp(1) - (logits * F.one_hot(batch[1], logits.size(1))).sum(1)).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimiser.param_groups:
            group["lr"] = RATES["right"](number + 1, width, warmup)
        optimiser.step()
        losses.append(loss.item())
    return losses


def _first(function, case: Case) -> str:
    """The first loss is that of the model as it came."""
    model, optimiser, batches, *more = case.arguments
    with torch.no_grad():
        inputs, labels = batches[0]
        right = float(F.cross_entropy(model(inputs), labels))
    theirs = float(function(*copy.deepcopy((model, optimiser, batches, *more)))[0])
    if abs(theirs - right) < 1e-3:
        return ""
    return f"The first loss is that of the model as it came, {right:.3f}; yours is {theirs:.3f}."


EXERCISE = Exercise(
    name="training-step",
    cases=cases,
    key=key,
    compare=compare,
    mistakes=MISTAKES,
    right=(by_hand, by_zeroing_last, by_scheduler, by_autograd, by_closure, by_one_hot),
    properties=(Property("the first loss is that of the model as it came", _first),),
    hints=(
        "A loop over batches with enumerate(batches, start=1); the loss is F.cross_entropy(model(inputs), labels).",
        "Order: zero_grad, loss, backward, clip_grad_norm_(…, 1.0), rate, step.",
        "The rate is set by hand: for group in optimiser.param_groups: group['lr'] = ….",
    ),
    explanation="Gradients add up until they are forgotten, and the rate begins small: the first ones say little. "
    "Next: code that runs, learns and is wrong.",
)

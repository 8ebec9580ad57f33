"""Steps of learning: the losses of later ones tell what earlier ones did to the weights."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.learn.bank.training_step_mistakes import MISTAKES, RATES, Batches
from glassformer.learn.bank.words import drawing, drawn
from glassformer.learn.exercise import Case, Exercise, Property, Stages, equal
from glassformer.models.rates import warmed
from glassformer.train import loop


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


def compare(theirs: Any, right: Any) -> bool:
    """The same numbers, and the same said of what they were made of."""
    return _with_graphs(theirs) == _with_graphs(right) and equal(theirs, right)


def _with_graphs(losses: Any) -> bool:
    return isinstance(losses, list) and any(isinstance(each, Tensor) and each.requires_grad for each in losses)


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

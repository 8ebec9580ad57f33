"""What is learned: all of a run but its steps.

A task says what a batch is and what its loss is, what is looked at while it is learned, what is measured at the end,
and what the card says.  The loop, the saved state and the run are the same for all of them.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import torch
from torch import Tensor, nn

from glassformer.models.losses import cross_entropy, smoothed
from glassformer.train.big import in_parts
from glassformer.train.loop import Gradient, Log, cosine, short
from glassformer.train.recipes import Recipe, Writing


@dataclass(frozen=True)
class Ran:
    """A finished run.  seconds: of its steps, without the gathering of the data and the looks; curve: the looks."""

    seed: int
    steps: int
    seconds: float
    curve: Sequence[dict[str, float]] = ()


class Measured(Protocol):
    """What is known of one seed, and goes to a file and back.  validation: what seeds are compared by."""

    @property
    def recipe(self) -> dict[str, Any]: ...

    @property
    def seed(self) -> int: ...

    @property
    def validation(self) -> float: ...

    def text(self) -> str:
        """As JSON."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What is known of a model that writes.  figures: of its rounded weights; samples: what it wrote."""

    recipe: dict[str, Any]
    seed: int
    steps: int
    seconds: float
    parameters: int
    validation: float
    figures: dict[str, Any]
    samples: list[str]
    curve: list[dict[str, float]]

    def text(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"

    @classmethod
    def read(cls, text: str) -> Self:
        """Back from JSON.  Raises ValueError, TypeError or KeyError for anything else."""
        return cls(**json.loads(text))


R = TypeVar("R", bound=Recipe | Writing)  # what a task is made by,
W = TypeVar("W", bound=Writing)
M = TypeVar("M", bound=Measured)  # and what is known at its end


class Task(Generic[R, M]):
    """A recipe with its data and its seed.

    total: steps; definition: the text of its tokenizer.json; labels: names of classes; mark: what must be the same
    for a run to go on; device: where it is learned.
    """

    recipe: R
    seed: int
    total: int
    definition: str
    mark: str
    labels: tuple[str, ...] = ()
    score = "score"  # what `validation` is, with its unit behind it
    gradient: Gradient | None = None  # how that of a step is made, where not of its batch at once

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def model(self) -> nn.Module:
        """With fresh weights, drawn from torch's generator."""
        raise NotImplementedError

    def loss(self, model: nn.Module, step: int) -> Tensor:
        """Of the batch of this step: a pure function of the weights, the seed and the step.  In nats."""
        raise NotImplementedError

    def rate(self, step: int) -> float:
        """How far this step goes."""
        return cosine(step, self.total, self.recipe.rate, self.recipe.warmup)

    def looks(self, step: int) -> bool:
        """Whether `look` is due after so many steps."""
        return False

    def look(self, model: nn.Module) -> tuple[dict[str, float], str]:
        """What the model can by now: figures by name, and a sample of what it writes."""
        raise NotImplementedError

    def measure(self, model: nn.Module, ran: Ran) -> M:
        """Everything, of the weights as they were saved."""
        raise NotImplementedError

    @staticmethod
    def read(text: str) -> Measured:
        """What was measured, back from JSON.  Raises ValueError, TypeError or KeyError for anything else."""
        raise NotImplementedError

    @staticmethod
    def card(recipe: Any, results: Sequence[Any], chosen: Any) -> str:
        """Markdown.  results: all seeds; chosen: the one that is kept."""
        raise NotImplementedError


class Writes(Task[W, Outcome]):
    """What tasks of models that write have in common."""

    read = staticmethod(Outcome.read)

    def __init__(self, recipe: W, seed: int, definition: str, pieces: int, digest: str):
        """pieces: how many there are; digest: of all that is read, which must be the same for a run to go on."""
        self.recipe, self.seed, self.definition, self.pieces = recipe, seed, definition, pieces
        self.total = recipe.steps
        self.gradient = in_parts(recipe.accumulate) if recipe.accumulate > 1 else None
        self.mark = json.dumps({**recipe.facts(), "seed": seed, "data": digest}, sort_keys=True)

    def model(self) -> nn.Module:
        return self.recipe.model(self.pieces)

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """What is read, (b, …) each, and last what is to be said, −100 where nothing is asked; by seed and step."""
        raise NotImplementedError

    def logits(self, model: nn.Module, *read: Tensor) -> Tensor:
        """What the model says of a batch, or of some rows of it: (b, n, v)."""
        raise NotImplementedError

    def of(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """The loss of a batch, or of some rows of it: the mean over its labels."""
        model.train()
        with short(batch[0].device, self.recipe.precision):
            logits = self.logits(model, *batch[:-1])  # b n v
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        smoothing = self.recipe.smoothing
        return smoothed(logits, batch[-1], smoothing) if smoothing else cross_entropy(logits, batch[-1])

    def loss(self, model: nn.Module, step: int) -> Tensor:
        return self.of(model, self.batch(step))

    def looks(self, step: int) -> bool:
        return step % self.recipe.look == 0 or step == self.total

    def outcome(self, model: nn.Module, ran: Ran, validation: float, figures: dict, samples: list[str]) -> Outcome:
        """The file of a finished seed; of one that a GPU learned, with its name."""
        if self.device.type == "cuda":
            figures = {**figures, "device": f"one {torch.cuda.get_device_name(self.device)}"}
        weights = sum(weight.numel() for weight in model.parameters())
        facts = self.recipe.facts(), ran.seed, ran.steps, round(ran.seconds, 1), weights
        return Outcome(*facts, validation, figures, samples, list(ran.curve))


def accelerator() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def elapsed(log: Log, steps: int) -> float:
    """Seconds that all steps took; where a run of before they were counted goes on, as many a step as since."""
    return log.seconds / max(1, log.timed) * steps

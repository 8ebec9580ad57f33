"""What effects are measured on: one number a text, read off whatever a model puts out."""

from typing import Any

import torch
from torch import Tensor

from glassformer.explain.answers import Metric
from glassformer.explain.batch import Batch


class Measure:
    """One number a row of a batch, in float64."""

    def __init__(self, metric: Metric):
        self.metric = metric

    def __call__(self, output: Any, batch: Batch) -> Tensor:
        """The model's output for `batch` → (b,)."""
        raise NotImplementedError

    def elsewhere(self, output: Any, batch: Batch) -> "Measure":
        """The same question put to other texts, of which the model says `output` when nothing is changed."""
        return self

    def moved(self, batch: Batch) -> "Measure":
        """The same question put to the same text with its words in other places."""
        return self

    @property
    def directions(self) -> int:
        """How many slopes there are."""
        return 1

    def slopes(self, output: Any, batch: Batch, first: int = 0) -> Tensor:
        """Numbers whose gradients tell small changes of the measure: itself.

        Row k of a batch of the same text is asked for slope number first + k → (b,).
        """
        return self(output, batch)

    def change(self, moved: Tensor) -> Tensor:
        """The change of the measure where the slopes move by `moved` (slopes, …) → (…)."""
        return moved[0]


def log_odds(logits: Tensor, label: int = -1) -> Tensor:
    """ln(p / (1 − p)) of one class, the last one when left out.  logits (b, c) → (b,)."""
    logits = logits.double()
    label %= logits.size(-1)
    others = torch.cat([logits[:, :label], logits[:, label + 1 :]], dim=-1)
    return logits[:, label] - others.logsumexp(dim=-1)

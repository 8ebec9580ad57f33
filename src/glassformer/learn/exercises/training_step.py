"""Training steps with warm-up

One step: forget the old gradients, compute the loss, run backward, cut the gradients to a norm of at most 1 (all
together), set the learning rate, and let the optimiser follow.  The rate warms up in a straight line, then falls:

    rate = width^−½ · min(step^−½, step · warmup^−3⁄2)        step counts from 1  (Vaswani et al. 2017, equation 3)

    >>> model = torch.nn.Linear(1, 2, bias=False)
    >>> _ = torch.nn.init.zeros_(model.weight)
    >>> batch = (torch.ones(1, 1), torch.tensor([0]))
    >>> optimiser = torch.optim.SGD(model.parameters())
    >>> [round(loss, 3) for loss in train(model, optimiser, [batch, batch], width=4, warmup=4)]
    [0.693, 0.662]

There: two classes alike, log 2; the first rate is 4^−½ · 1 · 4^−3⁄2 = 0.0625, both gradients are ∓½.
Write `train`, then: glassformer check training-step
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def train(
    model: nn.Module, optimiser: torch.optim.Optimizer, batches: list[tuple[Tensor, Tensor]], width: int, warmup: int
) -> list[float]:
    """batches: inputs (b, w) and labels (b,), one step for each; model(inputs) gives logits (b, c); the loss is
    cross entropy → the loss of each step, before that step was taken."""
    raise NotImplementedError

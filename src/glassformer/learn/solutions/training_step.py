"""Training steps with warm-up"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def train(
    model: nn.Module, optimiser: torch.optim.Optimizer, batches: list[tuple[Tensor, Tensor]], width: int, warmup: int
) -> list[float]:
    """batches: inputs (b, w) and labels (b,), one step for each; model(inputs) gives logits (b, c); the loss is
    cross entropy → the loss of each step, before that step was taken."""
    losses = []
    for step, (inputs, labels) in enumerate(batches, start=1):
        optimiser.zero_grad()
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimiser.param_groups:
            group["lr"] = width**-0.5 * min(step**-0.5, step * warmup**-1.5)
        optimiser.step()
        losses.append(loss.item())
    return losses

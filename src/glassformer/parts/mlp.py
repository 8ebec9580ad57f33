"""The part that works on each position alone."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.tape import note


class MLP(nn.Module):
    """Out to `hidden`, through a non-linearity, and back.  Vaswani et al. 2017, section 3.3.  (b, n, w) → (b, n, w)."""

    def __init__(self, width: int, hidden: int, activation: Callable[[Tensor], Tensor] = F.relu):
        super().__init__()
        self.inward = nn.Linear(width, hidden)
        self.outward = nn.Linear(hidden, width)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        hidden = note("hidden", self.activation(self.inward(x)))  # b n m
        return note("out", self.outward(hidden))  # b n w

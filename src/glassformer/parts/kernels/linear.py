"""nn.Linear, whose weight may be laid out beforehand.  To a reader of the models it is nn.Linear."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def available() -> bool:
    """This build of PyTorch has the operators: those that torch.compile emits for a CPU."""
    return torch.backends.mkldnn.is_available() and "_linear_pointwise" in dir(torch.ops.mkldnn)


class Packed:
    """x · Wᵀ + b, then an activation or a sum, as one oneDNN operator on a weight laid out beforehand."""

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype = torch.float32):
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach().to(dtype).contiguous(), None)
        self.bias = bias.detach().to(dtype)

    def __call__(self, x: Tensor, activation: str = "none", algorithm: str = "") -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, activation, [], algorithm)

    def added_to(self, x: Tensor, stream: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise.binary(x, stream, self.weight, self.bias, "add")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()  # a copy of a model, or one read from a file, is not prepared


class Linear(nn.Linear):
    """x · Wᵀ + b.  packed: the same laid out beforehand, by `prepare`; used while nobody learns and nothing changed."""

    packed: Packed | None = None
    notes = False
    _state: tuple = ()

    def forward(self, x: Tensor) -> Tensor:
        if self.packed is None or torch.is_grad_enabled() or self._state != self._now():
            return F.linear(x, self.weight, self.bias)
        return self.packed(x)

    def prepare(self) -> None:
        self.packed, self._state = Packed(self.weight, self.bias), self._now()

    def _now(self) -> tuple[int, int, int, int]:
        """What changes when a weight does."""
        return self.weight.data_ptr(), self.weight._version, self.bias.data_ptr(), self.bias._version

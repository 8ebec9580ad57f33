"""x · Wᵀ + b on a CPU by oneDNN, which on many processors is twice as fast as what PyTorch takes by itself.

To a reader of the models `Linear` is nn.Linear.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.tape import fused

FROM = 1 << 17  # weights, from which on the better kernel pays


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


class _Product(torch.autograd.Function):
    """x · Wᵀ by oneDNN, with both gradients by the same."""

    @staticmethod
    def forward(saved: Any, x: Tensor, weight: Tensor) -> Tensor:  # type: ignore[override]
        saved.save_for_backward(x, weight)
        return torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")

    @staticmethod
    def backward(saved: Any, *gradients: Any) -> Any:  # type: ignore[override]
        (gradient,), (x, weight) = gradients, saved.saved_tensors
        rows, inputs = gradient.flatten(0, -2), x.flatten(0, -2)
        to_x, to_weight = saved.needs_input_grad
        return (
            _Product.apply(gradient, weight.mT) if to_x else None,
            _Product.apply(rows.mT, inputs.mT) if to_weight else None,
        )


def _onednn(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    if not _suits(x, weight):
        return F.linear(x, weight, bias)
    return _Product.apply(x, weight) + bias


def _suits(x: Tensor, weight: Tensor) -> bool:
    """Large float32 maps on a CPU, outside of compilers, autocast and function transforms."""
    if weight.numel() < FROM or x.device.type != "cpu" or not x.dtype == weight.dtype == torch.float32 or x.dim() < 2:
        return False
    free = torch._C._functorch.peek_interpreter_stack() is None and not torch.is_autocast_enabled("cpu")
    return free and x.numel() > 0 and not torch.compiler.is_compiling() and AVAILABLE


@fused(_onednn, hides=())
def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(…, w) → (…, m): x · Wᵀ + b."""
    return x @ weight.mT + bias


class Linear(nn.Linear):
    """x · Wᵀ + b.  packed: the same laid out beforehand, by `prepare`; used while nobody learns and nothing changed."""

    packed: Packed | None = None
    notes = False
    _state: tuple = ()

    def forward(self, input: Tensor) -> Tensor:
        packed = self.packed
        if packed is None or torch.is_grad_enabled() or torch.compiler.is_compiling() or self._state != self._now():
            return linear(input, self.weight, self.bias)
        return packed(input)

    def prepare(self) -> None:
        self.packed, self._state = Packed(self.weight, self.bias), self._now()

    def _now(self) -> tuple[int, int, int, int]:
        """What changes when a weight does."""
        return self.weight.data_ptr(), self.weight._version, self.bias.data_ptr(), self.bias._version


AVAILABLE = available()

"""x · Wᵀ + b on a CPU by oneDNN, which on many processors is twice as fast as what PyTorch takes by itself.

To a reader of the models `Linear` is nn.Linear.
"""

from collections.abc import Iterable
from itertools import chain
from operator import attrgetter
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad

from glassformer.tape import fused

FROM = 1 << 17  # weights, from which on the better kernel pays
VERSION = attrgetter("_version")  # grows with every change in place
PLAIN = ("cpu", torch.float32, torch.strided)


def available(dtype: torch.dtype = torch.float32) -> bool:
    """This build of PyTorch has the operators, those that torch.compile emits for a CPU, and this CPU has the dtype."""
    built = torch.backends.mkldnn.is_available() and "_linear_pointwise" in dir(torch.ops.mkldnn)
    rounds = dtype == torch.bfloat16 and built and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return built and (dtype == torch.float32 or rounds)


def followed() -> bool:
    """A compiler or a transform of functions reads along: it cannot see what a value decides."""
    transformed = torch._C._functorch.peek_interpreter_stack() is not None
    return torch.compiler.is_compiling() or transformed or torch.jit.is_tracing()


def direct(*tensors: Tensor) -> bool:
    """Numbers as oneDNN takes them, float32 on a CPU, and nobody reads along, counts operators or changes dtypes."""
    aside = followed() or torch.is_autocast_enabled("cpu") or forward_ad._current_level >= 0
    return not (aside or torch._C._len_torch_dispatch_stack()) and all(map(_plain, tensors))


def _plain(x: Tensor) -> bool:
    itself = type(x) in (Tensor, nn.Parameter) and not torch._C._functorch.is_legacy_batchedtensor(x)
    return itself and (x.device.type, x.dtype, x.layout) == PLAIN and x.dim() > 1 and x.numel() > 0


class Source:
    """The parts and weights that something was made of: it is of no use once one is another, or has changed."""

    def __init__(self, module: nn.Module):
        self.parts = [part._modules for part in module.modules()]
        self.tables = [part._parameters for part in module.modules()]
        memory = (weight.detach() for weight in self._weights())
        self.held = [*self._all(), *memory]  # so that nothing else gets their places, by which they are told apart
        self.which, self.how = list(map(id, self._all())), self._how(self._weights())

    def unchanged(self) -> bool:
        weights = self._weights()
        return list(map(id, self._all())) == self.which and self._how(weights) == self.how

    def _weights(self) -> list[Tensor]:
        return [weight for table in self.tables for weight in table.values() if weight is not None]

    def _all(self) -> Iterable[object]:
        """Every part and every weight, there or not."""
        return chain.from_iterable(table.values() for table in chain(self.parts, self.tables))

    @staticmethod
    def _how(weights: list[Tensor]) -> list[int]:
        """What changes when a weight moves, or is changed in place."""
        return [*map(Tensor.data_ptr, weights), *map(VERSION, weights)]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()  # as below


class Packed:
    """x · Wᵀ + b, then an activation or a sum, as one oneDNN operator on a weight laid out beforehand."""

    fuses = True  # an activation is done in the same go

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype = torch.float32):
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach().to(dtype).contiguous(), None)
        self.bias = None if bias is None else bias.detach().to(dtype)

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
        rows, inputs = (each.reshape(-1, each.size(-1)) for each in (gradient, x))
        to_x, to_weight = saved.needs_input_grad
        return _product(gradient, weight.mT) if to_x else None, _product(rows.mT, inputs.mT) if to_weight else None


def _product(x: Tensor, weight: Tensor) -> Tensor:
    return _Product.apply(x, weight) if direct(x, weight) else x @ weight.mT


def _onednn(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    large = AVAILABLE and weight.numel() >= FROM and x.shape[-1] == weight.shape[-1]  # if not, PyTorch says it better
    return _Product.apply(x, weight) + bias if large and direct(x, weight) else F.linear(x, weight, bias)


@fused(_onednn, hides=())
def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(…, w) → (…, m): x · Wᵀ + b."""
    return x @ weight.mT + bias


class Linear(nn.Linear):
    """x · Wᵀ + b.  packed: the same laid out beforehand, by `prepare`; used while nobody learns and nothing changed."""

    packed: Packed | None = None
    notes = False
    _source: Source

    def forward(self, input: Tensor) -> Tensor:
        packed = self.packed
        if packed is None or torch.is_grad_enabled() or not self._takes(input):
            return linear(input, self.weight, self.bias)
        return packed(input)

    def prepare(self) -> None:
        self.packed, self._source = Packed(self.weight, self.bias), Source(self)

    def _takes(self, x: Tensor) -> bool:
        return direct(x) and x.size(-1) == self.in_features and self._source.unchanged()


AVAILABLE = available()

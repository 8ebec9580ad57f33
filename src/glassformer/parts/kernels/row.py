"""One row times a weight, as when a text is written piece by piece: each number is used once, so reading sets the pace.

In float32 a map to more numbers than it takes is read by columns, where MKL comes within a tenth of what the memory
gives; any other as it is, by oneDNN.  Half as wide the weights are in float16, whose product with float32 keeps
float32 sums: as few bytes as bfloat16, ten bits instead of seven, and no rounding on the way.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.parts.kernels.linear import available

LARGEST = 65504.0  # in float16


def halves(dtype: torch.dtype) -> bool:
    """Rows can be had half as wide for `dtype`: this build has the operators, and the CPU what they ask of it."""
    return dtype == torch.bfloat16 and available() and "fbgemm" in torch.backends.quantized.supported_engines


class Row:
    """x · Wᵀ + b for one x: (…, w) → (…, m), all axes but the last of size one.  half: in float16, where it fits."""

    fuses = False  # an activation is another operator

    def __init__(self, weight: Tensor, bias: Tensor | None, half: bool):
        self.weight, self.bias = weight.detach(), None if bias is None else bias.detach()
        self.product = self._half() if half and self.weight.abs().max() < LARGEST else self._whole()

    def __call__(self, x: Tensor) -> Tensor:
        return self.product(x)

    def added_to(self, x: Tensor, stream: Tensor) -> Tensor:
        return self.product(x) + stream

    def _half(self) -> Callable[[Tensor], Tensor]:
        packed = torch.ops.quantized.linear_prepack_fp16(self.weight, self.bias)
        return lambda x: torch.ops.quantized.linear_dynamic_fp16(x, packed)

    def _whole(self) -> Callable[[Tensor], Tensor]:
        if self.weight.size(0) <= self.weight.size(1):
            return lambda x: torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
        columns = self.weight.T.contiguous().T
        self.weight = columns  # and what it was need not be kept
        return lambda x: F.linear(x, columns, self.bias)

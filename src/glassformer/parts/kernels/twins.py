"""The blocks of block.py once more, as few operators: weights laid out, and activation and sum in the same go.

A twin names what its block names, but for what is added to the stream as it is made (`HIDDEN`).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.parts.attention import Attention, attend
from glassformer.parts.kernels.linear import Linear, Packed
from glassformer.parts.kernels.memory import Memory
from glassformer.parts.kernels.row import Row
from glassformer.parts.mask import Mask
from glassformer.tape import note, within

if TYPE_CHECKING:
    from glassformer.parts.block import Block

FUSED: dict[Any, tuple[str, str]] = {  # what oneDNN does in the same go: its name and its kind
    F.relu: ("relu", ""),
    F.gelu: ("gelu", "none"),
    torch.tanh: ("tanh", ""),
    F.silu: ("swish", ""),
}
HIDDEN = ("attention.mixed", "cross.mixed", "mlp.out")


def kinds() -> dict[type, type["Twin"]]:
    """Which twin stands in for which kind of block."""
    from glassformer.parts.block import CrossBlock, PostNormBlock, PreNormBlock, PreNormCrossBlock

    across = {CrossBlock: CrossTwin, PreNormCrossBlock: PreNormCrossTwin}
    return {PostNormBlock: PostNormTwin, PreNormBlock: PreNormTwin, **across}


class Joined(NamedTuple):
    """Several linear maps of one input as one."""

    weight: Tensor
    bias: Tensor
    packed: Packed | None = None

    @classmethod
    def of(cls, parts: tuple[Linear, ...]) -> "Joined":
        return cls(torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts]))


Make = Callable[[Linear | Joined], Packed | Row]
"""What a linear map is made into."""


def packing(dtype: torch.dtype) -> Make:
    """Maps for any number of rows; the one a part has already, if that will do."""
    return lambda map_: (dtype == torch.float32 and map_.packed) or Packed(map_.weight, map_.bias, dtype)


def alone(dtype: torch.dtype) -> Make:
    """Maps for one row at a time."""
    return lambda map_: Row(map_.weight, map_.bias, half=dtype == torch.bfloat16)


def readers(attention: Any) -> tuple[Linear, Linear, Linear]:
    return attention.q, attention.k, attention.v


class Looking:
    """Attention, added to a stream: q, k and v in one product."""

    def __init__(self, attention: Attention, path: str, make: Make):
        self.attention, self.path, self.heads = attention, path, attention.heads
        self.read, self.out = make(Joined.of(readers(attention))), make(attention.out)  # type: ignore[arg-type]

    def __call__(self, x: Tensor, stream: Tensor, mask: Mask, memory: Memory | None = None) -> Tensor:
        q, k, v = self.read(x).unflatten(-1, (3, self.heads, -1)).transpose(-4, -2).unbind(-3)
        k, v = (k, v) if memory is None else memory.keep(self.attention, k, v)
        return self.mixed(q, k, v, mask, stream)

    def mixed(self, q: Tensor, k: Tensor, v: Tensor, mask: Mask, stream: Tensor) -> Tensor:
        with within(self.path):
            q, k, v = note("q", q), note("k", k.to(q.dtype)), note("v", v.to(q.dtype))
            z = note("z", attend(q, k, v, mask))
        return self.out.added_to(z.transpose(-3, -2).flatten(-2), stream)


class Across(Looking):
    """Attention to a source, which is read once."""

    def __init__(self, attention: Attention, path: str, make: Make):
        self.attention, self.path, self.heads = attention, path, attention.heads
        self.read, self.out = make(attention.q), make(attention.out)  # type: ignore[arg-type]

    def __call__(self, x: Tensor, stream: Tensor, mask: Mask, memory: Memory | None = None) -> Tensor:
        q = self.read(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        k, v = memory.fixed.recall(self.attention, memory.source)  # type: ignore
        return self.mixed(q, k, v, memory.mask, stream)  # type: ignore


class Twin:
    """What all kinds share; each kind below is the order of its block."""

    def __init__(self, block: "Block", name: str, make: Make):
        self.name, self.block = name, block
        self.attention = Looking(block.attention, f"{name}.attention", make)
        self.inward, self.outward = make(block.mlp.inward), make(block.mlp.outward)
        self.fused = _fused(block.mlp.activation) if self.inward.fuses else None

    def between(self, site: str, x: Tensor) -> Tensor:
        return note(f"{self.name}.{site}", x)

    def mlp(self, x: Tensor, stream: Tensor) -> Tensor:
        inward: Any = self.inward
        hidden = inward(x, *self.fused) if self.fused else self.block.mlp.activation(inward(x))
        return self.outward.added_to(self.between("mlp.hidden", hidden), stream)


class PostNormTwin(Twin):
    def __call__(self, x: Tensor, mask: Mask = None, memory: Memory | None = None) -> Tensor:
        x = self.between("between", self.block.attention_norm(self.attention(x, x, mask, memory)))
        return self.between("stream", self.block.mlp_norm(self.mlp(x, x)))


class PreNormTwin(Twin):
    def __call__(self, x: Tensor, mask: Mask = None, memory: Memory | None = None) -> Tensor:
        x = self.between("between", self.attention(self.block.attention_norm(x), x, mask, memory))
        return self.between("stream", self.mlp(self.block.mlp_norm(x), x))


class CrossTwin(Twin):
    block: Any

    def __init__(self, block: Any, name: str, make: Make):
        super().__init__(block, name, make)
        self.cross = Across(block.cross, f"{name}.cross", make)

    def __call__(self, x: Tensor, mask: Mask = None, memory: Memory | None = None) -> Tensor:
        x = self.between("between", self.block.attention_norm(self.attention(x, x, mask, memory)))
        x = self.between("crossed", self.block.cross_norm(self.cross(x, x, mask, memory)))
        return self.between("stream", self.block.mlp_norm(self.mlp(x, x)))


class PreNormCrossTwin(CrossTwin):
    def __call__(self, x: Tensor, mask: Mask = None, memory: Memory | None = None) -> Tensor:
        x = self.between("between", self.attention(self.block.attention_norm(x), x, mask, memory))
        x = self.between("crossed", self.cross(self.block.cross_norm(x), x, mask, memory))
        return self.between("stream", self.mlp(self.block.mlp_norm(x), x))


def _fused(activation: Any) -> tuple[str, str] | None:
    from glassformer.parts.block import ACTIVATIONS

    return ("gelu", "tanh") if activation is ACTIVATIONS["gelu_new"] else FUSED.get(activation)

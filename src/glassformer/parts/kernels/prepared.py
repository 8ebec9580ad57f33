"""Blocks for inference on a CPU: their linear maps laid out once as oneDNN likes them, with what follows fused in.

`prepare(stack)` makes a twin of the blocks; the stack uses it by itself wherever nobody learns, and stops using it
as soon as a weight has changed, or a part is another.  float32 gives the numbers of the definition up to rounding;
bfloat16 halves the weights that have to be read, and rounds every value on the way to eight bits.  (A change made
through `.data` cannot be noticed, nor a hook on a part be run: prepare again, or set `stack.prepared = None`.)
"""

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.parts.attention import Attention, Nowhere, attend
from glassformer.parts.kernels.linear import Linear, Packed, Source, available, direct
from glassformer.parts.mask import Mask
from glassformer.tape import note, within

if TYPE_CHECKING:
    from glassformer.parts.attention import Memory
    from glassformer.parts.block import Block, Stack

FUSED: dict[Any, tuple[str, str]] = {  # what oneDNN does in the same go: its name and its kind
    F.relu: ("relu", ""),
    F.gelu: ("gelu", "none"),
    torch.tanh: ("tanh", ""),
    F.silu: ("swish", ""),
}
HIDDEN = ("attention.mixed", "mlp.out")  # what the twin does not name: they are added to the stream as they are made


def hidden(stack: "Stack") -> tuple[str, ...] | None:
    """What listeners miss; all of it where the twin rounds: a tape hears float32."""
    return stack.prepared.hidden if stack.prepared else ()


def prepare(model: nn.Module, dtype: torch.dtype = torch.float32) -> bool:
    """Give the stacks of `model` their faster twins, and lay its linear maps out.

    dtype: float32 or bfloat16.  False, and nothing changes, where that cannot be done: on another device than a
    CPU, with other weights than float32, for another kind of block, or in a build without these operators.
    """
    from glassformer.parts.block import Stack

    stacks = [part for part in model.modules() if isinstance(part, Stack)]
    fits = available(dtype) and all(map(_fits, model.parameters()))
    if not (fits and stacks and all(_plain(stack) for stack in stacks)):
        return False
    read = {each for stack in stacks for block in stack for each in _readers(block)}  # laid out as one
    for part in model.modules():
        if isinstance(part, Linear) and part not in read:
            part.prepare()
    for stack in stacks:
        stack.prepared = Prepared(stack, dtype)
    return True


def _fits(weight: Tensor) -> bool:
    """What was made in inference mode does not: nobody counts its changes."""
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and not weight.is_inference()


def _plain(stack: "Stack") -> bool:
    """Post-norm blocks where distances play no part, of the parts that the twin knows and no others."""
    from glassformer.parts.block import MLP, LayerNorm, PostNormBlock

    known = {PostNormBlock, Attention, Nowhere, MLP, LayerNorm, Linear, nn.Dropout}
    return len(stack) > 0 and {type(part) for part in stack.modules() if part is not stack} <= known


def prepared(stack: "Stack", x: Tensor, mask: Mask = None, memory: "Memory | None" = None) -> Tensor:
    """One block after the other, by their twin where it may stand in."""
    twin = stack.prepared
    if twin is not None and memory is None and not stack.training and twin.takes(x):
        return twin(x, mask)
    for step in stack.steps:
        x = step(x, mask, memory)
    return x


class Layer:
    """A post-norm block in seven operators."""

    def __init__(self, block: "Block", name: str, dtype: torch.dtype):
        attention, mlp = block.attention, block.mlp
        readers = _readers(block)
        weight, bias = torch.cat([each.weight for each in readers]), torch.cat([each.bias for each in readers])
        self.name, self.heads, self.activation = name, attention.heads, mlp.activation
        self.read, self.out = Packed(weight, bias, dtype), _packed(attention.out, dtype)
        self.inward, self.outward = _packed(mlp.inward, dtype), _packed(mlp.outward, dtype)
        self.attention_norm, self.mlp_norm = block.attention_norm, block.mlp_norm

    def __call__(self, x: Tensor, mask: Mask) -> Tensor:
        x = note(f"{self.name}.between", self.attention_norm(self.out.added_to(self.attended(x, mask), x)))
        hidden = note(f"{self.name}.mlp.hidden", self.hidden(x))
        return note(f"{self.name}.stream", self.mlp_norm(self.outward.added_to(hidden, x)))

    def attended(self, x: Tensor, mask: Mask) -> Tensor:
        q, k, v = self.read(x).unflatten(-1, (3, self.heads, -1)).transpose(-4, -2).unbind(-3)
        with within(f"{self.name}.attention"):
            q, k, v = note("q", q), note("k", k), note("v", v)
            z = note("z", attend(q, k, v, mask))
        return z.transpose(-3, -2).flatten(-2)

    def hidden(self, x: Tensor) -> Tensor:
        fused = FUSED.get(self.activation)
        return self.inward(x, *fused) if fused else self.activation(self.inward(x))


def _readers(block: Any) -> tuple[Linear, Linear, Linear]:
    return block.attention.q, block.attention.k, block.attention.v


def _packed(linear: Linear, dtype: torch.dtype) -> Packed:
    """The one it has, if that will do."""
    shared = linear.packed if dtype == torch.float32 else None
    return shared or Packed(linear.weight, linear.bias, dtype)


class Prepared:
    """The twins of all blocks of a stack, and what they were made of: they are of no use once a weight has changed."""

    def __init__(self, stack: "Stack", dtype: torch.dtype):
        self.dtype = dtype
        self.layers = [Layer(block, str(name), dtype) for name, block in enumerate(stack)]  # type: ignore[arg-type]
        self.source = Source(stack)
        named = tuple(f"{layer}.{site}" for layer in range(len(stack)) for site in HIDDEN)
        self.hidden = named if dtype == torch.float32 else None

    def takes(self, x: Tensor) -> bool:
        """Nobody asks for gradients or reads along, and nothing has changed."""
        return not torch.is_grad_enabled() and direct(x) and self.source.unchanged()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()  # a copy of a model, or one read from a file, is not prepared

    def __call__(self, x: Tensor, mask: Mask = None) -> Tensor:
        """(b, n, w), or (n, w) with the runs of its texts → the same shape and dtype."""
        done = x.to(self.dtype)
        for layer in self.layers:
            done = layer(done, mask)
        return done.to(x.dtype)

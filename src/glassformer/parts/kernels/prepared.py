"""Blocks for inference on a CPU: their linear maps laid out once as oneDNN likes them, with what follows fused in.

`prepare(stack)` makes a twin of the blocks; the stack uses it by itself wherever nobody learns, and stops using it
as soon as a weight has changed, or a part is another.  float32 gives the numbers of the definition up to rounding;
bfloat16 halves the weights that have to be read, and rounds every value on the way to eight bits; but where one text
is written piece by piece (`row.py`), and for logits, nothing is rounded but the weights; on a CPU without bfloat16
only these are halved, and all else is float32.  (A change made
through `.data` cannot be noticed, nor a hook on a part be run: prepare again, or set `stack.prepared = None`.)
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from glassformer.parts.attention import Attention, Nowhere
from glassformer.parts.kernels.likeness import lay_out
from glassformer.parts.kernels.linear import FROM, Linear, Source, available, direct
from glassformer.parts.kernels.memory import Memory
from glassformer.parts.kernels.row import halves
from glassformer.parts.kernels.twins import HIDDEN, Make, alone, kinds, packing, readers
from glassformer.parts.mask import Mask

if TYPE_CHECKING:
    from glassformer.parts.block import Stack


def hidden(stack: "Stack") -> tuple[str, ...] | None:
    """What listeners miss; all of it where the twin rounds: a tape hears float32."""
    return stack.prepared.hidden if stack.prepared else ()


def feasible(dtype: torch.dtype) -> bool:
    """This build of PyTorch and this CPU have what `dtype` asks for: of several rows, or at least of one."""
    return available(dtype) or halves(dtype)


def prepare(model: nn.Module, dtype: torch.dtype = torch.float32) -> bool:
    """Give the stacks of `model` their faster twins, and lay its linear maps out.

    dtype: float32 or bfloat16.  False, and nothing changes, where that cannot be done: on another device than a
    CPU, with other weights than float32, for another kind of block, or in a build without these operators.
    """
    from glassformer.parts.block import Stack

    stacks = [part for part in model.modules() if isinstance(part, Stack)]
    fits = feasible(dtype) and all(map(_fits, model.parameters()))
    if not (fits and stacks and all(_plain(stack) for stack in stacks)):
        return False
    read = {each for stack in stacks for block in stack for each in readers(block.attention)}  # laid out as one
    for part in model.modules():
        if isinstance(part, Linear) and part not in read:
            part.prepare()
    for table in model.parameters():
        if table.dim() == 2 and table.numel() >= FROM:
            lay_out(table, dtype)
    for stack in stacks:
        stack.prepared = Prepared(stack, dtype)
    return True


def _fits(weight: Tensor) -> bool:
    """What was made in inference mode does not: nobody counts its changes."""
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and not weight.is_inference()


def _plain(stack: "Stack") -> bool:
    """Blocks where distances play no part, of the parts that the twins know and no others."""
    from glassformer.parts.block import MLP, LayerNorm

    known = {*kinds(), Attention, Nowhere, MLP, LayerNorm, Linear, nn.Dropout}
    return len(stack) > 0 and {type(part) for part in stack.modules() if part is not stack} <= known


def prepared(stack: "Stack", x: Tensor, mask: Mask = None, memory: Memory | None = None) -> Tensor:
    """One block after the other, by their twin where it may stand in."""
    twin = stack.prepared
    if twin is not None and not stack.training and twin.takes(x):
        return twin(x, mask, memory)
    for step in stack.steps:
        x = step(x, mask, memory)
    return x


class Prepared:
    """The twins of all blocks of a stack, and what they were made of: they are of no use once a weight has changed.

    layers: for any number of rows; alone: for one position of one text that goes on, made when it first does.
    """

    def __init__(self, stack: "Stack", dtype: torch.dtype):
        self.dtype, self.blocks = dtype, list(stack)
        self.many = dtype if available(dtype) else torch.float32  # of several rows
        self.layers, self.alone = self._made(packing(self.many)), []
        self.source = Source(stack)
        named = tuple(f"{layer}.{site}" for layer in range(len(stack)) for site in HIDDEN)
        self.hidden = named if dtype == torch.float32 else None

    def _made(self, make: Make) -> list[Any]:
        known = kinds()
        return [known[type(block)](block, str(name), make) for name, block in enumerate(self.blocks)]  # type: ignore

    def takes(self, x: Tensor) -> bool:
        """Nobody asks for gradients or reads along, and nothing has changed."""
        return not torch.is_grad_enabled() and direct(x) and self.source.unchanged()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()  # a copy of a model, or one read from a file, is not prepared

    def __call__(self, x: Tensor, mask: Mask = None, memory: Memory | None = None) -> Tensor:
        """(b, n, w), or (n, w) with the runs of its texts → the same shape and dtype."""
        if memory is not None and x.numel() == x.size(-1):
            return self._step(x, mask, memory)
        done = x.to(self.many)
        for layer in self.layers:
            done = layer(done, mask, memory)
        return done.to(x.dtype)

    def _step(self, x: Tensor, mask: Mask, memory: Memory) -> Tensor:
        """One position of one text that goes on."""
        self.alone = self.alone or self._made(alone(self.dtype))
        mask = None if isinstance(mask, Tensor) and mask.all() else mask  # it may look at all it remembers
        for layer in self.alone:
            x = layer(x, mask, memory)
        return x

"""Attention, then MLP, each added to the stream it read.  Where the norm stands makes the kinds of block.

LayerNorm       every position brought to one scale
MLP             the part that works on each position alone
PostNormBlock   add, then normalise
PreNormBlock    normalise what is read
CrossBlock      a post-norm block that looks at a source as well; PreNormCrossBlock is a pre-norm one
Stack           blocks, one after the other
"""

from collections.abc import Callable, Iterable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from glassformer.parts.attention import Attention, Memory
from glassformer.parts.kernels.linear import Linear
from glassformer.parts.kernels.packed import without_padding
from glassformer.parts.kernels.prepared import Prepared, hidden, prepared
from glassformer.parts.mask import Mask
from glassformer.tape import fused, note

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    **dict.fromkeys(("gelu", "gelu_python"), F.gelu),
    **dict.fromkeys(("gelu_new", "gelu_fast", "gelu_pytorch_tanh"), lambda x: F.gelu(x, approximate="tanh")),
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    **dict.fromkeys(("silu", "swish"), F.silu),
    "mish": F.mish,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "linear": lambda x: x,
}


def _kernel(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    return F.layer_norm(x, gain.shape, gain, shift, epsilon)


@fused(_kernel, hides=("centred", "normalised"))
def layer_norm(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    """gain · (x − mean) / √(variance + ε) + shift, over the last axis.  Ba et al. 2016, section 3."""
    centred = note("centred", x - x.mean(dim=-1, keepdim=True))
    variance = centred.square().mean(dim=-1, keepdim=True)  # b n 1
    return note("normalised", centred / torch.sqrt(variance + epsilon)) * gain + shift


class LayerNorm(nn.Module):
    """Mean zero and variance one at every position, then a learned gain and shift.  (…, w) → (…, w)."""

    def __init__(self, width: int, epsilon: float = 1e-5):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return note("out", layer_norm(x, self.gain, self.shift, self.epsilon))


def _in_chunks(x: Tensor, mlp: "MLP", chunk: int = 0) -> Tensor:
    """A few positions at a time, so that `hidden` is never whole in memory."""
    parts = x.split(chunk, dim=-2) if chunk else (x,)
    done = [mlp.outward(mlp.activation(mlp.inward(part))) for part in parts]
    return torch.cat(done, dim=-2) if chunk else done[0]  # b n w


@fused(_in_chunks, hides=("hidden",))
def out_and_back(x: Tensor, mlp: "MLP", chunk: int = 0) -> Tensor:
    """outward(activation(inward(x))).  (…, n, w) → (…, n, w)."""
    hidden = note("hidden", mlp.activation(mlp.inward(x)))  # b n m
    return mlp.outward(hidden)  # b n w


class MLP(nn.Module):
    """Out to `hidden`, through a non-linearity, and back.  Vaswani et al. 2017, section 3.3.  (b, n, w) → (b, n, w).

    chunk: how many positions are computed at once; all when 0.  It changes the memory needed, not the result.
    """

    def __init__(self, width: int, hidden: int, activation: Callable[[Tensor], Tensor] = F.relu, chunk: int = 0):
        super().__init__()
        self.inward = Linear(width, hidden)
        self.outward = Linear(hidden, width)
        self.activation = activation
        self.chunk = chunk

    def forward(self, x: Tensor) -> Tensor:
        return note("out", out_and_back(x, self, self.chunk))


class Block(nn.Module):
    """The parts all kinds share; each kind below is only the order they come in.

    `finish` is what has to stand after the last block of that kind, before anything reads the stream.
    """

    finish: type[nn.Module] = nn.Identity

    def __init__(self, attention: Attention, mlp: MLP, dropout: float = 0.0, epsilon: float = 1e-5):
        super().__init__()
        self.attention = attention
        self.attention_norm = LayerNorm(attention.out.out_features, epsilon)
        self.mlp = mlp
        self.mlp_norm = LayerNorm(mlp.outward.out_features, epsilon)
        self.dropout = nn.Dropout(dropout)


class PostNormBlock(Block):
    """As first published: add, then normalise.  Vaswani et al. 2017, section 3.1.  (b, n, w) → (b, n, w)."""

    def forward(self, x: Tensor, mask: Mask = None, memory: Memory | None = None) -> Tensor:
        x = note("between", self.attention_norm(x + self.dropout(self.attention(x, mask=mask, memory=memory))))
        return note("stream", self.mlp_norm(x + self.dropout(self.mlp(x))))


class PreNormBlock(Block):
    """Normalise what is read, never the stream itself.  Xiong et al. 2020, figure 1b.  (b, n, w) → (b, n, w)."""

    finish = LayerNorm

    def forward(self, x: Tensor, mask: Mask = None, memory: Memory | None = None) -> Tensor:
        attended = self.attention(self.attention_norm(x), mask=mask, memory=memory)  # b n w
        x = note("between", x + self.dropout(attended))
        return note("stream", x + self.dropout(self.mlp(self.mlp_norm(x))))


class CrossBlock(Block):
    """A decoder's block: between attention and MLP it looks at a source.  Vaswani et al. 2017, section 3.1."""

    def __init__(self, attention: Attention, cross: Attention, mlp: MLP, dropout: float = 0.0, epsilon: float = 1e-5):
        super().__init__(attention, mlp, dropout, epsilon)
        self.cross = cross
        self.cross_norm = LayerNorm(cross.out.out_features, epsilon)

    def forward(self, x: Tensor, mask: Mask, memory: Memory) -> Tensor:
        x = note("between", self.attention_norm(x + self.dropout(self.attention(x, mask=mask, memory=memory))))
        crossed = self.cross(x, memory.source, memory.mask, memory.fixed)  # b n w
        x = note("crossed", self.cross_norm(x + self.dropout(crossed)))
        return note("stream", self.mlp_norm(x + self.dropout(self.mlp(x))))


class PreNormCrossBlock(CrossBlock):
    """The same, but what is read is normalised; the source was, behind its last block.  (b, n, w) → (b, n, w)."""

    finish = LayerNorm

    def forward(self, x: Tensor, mask: Mask, memory: Memory) -> Tensor:
        attended = self.attention(self.attention_norm(x), mask=mask, memory=memory)  # b n w
        x = note("between", x + self.dropout(attended))
        crossed = self.cross(self.cross_norm(x), memory.source, memory.mask, memory.fixed)  # b n w
        x = note("crossed", x + self.dropout(crossed))
        return note("stream", x + self.dropout(self.mlp(self.mlp_norm(x))))


@fused(prepared, hides=hidden)
def through(stack: "Stack", x: Tensor, mask: Mask = None, memory: Memory | None = None) -> Tensor:
    """One block after the other.  (b, n, w) → (b, n, w)."""
    for step in stack.steps:
        x = step(x, mask, memory)
    return x


@fused(without_padding, hides=None)
def whole(stack: "Stack", x: Tensor, mask: Mask = None, memory: Memory | None = None) -> Tensor:
    """The same with the padding that a batch may hold.  (b, n, w) → (b, n, w)."""
    return through(stack, x, mask, memory)


class Stack(nn.ModuleList):
    """Blocks, one after the other.  (b, n, w) → (b, n, w).

    packs: what is padding is not computed.  Sums are then taken in another order, and dropout drops other numbers.
    recompute: in training, keep the stream between blocks only, and compute the inside of a block again for its
    gradients: less memory, more time.  Chen et al. 2016, "Training deep nets with sublinear memory cost".
    prepared: a faster equal of the blocks, made by `kernels.prepared.prepare` once they have learned enough.
    """

    packs = True
    recompute = False
    prepared: Prepared | None = None

    def forward(self, x: Tensor, mask: Mask = None, memory: Memory | None = None) -> Tensor:
        return whole(self, x, mask, memory)

    def blocks(self, x: Tensor, mask: Mask = None, memory: Memory | None = None) -> Tensor:
        return through(self, x, mask, memory)

    @property
    def steps(self) -> Iterable[Callable]:
        again = self.recompute and self.training and torch.is_grad_enabled()
        return [partial(recomputed, block) for block in self] if again else self  # type: ignore


def recomputed(block: Block, x: Tensor, mask: Mask, memory: Memory | None) -> Tensor:
    """`block`, whose inside is computed again when its gradients are asked for, of the memory it met at first."""
    before = None if memory is None else memory.copy()

    def run(x: Tensor) -> tuple[Tensor, Memory | None]:
        own = None if before is None else before.copy()
        return block(x, mask, own), own

    x, after = checkpoint(run, x, use_reentrant=False)
    if memory is not None:
        memory.known, memory.fixed = after.known, after.fixed
    return x

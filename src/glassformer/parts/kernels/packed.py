"""A batch without its padding: what is padding is never computed.

The real pieces of all texts stand in one row, sorted by length so that texts of one length are neighbours.
Everything but attention works on each position alone and does not notice; attention goes text by text.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from glassformer.parts.attention import Nowhere
from glassformer.parts.kernels.linear import followed
from glassformer.parts.mask import Mask, Runs, boolean

if TYPE_CHECKING:
    from glassformer.parts.attention import Memory
    from glassformer.parts.block import Stack


ROUND = 64


def filler(pieces: int) -> int:
    """How many pieces to add, so that few different numbers of them are met: for each, oneDNN makes and keeps code."""
    return -pieces % ROUND if pieces > ROUND else 0


def pack(real: Tensor) -> tuple[Tensor, Runs]:
    """Where the real pieces of a padded batch stand, shortest text first: real (b, n) → (n,), and their runs."""
    lengths = real.sum(dim=1)
    order = lengths.argsort(stable=True)
    where = torch.arange(real.numel(), device=real.device).view_as(real)[order]
    return where[real[order]], Runs(tuple(length for length in lengths[order].tolist() if length))


def without_padding(stack: "Stack", x: Tensor, mask: Mask = None, memory: "Memory | None" = None) -> Tensor:
    """`stack.blocks`, on the real pieces only; zeros stand where padding stood.  x: (b, n, w) → (b, n, w)."""
    if memory is not None or followed() or x.is_meta or not _only_padding(stack, x, mask):
        return stack.blocks(x, mask, memory)
    real = boolean(mask)[:, 0, 0]  # type: ignore
    if real.all():
        return stack.blocks(x)
    if not real.any():
        return x.masked_fill(~real[..., None], 0.0)
    where, runs = pack(real)
    count = len(where)
    if more := filler(count):  # the first piece again, so many texts that nobody reads
        where, runs = torch.cat([where, where[:1].expand(more)]), Runs((*runs.lengths, *(1,) * more))
    packed = stack.blocks(x.flatten(0, 1)[where], runs)
    where, packed = where[:count], packed[:count]
    return x.new_zeros(x.shape).flatten(0, 1).index_copy(0, where, packed).view_as(x)


def _only_padding(stack: "Stack", x: Tensor, mask: Mask) -> bool:
    """The mask keeps padding out and nothing else, in a whole batch, and distances play no part."""
    only = stack.packs and isinstance(mask, Tensor) and mask.shape == (x.size(0), 1, 1, x.size(1))
    return only and all(isinstance(block.attention.nearness, Nowhere) for block in stack)  # type: ignore

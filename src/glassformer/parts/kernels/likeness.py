"""How like the vector of every piece a vector is: in a small GPT-2 a third of all weights that a step reads.

Before a text is continued only what its last position says is asked for; and a table that `prepare` was told of is
laid out once it is first used so.  Half as wide it is in float16, whose sums are float32: logits of bfloat16 would
have eight bits.
"""

import threading

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.weak import WeakIdKeyDictionary

from glassformer.parts.kernels.linear import Packed, direct, followed
from glassformer.parts.kernels.row import Row
from glassformer.tape import fused


class _Here(threading.local):
    last = False


_here = _Here()
_tables: WeakIdKeyDictionary = WeakIdKeyDictionary()  # of each table that was prepared, how it is laid out


def last_only(model: nn.Module, ids: Tensor, real: Tensor, memory: object) -> Tensor:
    """What `model` says after its last position, and of no other where it asks `likeness`."""
    before, _here.last = _here.last, True
    try:
        return model(ids, real, memory=memory)[:, -1]
    finally:
        _here.last = before


def lay_out(table: Tensor, dtype: torch.dtype) -> None:
    """Have this table laid out, once anybody asks for a likeness to it."""
    _tables[table] = Table(table, dtype)


class Table:
    """The vectors of all pieces as a product likes them, made when first asked for."""

    def __init__(self, table: Tensor, dtype: torch.dtype):
        self.half = dtype == torch.bfloat16
        self.held = table.detach()  # so that nothing else gets its place
        self.how = (table.data_ptr(), table._version)
        self.row: Row | None = None
        self.packed: Packed | None = None

    def takes(self, table: Tensor, x: Tensor) -> bool:
        """Nobody asks for gradients or reads along, and nothing has changed."""
        same = (table.data_ptr(), table._version) == self.how
        return same and not torch.is_grad_enabled() and direct(x) and x.size(-1) == table.size(-1)

    def __call__(self, x: Tensor) -> Tensor:
        """A row, or any number in float16, by what is made for one row; several by what is made for them."""
        if self.half or x.numel() == x.size(-1):
            self.row = self.row or Row(self.held, None, self.half)
            return self.row(x)
        self.packed = self.packed or Packed(self.held, None)
        return self.packed(x)


def hidden(table: Tensor) -> tuple[str, ...] | None:
    """Nothing, but where its numbers are rounded: a tape hears float32."""
    twin = _tables.get(table)
    return None if twin is not None and twin.half else ()


def _laid_out(table: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
    if followed():
        return F.linear(x, table, bias)
    x, twin = x[:, -1:] if _here.last and x.dim() == 3 else x, _tables.get(table)
    if twin is None or not twin.takes(table, x):
        return F.linear(x, table, bias)
    return twin(x) if bias is None else twin(x) + bias


@fused(_laid_out, hides=hidden)
def likeness(table: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """(v, w), (…, w) → (…, v): how like each piece's vector is x_i · piece_v, and what is added to each piece."""
    return x @ table.mT if bias is None else x @ table.mT + bias

"""Run again from a layer on: what a change in layer l leaves as it was before that layer is not computed again.

The model's own blocks run, and all it has behind them; only the batch grows on the way, from layer to layer.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from glassformer.explain.kind import Kind
from glassformer.parts.block import Stack


class Joining(Stack):
    """The blocks of `stack`; some rows of the batch join in front of each.

    starts: layer → the streams (rows, n, w) that join there; the number of layers is what stands behind the last one.
    """

    def __init__(self, stack: Iterable[nn.Module], starts: Mapping[int, Tensor]):
        super().__init__(stack)
        self.starts = starts

    def forward(self, x: Tensor, mask: Any = None, memory: Any = None) -> Tensor:
        x, mask = x[:0], _of_any_row(mask)
        for layer, block in enumerate(self):
            x = self._joined(x, layer)
            x = block(x, mask) if len(x) else x
        return self._joined(x, len(self))

    def _joined(self, x: Tensor, layer: int) -> Tensor:
        return torch.cat([x, self.starts[layer]]) if layer in self.starts else x


def _of_any_row(mask: Tensor | None) -> Tensor | None:
    """All rows are variants of one text, so one mask fits each; none where everybody may look everywhere."""
    return None if mask is None or mask.all() else mask[:1] if mask.dim() > 2 else mask


def joining(kind: Kind, starts: Mapping[int, Tensor]) -> Kind:
    """The same question put to a twin of the model, of the same parts, that begins with `starts`."""
    asked, twin = copy.copy(kind), copy.copy(kind.model)
    twin._modules = {**kind.model._modules, "layers": Joining(kind.model.layers, starts)}
    asked.model = twin
    return asked

"""Run again from a layer on: what a change in layer l leaves as it was before that layer is not computed again.

The model's own blocks run, and all it has behind them; only the batch grows on the way, from layer to layer.  Where
some positions may not look at others, only they are another in the layer where that begins: the block runs for these
positions alone, which look at the keys and values of the whole text as if they remembered it.  So does a block in which
a head or the MLP is off; behind it, nothing is edited any more, and the fastest way through the blocks is free.
"""

import copy
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from glassformer.explain.kind import Kind
from glassformer.explain.switches import Switch, each_in_its_row, edits
from glassformer.explain.wanted import go_on
from glassformer.parts.attention import Attention, Memory, Nowhere
from glassformer.parts.block import Stack
from glassformer.tape import Tape, listen

if TYPE_CHECKING:
    from glassformer.explain.trial import Trial


BEHIND = re.compile(r"layers\.(\d+)\.(?:attention\.(?:scaled|weights|z)|mlp\.out)")  # the keys and values of a layer


class Joining(Stack):
    """The blocks of `stack`; some rows of the batch join in front of each.

    starts: layer → the streams (rows, n, w) that join there; the number of layers is what stands behind the last one.
    """

    def __init__(self, stack: Stack, starts: Mapping[int, Tensor]):
        super().__init__(stack)
        self.prepared, self.starts = stack.prepared, starts
        self.tape: Tape | None = None  # who listens

    def forward(self, x: Tensor, mask: Any = None, memory: Any = None) -> Tensor:
        steps, x, mask = self._fastest(x), x[:0], _of_any_row(mask)
        for layer, step in enumerate(steps):
            x = self._joined(x, layer)
            go_on()
            x = step(x, mask, *_looked_at(memory, len(x))) if len(x) else x
        return self._joined(x, len(self))

    def _fastest(self, x: Tensor) -> Iterable[Callable]:
        """The prepared twins of the blocks, where there are any and nobody listens to what they do not name."""
        twin = self.prepared
        if twin is None or twin.hidden is None or not twin.takes(x):
            return self
        watched = self.tape is not None and self.tape.watches(twin.hidden, modules=True)
        return self if watched else twin.layers

    def _joined(self, x: Tensor, layer: int) -> Tensor:
        return torch.cat([x, self.starts[layer]]) if layer in self.starts else x


def _looked_at(memory: Memory | None, rows: int) -> list[Memory]:
    """The source of the first rows, where there is one.  Rows that join switch nothing in what reads it."""
    if memory is None or memory.source is None:
        return []
    own = Memory(memory.source[:rows])
    own.mask = None if memory.mask is None else memory.mask[:rows]
    return [own]


def _of_any_row(mask: Tensor | None) -> Tensor | None:
    """All rows are variants of one text, so one mask fits each; none where everybody may look everywhere."""
    return None if mask is None or mask.all() else mask[:1] if mask.dim() > 2 else mask


def joining(kind: Kind, starts: Mapping[int, Tensor]) -> Kind:
    """The same question put to a twin of the model, of the same parts, that begins with `starts`."""
    asked, twin = copy.copy(kind), copy.copy(kind.model)
    twin._modules = {**kind.model._modules, "layers": Joining(kind.model.layers, starts)}
    asked.model = twin
    return asked


class Whole:
    """The keys and values of a whole text, (b, h, n, d) each, to be looked at by a few of its positions."""

    def __init__(self, k: Tensor, v: Tensor):
        self.k, self.v = k, v

    def recall(self, attention: Attention, source: Tensor) -> tuple[Tensor, Tensor]:
        return self.k, self.v


def alone(switch: Switch) -> int | None:
    """The layer of a switch that acts there and nowhere else, on nothing that its keys and values are made of."""
    match = BEHIND.fullmatch(switch.sites)
    return int(match[1]) if match else None


def switched_again(trial: "Trial", layer: int, switches: Sequence[Switch]) -> Tensor:
    """The stream behind a layer where each row has one of `switches` on, all of them of that layer alone: (m, n, w)."""
    block, inside = trial.kind.model.layers[layer], f"layers.{layer}."
    own = [replace(switch, sites=switch.sites.removeprefix(inside)) for switch in switches]
    before, may_look = trial.streams()[layer].expand(len(own), -1, -1), _of_any_row(trial.may_look[None, None])
    with listen(block, keep=(), edit=edits(each_in_its_row(own))):
        return block(before, may_look, _remembered(trial, layer))  # m n w


def _remembered(trial: "Trial", layer: int) -> Whole:
    return Whole(*(trial.tape[f"layers.{layer}.attention.{kind}"] for kind in "kv"))


def looked_again(trial: "Trial", layer: int, cuts: Tensor, heads: Sequence[int | None]) -> Tensor:
    """The stream behind a layer where, row by row, some positions may not look at others: (m, n, w).

    cuts: (m, i, j) True where i may not look at j in that layer; heads: in which head of it, None for all.
    """
    block = trial.kind.model.layers[layer]
    looking = cuts.any(dim=2)  # m n
    most = max(1, int(looking.sum(dim=1).max()))
    if isinstance(block.attention.nearness, Nowhere):
        where = looking.int().argsort(dim=1, descending=True, stable=True)[:, :most]  # m r
    else:  # distances are counted from the end of the text
        where = torch.arange(cuts.size(1)).expand(len(cuts), -1)
    own = cuts.gather(1, where[:, :, None].expand(-1, -1, cuts.size(2)))  # m r j
    may_look, before, after = trial.may_look[where][:, None], trial.streams()[layer], trial.streams()[layer + 1]
    chosen = torch.tensor([[head in (None, each) for each in range(block.attention.heads)] for head in heads])  # m h
    away = own[:, None] & chosen[:, :, None, None]  # m h r j
    with listen(block, keep=(), edit={"attention.scaled": lambda scaled: scaled.masked_fill(away, -torch.inf)}):
        found = block(before[0][where], may_look, _remembered(trial, layer))  # m r w
    return after.repeat(len(cuts), 1, 1).scatter(1, where[:, :, None].expand_as(found), found)

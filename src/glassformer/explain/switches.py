"""The things that can be changed in a forward pass, each a named edit of a tape.

A switch is a pattern of sites and what to do with what passes there; several switches make one table of edits.
"May not look at" is −∞ before the softmax, so that what is left is shared out among the rest.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from glassformer.tape import Edit

SCALED, WEIGHTS, Z = "layers.*.attention.scaled", "layers.*.attention.weights", "layers.*.attention.z"
BASELINES = ("zero", "mean", "uniform")
PARTS = ("scaling", "positions", "heads")


@dataclass(frozen=True)
class Switch:
    """name: what it does, in words; sites: a glob; edit: from the value to its replacement; baseline: by what."""

    name: str
    sites: str
    edit: Edit
    baseline: str


def edits(switches: Iterable[Switch]) -> dict[str, Edit]:
    """One table of edits; switches of the same sites act one after the other."""
    table: dict[str, Edit] = {}
    for switch in switches:
        table[switch.sites] = _after(table[switch.sites], switch.edit) if switch.sites in table else switch.edit
    return table


def _after(first: Edit, second: Edit) -> Edit:
    return lambda value: second(first(value))


def cut(edges: Tensor, name: str = "edges cut", layer: int | None = None, head: int | None = None) -> Switch:
    """Positions may not look at others.  edges: (b, i, j) True where i may no longer look at j.

    In every layer and head, or in the one layer, or head of that layer, given.
    """

    def edit(scaled: Tensor) -> Tensor:  # b h i j
        every = torch.arange(scaled.size(1))
        chosen = every == (every if head is None else head)  # h
        return scaled.masked_fill(edges[:, None] & chosen[:, None, None], -torch.inf)

    return Switch(name, _in_layer(SCALED, layer), edit, "−∞ before softmax")


def head_off(layer: int, head: int, baseline: str, mean: Tensor | None = None) -> Switch:
    """One head gives no information: zeros; its `mean` (d,) over other sentences; or a uniform mixture."""
    name = f"L{layer}.H{head} off ({baseline})"
    if baseline == "uniform":
        return Switch(name, _in_layer(WEIGHTS, layer), _one_head(head, _uniform), baseline)
    replacement = mean if mean is not None else torch.zeros(())
    return Switch(name, _in_layer(Z, layer), _one_head(head, lambda z: replacement.expand_as(z)), baseline)


def without(part: str, head_width: int) -> Switch:
    """The whole model without scaling by √d, without positions, or with one attention pattern for all heads."""
    if part == "scaling":
        return Switch("no scaling by √d", SCALED, lambda scaled: scaled * math.sqrt(head_width), "q · k")
    if part == "positions":
        return Switch("no positions", "embed.places", torch.zeros_like, "zero")
    return Switch("all heads look as their mean does", WEIGHTS, lambda w: w.mean(1, keepdim=True).expand_as(w), "mean")


def _in_layer(sites: str, layer: int | None) -> str:
    return sites if layer is None else sites.replace("*", str(layer))


def _one_head(head: int, change: Callable[[Tensor], Tensor]) -> Edit:
    def edit(value: Tensor) -> Tensor:  # b h …
        chosen = torch.arange(value.size(1)) == head
        return torch.where(chosen.view(1, -1, 1, 1), change(value), value)

    return edit


def _uniform(weights: Tensor) -> Tensor:
    """The same weight for everything that had any."""
    seen = (weights > 0).to(weights.dtype)
    return seen / seen.sum(dim=-1, keepdim=True).clamp(min=1)

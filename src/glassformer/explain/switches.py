"""The things that can be changed in a forward pass, each a named edit of a tape.

A switch is a pattern of sites and what to do with what passes there; several switches make one table of edits.
"May not look at" is −∞ before the softmax, so that what is left is shared out among the rest.  A word that is taken
out of the text is the one change that is no edit: the text itself is another one.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from glassformer.tape import Edit

SCORES_THEN_SCALED = "layers.*.attention.sc*"
SCALED, WEIGHTS = "layers.*.attention.scaled", "layers.*.attention.weights"
OUT = "layers.*.mlp.out"
LOOKS = {  # what has heads: a text's look at itself; of a translator, that of what it reads, and at what it read
    "": ("layers.*.attention", "L{}.H{}"),
    "encoder": ("encoder.layers.*.attention", "encoder.L{}.H{}"),
    "cross": ("layers.*.cross", "L{}.cross.H{}"),
}
BASELINES = ("zero", "mean", "uniform")
PARTS = ("scaling", "positions", "heads")
WORDS = ("mask", "delete", "unseen")
_LAYER = re.compile(r"layers\.([0-9]+|\*)\.")


@dataclass(frozen=True)
class Switch:
    """name: what it does, in words; sites: a glob; edit: from the value to its replacement; baseline: by what.

    text: the switch as it is written, in a link or a command; reach: it counts positions, up to this one; gone: the
    words that it takes out of the text, which is no edit.
    """

    name: str
    sites: str
    edit: Edit
    baseline: str
    text: str = ""
    reach: int = 0
    gone: tuple[int, ...] = ()

    @property
    def first(self) -> int | None:
        """The first layer that it changes; None where it changes what stands before the layers, or behind them."""
        match = _LAYER.match(self.sites)
        return int(match[1].replace("*", "0")) if match else None

    def acts_from(self, layer: int, layers: int) -> bool:
        """It changes something where only the layers from `layer` on are run, of so many, and what is behind them."""
        match = _LAYER.match(self.sites)
        return not match or (layer < layers if match[1] == "*" else layer <= int(match[1]))


@dataclass(frozen=True)
class Choice:
    """A switch, and the same switch used elsewhere as controls."""

    switch: Switch
    controls: list[Switch]

    def __str__(self) -> str:
        """As it is written."""
        return self.switch.text


def edits(switches: Iterable[Switch]) -> dict[str, Edit]:
    """One table of edits; switches of the same sites act one after the other."""
    table: dict[str, Edit] = {}
    for switch in (each for each in switches if each.sites):
        table[switch.sites] = _after(table[switch.sites], switch.edit) if switch.sites in table else switch.edit
    return table


def _after(first: Edit, second: Edit) -> Edit:
    return lambda value: second(first(value))


def each_in_its_row(switches: Sequence[Switch]) -> list[Switch]:
    """Switches for a batch of which each row has one of `switches` on, and no other."""
    return in_rows(enumerate(switches))


def in_rows(switches: Iterable[tuple[int, Switch]]) -> list[Switch]:
    """Switches that act in one row of a batch each, by its number."""
    rows: dict[str, list[tuple[int, Edit]]] = {}
    for row, switch in switches:
        rows.setdefault(switch.sites, []).append((row, switch.edit))
    return [Switch("one a row", sites, _in_rows(chosen), "") for sites, chosen in rows.items()]


def _in_rows(chosen: list[tuple[int, Edit]]) -> Edit:
    def edit(value: Tensor) -> Tensor:  # b …
        value = value.clone()
        for row, change in chosen:
            value[row] = change(value[row : row + 1])[0]
        return value

    return edit


def cut(
    edges: Tensor,
    name: str = "edges cut",
    layer: int | None = None,
    head: int | None = None,
    text: str = "",
    kind: str = "",
) -> Switch:
    """Positions may not look at others.  edges: (b, i, j) True where i may no longer look at j.

    In every layer and head, or in the one layer, or head of that layer, given.  kind: a key of LOOKS.
    """

    def edit(scaled: Tensor) -> Tensor:  # b h i j
        every, (i, j) = torch.arange(scaled.size(1)), scaled.shape[-2:]
        chosen = every == (every if head is None else head)  # h
        return scaled.masked_fill(edges[:, None, :i, :j] & chosen[:, None, None], -torch.inf)

    looks, at = (edges.any(dim=0).any(dim=axis).nonzero()[:, 0].tolist() if text else [] for axis in (1, 0))
    reach = 1 + max([*looks, *([] if kind else at)], default=-1)  # of what is read no word is taken out
    return Switch(name, _in_layer(f"{LOOKS[kind][0]}.scaled", layer), edit, "−∞ before softmax", text, reach)


def head_off(layer: int, head: int, baseline: str, mean: Tensor | None = None, kind: str = "") -> Switch:
    """One head gives no information: zeros; its `mean` (d,) over other sentences; or a uniform mixture.

    kind: a key of LOOKS.
    """
    sites, called = LOOKS[kind][0], LOOKS[kind][1].format(layer, head)
    name, text = f"{called} off ({baseline})", f"off:{called}:{baseline}"
    if baseline == "uniform":
        return Switch(name, _in_layer(f"{sites}.weights", layer), _one_head(head, uniform), baseline, text)
    replacement = mean if mean is not None else torch.zeros(())
    return Switch(
        name, _in_layer(f"{sites}.z", layer), _one_head(head, lambda z: replacement.expand_as(z)), baseline, text
    )


def mlp_off(layer: int, baseline: str, mean: Tensor | None = None) -> Switch:
    """The MLP of a layer adds nothing: zeros, or its `mean` (w,) over other sentences."""
    replacement = mean if mean is not None else torch.zeros(())
    name, text = f"L{layer}.mlp off ({baseline})", f"off:L{layer}.mlp:{baseline}"
    return Switch(name, _in_layer(OUT, layer), lambda out: replacement.expand_as(out), baseline, text)


def put(
    sites: str, index: tuple[int | list[int], ...], change: Edit, said: tuple[str, str, str] = ("", "", "")
) -> Switch:
    """What stands at one index of a value, behind the axis of the batch, is changed; said: name, baseline, text."""

    def edit(value: Tensor) -> Tensor:
        value, where = value.clone(), (slice(None), *index)
        value[where] = change(value[where])
        return value

    return Switch(said[0], sites, edit, *said[1:])


def without(part: str, head_width: int, relative: bool = False) -> Switch:
    """The whole model without scaling by √d, without positions, or with one attention pattern for all heads.

    relative: positions are distances, which are added to the scores, instead of vectors added to the pieces.
    """
    text = f"without:{part}"
    if part == "scaling":
        return Switch("no scaling by √d", SCALED, lambda scaled: scaled * math.sqrt(head_width), "q · k", text)
    if part == "positions" and relative:
        return Switch("no positions", SCORES_THEN_SCALED, _without_distances(head_width), "zero", text)
    if part == "positions":
        return Switch("no positions", "embed.places", torch.zeros_like, "zero", text)
    name = "all heads look as their mean does"
    return Switch(name, WEIGHTS, lambda w: w.mean(1, keepdim=True).expand_as(w), "mean", text)


def _in_layer(sites: str, layer: int | None) -> str:
    return sites if layer is None else sites.replace("*", str(layer))


def _one_head(head: int, change: Callable[[Tensor], Tensor]) -> Edit:
    def edit(value: Tensor) -> Tensor:  # b h …
        chosen = torch.arange(value.size(1)) == head
        return torch.where(chosen.view(1, -1, 1, 1), change(value), value)

    return edit


def uniform(weights: Tensor) -> Tensor:
    """The same weight for everything that had any."""
    seen = (weights > 0).to(weights.dtype)
    return seen / seen.sum(dim=-1, keepdim=True).clamp(min=1)


def _without_distances(head_width: int) -> Edit:
    """Each layer's scores pass first, then the same scaled, with the distances added: put the first in their place."""
    scores: list[Tensor] = []

    def edit(value: Tensor) -> Tensor:
        if not scores:
            scores.append(value)
            return value
        return scores.pop() / math.sqrt(head_width)

    return edit

"""Who looks, and at whom: a text at itself; of a translator what is read at itself, and what is written at both."""

from collections.abc import Sequence

import torch
from torch import Tensor

from glassformer.explain.address import Address
from glassformer.explain.switches import LOOKS
from glassformer.explain.trial import Trial
from glassformer.hub.tokens import Pieces


def looking(trial: Trial, address: Address) -> Pieces:
    """The text whose positions stand at this address, or look from it."""
    of_source = address.side or (".cross." in address.site and address.kind in ("k", "v"))
    return trial.source if of_source and trial.source is not None else trial.pieces


def looked_at(trial: Trial, address: Address) -> Pieces:
    """The text that is looked at from there."""
    return trial.pieces if address.own or trial.source is None else trial.source


def kind_of(address: Address) -> str:
    """Whose look it is of: a key of LOOKS."""
    return "encoder" if address.side else "" if address.own else "cross"


def heads_of(trial: Trial, kind: str) -> list[tuple[int, int]]:
    """(layer, head) of every head of a kind."""
    if not kind:
        return trial.heads
    before, behind = f"{LOOKS[kind][0]}.weights".split("*")
    layers = sum(site.startswith(before) and site.endswith(behind) for site in trial.tape)
    counts = (trial.tape[f"{before}{k}{behind}"].size(1) for k in range(layers))
    return [(layer, head) for layer, count in enumerate(counts) for head in range(count)]


def by_layer(trial: Trial, changes: Sequence, kind: str = "") -> list[list]:
    """A list in the order of `heads_of` as a row a layer."""
    places = heads_of(trial, kind)
    rows: list[list] = [[] for _ in range(1 + max((layer for layer, _ in places), default=-1))]
    for (layer, _), change in zip(places, changes, strict=True):
        rows[layer].append(change)
    return rows


def may_look(trial: Trial, address: Address) -> Tensor:
    """Which position may look at which: (i, j)."""
    if address.own:
        return trial.may_look
    return torch.ones(len(looking(trial, address).ids), len(looked_at(trial, address).ids), dtype=torch.bool)

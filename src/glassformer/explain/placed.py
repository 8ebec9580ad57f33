"""One value changed by hand, or put in from another sentence: `set:L0.H3.z[4,2]=0.5`, `patch:L0.stream[4]`.

A patch puts values of sentence B into a run of sentence A, position for position.  Where A is the sentence with the
answer that is asked about, that is noising, and shows what the answer needs; the other way round it is denoising, and
shows what is enough (Heimersheim & Nanda 2024, "How to use and interpret activation patching").
"""

import math
import re
from collections.abc import Callable

import torch
from torch import Tensor

from glassformer.errors import UsageError, one_line
from glassformer.explain.address import MATRICES, Address, check, parse
from glassformer.explain.switches import Switch, put
from glassformer.explain.trial import Trial

_HEAD, _MLP = re.compile(r"L([0-9]{1,9})\.H([0-9]{1,9})"), re.compile(r"L([0-9]{1,9})\.mlp")
Chosen = tuple[Switch, list[Switch]]  # a switch, and its controls


def value_set(trial: Trial, rest: str) -> Chosen:
    """One number set; controls: the same difference added in the other heads of the layer, or at other positions."""
    where, _, number = rest.rpartition("=")
    address, value = parse(where), _number(number)
    _heard(trial, address)
    old = trial.tape[address.site][0]
    if len(address.index) != old.dim():
        one = Address(address.site, (*address.index, *(0,) * old.dim())[: old.dim()])
        raise UsageError(f"{address} is not one number; set one, such as set:{one}={value:g}")
    more = value - old[address.index].item()
    said = f"{address} set to {value:g}", f"{value:g} for {old[address.index].item():.4g}", f"set:{address}={value!r}"
    chosen = _put(trial, address, lambda x: torch.full_like(x, value), said)
    others = _elsewhere(trial, address)
    named = [(f"{each} {more:+.4g}", said[1], "") for each in others]
    return chosen, [_put(trial, each, lambda x: x + more, name) for each, name in zip(others, named, strict=True)]


def patched(trial: Trial, rest: str, other: Trial | None) -> Chosen:
    """A value of `other` in place of this one's; controls: other heads, other MLPs, other positions of that value."""
    address = _patch_address(rest)
    _heard(trial, address)
    if other is None:
        raise UsageError('a patch needs another sentence: x.switch("patch:L0.H3", other="…")')
    mine, theirs = len(trial.pieces.ids), len(other.pieces.ids)
    if mine != theirs or other.shapes.get(address.site) != trial.shapes[address.site]:
        text = one_line(other.pieces.text, 40)
        raise UsageError(f"{text!r} has {theirs} pieces, this sentence {mine}; a patch needs as many")
    chosen, *controls = [_patch(trial, each, other) for each in (address, *_alike(trial, address))]
    return chosen, controls


def _patch(trial: Trial, address: Address, other: Trial) -> Switch:
    value = other.tape[address.site][0][address.index]
    shown = _written(address)
    name = f"{shown} of {one_line(other.pieces.text, 60)!r} put in here"
    return _put(trial, address, lambda x: value.expand_as(x), (name, "values of the other sentence", f"patch:{shown}"))


def _patch_address(text: str) -> Address:
    """L0.H3 is what the head gives, L0.mlp what the MLP adds; else an address."""
    if head := _HEAD.fullmatch(text.strip()):
        return Address(f"layers.{int(head[1])}.attention.z", (int(head[2]),))
    if mlp := _MLP.fullmatch(text.strip()):
        return Address(f"layers.{int(mlp[1])}.mlp.out")
    return parse(text)


def _written(address: Address) -> str:
    if address.site.endswith(".attention.z") and len(address.index) == 1:
        return f"L{address.layer}.H{address.index[0]}"
    return f"L{address.layer}.mlp" if address.site.endswith(".mlp.out") and not address.index else str(address)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{one_line(text, 40)!r} is no number to set; write set:L0.H3.z[4,2]=0.5")
    return value


def _heard(trial: Trial, address: Address) -> None:
    """Raise UsageError where the model computes no such value on its way to the answer."""
    check(address, trial.shapes)
    if address.site not in trial.tape:
        raise UsageError(f"{address} is made of the answer, not on the way to it; change logits, final or a stream")


def _put(trial: Trial, address: Address, change: Callable[[Tensor], Tensor], said: tuple[str, str, str]) -> Switch:
    switch = put(address.site, address.index, change, said)
    return Switch(switch.name, switch.sites, switch.edit, switch.baseline, switch.text, _reach(trial, address))


def _reach(trial: Trial, address: Address) -> int:
    """Up to which position it counts."""
    axes, shape = trial.axes(address), trial.shapes[address.site]
    counted = [k for k, axis in enumerate(axes[: len(shape)]) if axis in ("position", "query", "key")]
    given = [address.index[k] + 1 for k in counted if k < len(address.index)]
    return max(given, default=0) if len(given) == len(counted) else trial.ids.size(1)


def _elsewhere(trial: Trial, address: Address) -> list[Address]:
    """The same index in the other heads of the layer; of what has no heads, at the other positions."""
    axes, index, shape = trial.axes(address), address.index, trial.shapes[address.site]
    if axes[:1] not in (("head",), ("position",)) or address.layer is None:
        return []
    return [Address(address.site, (k, *index[1:])) for k in range(shape[0]) if k != index[0]]


def _alike(trial: Trial, address: Address) -> list[Address]:
    """Where a patch of the same kind may be tried: every other head or MLP, every other position."""
    if address.layer is None:
        return []
    layers = [address.site.replace(f"layers.{address.layer}.", f"layers.{k}.") for k in range(trial.layers)]
    if not address.index:
        return [Address(site) for site in layers if site != address.site and address.kind == "out"]
    if trial.axes(address)[0] == "head" and address.kind not in MATRICES:
        others = (Address(layers[layer], (head, *address.index[1:])) for layer, head in trial.heads)
        return [each for each in others if each != address]
    return _elsewhere(trial, address)

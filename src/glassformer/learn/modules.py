"""An nn.Module class as a function: its layers take the weights of a case, in every order of roles.

A class is made as `cls(width, heads)`, or `cls(width, epsilon)`; its biases are set to zero, and it runs in eval mode.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations

import torch
from torch import Tensor, nn

ROLES = ("q", "k", "v", "out")
HINTS = {
    "q": r"quer|^q|q$|_q",
    "k": r"key|^k|k$|_k",
    "v": r"val|^v|v$|_v",
    "out": r"out|unif|proj|fc|final|merge|combine|^o|o$",
}


@dataclass(frozen=True)
class Slot:
    """Parameters that together take one role or, fused, three.  turned: held as (in, out), so used as x @ w."""

    names: tuple[str, ...]
    roles: int
    turned: bool = False

    def fill(self, weights: Sequence[Tensor]) -> dict[str, Tensor]:
        """The weights of its roles, (out, in) each, as its parameters hold them."""
        whole = torch.cat(list(weights))
        parts = whole.chunk(len(self.names))
        return {name: part.mT if self.turned else part for name, part in zip(self.names, parts, strict=True)}


def heads(cls: type) -> list[Callable]:
    """Readings of a multi-head class as a function of (x, wq, wk, wv, wo, heads, mask): the likeliest first."""
    sample = cls(8, 2)
    found = []
    for turned in (False, True) if any(_raw(sample)) else (False,):
        slots = slots_of(sample, 8, turned)
        many = sum(slot.roles for slot in slots)
        if not 1 <= many <= len(ROLES):
            continue
        orders = sorted(permutations(ROLES, many), key=lambda order: _unlikely(slots, order))
        found += [_reading(cls, turned, order) for order in orders]
    return found or [_reading(cls, False, ())]


def _raw(module: nn.Module) -> list[str]:
    """Matrices that stand in no nn.Linear."""
    within = {f"{name}.weight" for name, each in module.named_modules() if isinstance(each, nn.Linear)}
    return [name for name, value in module.named_parameters() if value.dim() == 2 and name not in within]


def slots_of(module: nn.Module, width: int, turned: bool) -> list[Slot]:
    """In the order they are made; the heads' own layers of one list are one slot."""
    raw, groups = set(_raw(module)), dict[str, list[str]]()
    for name, value in module.named_parameters():
        if value.dim() != 2:
            continue
        wide = value.size(1) if name in raw and turned else value.size(0)
        path = name.removesuffix(".weight")
        small = wide < width and path.rpartition(".")[2].isdecimal()
        groups.setdefault(path.rpartition(".")[0] if small else name, []).append(name)
    slots = []
    for names in groups.values():
        total = sum(_wide(module.get_parameter(n), n in raw and turned) for n in names)
        slots.append(Slot(tuple(names), max(1, total // width), names[0] in raw and turned))
    return slots


def _wide(value: Tensor, turned: bool) -> int:
    return value.size(1) if turned else value.size(0)


def _unlikely(slots: Sequence[Slot], order: tuple[str, ...]) -> tuple[int, tuple[int, ...]]:
    """How badly names fit an order of roles; among equals, the usual order first."""
    missed, at = 0, 0
    for slot in slots:
        name = slot.names[0].lower().removesuffix(".weight").split(".")[0].removeprefix("w").removeprefix("_")
        role = order[at]
        missed += slot.roles == 1 and not re.search(HINTS[role], name)
        at += slot.roles
    return missed, tuple(ROLES.index(role) for role in order)


def _reading(cls: type, turned: bool, order: tuple[str, ...]) -> Callable:
    def function(x, *arguments):
        *weights, heads = arguments[:5]
        mask = arguments[5] if len(arguments) > 5 else None
        module = cls(x.size(-1), heads).eval()
        given = dict(zip(ROLES, weights, strict=True))
        values, roles = _zero_biases(module), list(order)
        for slot in slots_of(module, x.size(-1), turned) if order else ():
            values |= slot.fill([given[roles.pop(0)] for _ in range(slot.roles)])
        asked = (x,) if mask is None else (x, mask)
        return torch.func.functional_call(module, values, asked)

    return function


def _zero_biases(module: nn.Module) -> dict[str, Tensor]:
    return {name: torch.zeros_like(value) for name, value in module.named_parameters() if value.dim() == 1}


def norms(cls: type) -> list[Callable]:
    """Readings of a LayerNorm class as a function of (x, gain, shift, epsilon).

    A gain begins with ones and a shift with zeros; where they do not tell, which vector is which is tried.
    """

    def reading(order: tuple[int, int]) -> Callable:
        def function(x, gain, shift, epsilon):
            module = cls(x.size(-1), epsilon).eval()
            vectors = [name for name, _ in module.named_parameters()]
            given = (gain, shift)
            values = {
                name: given[k].view_as(module.get_parameter(name)) for name, k in zip(vectors, order, strict=False)
            }
            return torch.func.functional_call(module, values, (x,))

        return function

    filled = [bool(value.any()) for value in cls(4, 1e-5).parameters()]
    told: dict[tuple[bool, ...], list[tuple[int, int]]] = {(True, False): [(0, 1)], (False, True): [(1, 0)]}
    return [reading(order) for order in told.get(tuple(filled), [(0, 1), (1, 0)])]

"""A picture in as many bytes as there are: what is exact, what is rounded, what is left out, in the order it is missed.

A list of wishes is gone through, each with ways to grant it, the best first; a way is taken if its bytes, deflated,
still fit.  What came of it is said in the header, in `left`, in words that a panel can show:

    left   {exact_heads: [[layer, head], …] | null (all), rounded: ["…", …], out: ["…", …], edges: how many of them}
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassformer.show.packed import Packed, header, joined, rounded, whole

Picture = Mapping[str, Any]
Head = tuple[int, int]
ROWS = (100_000, 4000, 1000, 300, 100)  # how many of the largest edges, and of switches tried, a file may list,
ROWS_SHARE = 0.08  # on each of which so much of the bytes is spent at most
STEPS = {"weights": (255, 63, 43, 31), "cells": (127, 31, 15)}  # how many sizes are told apart, the best first
SOME_STEPS = {"weights": 63, "cells": 15}  # the same where there is not room for every head
THUMB_STEPS = 63
WEIGHT_SHARE, CELL_SHARE, SOME_SHARE = 0.85, 0.12, 0.5  # of all bytes: a matrix of every head, of some
FLOATS, CODES = 0.85, 0.1  # how small deflating makes them at best: no need to try what is far too large
STREAMS = ("stream", "attention.mixed", "mlp.out", "between", "crossed")
VECTORS = ("q", "k", "v")
WHAT = {"weights": "weights", "cells": "effects of single cells", "brought": "what each position brings"}
ENDS = ("pooled", "logits", "look", "final")


@dataclass(frozen=True)
class Way:
    """how: exact, or rounded, in words; arrays: what is written, by name; least: bytes that it surely takes."""

    how: str
    arrays: Callable[[], dict[str, Packed]]
    least: float


@dataclass(frozen=True)
class Wish:
    """what: in words; share: the most of all bytes that may go to it; ways: the best first."""

    what: str
    share: float
    ways: list[Way]


@dataclass
class Plan:
    """What is granted so far."""

    budget: int
    left: int
    arrays: dict[str, Packed] = field(default_factory=dict)
    rounded: list[str] = field(default_factory=list)
    out: list[str] = field(default_factory=list)
    heads: list[Head] | None = None
    some: set[str] = field(default_factory=set)  # of which matrices not every head's is there

    def grant(self, wish: Wish) -> bool:
        """Take the best way that fits; where none does, remember that it is left out."""
        most = min(self.left, int(wish.share * self.budget))
        for way in wish.ways:
            if way.least > most:
                continue
            arrays = way.arrays()
            size = sum(each.deflated for each in arrays.values())
            if size <= most:
                self._take(wish, way, arrays, size)
                return True
        self.out.append(wish.what)
        return False

    def _take(self, wish: Wish, way: Way, arrays: dict[str, Packed], size: int) -> None:
        self.arrays |= arrays
        self.left -= size
        if way.how != "exact":
            self.rounded.append(f"{wish.what}, {way.how}")


def fitted(picture: Picture, budget: int) -> bytes:
    """`picture`, deflated, in at most `budget` bytes, with as much of it as fits.  Raises ValueError where not even
    its header does.
    """
    for slack in (1.04, 0.99, 0.93, 0.8, 0.0):
        content = _once(picture, int(slack * budget))
        if len(content) <= budget:
            return content
    raise ValueError(f"a picture needs {len(content):,} bytes for its names and effects alone, and may have {budget:,}")


def _once(picture: Picture, budget: int) -> bytes:
    fields = with_tables(picture, budget)
    plan = Plan(budget, budget - len(joined({**fields, "left": None}, {})))
    every = all([plan.grant(wish) for wish in _whole_wishes(picture)])
    if picture["model"]["layers"] and "layers.0.attention.q" in picture["arrays"]:
        _inside(picture, plan)
    rest = [plan.grant(wish) for wish in (*_side_wishes(picture), *_stream_wishes(picture))]
    if plan.heads is None:
        _followed(picture, plan)
    said = {"exact_heads": plan.heads, "rounded": plan.rounded, "out": plan.out, "edges": _edges(fields)}
    nothing = every and all(rest) and plan.heads is None and not plan.rounded and not plan.out
    return joined({**fields, "left": None if nothing and said["edges"] == _edges(picture) else said}, plan.arrays)


def with_tables(picture: Picture, budget: int) -> dict[str, Any]:
    """The header of `picture`, with as many of its largest edges and of what was tried as shares of the budget hold."""
    effects, tried = picture.get("effects"), picture.get("whatifs")
    fields = {**picture, "arrays": {}}
    if effects and effects.get("edges"):
        fields["effects"] = {**effects, "edges": _first(effects["edges"], budget)}
    if tried:
        fields["whatifs"] = dict(_first(list(tried.items()), budget))
    return fields


def _first(rows: list, budget: int) -> list:
    """As many of the first rows as their share holds."""
    for most in ROWS:
        if len(zlib.compress(header({"rows": rows[:most]}), 1)) <= ROWS_SHARE * budget:
            break
    return rows[:most]


def _edges(picture: Picture) -> int:
    return len((picture.get("effects") or {}).get("edges") or ())


def _followed(picture: Picture, plan: Plan) -> None:
    """What the page computes of q, k and v: the model's own numbers beside them, where there is room."""
    for kind in ("weights", "scaled", "scores", "z"):
        if names := _layers(picture, f"attention.{kind}"):
            plan.grant(Wish(kind, 1.0, [_exact(picture, names)])) or plan.out.pop()


# wishes


def _exact(picture: Picture, names: list[str]) -> Way:
    held = {name: picture["arrays"][name] for name in names}
    least = FLOATS * 4 * sum(array.size for array in held.values())
    return Way("exact", lambda: {name: whole(array) for name, array in held.items()}, least)


def _less(picture: Picture, names: list[str], steps: int) -> Way:
    held = {name: picture["arrays"][name] for name in names}
    least = CODES * sum(array.size for array in held.values())
    return Way(f"≈ {steps} steps", lambda: {name: rounded(array, steps) for name, array in held.items()}, least)


def _layers(picture: Picture, kind: str) -> list[str]:
    return [name for name in picture["arrays"] if name.startswith("layers.") and name.split(".", 2)[2] == kind]


def _whole_wishes(picture: Picture) -> Iterator[Wish]:
    for name in ENDS:
        if name in picture["arrays"]:
            yield Wish(name, 0.25, [_exact(picture, [name])])


def _side_wishes(picture: Picture) -> Iterator[Wish]:
    """Of a translator: what it reads, and its looks at that; first what lines are drawn of."""
    sides = [name for name in picture["arrays"] if name.startswith("encoder.") or ".cross." in name]
    looks = [name for name in sides if name.rsplit(".", 1)[1] in VECTORS]
    rest = [name for name in sides if name not in looks]
    for what, names in (("q, k, v of what is read and of the looks at it", looks), ("what the encoder makes", rest)):
        if names:
            yield Wish(what, 0.9, [_exact(picture, names), _less(picture, names, 127)])


def _stream_wishes(picture: Picture) -> Iterator[Wish]:
    embed = [name for name in picture["arrays"] if name.startswith("embed.")]
    named = {kind: _layers(picture, kind) for kind in STREAMS}
    for what, names in {"embed.stream": [n for n in embed if n == "embed.stream"], **named, "embed": embed}.items():
        if names:
            yield Wish(what.removeprefix("attention."), 1.0, [_exact(picture, names)])


def _inside(picture: Picture, plan: Plan) -> None:
    """What the heads hold: exact for all, or rounded weights for all and the exact vectors of those that matter."""
    vectors = [name for kind in (*VECTORS, "near") for name in _layers(picture, f"attention.{kind}")]
    if plan.grant(Wish("q, k, v", 0.9, [_exact(picture, vectors)])):
        for kind in ("brought", "cells"):
            names = _layers(picture, f"attention.{kind}")
            plan.grant(Wish(WHAT[kind], 1.0, [_exact(picture, names), _less(picture, names, 127)]))
        return
    plan.out.pop()
    order = by_effect(picture)
    _rounded({**picture, "arrays": {**picture["arrays"], **weights_of(picture)}}, plan, order)
    plan.heads = sorted(_as_many(picture, plan, order, lambda heads: _vectors(picture, heads), 1.0))
    if len(plan.heads) < len(order):
        plan.out.append(f"q, k, v of {len(order) - len(plan.heads)} of {len(order)} heads")


def _rounded(picture: Picture, plan: Plan, order: list[Head]) -> None:
    """A byte a number: of all heads where that fits, else a small map of each, and the heads that matter."""
    brought = _layers(picture, "attention.brought")
    plan.grant(Wish(WHAT["brought"], 0.1, [_less(picture, brought, steps) for steps in (127, 31)]))
    _matrices(picture, plan, order, "weights", (WEIGHT_SHARE, SOME_SHARE))
    if "weights" in plan.some and (thumbs := _layers(picture, "attention.thumb")):
        plan.grant(Wish("small maps of the weights", 0.3, [_less(picture, thumbs, THUMB_STEPS)]))
    _matrices(picture, plan, order, "cells", (CELL_SHARE, SOME_SHARE / 2))


def _matrices(picture: Picture, plan: Plan, order: list[Head], kind: str, shares: tuple[float, float]) -> None:
    """A matrix a head, rounded: of every head, for the first of `shares`; else of as many as the second holds."""
    names = _layers(picture, f"attention.{kind}")
    if plan.grant(Wish(WHAT[kind], shares[0], [_less(picture, names, steps) for steps in STEPS[kind]])):
        return
    plan.out.pop()
    steps = SOME_STEPS[kind]
    heads = _as_many(picture, plan, order, lambda heads: _some(picture, kind, heads, steps), shares[1])
    plan.rounded += [f"{WHAT[kind]} of {len(heads)} heads, ≈ {steps} steps"] if heads else []
    if len(heads) < len(order):
        plan.some.add(kind)
        plan.out += [f"{WHAT[kind]} of {len(order) - len(heads)} of {len(order)} heads"]


def _as_many(
    picture: Picture, plan: Plan, order: list[Head], packed: Callable[[list[Head]], dict[str, Packed]], share: float
) -> list[Head]:
    """Take what `packed` makes of as many heads as fit in a share of all bytes, the first of `order` first."""
    left, taken = min(plan.left, int(share * plan.budget)), []
    for head in order:
        left -= sum(each.deflated for each in packed([head]).values())
        if left < 0:
            break
        taken.append(head)
    arrays = packed(taken)
    plan.left -= sum(each.deflated for each in arrays.values())
    plan.arrays |= arrays
    return taken


def _some(picture: Picture, kind: str, heads: list[Head], steps: int) -> dict[str, Packed]:
    names = {layer: f"layers.{layer}.attention.{kind}" for layer, _ in heads}
    of = {layer: sorted(head for at, head in heads if at == layer) for layer in names}
    return {name: rounded(picture["arrays"][name], steps, of[layer]) for layer, name in names.items()}


def _vectors(picture: Picture, heads: list[Head]) -> dict[str, Packed]:
    """q, k, v (and what distances add) of some heads, a layer's together."""
    arrays = {}
    for layer in sorted({layer for layer, _ in heads}):
        kept = [head for at, head in heads if at == layer]
        for kind in (*VECTORS, "near"):
            name = f"layers.{layer}.attention.{kind}"
            if name in picture["arrays"]:
                arrays[name] = whole(picture["arrays"][name], kept)
    return arrays


def by_effect(picture: Picture) -> list[Head]:
    """Every head, that with the largest effect on the answer first."""
    heads = [(layer, head) for layer, count in enumerate(picture["model"]["heads"]) for head in range(count)]
    measured = ((picture.get("effects") or {}).get("heads") or {}).get("zero")
    return heads if measured is None else sorted(heads, key=lambda at: -abs(measured[at[0]][at[1]] or 0.0))


def weights_of(picture: Picture) -> dict[str, np.ndarray]:
    """layers.K.attention.weights of every layer (h i j): those that are there, else softmax(q · k / √d)."""
    arrays, found = picture["arrays"], {}
    for layer in range(picture["model"]["layers"]):
        path = f"layers.{layer}.attention"
        found[f"{path}.weights"] = arrays[f"{path}.weights"] if f"{path}.weights" in arrays else _softmax(arrays, path)
    return found


def _softmax(arrays: Mapping[str, np.ndarray], path: str) -> np.ndarray:
    q, k = arrays[f"{path}.q"], arrays[f"{path}.k"]  # h n d
    scaled = (q @ k.transpose(0, 2, 1) + arrays.get(f"{path}.near", 0.0)) / np.sqrt(np.float32(q.shape[-1]))
    if "look" in arrays:
        scaled = np.where(arrays["look"] > 0, scaled, -np.inf)
    top = scaled.max(axis=-1, keepdims=True)
    powers = np.exp(scaled - np.where(np.isfinite(top), top, 0.0))
    return (powers / np.maximum(powers.sum(axis=-1, keepdims=True), 1e-30)).astype(np.float32)

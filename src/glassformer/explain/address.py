"""One name for every number, the same in Python, terminal, page and URL.

    L1.H2.weights[4,3]            layer 1, head 2, its attention weights, row 4, column 3
    L1.H2                         the same head: its weights
    L1.stream[4]                  what layer 1 hands on at position 4
    layers.1.attention.weights    the address of the tape: all heads
    encoder.L0.H1.weights[4,3]    the same of an encoder beside a decoder
    L0.cross.H1.weights[4,3]      of a decoder's look at what the encoder read
    logits[1]                     one answer
    sentence[7], similarity       the vector of a text, and how near two of them are

Layers, heads and positions count from 0.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from glassformer.errors import UsageError, did_you_mean, one_line

HEAD_SITES = ("q", "k", "v", "scores", "scaled", "weights", "z")
MATRICES = ("scores", "scaled", "weights")
AXES = {
    **dict.fromkeys(MATRICES, ("head", "query", "key")),
    **dict.fromkeys(("q", "k", "v", "z"), ("head", "position", "feature")),
    "pooled": ("feature",),
    "logits": ("class",),
    "follows": ("class",),
    "sentence": ("feature",),
    "sentence2": ("feature",),
    "similarity": (),
    "shares": ("position", "class"),
}
WHOLE = ("shares", "final", "pooled", "logits", "follows", "sentence", "sentence2", "similarity")  # without a dot
_SHORT = re.compile(
    r"(?P<side>encoder\.)?L(?P<layer>[0-9]{1,9})(?P<cross>\.cross)?(?:\.H(?P<head>[0-9]{1,9}))?(?:\.(?P<site>[a-z_.]+))?"
)
_INDEX = re.compile(r"(?P<site>[^\[\]]+)(?:\[(?P<index>[0-9]{1,9}(?:,[0-9]{1,9})*)?\])?")
_LAYER = re.compile(r"(?P<side>encoder\.)?layers\.(?P<layer>[0-9]{1,9})\.(?P<inside>.+)")


@dataclass(frozen=True)
class Address:
    """site: the tape's name; index: head, row, column … as far as they are given."""

    site: str
    index: tuple[int, ...] = ()

    @property
    def kind(self) -> str:
        """The last part of the site: weights, stream, logits …"""
        return self.site.rsplit(".", 1)[-1]

    @property
    def axes(self) -> tuple[str, ...]:
        """What each index counts."""
        inside = (".attention." in self.site or ".cross." in self.site) and self.kind != "mixed"
        return AXES.get(self.kind, ("head", "position", "feature") if inside else ("position", "feature"))

    @property
    def layer(self) -> int | None:
        match = _LAYER.fullmatch(self.site)
        return int(match["layer"]) if match else None

    @property
    def side(self) -> str:
        """Where the blocks are that it is of: `encoder.` of an encoder beside a decoder, else nothing."""
        return "encoder." if self.site.startswith("encoder.") else ""

    @property
    def block(self) -> str:
        """The path of the block that it is in: layers.0, encoder.layers.0."""
        return f"{self.side}layers.{self.layer}"

    @property
    def inside(self) -> str | None:
        """The site as the block has it: attention.weights, stream; None where it is in no block."""
        match = _LAYER.fullmatch(self.site)
        return match["inside"] if match else None

    @property
    def looks(self) -> str:
        """The path of the attention that it is of."""
        return self.site.rsplit(".", 1)[0]

    @property
    def own(self) -> bool:
        """It is of a text's attention to itself, not of an encoder's, nor of a look at one."""
        return self.site.startswith("layers.") and ".cross." not in self.site

    def __str__(self) -> str:
        """The short form."""
        site, index, rest = self.site, self.index, self.inside
        if rest is not None:
            head = f".H{index[0]}" if self.axes[:1] == ("head",) and index else ""
            cross = ".cross" if rest.startswith("cross.") else ""
            rest = rest.removeprefix("attention.") if head else rest
            rest = rest.removeprefix("cross.")
            site, index = f"{self.side}L{self.layer}{cross}{head}.{rest}", index[1:] if head else index
        return f"{site}[{','.join(map(str, index))}]" if index else site

    def at(self, *index: int) -> "Address":
        """The address of one part of this one."""
        return Address(self.site, (*self.index, *index))


def parse(text: str) -> Address:
    """The address that `text` names.  Raises UsageError where it is none."""
    match = _matched(text)
    if match is None:
        shown = repr(one_line(text, 60))
        raise UsageError(f"{shown} is no address; write L1.H2, L1.H2.weights[4,3], L1.stream[4] or logits[0]")
    numbers = tuple(int(n) for n in (match["index"] or "").split(",") if n)
    short = _SHORT.fullmatch(match["site"])
    return Address(match["site"], numbers) if short is None else _from_short(short, numbers)


def _matched(text: str) -> re.Match | None:
    """Spaces may stand around brackets and commas, never inside a number."""
    return _INDEX.fullmatch(re.sub(r"\s*([\[\],])\s*", r"\1", text.strip()))


def _from_short(match: re.Match, numbers: tuple[int, ...]) -> Address:
    layer, head, site = int(match["layer"]), match["head"], match["site"]
    block, looks = f"{match['side'] or ''}layers.{layer}", "cross" if match["cross"] else "attention"
    if head is not None and site == "mixed":
        cross = ".cross" if match["cross"] else ""
        raise UsageError(f"mixed is what all heads give together; write L{layer}{cross}.mixed")
    if head is not None:
        return Address(f"{block}.{looks}.{site or 'weights'}", (int(head), *numbers))
    if site in (*HEAD_SITES, "mixed") or match["cross"]:
        return Address(f"{block}.{looks}.{site or 'weights'}", numbers)
    return Address(f"{block}.{site or 'stream'}", numbers)


def looks_like_one(text: str) -> bool:
    """True where `text` can only be meant as an address."""
    match = _matched(text)
    sure = match and (match["index"] or "." in match["site"] or match["site"] in WHOLE)
    return bool(sure or (match and _SHORT.fullmatch(match["site"])))


def check(address: Address, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise UsageError, with the nearest that exists, unless `shapes` (site → shape) holds `address`."""
    if address.site not in shapes:
        raise UsageError(f"there is no {one_line(address, 80)}{_nearest(address, shapes)}")
    shape = shapes[address.site]
    if len(address.index) > len(shape):
        raise UsageError(f"{address.site} has {len(shape)} axes ({', '.join(address.axes)}), not {len(address.index)}")
    for axis, (number, size) in enumerate(zip(address.index, shape, strict=False)):
        if number >= size:
            name = address.axes[axis] if axis < len(address.axes) else "number"
            raise UsageError(f"there is no {address}: {name} {number}, but only 0 to {size - 1}")


def _nearest(address: Address, sites: Iterable[str]) -> str:
    known = [Address(site) for site in sites]
    layers = {each.layer for each in known if each.layer is not None and each.side == address.side}
    if address.layer is not None and address.layer not in layers:
        has = f"this {'encoder' if address.side else 'model'} has"
        return f": {has} layers 0 to {max(layers)}" if layers else f": this model has no {address.side}layers"
    own = [each for each in known if (each.side, each.layer) == (address.side, address.layer)]
    beside = [str(Address(each.site, address.index[: each.axes[:1] == ("head",)])) for each in own]
    return did_you_mean(str(address), beside) or f"; there is {', '.join(beside)}"

"""What the tensors of a checkpoint are called on the Hugging Face hub, and what they are called here.

The tables stand in families/, each row read in both directions; here they are read.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor, nn

from glassformer.errors import UsageError
from glassformer.hub.families import FAMILIES, HEADS
from glassformer.hub.families.family import Row

__all__ = ["FAMILIES", "HEADS", "HEAD_PARTS", "Place", "architecture", "place", "stands", "theirs"]

ENDINGS = {"weight": "weight", "bias": "bias"}
NORM_ENDINGS = {"weight": "gain", "bias": "shift", "gamma": "gain", "beta": "shift"}  # the first two are written
NORMS = re.compile(r"(norm|finish)$")
HEAD_PARTS = ("pooler.", "predict.", "follows.", "classifier.")  # what a body can do without
NUMBER = re.compile(r"(?<=\.)(0|[1-9]\d{0,8})(?=\.)")


@dataclass(frozen=True)
class Place:
    """Where a tensor of a file stands here.  ours: one weight, or several that the file holds side by side;
    turned: the file holds (inputs, outputs), and here it is (outputs, inputs); row: the file holds a vector as (1, w).
    """

    ours: tuple[str, ...]
    turned: bool = False
    row: bool = False

    def shape(self, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
        """Of the tensor in the file, from the shapes here."""
        first, *others = shapes[self.ours[0]]
        whole = (*(1,) * self.row, first * len(self.ours), *others)
        return whole[::-1] if self.turned else whole

    def read(self, tensor: Tensor) -> dict[str, Tensor]:
        """The weights here, of the tensor of a file."""
        whole = tensor[0] if self.row else tensor
        parts = (whole.T if self.turned else whole).chunk(len(self.ours))
        return {name: part.contiguous() for name, part in zip(self.ours, parts, strict=True)}

    def write(self, weights: Mapping[str, Tensor]) -> Tensor:
        """The tensor of a file, of the weights here."""
        whole = weights[self.ours[0]] if len(self.ours) == 1 else torch.cat([weights[name] for name in self.ours])
        whole = whole[None] if self.row else whole
        return (whole.T if self.turned else whole).contiguous()

    def numbered(self, layer: str) -> "Place":
        return replace(self, ours=tuple(name.replace("{n}", layer) for name in self.ours))


def place(theirs: str, family: str) -> Place | None:
    """Where a tensor called `theirs` in a file stands here, or None where no table has it."""
    bare = theirs.removeprefix(FAMILIES[family].prefix)
    layer = NUMBER.search(bare)
    general = bare if layer is None else NUMBER.sub("{n}", bare, count=1)
    found = _table(family).get(general) if "{n}" not in theirs else None
    return found.numbered(layer[1]) if found and layer else found


def stands(theirs: str, family: str, kind: type[nn.Module]) -> bool:
    """Of several things with one name here, the one that a model of this class has."""
    return FAMILIES[family].stands(theirs.removeprefix(FAMILIES[family].prefix), kind)


def theirs(ours: str, family: str, kind: type[nn.Module]) -> str:
    """The name in a new file of what is called `ours` in a `kind` of that family, or of what it is a part of."""
    layer = re.search(r"(?<=layers\.)\d+", ours)
    general = ours.replace(f"layers.{layer[0]}.", "layers.{n}.") if layer else ours
    known = (name for name, here in _table(family).items() if general in here.ours and stands(name, family, kind))
    fits = next(known, general)  # a part that the family never has keeps its name
    on_body = kind not in FAMILIES[family].bodies and fits in _bodies(family)
    return (FAMILIES[family].prefix if on_body else "") + fits.replace("{n}", layer[0] if layer else "")


def architecture(kind: type[nn.Module], family: str) -> str:
    """What the hub calls a model of this class.  Raises UsageError where it has no name for one."""
    known = FAMILIES[family]
    ends = {named: end for end, named in reversed([*known.classes.items()])}  # LMHeadModel before ForCausalLM
    if kind in known.lacks or kind not in (*known.bodies, *ends):
        raise UsageError(f"there is no {kind.__name__} of the family {family}: it cannot be saved for others to read")
    end = ends.get(kind, "Model")  # a BERT without its pooler is a BertModel too
    return known.begins + ("ForCausalLM" if (family, end) == ("roberta", "LMHeadModel") else end)


@cache
def _table(family: str) -> dict[str, Place]:
    """theirs → ours, with their endings."""
    return _bodies(family) | dict(each for row in FAMILIES[family].heads for each in _ended(Row(*row)))


@cache
def _bodies(family: str) -> dict[str, Place]:
    """The same for the body alone, and for what is named as parts of it are."""
    rows = [Row(*row) for row in FAMILIES[family].body]
    more = [
        Row(row.theirs.replace(*their), row.ours.replace(*our), row.turned, row.row)
        for their, our in FAMILIES[family].alike
        for row in rows
        if their[0] in row.theirs and isinstance(row.ours, str)
    ]
    return dict(each for row in (*rows, *more) for each in _ended(row))


def _ended(row: Row) -> Iterable[tuple[str, Place]]:
    ours = (row.ours,) if isinstance(row.ours, str) else row.ours
    if re.search(r"(weight|bias)$", row.theirs):
        return [(row.theirs, Place(ours, row.turned, row.row))]
    endings = NORM_ENDINGS if NORMS.search(ours[0]) else ENDINGS
    return [
        (f"{row.theirs}.{their}", Place(tuple(f"{name}.{our}" for name in ours), row.turned and our == "weight"))
        for their, our in endings.items()
    ]

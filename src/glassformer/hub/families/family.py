"""What there is to say of a family of checkpoints: its names, its classes, its settings."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import nn

from glassformer.hub.fields import Field

Rows = tuple[tuple[Any, ...], ...]  # of Row's fields


class Row(NamedTuple):
    """What a tensor is called in files, and here; `{n}` is the number of a layer.

    Without an ending it stands for a `weight` and a `bias`.  ours: several, where a file holds them side by side in
    one tensor; turned: the file holds a weight as (inputs, outputs), for x · W, and here it is (outputs, inputs); row:
    the file holds a vector as (1, width).
    """

    theirs: str
    ours: str | tuple[str, ...]
    turned: bool = False
    row: bool = False


def _as_they_are(values: dict[str, Any], classes: int) -> dict[str, Any]:
    return values


@dataclass(frozen=True)
class Family:
    """name: `model_type` in config.json; begins: what the names of its architectures begin with.

    classes: what follows `begins`, and the class here; the first where config.json names none; bodies: the classes
    that are a body alone, the plainest first; lacks: classes of others that nobody has made for it; prefix: what the
    names of a body's tensors begin with once something stands on it; body, heads: tables of names; alike: what else is
    named as a row is, ((theirs, other), (ours, other)); buffers: tensors that are no weights; stands: of several
    things with one name here, the one that a class has.

    config: the class of its settings; fields: of config.json; says: what it means where it does not say; fixed: what
    it never says, because all its models share it; only: fields whose other values nobody can read here; completed:
    what follows from the fields, and the number of classes; roles: the special pieces its tokenizer must have.
    """

    name: str
    begins: str
    config: type
    classes: Mapping[str, type[nn.Module]]
    bodies: tuple[type[nn.Module], ...]
    body: Rows
    heads: Rows
    fields: Mapping[str, Field]
    prefix: str = ""
    lacks: tuple[type[nn.Module], ...] = ()
    alike: tuple[tuple[tuple[str, str], tuple[str, str]], ...] = ()
    buffers: re.Pattern[str] = re.compile(r"(?!)")
    stands: Callable[[str, type[nn.Module]], bool] = lambda name, kind: True
    says: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    completed: Callable[[dict[str, Any], int], dict[str, Any]] = _as_they_are
    roles: tuple[str, ...] = ()

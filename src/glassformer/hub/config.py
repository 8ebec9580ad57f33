"""config.json of the Hugging Face hub, translated once in each direction, every field checked.

No field of it selects code or a path: a field is a number, a switch, or the key of a table.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from glassformer.errors import CheckpointError, did_you_mean, one_line
from glassformer.hub.families import FAMILIES
from glassformer.hub.families.family import Family
from glassformer.hub.fields import MOST_LABELS, or_none, whole
from glassformer.models.gpt2 import Gpt2Classifier
from glassformer.models.heads import SequenceClassification, TokenClassification


@dataclasses.dataclass(frozen=True)
class Described:
    """What a config.json says.  end: of the architecture's name, "" where it has none; labels: by number."""

    family: str
    end: str
    config: Any
    labels: tuple[str, ...]
    fields: Mapping[str, Any]  # as they stand in the file, unknown ones too


def read(content: bytes, path: Path) -> Described:
    """What a config.json describes.  Raises CheckpointError that names the field, its value and what is allowed."""
    try:
        fields = json.loads(content)
        if not isinstance(fields, dict):
            raise ValueError(
                f"a table of fields was expected, not {one_line(content.decode(errors='replace').strip(), 40)}"
            )
        family, end = _family(fields)
        labels = _labels(fields)
        known = FAMILIES[family]
        values = known.completed({**known.says, **known.fixed} | _values(fields, known), len(labels))
        return Described(family, end, known.config(**values), labels, fields)
    except (ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} describes no model: {one_line(error, 300)}") from None


def names_labels(kind: type[nn.Module]) -> bool:
    """Its classes are answers about a text or a piece, and have names."""
    return kind in (SequenceClassification, TokenClassification, Gpt2Classifier)


def stops(described: Described, path: Path) -> frozenset[int]:
    """The pieces that end a text that is written: `eos_token_id`, one or several.  Raises CheckpointError."""
    told, vocabulary = described.fields.get("eos_token_id"), described.config.vocabulary
    ids = told if isinstance(told, list) else [] if told is None else [told]
    if wrong := [id for id in ids if type(id) is not int or not 0 <= id < vocabulary]:
        allowed = f"a piece from 0 to {vocabulary - 1:,} was expected"
        raise CheckpointError(f"{path}: eos_token_id names {one_line(repr(wrong[0]), 40)}; {allowed}")
    return frozenset(ids)


def name_of(ours: str, family: str, weight: str = "") -> str:
    """What a config.json calls a field of ours; an encoder's `weight` may have a field of its own."""
    called = {field.ours: theirs for theirs, field in FAMILIES[family].fields.items()}
    own = f"encoder_{ours}" if weight.startswith("encoder.") else ours
    return called.get(own, called.get(ours, ours))


def write(was: Described, config: Any, architecture: str, labels: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a config.json for `config`: those of the file it came from, with what has changed since."""
    family = FAMILIES[was.family]
    fields = dict(was.fields) | {"architectures": [architecture], "model_type": was.family}
    for theirs, field in family.fields.items():
        value = getattr(config, field.ours)
        if field.ours not in family.fixed and (value != getattr(was.config, field.ours) or not was.fields):
            fields[theirs] = field.write(value)
    classes = getattr(config, "classes", len(was.labels))
    plain = was.labels if len(was.labels) == classes else tuple(f"LABEL_{k}" for k in range(classes))
    if (labels or plain) != was.labels:
        fields["id2label"] = {str(k): label for k, label in enumerate(labels or plain)}
        fields["label2id"] = {label: k for k, label in enumerate(labels or plain)}
        fields.pop("num_labels", None)
    return fields


def _family(fields: dict[str, Any]) -> tuple[str, str]:
    """The family, and the end of the name of its architecture."""
    names = fields.get("architectures") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"architectures is {one_line(repr(names), 60)}; a list of one name was expected")
    family = fields.get("model_type")
    begins = {known.begins: name for name, known in FAMILIES.items()}
    if family is None and names:
        family = next((name for start, name in begins.items() if names[0].startswith(start)), None)
    if not isinstance(family, str) or family not in FAMILIES:
        said = repr(family) if "model_type" in fields else "not there"
        raise ValueError(f"model_type is {one_line(said, 60)}; one of {', '.join(FAMILIES)} was expected")
    return family, _end(names[0], family) if names else ""


def _end(name: str, family: str) -> str:
    start = FAMILIES[family].begins
    kind = FAMILIES[family].classes.get(name.removeprefix(start)) if name.startswith(start) else None
    if kind is None or kind in FAMILIES[family].lacks:
        known = [start + end for end, kind in FAMILIES[family].classes.items() if kind not in FAMILIES[family].lacks]
        near = did_you_mean(name, known) or f"; known: {', '.join(known)}"
        raise ValueError(
            f"architectures names {one_line(repr(name), 60)}, which is not known for model_type {family!r}{near}"
        )
    return name.removeprefix(start)


def _values(fields: dict[str, Any], family: Family) -> dict[str, Any]:
    """What the file says of the fields that this family has, each checked."""
    for name, allowed in family.only.items():
        if name in fields and (type(fields[name]), fields[name]) not in [(type(each), each) for each in allowed]:
            can = " or ".join(json.dumps(each) for each in allowed)
            raise ValueError(f"{name} is {one_line(repr(fields[name]), 60)}; only {can} can be read here")
    values = {}
    for name, field in family.fields.items():
        if field.ours in family.fixed or name not in fields:
            continue
        value, (check, allowed) = fields[name], field.may_be
        if not check(value):
            near = did_you_mean(value, allowed.split("one of ")[-1].split(", ")) if isinstance(value, str) else ""
            raise ValueError(f"{name} is {one_line(repr(value), 60)}; {allowed} was expected{near}")
        values[field.ours] = field.read(value)
    return values


def _labels(fields: dict[str, Any]) -> tuple[str, ...]:
    """The names of the classes: id2label, else LABEL_0 … as many as num_labels, else two of them."""
    told = fields.get("num_labels", fields.get("_num_labels"))
    check, allowed = or_none(whole(1, MOST_LABELS))
    if not check(told):
        raise ValueError(f"num_labels is {one_line(repr(told), 60)}; {allowed} was expected")
    names = fields.get("id2label") or {str(k): f"LABEL_{k}" for k in range(told or 2)}
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise ValueError(f"id2label is {one_line(repr(names), 60)}; a table from number to name was expected")
    if set(names) != {str(k) for k in range(len(names))} or len(names) > MOST_LABELS:
        raise ValueError(f"id2label numbers its labels {one_line(', '.join(names), 60)}; 0, 1, 2 … was expected")
    labels = tuple(names[str(k)] for k in range(len(names)))
    if len(set(labels)) != len(labels) or told not in (None, len(labels)):
        raise ValueError(
            f"id2label names {len(set(labels))} different labels, {len(labels)} were expected, num_labels is {told}"
        )
    return labels

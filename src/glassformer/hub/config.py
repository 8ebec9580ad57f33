"""config.json of the Hugging Face hub, translated once in each direction, every field checked.

No field of it selects code or a path: a field is a number, a switch, or the key of a table.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from glassformer.errors import CheckpointError, did_you_mean, one_line
from glassformer.hub.names import ARCHITECTURES, FAMILIES
from glassformer.models.bert import POSITIONS, PROBLEMS, Bert, BertConfig
from glassformer.models.heads import SequenceClassification, TokenClassification
from glassformer.parts.block import ACTIVATIONS

LARGE = 1 << 24  # of any whole number
LARGEST = {"num_hidden_layers": 1024, "num_labels": 1 << 16}
Check = Callable[[Any], bool]


def _whole(least: int, most: int = LARGE) -> tuple[Check, str]:
    return lambda value: type(value) is int and least <= value <= most, f"a whole number from {least} to {most:,}"


def _number(least: float, most: float) -> tuple[Check, str]:
    def check(value: Any) -> bool:
        return type(value) in (int, float) and least <= value <= most  # NaN is neither

    return check, f"a number from {least:g} to {most:g}"


def _one_of(known: Any) -> tuple[Check, str]:
    return lambda value: isinstance(value, str) and value in known, f"one of {', '.join(known)}"


def _or_none(check: tuple[Check, str]) -> tuple[Check, str]:
    return lambda value: value is None or check[0](value), f"{check[1]}, or null"


SWITCH: tuple[Check, str] = (lambda value: isinstance(value, bool), "true or false")
CHANCE = _number(0.0, 1.0)
FIELDS: dict[str, tuple[str, tuple[Check, str]]] = {  # theirs: (ours, what it may be)
    "vocab_size": ("vocabulary", _whole(1)),
    "hidden_size": ("width", _whole(1)),
    "num_hidden_layers": ("layers", _whole(1, LARGEST["num_hidden_layers"])),
    "num_attention_heads": ("heads", _whole(1)),
    "intermediate_size": ("hidden", _whole(1)),
    "hidden_act": ("activation", _one_of(ACTIVATIONS)),
    "hidden_dropout_prob": ("dropout", CHANCE),
    "attention_probs_dropout_prob": ("attention_dropout", CHANCE),
    "classifier_dropout": ("head_dropout", _or_none(CHANCE)),
    "max_position_embeddings": ("length", _whole(1)),
    "type_vocab_size": ("types", _whole(1)),
    "initializer_range": ("spread", _number(0.0, 1e3)),
    "layer_norm_eps": ("epsilon", _number(0.0, 1.0)),
    "pad_token_id": ("padding", _whole(0)),
    "position_embedding_type": ("positions", _one_of(POSITIONS)),
    "is_decoder": ("decoder", SWITCH),
    "add_cross_attention": ("cross", SWITCH),
    "chunk_size_feed_forward": ("chunk", _whole(0)),
    "tie_word_embeddings": ("tied", SWITCH),
    "problem_type": ("problem", _or_none(_one_of(PROBLEMS))),
}
SPELT: dict[str, dict[str, str]] = {  # where a family has a word of its own for a field
    "distilbert": {
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "hidden_act": "activation",
        "hidden_dropout_prob": "dropout",
        "attention_probs_dropout_prob": "attention_dropout",
        "classifier_dropout": "seq_classif_dropout",
    },
}
ABSENT: dict[str, dict[str, Any]] = {  # what a family's config.json means where it does not say
    "bert": {},
    "roberta": {"vocabulary": 50265, "padding": 1},
    "distilbert": {"layers": 6, "head_dropout": 0.2},
}
FIXED: dict[str, dict[str, Any]] = {  # what a family never says, because all its models share it
    "bert": {},
    "roberta": {"predict": "gelu"},
    "distilbert": {"types": 0, "pooler": "relu", "epsilon": 1e-12, "positions": "absolute"},
}


@dataclasses.dataclass(frozen=True)
class Described:
    """What a config.json says.  end: of the architecture's name, "" where it has none; labels: by number."""

    family: str
    end: str
    config: BertConfig
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
        values = _values(fields, family) | {"classes": len(labels), "pruned": _pruned(fields)}
        if family == "roberta":
            values["first"] = values["padding"] + 1
        config = BertConfig(**values)
        _consistent(config)
        return Described(family, end, config, labels, fields)
    except (ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} describes no model: {one_line(error, 300)}") from None


def names_labels(kind: type[Bert]) -> bool:
    """Its classes are answers about a text or a piece, and have names."""
    return kind in (SequenceClassification, TokenClassification)


def name_of(field: str, family: str) -> str:
    """What a config.json calls a field of ours."""
    theirs = next(theirs for theirs, (ours, _) in FIELDS.items() if ours == field)
    return SPELT.get(family, {}).get(theirs, theirs)


def write(was: Described, config: BertConfig, architecture: str, labels: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a config.json for `config`: those of the file it came from, with what has changed since."""
    fields = dict(was.fields) | {"architectures": [architecture], "model_type": was.family}
    for ours in dict(FIELDS.values()):
        name, value = name_of(ours, was.family), getattr(config, ours)
        if ours not in FIXED[was.family] and (value != getattr(was.config, ours) or not was.fields):
            fields[name] = value
    if config.pruned != was.config.pruned:
        fields["pruned_heads"] = {str(layer): list(heads) for layer, heads in config.pruned}
    plain = was.labels if len(was.labels) == config.classes else tuple(f"LABEL_{k}" for k in range(config.classes))
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
    kind = ARCHITECTURES.get(name.removeprefix(start)) if name.startswith(start) else None
    if kind is None or kind in FAMILIES[family].lacks:
        known = [start + end for end in ARCHITECTURES]
        raise ValueError(
            f"architectures names {one_line(repr(name), 60)}, which is not known for model_type {family!r}"
            f"{did_you_mean(name, known) or f'; known: {known[0]}, {known[4]} …'}"
        )
    return name.removeprefix(start)


def _values(fields: dict[str, Any], family: str) -> dict[str, Any]:
    values = {**ABSENT[family], **FIXED[family]}
    for theirs, (ours, (check, allowed)) in FIELDS.items():
        name = SPELT.get(family, {}).get(theirs, theirs)
        if ours in FIXED[family] or name not in fields:
            continue
        value = fields[name]
        if not check(value):
            near = did_you_mean(value, allowed.split("one of ")[-1].split(", ")) if isinstance(value, str) else ""
            raise ValueError(f"{name} is {one_line(repr(value), 60)}; {allowed} was expected{near}")
        values[ours] = value
    return values


def _consistent(config: BertConfig) -> None:
    if config.padding >= config.vocabulary:
        raise ValueError(f"pad_token_id is {config.padding}, vocab_size only {config.vocabulary}")
    if config.longest < 1:
        raise ValueError(f"max_position_embeddings is {config.length}, but positions begin at {config.first}")


def _labels(fields: dict[str, Any]) -> tuple[str, ...]:
    """The names of the classes: id2label, else LABEL_0 … as many as num_labels, else two of them."""
    told = fields.get("num_labels", fields.get("_num_labels"))
    check, allowed = _or_none(_whole(1, LARGEST["num_labels"]))
    if not check(told):
        raise ValueError(f"num_labels is {one_line(repr(told), 60)}; {allowed} was expected")
    names = fields.get("id2label") or {str(k): f"LABEL_{k}" for k in range(told or 2)}
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise ValueError(f"id2label is {one_line(repr(names), 60)}; a table from number to name was expected")
    if set(names) != {str(k) for k in range(len(names))} or len(names) > LARGEST["num_labels"]:
        raise ValueError(f"id2label numbers its labels {one_line(', '.join(names), 60)}; 0, 1, 2 … was expected")
    labels = tuple(names[str(k)] for k in range(len(names)))
    if len(set(labels)) != len(labels) or told not in (None, len(labels)):
        raise ValueError(
            f"id2label names {len(set(labels))} different labels, {len(labels)} were expected, num_labels is {told}"
        )
    return labels


def _pruned(fields: dict[str, Any]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """pruned_heads {"2": [0, 3]}: layer 2 lost its heads 0 and 3."""
    pruned = fields.get("pruned_heads") or {}
    shaped = isinstance(pruned, dict) and all(
        re.fullmatch(r"\d{1,4}", layer) and isinstance(heads, list) and all(type(h) is int and h >= 0 for h in heads)
        for layer, heads in pruned.items()
    )
    if not shaped:
        raise ValueError(f"pruned_heads is {one_line(repr(pruned), 60)}; a table from layer to heads was expected")
    return tuple(sorted((int(layer), tuple(sorted(set(heads)))) for layer, heads in pruned.items() if heads))

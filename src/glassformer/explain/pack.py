"""What a page needs to run models by itself: weights, tokenizers, and the sentences and words that effects stand on.

docs/page.md has the format, "The model in the file"; the page's engine reads it.
"""

import dataclasses
import json
import os
from collections.abc import Sequence
from typing import Any

import safetensors.torch
import torch
from torch import nn

from glassformer.errors import UsageError
from glassformer.explain.like import COMPANY, KINDS
from glassformer.explain.reader import COMPANIONS, Reader, companion
from glassformer.explain.reference import REFERENCE
from glassformer.explain.usual import carried
from glassformer.models.simple import BagOfWords, Classifier

FAMILIES: dict[type[nn.Module], str] = {BagOfWords: "bag-of-words", Classifier: "classifier"}


def models_pack(readers: Sequence[Reader | str]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The header of a pack, and the bytes of each model's weights by name.

    readers: readers, or names of shipped models; a model is packed once.  Raises UsageError for a model that the page
    cannot run.
    """
    models: dict[str, Reader] = {}
    for each in readers:
        reader = companion(each) if isinstance(each, str) else each
        models.setdefault(_given(reader), reader)
    tokenizers = list(dict.fromkeys(_definition(reader) for reader in models.values()))
    header = {
        "schema": 1,
        "kind": "models",
        "models": [_model(reader, tokenizers) for reader in models.values()],
        "tokenizers": [json.loads(each) for each in tokenizers],
        "reference": list(REFERENCE),
        "kinds": [list(kind) for kind in KINDS],
        "company": [list(pair) for pair in COMPANY],
        "companions": list(COMPANIONS),
    }
    return header, {given: _weights(reader.model) for given, reader in models.items()}


def runs_in_page(reader: Reader) -> bool:
    """Whether the page can run the model: a classifier or a bag of words, that cuts text as the shipped ones do."""
    known = json.loads(reader.tokens.definition)
    plain = known.get("post_processor") is None and known["model"]["type"] == "WordPiece"
    return type(reader.model) in FAMILIES and plain and carried(reader.config) and len(reader.labels) > 1


def _given(reader: Reader) -> str:
    """A file goes to others: of a model's folder only its name."""
    return reader.name if os.path.isabs(reader.given) else reader.given


def _definition(reader: Reader) -> str:
    return reader.tokens.definition


def _model(reader: Reader, tokenizers: list[str]) -> dict[str, Any]:
    if not runs_in_page(reader):
        kinds = " or ".join(kind.__name__ for kind in FAMILIES)
        raise UsageError(
            f"{reader.name} is a {type(reader.model).__name__}, and a page by itself runs a {kinds} with the usual "
            "attention and the tokenizer of a shipped model; leave --with-model out, or serve it: glassformer open"
        )
    given = _given(reader)
    config = {"family": FAMILIES[type(reader.model)], **dataclasses.asdict(reader.config)}
    named = {"name": reader.name, "given": given, "what": reader.kind.what, "labels": list(reader.labels)}
    return {**named, "config": config, "tokenizer": tokenizers.index(_definition(reader)), "weights": given}


@torch.no_grad()
def _weights(model: nn.Module) -> bytes:
    """As safetensors: in float16 where that is exact, as in every model that was saved, else in float32."""
    halves = {name: weight.half() for name, weight in model.state_dict().items()}
    exact = all(torch.equal(halves[name].float(), weight) for name, weight in model.state_dict().items())
    weights = halves if exact else model.state_dict()
    return safetensors.torch.save({name: weight.contiguous() for name, weight in weights.items()})

"""A checkpoint as the files that `transformers` reads: byte for byte those it came from, where nothing has changed."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from glassformer.errors import UsageError
from glassformer.hub import config as configs
from glassformer.hub import names, weights
from glassformer.hub.families import family_of
from glassformer.hub.pretrained import Origin
from glassformer.hub.tokens import Tokens


def contents(model: Any, tokens: Tokens, labels: tuple[str, ...], origin: Origin | None) -> dict[str, bytes]:
    """The files of a checkpoint that `transformers` reads, as they were where nothing has changed."""
    origin = origin or _made(tokens, model)
    family, kind = origin.described.family, type(model)
    architecture = names.architecture(kind, family)
    if kind is origin.kind and origin.described.end:
        architecture = names.FAMILIES[family].begins + origin.described.end
    fields = configs.write(origin.described, model.config, architecture, labels)
    files = dict(origin.files)
    _checked(fields, model.config)
    if fields != origin.described.fields or "config.json" not in files:
        files["config.json"] = _json(fields)
    files[weights.SINGLE] = safetensors.torch.save(_apart(_named(model, origin, kind)), {"format": "pt"})
    return files


def _checked(fields: dict[str, Any], config: Any) -> None:
    """What is written is read as the same config again."""
    again = dataclasses.asdict(configs.read(_json(fields), Path("config.json")).config)
    differ = [f"{name}={value!r}" for name, value in dataclasses.asdict(config).items() if again[name] != value]
    if differ:
        raise UsageError(f"config.json of a {fields['model_type']} cannot say {', '.join(differ)}; change it")


def _json(fields: dict[str, Any]) -> bytes:
    return (json.dumps(fields, indent=2, sort_keys=True) + "\n").encode()


def _named(model: Any, origin: Origin, kind: type[nn.Module]) -> dict[str, Tensor]:
    """The tensors of a file, under the names and in the precision they came in; what was left aside comes along."""
    state = {name: weight.detach() for name, weight in model.state_dict().items()}
    family, known = origin.described.family, {name for place in origin.places.values() for name in place.ours}
    if kind is not origin.kind or not known.issuperset(state):
        new = dict.fromkeys(names.theirs(name, family, kind) for name in state)
        return {theirs: _place(theirs, family).write(state) for theirs in new}
    state.setdefault("predict.weight", state["embed.pieces.weight"].clone())  # where tied, and the file has both
    return {
        theirs: _as_stored(tensor, origin.places[theirs].write(state) if theirs in origin.places else None)
        for theirs, tensor in origin.tensors.items()
    }


def _place(theirs: str, family: str) -> names.Place:
    """A part that the family never has keeps its name."""
    return names.place(theirs, family) or names.Place((theirs,))


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A file holds a tensor that has two names twice."""
    first = {tensor.untyped_storage().data_ptr(): name for name, tensor in reversed(tensors.items())}
    return {
        name: tensor if first[tensor.untyped_storage().data_ptr()] == name else tensor.clone()
        for name, tensor in tensors.items()
    }


def _as_stored(before: Tensor, now: Tensor | None) -> Tensor:
    if now is None or (before.shape == now.shape and torch.equal(before.float(), now)):
        return before.contiguous()
    return now.to(before.dtype).contiguous()


def _made(tokens: Tokens, model: Any) -> Origin:
    """For a model that came from no such folder: its family's names, and a tokenizer.json that says all."""
    family = family_of(type(model))
    assert family is not None, "store.export asks first"
    described = configs.Described(family.name, "", model.config, ("LABEL_0", "LABEL_1"), {})
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"} | tokens.called()
    files = {"tokenizer.json": tokens.definition.encode(), "tokenizer_config.json": json.dumps(settings).encode()}
    return Origin(described, [*family.bodies, *family.classes.values()][0], {}, {}, files)

"""Small BERTs as folders in the Hugging Face format, with random weights, and the means to damage them."""

import json
import shutil
import struct
from pathlib import Path

import safetensors.torch
import torch

from glassformer.hub import rules, store
from glassformer.hub.tokens import Tokens
from glassformer.models.bert import Bert, BertConfig
from glassformer.models.heads import MaskedLanguageModel

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the food was not good bad very , . ! ##s ##ing film I".split()
SIZES = {"width": 12, "layers": 2, "heads": 3, "hidden": 20, "length": 40}


def tokens(folder: Path) -> Tokens:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return rules.read(folder, types=2)


def model(kind: type[Bert] = MaskedLanguageModel, seed: int = 0, **changes) -> Bert:
    """Random, with weights large enough that everything matters."""
    torch.manual_seed(seed)
    made = kind(BertConfig(**{"vocabulary": len(WORDS)} | SIZES | changes))
    with torch.no_grad():
        for weight in made.parameters():
            weight.normal_(0.0, 0.3)
    return made.eval()


def folder(path: Path, kind: type[Bert] = MaskedLanguageModel, labels: tuple[str, ...] = (), **changes) -> Path:
    """A folder as it comes from the hub: without a manifest, so that damage is found by what reads it."""
    made = model(kind, **changes)
    store.export(path, store.Checkpoint("made", made, tokens(path.with_name("words")), labels, path))
    (path / "manifest.json").unlink()
    shutil.rmtree(path.with_name("words"))
    return path


def tensors(path: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(path / "model.safetensors")


def put(path: Path, weights: dict[str, torch.Tensor]) -> Path:
    safetensors.torch.save_file(weights, path / "model.safetensors", {"format": "pt"})
    return path


def change(path: Path, file: str = "config.json", **fields) -> Path:
    """Fields of a JSON file changed; None takes one away."""
    said = json.loads((path / file).read_text()) | fields
    (path / file).write_text(json.dumps({key: value for key, value in said.items() if value is not None}))
    return path


def with_header(header: object, data: bytes = b"") -> bytes:
    """A safetensors file with this header, whatever it says."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def shards(path: Path, count: int = 2) -> Path:
    """The weights in several files and an index, as large models come."""
    weights = tensors(path)
    places = {name: f"model-{k % count + 1:05}-of-{count:05}.safetensors" for k, name in enumerate(weights)}
    for file in set(places.values()):
        own = {name: weight for name, weight in weights.items() if places[name] == file}
        safetensors.torch.save_file(own, path / file, {"format": "pt"})
    (path / "model.safetensors").unlink()
    (path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return path

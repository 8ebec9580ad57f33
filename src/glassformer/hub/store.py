"""Models in and out of folders.

A folder holds config.json, model.safetensors (float16), tokenizer.json, CARD.md and manifest.json, which has
the sha256 of the others and is checked at every load.  Nothing in a file selects code: a config names a family
in the table below, and its fields are numbers and keys of tables.
"""

import dataclasses
import json
import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from glassformer.errors import CheckpointError, MissingError, UsageError, did_you_mean, one_line
from glassformer.hub.files import MANIFEST, read_folder, write_folder
from glassformer.hub.tokens import Tokens
from glassformer.models.simple import BagConfig, BagOfWords, Classifier, ClassifierConfig, Generator, TransformerConfig

FAMILIES: dict[str, tuple[type[nn.Module], Any]] = {
    "bag-of-words": (BagOfWords, BagConfig),
    "classifier": (Classifier, ClassifierConfig),
    "generator": (Generator, TransformerConfig),
}
SHIPPED = Path(str(files("glassformer"))) / "shipped"
PARTS = ("config.json", "model.safetensors", "tokenizer.json", "CARD.md")
LARGEST = {"layers": 1024, "classes": 1 << 16}  # of a size in a config; of any other:
LARGE = 1 << 20
MOST_PLACES = 1 << 26  # numbers in a table of positions, which no file has to hold


@dataclass(frozen=True)
class Checkpoint:
    """A model with all that belongs to it.  `labels`: the name of each class."""

    name: str
    model: nn.Module
    tokens: Tokens
    labels: tuple[str, ...]
    folder: Path


def card(name: str | Path) -> str:
    """The card of a model, as Markdown: data, recipe, seeds, accuracy.  Raises MissingError, CheckpointError."""
    return read_folder(find(name), ("CARD.md",))["CARD.md"].decode(errors="replace")


def summary(name: str) -> dict[str, Any]:
    """A shipped model in a line: name, number of weights, bytes on disk, and what its card says first."""
    contents = read_folder(find(name), PARTS)
    card = contents["CARD.md"].decode(errors="replace").splitlines()
    weights = _weights(find(name), contents["model.safetensors"])
    return {
        "name": name,
        "parameters": sum(weight.numel() for weight in weights.values()),
        "bytes": sum(file.stat().st_size for file in find(name).iterdir()),
        "what": next((line for line in card if line.strip() and line[0] not in "#-|"), "").split(".")[0],
    }


def shipped() -> list[str]:
    """The names of the models inside the package."""
    return sorted(folder.parent.name for folder in SHIPPED.glob(f"*/{MANIFEST}"))


def find(name: str | Path) -> Path:
    """The folder of a shipped model, or of a local one.  Raises MissingError that lists what there is."""
    if os.path.isfile(SHIPPED / name / MANIFEST) and Path(name).name == str(name):
        return SHIPPED / name
    if os.path.isdir(name):  # False, and no error, for a name that no system could have
        return Path(name)
    known = shipped()
    raise MissingError(
        f"there is no model {one_line(name, 60)!r}{did_you_mean(str(name), known) or ';'} "
        f"shipped: {', '.join(known)}; or give the path of a folder"
    )


def save(folder: str | Path, model: nn.Module, tokenizer: str, card: str, labels=("negative", "positive")) -> None:
    """Save `model` as `folder`, whole or not at all; weights are rounded to float16.

    `tokenizer`: the text of a tokenizer.json; `card`: Markdown.  Raises WriteError, and UsageError where a weight
    does not fit in float16.
    """
    family = next(name for name, (kind, _) in FAMILIES.items() if type(model) is kind)
    config = {"family": family, "labels": list(labels), **dataclasses.asdict(model.config)}  # type: ignore[arg-type]
    weights = {name: weight.detach().half().contiguous() for name, weight in model.state_dict().items()}
    if large := [name for name, weight in weights.items() if not weight.isfinite().all()]:
        raise UsageError(f"{large[0]} holds a weight that is not finite or beyond float16's 65,504; it cannot be saved")
    contents = {
        "config.json": (json.dumps(config, indent=1) + "\n").encode(),
        "model.safetensors": safetensors.torch.save(weights),
        "tokenizer.json": tokenizer.encode(),
        "CARD.md": card.encode(),
    }
    write_folder(Path(folder), contents)


def load(name: str | Path) -> Checkpoint:
    """Load a shipped model by name, or a folder that `save` wrote; float32, in evaluation mode.

    Raises MissingError where there is none, CheckpointError where its files are cut short, altered, of another
    shape than the config says, or hold values that are not finite.
    """
    folder = find(name)
    contents = read_folder(folder, PARTS)
    model, labels = _build(folder, contents["config.json"], len(contents["model.safetensors"]))
    _fill(model, _weights(folder, contents["model.safetensors"]), folder)
    tokens = Tokens(contents["tokenizer.json"].decode(errors="replace"))
    if len(tokens) != model.config.vocabulary:
        told = model.config.vocabulary
        raise CheckpointError(f"{folder}: tokenizer.json has {len(tokens)} pieces, config.json says {told}")
    return Checkpoint(Path(name).name, model.eval(), tokens, labels, folder)


def _build(folder: Path, content: bytes, stored: int) -> tuple[Any, tuple[str, ...]]:
    """The model a config.json describes, and its labels.  stored: bytes in the file of its weights."""
    try:
        fields = json.loads(content)
        kind, config = FAMILIES[fields.pop("family")]
        labels = _labels(fields.pop("labels"), fields.get("classes"))
        built = config(**fields)
        _bounded(dataclasses.asdict(built), stored)
        return kind(built), labels
    except KeyError as error:
        raise CheckpointError(f"{folder / 'config.json'} has no, or an unknown, {one_line(error)}") from None
    except (ValueError, TypeError, AttributeError, RuntimeError) as error:  # RecursionError is a RuntimeError
        raise CheckpointError(f"{folder / 'config.json'} describes no model: {one_line(error)}") from None


def _labels(labels: Any, classes: Any) -> tuple[str, ...]:
    named = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
    if not named or len(set(labels)) != len(labels) or classes not in (None, len(labels)):
        raise ValueError(f"labels is {one_line(labels, 60)}; a list of {classes or ''} different names was expected")
    return tuple(labels)


def _bounded(fields: dict[str, Any], stored: int) -> None:
    """No size may be absurd, for what follows allocates it: no larger than the file of the weights can fill."""
    sizes = {name: value for name, value in fields.items() if name not in ("dropout", "block", "positions", "pool")}
    for name, value in sizes.items():
        most = LARGEST.get(name, LARGE)
        if type(value) is not int or not 1 <= value <= most:
            raise ValueError(f"{name} is {one_line(repr(value), 40)}; a whole number from 1 to {most:,} was expected")
    width = sizes.get("width", sizes.get("classes", 1))
    weights = width * (sizes["vocabulary"] + sizes.get("layers", 0) * (4 * width + 2 * sizes.get("hidden", 0)))
    if 2 * weights > stored:
        raise ValueError(f"its sizes ask for {weights:,} weights, model.safetensors has {stored:,} bytes")
    if width * sizes.get("length", 0) > MOST_PLACES:
        raise ValueError(f"a length of {sizes['length']:,} is too long for a width of {width:,}")


def _weights(folder: Path, content: bytes) -> dict[str, Tensor]:
    try:
        weights = safetensors.torch.load(content)
    except Exception as error:
        raise CheckpointError(f"{folder / 'model.safetensors'} cannot be read: {one_line(error)}") from None
    kinds = {weight.dtype for weight in weights.values()} - {torch.float16, torch.bfloat16, torch.float32}
    if kinds:
        raise CheckpointError(f"{folder / 'model.safetensors'} holds {kinds.pop()}; float16 was expected")
    return weights


def _fill(model: nn.Module, weights: dict[str, Tensor], folder: Path) -> None:
    """Put `weights` in `model`, every one of them and no other."""
    wanted = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    found = {name: tuple(weight.shape) for name, weight in weights.items()}
    differ = [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]
    wrong = [f"{name}: file {found.get(name, 'nothing')}, model {wanted.get(name, 'nothing')}" for name in differ]
    wrong += [f"{n}: not finite" for n, weight in weights.items() if not torch.isfinite(weight).all()]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise CheckpointError(f"{folder}: weights and config.json disagree: {one_line('; '.join(wrong[:3]))}{more}")
    model.load_state_dict(weights)

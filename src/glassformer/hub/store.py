"""Models in and out of folders.

A folder of ours holds config.json, model.safetensors (float16), tokenizer.json, CARD.md and manifest.json, which
has the sha256 of the others and is checked at every load.  Nothing in a file selects code: a config names a family
in the table below, and its fields are numbers and keys of tables.

A folder in the Hugging Face format, local or from the hub, is read by `pretrained.py` and written by `written.py`.
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
from glassformer.hub import fetch, pretrained, written
from glassformer.hub.families import family_of
from glassformer.hub.files import MANIFEST, check_folder, read_folder, write_folder
from glassformer.hub.matching import Wish
from glassformer.hub.pretrained import MOST_PLACES, Origin
from glassformer.hub.tokens import NEEDED, NONE, Tokens
from glassformer.hub.weights import ELSEWHERE, INDEX, PICKLED, SINGLE
from glassformer.models.seq2seq import Translator, TranslatorConfig
from glassformer.models.simple import BagConfig, BagOfWords, Classifier, ClassifierConfig, Generator, TransformerConfig

FAMILIES: dict[str, tuple[type[nn.Module], Any]] = {
    "bag-of-words": (BagOfWords, BagConfig),
    "classifier": (Classifier, ClassifierConfig),
    "generator": (Generator, TransformerConfig),
    "translator": (Translator, TranslatorConfig),
}
SHIPPED = Path(str(files("glassformer"))) / "shipped"
PARTS = ("config.json", "model.safetensors", "tokenizer.json", "CARD.md")
WEIGHTS = (SINGLE, INDEX, PICKLED, *ELSEWHERE)
PIECES = ("padding", "start", "end")  # ids, which may be 0
LATER = ("attention", "pattern", "stride")  # fields that a config.json did not always have
LARGEST = {"layers": 1024, "encoder_layers": 1024, "classes": 1 << 16}  # of a size in a config; of any other:
LARGE = 1 << 20


@dataclass(frozen=True)
class Checkpoint:
    """A model with all that belongs to it.  `labels`: the name of each class.

    pooling, normalised: how one vector is made of a text; most: pieces it reads at once, where the files say;
    unused: tensors of the files that the model has no place for; fresh: weights that the files do not have, which
    were asked for with `head`; origin: what is needed to write the files back; stops: pieces that end a text which
    the model writes; target: how that is cut, where it is otherwise than a text that is read.
    """

    name: str
    model: nn.Module
    tokens: Tokens
    labels: tuple[str, ...]
    folder: Path
    pooling: str = "mean"
    normalised: bool = False
    most: int | None = None
    unused: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    origin: Origin | None = None
    stops: frozenset[int] = frozenset()
    target: Tokens | None = None


def card(name: str | Path) -> str:
    """The card of a model, as Markdown: data, recipe, seeds, accuracy.  Raises MissingError, CheckpointError."""
    folder = find(name)
    if not (folder / MANIFEST).exists() and (folder / "README.md").is_file():
        return (folder / "README.md").read_bytes().decode(errors="replace")
    return read_folder(folder, ("CARD.md",))["CARD.md"].decode(errors="replace")


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


def find(name: str | Path, allow_pickle: bool = False) -> Path:
    """The folder of a shipped model, of a local one, or of one from the Hugging Face hub, in this order.

    A hub id is `owner/name` or `owner/name@revision`: looked for in the hub's cache, and fetched where it is not
    there.  Raises MissingError that lists what there is.
    """
    if os.path.isfile(SHIPPED / name / MANIFEST) and Path(name).name == str(name):
        return SHIPPED / name
    if os.path.isdir(name):  # False, and no error, for a name that no system could have
        return Path(name)
    if isinstance(name, str) and fetch.is_id(name) and (found := fetch.folder(name, allow_pickle)):
        return found
    known = shipped()
    near = did_you_mean(str(name), known) or fetch.did_you_mean(str(name)) or ";"
    raise MissingError(
        f"there is no model {one_line(name, 60)!r}{near} "
        f"shipped: {', '.join(known)}; or give the path of a folder, or an id of the Hugging Face hub: owner/name"
    )


def save(folder: str | Path, model: nn.Module, tokenizer: str, card: str, labels=("negative", "positive")) -> None:
    """Save `model` as `folder`, whole or not at all; weights are rounded to float16.

    `tokenizer`: the text of a tokenizer.json; `card`: Markdown.  Raises WriteError, and UsageError where a weight
    does not fit in float16, or for a BERT or a GPT-2, which `export` saves.
    """
    if type(model) not in [kind for kind, _ in FAMILIES.values()]:
        raise UsageError(f"a {type(model).__name__} is saved in the Hugging Face format: export(folder, checkpoint)")
    family = next(name for name, (kind, _) in FAMILIES.items() if type(model) is kind)
    config = {"family": family, "labels": list(labels), **_told(model.config)}
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


def export(folder: str | Path, checkpoint: Checkpoint) -> None:
    """Save a BERT, a GPT-2 or a translator as `folder` in the Hugging Face format, whole or not at all.

    `transformers` reads it.  Tensors keep the names and the precision they came with; what has not changed is written
    back byte for byte.  Raises WriteError, and UsageError for any other model.
    """
    if not family_of(type(checkpoint.model)):
        raise UsageError(f"{checkpoint.name} is of no family of the hub; save(folder, model, …) saves it")
    contents = written.contents(checkpoint.model, checkpoint.tokens, checkpoint.labels, checkpoint.origin)
    write_folder(Path(folder), contents)


def load(
    name: str | Path, head: str | None = None, labels: tuple[str, ...] | None = None, allow_pickle: bool = False
) -> Checkpoint:
    """Load a shipped model by name, a folder that `save` or `export` wrote, or one in the Hugging Face format, by its
    path or its id on the hub; float32, in evaluation mode.

    head: what a BERT or a GPT-2 is to be, a name of a class in models/, instead of what its config.json says: weights
    that the files do not have begin anew, and are listed as `fresh`.  labels: the names of a new head's classes.
    allow_pickle: read an old pytorch_model.bin too, of which only tensors are read.
    Raises MissingError where there is none, CheckpointError where its files are cut short, altered, of another
    shape than the config says, or, in a folder of ours, hold values that are not finite (elsewhere: a warning).
    """
    folder = find(name, allow_pickle)
    if not _ours(folder) and any((folder / name).exists() for name in ("config.json", *WEIGHTS)):
        return _pretrained(name, folder, Wish(head, labels, allow_pickle))
    contents = read_folder(folder, PARTS)
    if head or labels:
        raise UsageError(f"{Path(name).name} is a model of ours, and has the head it has; leave out head and labels")
    model, names = _build(folder, contents["config.json"], len(contents["model.safetensors"]))
    _fill(model, _weights(folder, contents["model.safetensors"]), folder)
    writes = isinstance(model, Generator | Translator)
    tokens = Tokens(contents["tokenizer.json"].decode(errors="replace"), needs=() if writes else NEEDED)
    if len(tokens) != model.config.vocabulary:
        told = model.config.vocabulary
        raise CheckpointError(f"{folder}: tokenizer.json has {len(tokens)} pieces, config.json says {told}")
    stops = frozenset({getattr(model.config, "end", tokens.end)} - {NONE}) if writes else frozenset()
    return Checkpoint(Path(name).name, model.eval(), tokens, names, folder, stops=stops)


def _ours(folder: Path) -> bool:
    """A folder that `save` wrote has a card; what came from the hub, or `export` wrote, may have any other file."""
    return (folder / MANIFEST).exists() and (folder / "CARD.md").exists()


def _pretrained(name: str | Path, folder: Path, wish: Wish) -> Checkpoint:
    check_folder(folder)
    read = pretrained.read(folder, wish)
    called = Path(name).name if os.path.isdir(name) else str(name)
    most = min(read.model.config.longest, read.sentence.most or read.model.config.longest)
    how = read.sentence.pooling, read.sentence.normalised, most
    rest = read.unused, read.fresh, read.origin, read.stops, read.target
    return Checkpoint(called, read.model, read.tokens, read.labels, folder, *how, *rest)


def _build(folder: Path, content: bytes, stored: int) -> tuple[Any, tuple[str, ...]]:
    """The model a config.json describes, and its labels.  stored: bytes in the file of its weights."""
    try:
        fields = json.loads(content)
        kind, config = FAMILIES[fields.pop("family")]
        labels = _labels(fields.pop("labels"), fields.get("classes"))
        built = config(**fields)
        _bounded(built, stored)
        return kind(built), labels
    except KeyError as error:
        raise CheckpointError(f"{folder / 'config.json'} has no, or an unknown, {one_line(error)}") from None
    except (ValueError, TypeError, AttributeError, RuntimeError) as error:  # RecursionError is a RuntimeError
        raise CheckpointError(f"{folder / 'config.json'} describes no model: {one_line(error)}") from None


def _told(config: Any) -> dict[str, Any]:
    """The fields of a config but those that came later and say what was so before: a file of ours stays the same."""
    before = {each.name: each.default for each in dataclasses.fields(config) if each.name in LATER}
    return {name: value for name, value in dataclasses.asdict(config).items() if before.get(name, ...) != value}


def _looks(config: Any, width: int) -> int:
    """At least so many weights a feature of the stream has an attention."""
    fewer = {"narrow": 3 * width // max(1, getattr(config, "heads", 1)) ** 2, "alternative": 2 * width}
    return fewer.get(getattr(config, "attention", ""), 4 * width)


def _labels(labels: Any, classes: Any) -> tuple[str, ...]:
    named = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
    if not named or len(set(labels)) != len(labels) or classes not in (None, len(labels)):
        raise ValueError(f"labels is {one_line(labels, 60)}; a list of {classes or ''} different names was expected")
    return tuple(labels)


def _bounded(config: Any, stored: int) -> None:
    """No size may be absurd, for what follows allocates it: no larger than the file of the weights can fill."""
    whole = [field.name for field in dataclasses.fields(config) if field.type in (int, int | None)]
    sizes = {name: value for name in whole if (value := getattr(config, name)) is not None}
    for name, value in sizes.items():
        least, most = int(name not in PIECES), LARGEST.get(name, LARGE)
        if type(value) is not int or not least <= value <= most:
            allowed = f"a whole number from {least} to {most:,} was expected"
            raise ValueError(f"{name} is {one_line(repr(value), 40)}; {allowed}")
    width = sizes.get("width", sizes.get("classes", 1))
    sides = ("layers", "hidden"), ("encoder_layers", "encoder_hidden" if "encoder_hidden" in sizes else "hidden")
    blocks = sum(sizes.get(layers, 0) * (_looks(config, width) + 2 * sizes.get(hidden, 0)) for layers, hidden in sides)
    weights = width * (sizes["vocabulary"] + blocks)
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

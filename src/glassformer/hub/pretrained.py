"""Checkpoints in the Hugging Face format: a folder of config.json, weights and tokenizer, read and written."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from glassformer.errors import CheckpointError, one_line
from glassformer.hub import config as configs
from glassformer.hub import names, rules, sentence, weights
from glassformer.hub.matching import Wish, grouped, judged, match, renewed
from glassformer.hub.names import Place
from glassformer.hub.tokens import NONE, Tokens
from glassformer.hub.weights import CheckpointWarning, Weights
from glassformer.models.gpt2 import Gpt2Writer
from glassformer.models.heads import CausalLanguageModel
from glassformer.models.seq2seq import POSITIONS, Translator
from glassformer.parts.embed import Sinusoidal

MOST_PLACES = 1 << 26  # numbers in a table of positions, which no file has to hold
WRITERS = (CausalLanguageModel, Gpt2Writer, Translator)
KEPT = (*rules.FILES, *sentence.FILES, "generation_config.json", "README.md")  # small files, written back as they were


@dataclass(frozen=True)
class Origin:
    """The files a model came from, so that it can be written back as it was.

    kind: the class they describe; places: of the tensors in the file, in its order; tensors: all of
    them, as stored; files: the small ones, by name.
    """

    described: configs.Described
    kind: type[nn.Module]
    places: Mapping[str, Place]
    tensors: Mapping[str, Tensor]
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Read:
    """What came out of a folder.

    unused: tensors the model has no place for; fresh: weights the files do not have; stops: pieces that end a text;
    target: how a text that is written is cut, where it is otherwise than one that is read.
    """

    model: Any
    tokens: Tokens
    labels: tuple[str, ...]
    sentence: sentence.Sentence
    unused: tuple[str, ...]
    fresh: tuple[str, ...]
    origin: Origin
    stops: frozenset[int]
    target: Tokens | None


def read(folder: Path, wish: Wish) -> Read:
    """Read `folder`.  Raises CheckpointError where its files are broken or do not fit each other."""
    found, path = weights.look(folder, wish.allow_pickle), folder / "config.json"
    described = configs.read(weights.read_bytes(path), path)
    tensors = found.tensors()
    usual = _usual(described, found)
    kind, config = wish.checked(described.family) or usual, _config(described, wish, tensors)
    model = _empty(kind, config, folder, found.bytes)
    fit = renewed(match(model, described.family, found, folder), wish)
    fresh = judged(fit, model, wish, folder, found)
    _fill(model, [(place, tensors[theirs]) for theirs, place in fit.places.items()], fresh, folder)
    _warn(folder, fit.unused, fresh)
    family = names.FAMILIES[described.family]
    tokens = rules.read(folder, getattr(config, "types", 1), family.roles)
    _fits(folder, tokens, config, described.family)
    labels = tuple(wish.labels or ()) or (described.labels if configs.names_labels(kind) else ())
    origin = Origin(described, usual, fit.places, tensors, _kept(folder))
    stops = configs.stops(described, path) or {tokens.end} - {NONE} if kind in WRITERS else ()
    written = rules.target(folder) if kind is Translator else None
    rest = fit.unused, fresh, origin, frozenset(stops), written
    return Read(model.eval(), tokens, labels, _sentence(folder, tokens), *rest)


def _usual(described: configs.Described, found: Weights) -> type[nn.Module]:
    """The class that its architecture names; a body alone, where there is no pooler's weight."""
    family = names.FAMILIES[described.family]
    kind = family.classes[described.end or next(iter(family.classes))]
    places = (names.place(each, described.family) for each in found.stored)
    pooled = any(place.ours[0] == "pooler.linear.weight" for place in places if place)
    return family.bodies[0] if kind in family.bodies and not pooled else kind


def _config(described: configs.Described, wish: Wish, tensors: Mapping[str, Tensor]) -> Any:
    """The config for this head, these labels, and what the file holds of a tied weight."""
    config = described.config
    if wish.labels:
        config = replace(config, classes=len(wish.labels))
    places = ((names.place(theirs, described.family), tensor) for theirs, tensor in tensors.items())
    by_name = {place.ours[0]: tensor for place, tensor in places if place}
    pieces, predict = by_name.get("embed.pieces.weight"), by_name.get("predict.weight")
    if config.tied and pieces is not None and predict is not None and not torch.equal(pieces, predict):
        text = "tie_word_embeddings is true, but the file predicts pieces with other vectors than it embeds them with"
        warnings.warn(CheckpointWarning(f"{text}: the two are kept apart"), stacklevel=5)
        config = replace(config, tied=False)
    return config


def _empty(kind: type[nn.Module], config: Any, folder: Path, stored: int) -> nn.Module:
    """The model without its weights, which takes no memory, if the files can fill it."""
    needed = config.width * (config.vocabulary + 2 * config.layers * config.hidden)
    if 2 * needed > stored:
        raise CheckpointError(
            f"{folder / 'config.json'}: its sizes ask for {needed:,} weights, the files have {stored:,} bytes"
        )
    if config.width * config.length > MOST_PLACES:
        raise CheckpointError(f"{folder / 'config.json'}: {config.length:,} positions of {config.width:,} are too many")
    try:
        with torch.device("meta"), _Unbegun():
            made = kind(config)
        for part in made.modules():
            if isinstance(part, Sinusoidal):  # in no file
                part.table = POSITIONS[config.positions](config.length, config.width)
        return made
    except (ValueError, RuntimeError) as error:
        raise CheckpointError(f"{folder / 'config.json'} describes no model: {one_line(error, 300)}") from None


class _Unbegun(TorchFunctionMode):
    """Weights are made without being given a beginning, which what is read replaces at once."""

    BEGINNINGS = ("normal_", "uniform_", "kaiming_uniform_", "fill_", "zero_", "zeros_", "ones_", "mul", "__mul__")

    def __torch_function__(self, func, types, args=(), kwargs=None):
        named = kwargs or {}
        if func.__name__ in self.BEGINNINGS:
            return args[0] if args else named["tensor"]
        return (torch.empty if func is torch.randn else func)(*args, **named)


@torch.no_grad()
def _fill(model: Any, found: Iterable[tuple[Place, Tensor]], fresh: tuple[str, ...], folder: Path) -> None:
    """Put the weights in the model; those of a new head begin as a body's do."""
    state: dict[str, Tensor] = {}
    for ours, tensor in (each for place, stored in found for each in place.read(stored).items()):
        if ours in state and not torch.equal(state[ours], tensor.float()):
            raise CheckpointError(f"{folder} holds two different tensors for {ours}; save the model again")
        state.setdefault(ours, tensor.float())
    odd = [name for name, weight in state.items() if not weight.sum().isfinite() and not weight.isfinite().all()]
    if odd:
        text = f"{folder}: {len(odd)} weights hold NaN or infinity, so may every answer: {grouped(odd)}"
        warnings.warn(CheckpointWarning(f"{text}; fetch the model again, or train it again"), stacklevel=5)
    shapes = model.state_dict()
    for name in fresh:
        state[name] = torch.empty(shapes[name].shape)
        state[name].normal_(0.0, model.config.spread) if state[name].dim() > 1 else state[name].fill_(
            float(name.endswith("gain"))
        )
    model.load_state_dict({name: state[name] for name in shapes}, assign=True)


def _warn(folder: Path, unused: tuple[str, ...], fresh: tuple[str, ...]) -> None:
    if unused:
        text = f"{folder}: the model has no place for {grouped(unused)}: weights of another head, left aside"
        warnings.warn(CheckpointWarning(text), stacklevel=5)
    if fresh:
        text = f"{folder}: {grouped(fresh)} begin anew: train them before you believe an answer"
        warnings.warn(CheckpointWarning(text), stacklevel=5)


def _fits(folder: Path, tokens: Tokens, config: Any, family: str) -> None:
    """Every piece has a vector; there may be more vectors than pieces."""
    if len(tokens) > config.vocabulary:
        raise CheckpointError(
            f"{folder}: the tokenizer has {len(tokens):,} pieces, vocab_size in config.json is {config.vocabulary:,}"
        )
    if tokens.specials >= config.longest:
        raise CheckpointError(
            f"{folder}: {configs.name_of('length', family)} leaves {config.longest} positions, too few for a text"
        )


def _sentence(folder: Path, tokens: Tokens) -> sentence.Sentence:
    found = sentence.read(folder)
    if found.lowered and tokens.encode_many(["A"], 9) != tokens.encode_many(["a"], 9):
        path = folder / "sentence_bert_config.json"
        raise CheckpointError(f"{path}: do_lower_case is set, but the tokenizer keeps capitals; set it there")
    return found


def _kept(folder: Path) -> dict[str, bytes]:
    """The small files that are written back as they were."""
    there = [name for name in KEPT if (folder / name).is_file()]
    return {name: weights.read_bytes(folder / name, rules.LARGEST_FILE) for name in there} | {
        "config.json": weights.read_bytes(folder / "config.json")
    }

"""Made-up models with a real tokenizer and random weights: what hub, explanations, viewers and commands are tested on.

Nothing here depends on the weights of the shipped models, which change with every training.
"""

import json
import string
from pathlib import Path

import torch
from torch import nn

from glassformer.explain.reader import Reader
from glassformer.explain.trial import Trial
from glassformer.hub.store import SHIPPED, Checkpoint, save
from glassformer.hub.tokens import Tokens
from glassformer.models.simple import BagConfig, BagOfWords, Classifier, ClassifierConfig
from glassformer.parts.norm import LayerNorm

SENTENCE = "this restaurant was not terrible"
TWO, THREE = ("negative", "positive"), ("sad", "plain", "glad")
WORDS = (
    "this that restaurant was is were not n't terrible good the food film service and but very it we they awful great "
    "horrible nice ca can ##ing ##ed"
).split()


def definition(words: list[str] = WORDS) -> str:
    """A tokenizer.json with few pieces, but each letter: everything in a–z can be read."""
    known = json.loads((SHIPPED / "sentiment" / "tokenizer.json").read_text())
    letters = [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]
    pieces = dict.fromkeys(["[PAD]", "[UNK]", "[MASK]", *",.!?'", *letters, *words])
    known["model"]["vocab"] = {piece: number for number, piece in enumerate(pieces)}
    return json.dumps(known)


def tokens() -> Tokens:
    return Tokens(definition())


def classifier(seed: int = 0, **changes) -> Classifier:
    """Random, with weights large enough that everything matters, and norms that are not the identity."""
    torch.manual_seed(seed)
    sizes = {"vocabulary": len(tokens()), "width": 12, "heads": 3, "layers": 2, "hidden": 20, "length": 40}
    model = Classifier(ClassifierConfig(**sizes | changes))
    return _stirred(model)


def bag(seed: int = 0, **changes) -> BagOfWords:
    torch.manual_seed(seed)
    return _stirred(BagOfWords(BagConfig(**{"vocabulary": len(tokens())} | changes)))


@torch.no_grad()
def _stirred(model: nn.Module):
    for parameter in model.parameters():
        parameter.normal_(0.0, 0.5)
    for part in model.modules():
        if isinstance(part, LayerNorm):
            part.gain.add_(1.0)
    return model.eval()


def reader(model: nn.Module | None = None, labels: tuple[str, ...] = TWO, name: str = "made") -> Reader:
    return Reader(Checkpoint(name, classifier() if model is None else model, tokens(), labels, Path()))


def trial(text: str = SENTENCE, model: nn.Module | None = None, labels: tuple[str, ...] = TWO) -> Trial:
    asked = reader(model, labels)
    return Trial(asked, asked.cut(text))


def folder(path: Path, model: nn.Module | None = None, labels: tuple[str, ...] = TWO) -> Path:
    """A saved model."""
    save(path, classifier() if model is None else model, definition(), "# Made\n\nFor a test.\n", labels)
    return path

"""What a recipe trains on: texts cut into pieces, labels, first vectors, and what was left out of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from glassformer.hub.tokens import Tokens, pad
from glassformer.train import data, meanings, negation, vocabulary
from glassformer.train.batches import Batches
from glassformer.train.checkpoint import write_file
from glassformer.train.lesson import Lesson
from glassformer.train.loop import Batch
from glassformer.train.measure import probes
from glassformer.train.recipes import VOCABULARY, VOCABULARY_TEXTS, Recipe

MASK = 2
DENIERS = (  # never masked: to hide one would turn the sentence and leave its label
    "not n't nt no never nobody none nothing neither nor hardly barely scarcely rarely seldom without "
    "lack lacks far fail fails failed"
)


@dataclass(frozen=True)
class Material:
    """rows: the pieces of every training sentence, `times` already counted in, those of the opening last.

    opening: how many those are; dropped: sentences left out, by source; first: the pieces' first vectors;
    apart: the sentences kept for measuring, normalised.
    """

    tokenizer: Tokenizer
    rows: Sequence[Sequence[int]]
    labels: Sequence[int]
    opening: int
    dropped: dict[str, int]
    first: Tensor | None  # v w
    apart: frozenset[str] = frozenset()


def gather(folder: Path, recipe: Recipe, seed: int, kept: Path) -> Material:
    """Read, generate, cut.  kept: where the vocabulary is kept once it is learned, so that a run goes on with it.

    Raises MissingError or CheckpointError for data that is not there or broken, WriteError.
    """
    tokenizer = _tokenizer(folder, kept)
    apart = frozenset(data.kept_apart(folder) | probes())
    examples, opening, dropped = _examples(folder, recipe, seed, apart)
    encodings = tokenizer.encode_batch([example.text for example in examples])
    rows = [encoding.ids[: recipe.length] for encoding in encodings]
    first = _first(folder, tokenizer.to_str(), recipe.width, recipe.meaning) if recipe.meaning else None
    return Material(tokenizer, rows, [example.label for example in examples], opening, dropped, first, apart)


def _examples(
    folder: Path, recipe: Recipe, seed: int, apart: frozenset[str]
) -> tuple[list[data.Example], int, dict[str, int]]:
    """All training sentences but those kept apart for measuring; how many are the opening; how many were dropped."""
    examples: list[data.Example] = []
    dropped = {}
    for name, times in recipe.sources:
        kept, dropped[name] = data.without(data.read(folder, name), apart)
        examples += kept * times
    made, count = data.without(negation.sentences(seed, recipe.generated + recipe.opening), apart)
    opening = min(recipe.opening, len(made))
    dropped |= {"generated": count} if made else {}
    return examples + made, opening, dropped


def _tokenizer(folder: Path, kept: Path) -> Tokenizer:
    """The vocabulary that all models share: read where it is kept, else learned.

    The library breaks ties between equally frequent pieces by chance; the real texts gave the same file every time.
    """
    if kept.exists():
        return Tokenizer.from_str(Tokens(kept.read_text(encoding="utf8")).definition)  # Tokens checks it
    texts = [text for name, times in VOCABULARY_TEXTS for text in data.read_texts(folder, name) * times]
    tokenizer = vocabulary.build(texts, VOCABULARY)
    write_file(kept, tokenizer.to_str().encode())
    return tokenizer


@cache
def _first(folder: Path, definition: str, width: int, scale: float) -> Tensor:
    """The pieces' first vectors; counted once for all seeds of a command."""
    texts = [text for name, _ in VOCABULARY_TEXTS for text in data.read_texts(folder, name)]
    return meanings.vectors(Tokenizer.from_str(definition), texts, width, scale)


class Feed:
    """From the number of a step to its batch, words masked here and there: a pure function of (seed, step)."""

    def __init__(self, material: Material, recipe: Recipe, seed: int):
        self.material, self.share = material, recipe.word_dropout
        self.batches = Batches([len(row) for row in material.rows], recipe.batch, seed, material.opening)
        ids = [material.tokenizer.token_to_id(word) for word in DENIERS.split()]
        self.total = len(self.batches.opening) + int(self.batches.an_epoch * recipe.epochs)
        self.every = recipe.lesson
        self.lesson = Lesson(material.tokenizer, recipe.batch, seed, material.apart) if recipe.lesson else None
        self.spared = torch.tensor([0, *(id for id in ids if id is not None)])

    def __call__(self, step: int) -> Batch:
        """Words are masked by torch's generator, which the loop seeds for every step."""
        if self.lesson and step % self.every == self.every - 1 and step >= len(self.batches.opening) // 2:
            return self.lesson(step)
        chosen = self.batches[step]
        ids, real = pad([self.material.rows[k] for k in chosen])  # b n
        calm = step < len(self.batches.opening)
        if self.share and not calm:
            ids[(torch.rand(ids.shape) < self.share) & ~torch.isin(ids, self.spared)] = MASK
        return Batch(ids, real, torch.tensor([self.material.labels[k] for k in chosen]), calm=calm)

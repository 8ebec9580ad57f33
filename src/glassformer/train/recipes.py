"""How each shipped model is made: all numbers in one place."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from glassformer.errors import UsageError, did_you_mean, one_line
from glassformer.models.seq2seq import Translator, TranslatorConfig
from glassformer.models.simple import (
    BagConfig,
    BagOfWords,
    Classifier,
    ClassifierConfig,
    Generator,
    TransformerConfig,
)
from glassformer.parts.embed import interleaved

VOCABULARY = 8000  # pieces, shared by all models
VOCABULARY_TEXTS = (  # data set, how many times: film and restaurant words should be whole pieces
    ("sst2/train_sentences", 8),
    ("restaurant_reviews/train", 12),
    ("customer_reviews/train", 6),
    ("imdb/unsupervised_15k", 1),
)
SST2 = (("sst2/train", 1), ("sst2/train_sentences", 2))
REVIEWS = (("restaurant_reviews/train", 3), ("customer_reviews/train", 2))


TOLD_IF_OTHER = ("width", "heads", "layers", "hidden", "length")  # younger than the runs people may have


@dataclass(frozen=True)
class Recipe:
    """Of a classifier, all that decides what comes out, beside the data and the seed.

    sources: (data set, times an epoch).  generated: sentences of the negation grammar beside them.  opening: sentences
    of the grammar that come first, once, the shortest first.  lesson: one step in so many is one with edges cut.
    batch: sentences at once.  rate, warmup (steps), decay, smoothing: the optimiser's.  word_dropout: the share of
    pieces replaced by [MASK].  meaning: the standard deviation of the pieces' first vectors, 0 for random ones.
    width, heads, layers, hidden, length: the transformer's sizes; a sentence is read up to `length` pieces.
    """

    name: str
    what: str
    sources: tuple[tuple[str, int], ...]
    generated: int = 0
    opening: int = 0
    lesson: int = 0
    epochs: float = 2.0
    batch: int = 64
    rate: float = 1e-3
    warmup: int = 300
    decay: float = 0.01
    smoothing: float = 0.05
    word_dropout: float = 0.1
    meaning: float = 0.4
    dropout: float = 0.15
    bag: bool = False  # a bag of words instead of a transformer
    width: int = 128
    heads: int = 4
    layers: int = 2
    hidden: int = 512
    length: int = 512
    threads: ClassVar[int] = 1  # at these sizes a second one gains nothing

    def facts(self) -> dict[str, Any]:
        """As JSON gives it back: what a run is known by.  A size is told where it is not the usual one."""
        usual = {field.name: field.default for field in dataclasses.fields(self)}
        every = dataclasses.asdict(self).items()
        told = {name: value for name, value in every if name not in TOLD_IF_OTHER or value != usual[name]}
        return json.loads(json.dumps(told))

    def model(self, vocabulary: int) -> nn.Module:
        """A model with fresh weights, drawn from torch's generator."""
        if self.bag:
            return BagOfWords(BagConfig(vocabulary))
        sizes = self.width, self.heads, self.layers, self.hidden, self.length
        model = Classifier(ClassifierConfig(vocabulary, *sizes, dropout=self.dropout, positions="learned"))
        model.layers.packs = False  # the sums, and the dropout, of the weights that ship
        for part in model.modules():
            if isinstance(part, nn.Linear):
                nn.init.xavier_uniform_(part.weight)  # scores of order one from the start, or attention is slow to wake
        table = 0.35 * interleaved(model.config.length, model.config.width)
        model.embed.positions.get_parameter("table").data.copy_(table)  # the paper's waves, free to change
        return model


PRECISIONS = ("float32", "bfloat16")
UNSAID = {"accumulate": 1, "precision": None}  # what a run is known by only where it is another


@dataclass(frozen=True, kw_only=True)
class Writing:
    """Of a model that writes, the same.

    steps of `batch` texts, windows or pieces; rate, warmup (steps), decay, smoothing: the optimiser's; threads: of the
    processor, so many whatever there is, for the same sums; look: steps between two looks at what it can; accumulate:
    parts that a batch is learned in; precision: of products of matrices, one of PRECISIONS, or float32 on a processor
    and bfloat16 on a GPU.
    """

    name: str
    what: str
    steps: int
    batch: int
    rate: float
    warmup: int
    width: int
    heads: int
    layers: int
    hidden: int
    length: int
    look: int
    decay: float = 0.0
    smoothing: float = 0.0
    dropout: float = 0.0
    threads: int = 1
    accumulate: int = 1
    precision: str | None = None

    def model(self, vocabulary: int) -> nn.Module:
        """A model with fresh weights, drawn from torch's generator."""
        raise NotImplementedError

    def facts(self) -> dict[str, Any]:
        """As JSON gives it back: what a run is known by.  What is `UNSAID` is left out."""
        told = json.loads(json.dumps(dataclasses.asdict(self)))
        return {name: value for name, value in told.items() if UNSAID.get(name, ...) != value}


@dataclass(frozen=True, kw_only=True)
class Reversal(Writing):
    """Read `pieces` digits, write them backwards."""

    pieces: int = 8

    def model(self, vocabulary: int) -> nn.Module:
        """A model with fresh weights, drawn from torch's generator."""
        return translator(self, vocabulary, self.layers, "post")


@dataclass(frozen=True, kw_only=True)
class Characters(Writing):
    """Read a window of `length` characters, predict the next at each."""

    def model(self, vocabulary: int) -> nn.Module:
        """A model with fresh weights, drawn from torch's generator."""
        sizes = self.width, self.heads, self.layers, self.hidden, self.length
        model = Generator(TransformerConfig(vocabulary, *sizes, self.dropout, "pre", "learned"))
        for part in model.modules():
            if isinstance(part, nn.Linear | nn.Embedding):
                nn.init.normal_(part.weight, 0.0, 0.02)  # as GPT-2 begins
        nn.init.normal_(model.embed.positions.get_parameter("table"), 0.0, 0.02)
        return model


@dataclass(frozen=True, kw_only=True)
class Translation(Writing):
    """Read a sentence, write it in another language; beam: how many continuations are kept at the end."""

    pieces: int = 8000
    encoder_layers: int = 3
    block: str = "post"
    beam: int = 4

    def model(self, vocabulary: int) -> nn.Module:
        """A model with fresh weights, drawn from torch's generator."""
        return translator(self, vocabulary, self.encoder_layers, self.block)


def translator(recipe: Writing, vocabulary: int, encoder_layers: int, block: str) -> Translator:
    """Of a recipe's sizes.  Padding, start and end are the pieces 0, 1 and 2."""
    sizes = recipe.width, recipe.heads, encoder_layers, recipe.layers, recipe.hidden
    return Translator(TranslatorConfig(vocabulary, *sizes, dropout=recipe.dropout, length=recipe.length, block=block))


RECIPES: dict[str, Recipe | Writing] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "bag-of-words",
            "every piece has its say, whatever stands around it",
            SST2,
            epochs=3.0,
            rate=5e-3,
            decay=0.0,
            word_dropout=0.0,
            meaning=0.0,
            bag=True,
        ),
        Recipe("sentiment-plain", "a transformer that has seen the labels of film reviews alone", SST2),
        Recipe(
            "sentiment",
            "the same transformer, which has also seen other reviews and been taught negation",
            SST2 + REVIEWS,
            generated=100_000,
            opening=36_000,
            lesson=12,
        ),
        Recipe(
            "tiny",
            "a transformer whose whole sums fit a screen, taught negation too",
            SST2 + REVIEWS,
            generated=200_000,
            opening=36_000,
            lesson=12,
            rate=1e-2,
            word_dropout=0.0,
            dropout=0.0,
            width=8,
            heads=2,
            layers=1,
            hidden=16,
            length=64,
        ),
        Reversal(
            name="reverse",
            what="a translator of two layers on either side that writes eight digits backwards",
            steps=150,
            batch=128,
            rate=5e-3,
            warmup=20,
            width=64,
            heads=1,
            layers=2,
            hidden=128,
            length=16,
            look=30,
        ),
        Characters(
            name="characters",
            what="a generator that writes like Shakespeare, a character at a time",
            steps=3000,
            batch=16,
            rate=2e-3,
            warmup=100,
            width=128,
            heads=4,
            layers=4,
            hidden=512,
            length=128,
            look=300,
            decay=0.1,
        ),
        Translation(
            name="translate",
            what="a translator from German into English that has read captions of pictures",
            steps=3600,
            batch=2500,
            rate=2e-3,
            warmup=400,
            width=256,
            heads=4,
            layers=3,
            hidden=512,
            length=128,
            look=300,
            smoothing=0.1,
            dropout=0.2,
            threads=2,
            block="pre",
        ),
    )
}

SHIPS = {"bag-of-words": 2, "sentiment-plain": 1, "sentiment": 2, "tiny": 1}  # the seed in the package, the median


def recipe(name: str) -> Recipe | Writing:
    """The recipe of a model, by its name.  Raises UsageError that lists them."""
    if name not in RECIPES:
        raise UsageError(
            f"there is no recipe {one_line(name, 40)!r}{did_you_mean(name, RECIPES)}; choose {', '.join(RECIPES)}"
        )
    return RECIPES[name]

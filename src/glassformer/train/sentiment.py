"""The classifiers' task: labelled sentences, and a model that says which label each has."""

from pathlib import Path

import torch
from torch import Tensor, nn

from glassformer.train import card, checkpoint
from glassformer.train.evaluate import Result, evaluate
from glassformer.train.loop import classified
from glassformer.train.material import Feed, gather
from glassformer.train.recipes import Recipe
from glassformer.train.task import Ran, Task


class Sentiment(Task[Recipe, Result]):
    """Is a sentence positive?  With the grammar of negation beside the reviews, and lessons with edges cut."""

    labels = ("negative", "positive")
    score = "SST-2 validation, percent right"
    read, card = staticmethod(Result.read), staticmethod(card.card)

    def __init__(self, recipe: Recipe, data: Path, seed: int, out: Path):
        """out: where the vocabulary is kept once it is learned.  Raises MissingError, CheckpointError, WriteError."""
        self.recipe, self.data, self.seed = recipe, data, seed
        self.material = gather(data, recipe, seed, out / "tokenizer.json")
        self.feed = Feed(self.material, recipe, seed)
        self.total, self.definition = self.feed.total, self.material.tokenizer.to_str()
        self.mark = checkpoint.fingerprint(recipe, seed, self.material.rows, self.material.labels)

    def model(self) -> nn.Module:
        model = self.recipe.model(self.material.tokenizer.get_vocab_size())
        if self.material.first is not None:
            with torch.no_grad():
                model.get_submodule("embed.pieces").get_parameter("weight").copy_(self.material.first)
        return model

    def loss(self, model: nn.Module, step: int) -> Tensor:
        return classified(model, self.feed(step), self.recipe.smoothing)

    def measure(self, model: nn.Module, ran: Ran) -> Result:
        return evaluate(model, self.material, self.recipe, self.data, ran)

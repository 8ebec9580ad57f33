"""All that is measured of one trained seed, as plain data that goes to a file and back."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from glassformer.train import data, negation
from glassformer.train.material import Material
from glassformer.train.measure import DENIED, FIRST, EdgeCuts, Score, edge_cuts, scores
from glassformer.train.recipes import Recipe
from glassformer.train.task import Ran

SPLITS = (
    "sst2/validation",
    "sst2/test",
    *(f"negation/{suite}" for suite in data.SUITES),
    "restaurant_reviews/test",
    "customer_reviews/test",
)
HELD = 2000  # sentences of each part of the grammar that is held out


@dataclass(frozen=True)
class Result:
    """scores: split → group → score; cuts: of transformers; dropped: sentences left out; seconds: of training."""

    recipe: dict[str, Any]
    seed: int
    scores: dict[str, dict[str, Score]]
    cuts: dict[str, EdgeCuts]
    dropped: dict[str, int]
    sentences: int
    steps: int
    seconds: float

    @property
    def validation(self) -> float:
        """Accuracy on SST-2 validation, in percent."""
        return self.scores["sst2/validation"]["all"].percent

    def text(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"

    @staticmethod
    def read(text: str) -> "Result":
        """Back from JSON.  Raises ValueError, TypeError or KeyError for anything else."""
        fields = json.loads(text)
        table = {split: {g: Score(**s) for g, s in groups.items()} for split, groups in fields.pop("scores").items()}
        cuts = {name: EdgeCuts(**counts) for name, counts in fields.pop("cuts").items()}
        return Result(scores=table, cuts=cuts, **fields)


def evaluate(model: nn.Module, material: Material, recipe: Recipe, folder: Path, run: Ran) -> Result:
    """Measure `model`, as it was saved, on everything that was kept apart."""
    examples: dict[str, Sequence[data.Example]] = {split: data.read(folder, split) for split in SPLITS}
    examples["held-out words"] = list(negation.sentences(0, HELD, "words"))
    examples["held-out constructions"] = list(negation.sentences(0, HELD, "constructions"))
    examples["first four"] = FIRST
    table = {split: scores(model, material.tokenizer, found, recipe.length) for split, found in examples.items()}
    lists = {} if recipe.bag else DENIED
    cuts = {name: edge_cuts(model, material.tokenizer, denied) for name, denied in lists.items()}
    counts = len(material.rows), run.steps, round(run.seconds, 1)
    return Result(recipe.facts(), run.seed, table, cuts, material.dropped, *counts)

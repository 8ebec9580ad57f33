"""Which task a recipe is for."""

from pathlib import Path

import torch

from glassformer.errors import UsageError
from glassformer.train.characters import Shakespeare
from glassformer.train.loop import State
from glassformer.train.recipes import Characters, Recipe, Reversal, Translation, Writing
from glassformer.train.reverse import Reverse
from glassformer.train.sentiment import Sentiment
from glassformer.train.task import Task
from glassformer.train.translate import Translate

KINDS: dict[type, type[Task]] = {
    Recipe: Sentiment,
    Reversal: Reverse,
    Characters: Shakespeare,
    Translation: Translate,
}


def kind_of(recipe: Recipe | Writing) -> type[Task]:
    """What a finished result of it is read with, and its card written."""
    return KINDS[type(recipe)]


def task_of(recipe: Recipe | Writing, given: Path | None, seed: int, out: Path) -> Task:
    """The recipe with its data.  given: the data folder, or the file of a text; out: where a vocabulary is kept.

    Raises UsageError where the recipe needs data and nothing was given, MissingError, CheckpointError, WriteError.
    """
    if isinstance(recipe, Reversal):
        return Reverse(recipe, seed)
    if given is None:
        text = " (or --text FILE)" if isinstance(recipe, Characters) else ""
        raise UsageError(f"{recipe.name} learns from data; give --data DIR, the folder of the data sets{text}")
    if isinstance(recipe, Characters):
        return Shakespeare(recipe, given, seed)
    if given.is_file():
        raise UsageError(f"--text is for characters, {recipe.name} learns from data sets; give --data DIR")
    if isinstance(recipe, Translation):
        return Translate(recipe, given, seed, out)
    assert isinstance(recipe, Recipe)
    return Sentiment(recipe, given, seed, out)


def begun(task: Task) -> State:
    """The state before the first step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(task.seed)
        model = task.model()
    return State(model.to(task.device), task.recipe)

"""The card of a model that writes says how it was really made."""

from dataclasses import replace

import torch

from glassformer.train import recipes
from glassformer.train.report import report
from glassformer.train.task import Outcome, Ran, Writes

RECIPE = recipes.RECIPES["translate"]


def card(recipe, **figures):
    outcome = Outcome(recipe.facts(), 0, recipe.steps, 90.0, 1000, 40.0, figures, ["a\n→ b"], [])
    return report(recipe, [outcome], outcome, "BLEU", ["## Data", "## Licence"], " --data DATA")


def test_a_run_that_was_paced_is_not_made_again_by_the_bare_command():
    told = "These took 2,114 steps, as many as fitted the `--minutes` that they were given; by itself the command takes"
    assert f"--data DATA --seeds 0`.  {told} {RECIPE.steps:,}.\n" in card(replace(RECIPE, steps=2114))
    assert "--minutes" not in card(RECIPE)


def test_the_order_of_the_norms_is_told():
    assert ", pre-norm\n" in card(RECIPE) and ", post-norm\n" in card(replace(RECIPE, block="post"))


def test_what_a_gpu_learned_is_not_said_of_threads(monkeypatch):
    """No GPU here: its name is made up, and the task is one that says it learns there."""
    assert "90.0 seconds on 2 threads" in card(RECIPE)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Card 7")

    class Elsewhere(Writes):
        device = torch.device("cuda")

    task = Elsewhere(RECIPE, 0, "", 10, "")
    outcome = task.outcome(torch.nn.Linear(2, 2), Ran(0, 5, 1.0), 1.0, {"validation": 1.0}, [])
    assert "90.0 seconds on one Card 7" in card(RECIPE, **outcome.figures)

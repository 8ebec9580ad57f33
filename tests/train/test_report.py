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


def outcome(seed=0, seconds=90.0, curve=(), recipe=RECIPE, samples=("a\n→ b",), validation=40.0):
    return Outcome(recipe.facts(), seed, 1234, seconds, 5_678_901, validation, {}, list(samples), list(curve))


def told(chosen, *others, recipe=RECIPE):
    return report(recipe, [*others, chosen], chosen, "BLEU", ["## Data", "## Score", "## Licence"])


def test_the_sizes_the_steps_and_the_rates_are_told_as_they_were():
    card = told(outcome())
    assert "- 5,678,901 weights: width 256, 4 heads, 3 layers, an MLP of 512, pre-norm\n" in card
    assert "- 1,234 steps, a batch of 2,500; 90.0 seconds on 2 threads\n" in card
    assert "- AdamW, rate 0.002 after 400 steps, then a cosine to nothing, decay 0\n" in card
    assert "- label smoothing 0.1, dropout 0.2\n" in card
    one = recipes.RECIPES["reverse"]
    assert "width 64, 1 head, 2 layers, an MLP of 128\n" in told(outcome(recipe=one), recipe=one)
    assert " on one thread\n" in told(outcome(recipe=one), recipe=one)
    assert "accumulation" not in card and "multiplied in" not in card


def test_more_than_a_hundred_seconds_are_minutes():
    for seconds, words in ((99.94, "99.9 seconds"), (100, "1.7 minutes"), (5400, "90.0 minutes")):
        assert f"; {words} on 2 threads\n" in told(outcome(seconds=seconds))


def test_a_curve_is_a_table_whose_columns_end_together():
    looks = [
        {"step": 9, "seconds": 0.6, "loss": 12.34567, "BLEU of 200": 0.0},
        {"step": 1200, "seconds": 2345.6, "loss": 0.5, "BLEU of 200": 33.3333},
    ]
    table = """\
 step  seconds    loss  BLEU of 200
    9        1  12.346        0.000
1,200    2,346   0.500       33.333"""
    assert f"## Curve\n\n```text\n{table}\n```\n" in told(outcome(curve=looks))
    assert "## Curve\n\nNo look was due.\n" in told(outcome())


def test_every_seed_is_told_in_its_order_and_the_samples_are_of_the_one_that_is_kept():
    others = outcome(4, validation=38.126, samples=["no"]), outcome(5, validation=41.0, samples=["no"])
    card = told(outcome(6, samples=["one", "two"]), *others)
    assert card.startswith("# translate\n\nA translator from German into English")
    assert "These weights: seed 6, the median of seeds 4, 5, 6.\n" in card and "--seeds 4,5,6`" in card
    assert "## Seeds\n\n- seed 4: 38.13 (BLEU)\n- seed 5: 41.00 (BLEU)\n- seed 6: 40.00 (BLEU)\n\n##" in card
    assert "## What it writes\n\n```text\none\n```\n\n```text\ntwo\n```\n\n## Recipe" in card
    heads = [line[3:] for line in card.splitlines() if line.startswith("## ")]
    assert heads == ["Data", "Score", "Seeds", "What it writes", "Recipe", "Curve", "Licence"]

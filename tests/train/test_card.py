"""What a classifier's card says is what was measured, of the right seed, in numbers counted by hand."""

import dataclasses

import pytest

from glassformer.train.card import card
from glassformer.train.evaluate import Result
from glassformer.train.measure import EdgeCuts, Score
from glassformer.train.recipes import RECIPES

RECIPE = RECIPES["sentiment"]
RIGHT = {0: 40, 1: 50, 2: 90}  # of 100 sentences, by seed


def result(seed, recipe=RECIPE):
    table = {
        "sst2/validation": {"all": Score(RIGHT[seed], 100)},
        "negation/templates": {"a": Score(seed, 4), "all": Score(81 + seed, 263), "b": Score(15, 148)},
    }
    cuts = {} if recipe.bag else {"taught words": EdgeCuts(70, 60 + seed, 50, 4, 3 - seed)}
    dropped = {"sst2/train": 10 + seed, "generated": 1234}
    return Result(recipe.facts(), seed, table, cuts, dropped, 9000, 2345, 60.0 * (seed + 1) + 6)


RESULTS = [result(seed) for seed in (0, 1, 2)]


@pytest.fixture(scope="module")
def told():
    return card(RECIPE, RESULTS, RESULTS[1])


def test_a_result_comes_back_from_its_file():
    for made in RESULTS:
        assert Result.read(made.text()) == made
        assert made.validation == RIGHT[made.seed]


def test_it_says_which_seed_these_weights_are_and_how_to_make_them_again(told):
    assert told.startswith("# sentiment\n\nThe same transformer, which has also seen other reviews")
    assert "These weights: seed 1, the median of seeds 0, 1, 2 by SST-2 validation." in told
    assert "`glassformer train sentiment --data DATA --seeds 0,1,2`" in told
    alone = card(RECIPE, RESULTS[2:], RESULTS[2])
    assert "These weights: seed 2.\n" in alone and "--seeds 2`" in alone and "(ships)" not in alone


def test_every_score_stands_in_the_column_of_its_seed_with_its_interval(told):
    """Newcombe 1998: 81 of 263 is 25.5 to 36.6 percent, 15 of 148 is 6.2 to 16.0, 0 of 4 reaches 49.0."""
    table = told.split("## Accuracy")[1].split("##")[0]
    assert "| split, phenomenon | sentences | seed 0 | seed 1 (ships) | seed 2 |" in table
    assert "| **sst2/validation** | 100 | 40.0 (30.9–49.8) | 50.0 (40.4–59.6) | 90.0 (82.6–94.5) |" in table
    assert "| **negation/templates** | 263 | 30.8 (25.5–36.6) | 31.2 (25.9–37.0) | 31.6 (26.2–37.4) |" in table
    assert "| templates: a | 4 | 0.0 (0.0–49.0) | 25.0 (4.6–69.9) | 50.0 (15.0–85.0) |" in table
    assert f"| templates: b | 148 | {' | '.join(['10.1 (6.2–16.0)'] * 3)} |" in table
    assert table.count("\n| ") == 1 + 4  # no row comes twice
    assert table.index("**negation/templates**") < table.index("templates: a") < table.index("templates: b")


def test_every_cut_stands_in_its_column(told):
    table = told.split("## What `not` acts through")[1].split("##")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert [head.strip() for head in rows[0].split("|")[3:8]] == [
        "sentences", "read as positive", "word may not look at `not`", "reverse", "control",
    ]  # fmt: skip
    assert rows[2:] == [f"| {k} | taught words | 70 | {60 + k} | 50 | 4 | {3 - k} |" for k in (0, 1, 2)]


def test_the_data_and_the_time_are_those_of_the_seed_that_is_kept(told):
    assert "| sst2/train | 1 | 11 |" in told and "| sst2/train_sentences | 2 | 0 |" in told
    assert "| negation grammar | 36,000 once, first; 100,000 1 | 1234 |" in told
    assert "- 2,345 steps of 64 sentences, 2 epochs\n- 2.1 minutes on one thread\n" in told
    assert "rate 0.001 after 300 steps, then a cosine to nothing, decay 0.01\n" in told
    assert "- label smoothing 0.05; pieces replaced by [MASK] 10%, never a negator\n- dropout 0.15" in told
    assert "- one step in 12 is a lesson with edges cut\n" in told


def test_what_was_not_done_is_not_told():
    bag = RECIPES["bag-of-words"]
    made = [dataclasses.replace(result(0, bag), dropped={})]
    told = card(bag, made, made[0])
    absent = ("## What `not` acts through", "lesson", "dropout 0", "grammar", "A negator far from its word")
    assert not [words for words in absent if words in told]
    assert "first vectors (co-occurrence" not in told and "first vectors (co-occurrence" in card(RECIPE, made, made[0])

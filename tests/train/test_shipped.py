"""What is said of the models in the package, put to the models themselves."""

import pytest

import glassformer as gf
from glassformer.hub.store import SHIPPED, card
from glassformer.train.card import LESSON, PURPOSE, TRIALS
from glassformer.train.measure import FIRST
from glassformer.train.recipes import RECIPES, Recipe

TEXT = "this restaurant was not terrible"


LABELLED = {name: recipe for name, recipe in RECIPES.items() if isinstance(recipe, Recipe)}


def test_every_recipe_is_shipped_but_that_of_an_hour():
    assert sorted(set(RECIPES) - {"translate"}) == gf.shipped()


def test_all_that_classify_read_with_the_same_pieces():
    assert len({(SHIPPED / name / "tokenizer.json").read_bytes() for name in LABELLED}) == 1


@pytest.mark.parametrize("name", [name for name, recipe in LABELLED.items() if not recipe.bag])
def test_the_sizes_are_those_of_the_recipe(name):
    assert gf.load(name).config == RECIPES[name].model(8000).config


@pytest.mark.parametrize("name", ["sentiment", "tiny"])
def test_those_that_deny_read_the_first_four(name):
    reader = gf.load(name)
    assert [reader(text.text).label for text in FIRST] == [("negative", "positive")[text.label] for text in FIRST]


@pytest.mark.parametrize("name", ["sentiment", "tiny"])
def test_the_denied_word_is_told_by_its_negator_alone(name):
    """The edge turns the answer, clearly: beside a control cut, and in fifteen of twenty sentences alike or more."""
    told = gf.load(name).explain(TEXT, beside=()).story.told
    words = TEXT.split()
    assert told is not None and (words[told.edge.looks], words[told.edge.at]) == ("terrible", "not")
    assert told.clear and told.flips and told.like.n == 20


def test_the_tiny_one_is_small():
    assert sum(file.stat().st_size for file in (SHIPPED / "tiny").iterdir()) < 300_000
    assert PURPOSE["tiny"] in card("tiny")


@pytest.mark.parametrize("name", [name for name, recipe in LABELLED.items() if recipe.lesson])
def test_a_card_says_what_the_lesson_did_and_what_comes_without(name):
    assert TRIALS[name] and LESSON.format(trials=TRIALS[name]) in card(name)

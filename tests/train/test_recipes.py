"""Three recipes, and a clear word about a fourth."""

import pytest

from glassformer.errors import UsageError
from glassformer.hub.store import card
from glassformer.models.simple import BagOfWords, Classifier
from glassformer.train.recipes import RECIPES, SHIPS, recipe


def test_there_are_three_recipes_of_two_families():
    kinds = {name: type(recipe(name).model(50)) for name in RECIPES if name != "tiny"}
    assert kinds == {"bag-of-words": BagOfWords, "sentiment-plain": Classifier, "sentiment": Classifier}


def test_the_two_transformers_have_one_architecture():
    assert recipe("sentiment").model(50).config == recipe("sentiment-plain").model(50).config


def test_the_plain_models_see_sst2_alone():
    for name in ("bag-of-words", "sentiment-plain"):
        assert all(source.startswith("sst2/") for source, _ in recipe(name).sources)
        assert recipe(name).generated == recipe(name).opening == recipe(name).lesson == 0


def test_no_recipe_trains_on_what_measures_it():
    for made in RECIPES.values():
        for source, _ in made.sources:
            assert source.split("/")[1] in ("train", "train_sentences")
            assert source.split("/")[0] not in ("rotten_tomatoes", "imdb", "negation")


def test_an_unknown_recipe_is_named():
    with pytest.raises(UsageError, match="there is no recipe 'sentimental'; did you mean sentiment"):
        recipe("sentimental")


@pytest.mark.parametrize("name", SHIPS)
def test_the_seed_that_ships_is_the_one_on_the_card(name):
    assert f"These weights: seed {SHIPS[name]}, the median of seeds 0, 1, 2" in card(name)

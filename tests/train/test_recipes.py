"""Four recipes of classifiers, three of models that write, and a clear word about an eighth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from glassformer.errors import UsageError
from glassformer.hub.store import card
from glassformer.models.seq2seq import Translator
from glassformer.models.simple import BagOfWords, Classifier, Generator
from glassformer.train.recipes import RECIPES, SHIPS, Recipe, Writing, recipe

CLASSIFIERS = {name: made for name, made in RECIPES.items() if isinstance(made, Recipe)}
WRITERS = {name: made for name, made in RECIPES.items() if isinstance(made, Writing)}


def test_there_are_seven_recipes_of_four_families():
    kinds = {name: type(recipe(name).model(50)) for name in RECIPES}
    transformers = dict.fromkeys(("sentiment-plain", "sentiment", "tiny"), Classifier)
    writers = {"reverse": Translator, "characters": Generator, "translate": Translator}
    assert kinds == {"bag-of-words": BagOfWords, **transformers, **writers}


@pytest.mark.parametrize("name", WRITERS)
def test_the_sizes_of_a_model_that_writes_are_its_recipes(name):
    made = recipe(name)
    config = made.model(50).config
    assert (config.width, config.heads, config.layers, config.hidden, config.length, config.dropout) == (
        made.width, made.heads, made.layers, made.hidden, made.length, made.dropout,
    )  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_a_run_of_a_model_that_writes_is_known_by_every_number(name):
    made = recipe(name)
    assert all(replace(made, **{field: 7}).facts() != made.facts() for field in ("steps", "width", "rate", "threads"))


def test_the_two_large_transformers_have_one_architecture():
    config = recipe("sentiment").model(50).config
    assert config == recipe("sentiment-plain").model(50).config
    assert (config.width, config.heads, config.layers, config.hidden, config.length) == (128, 4, 2, 512, 512)


def test_the_sums_of_the_tiny_one_fit_a_screen():
    config = recipe("tiny").model(50).config
    assert (config.width, config.heads, config.layers, config.hidden, config.length) == (8, 2, 1, 16, 64)
    assert (config.block, config.positions, config.pool) == ("post", "learned", "mean")


def test_a_run_of_before_there_were_sizes_is_known_again():
    """What stands in the files of unfinished and finished runs, written down when these models were made."""
    assert recipe("sentiment").facts() == {
        "name": "sentiment",
        "what": "the same transformer, which has also seen other reviews and been taught negation",
        "sources": [
            ["sst2/train", 1],
            ["sst2/train_sentences", 2],
            ["restaurant_reviews/train", 3],
            ["customer_reviews/train", 2],
        ],
        "generated": 100_000,
        "opening": 36_000,
        "lesson": 12,
        "epochs": 2.0,
        "batch": 64,
        "rate": 1e-3,
        "warmup": 300,
        "decay": 0.01,
        "smoothing": 0.05,
        "word_dropout": 0.1,
        "meaning": 0.4,
        "dropout": 0.15,
        "bag": False,
    }


@pytest.mark.parametrize("size", ["width", "heads", "layers", "hidden", "length"])
def test_another_size_is_another_recipe(size):
    usual = recipe("sentiment")
    other = replace(usual, **{size: 8})
    assert other.facts() == usual.facts() | {size: 8}


def test_the_plain_models_see_sst2_alone():
    for name in ("bag-of-words", "sentiment-plain"):
        assert all(source.startswith("sst2/") for source, _ in recipe(name).sources)
        assert recipe(name).generated == recipe(name).opening == recipe(name).lesson == 0


def test_no_recipe_trains_on_what_measures_it():
    for made in CLASSIFIERS.values():
        for source, _ in made.sources:
            assert source.split("/")[1] in ("train", "train_sentences")
            assert source.split("/")[0] not in ("rotten_tomatoes", "imdb", "negation")


def test_an_unknown_recipe_is_named():
    with pytest.raises(UsageError, match="there is no recipe 'sentimental'; did you mean sentiment"):
        recipe("sentimental")


@pytest.mark.parametrize("name", SHIPS)
def test_the_seed_that_ships_is_the_one_on_the_card(name):
    assert f"These weights: seed {SHIPS[name]}, the median of seeds 0, 1, 2" in card(name)


def spread(weight):
    return weight.std().item()


def test_a_generator_begins_as_gpt2_does():
    """Radford et al. 2019: every matrix and table drawn with a standard deviation of 0.02."""
    model = recipe("characters").model(200)
    drawn = [weight for weight in model.parameters() if weight.dim() > 1]
    assert len(drawn) == 2 + 6 * 4 + 1 and all(0.0195 < spread(weight) < 0.0205 for weight in drawn)


def test_a_classifier_begins_with_the_papers_waves_and_scores_of_order_one():
    """Vaswani et al. 2017, section 3.5, at 0.35 of their height; Glorot and Bengio 2010: ±√(6 / (in + out))."""
    model = recipe("sentiment").model(200)
    place, pair = np.arange(512)[:, None], np.arange(64)
    angles = place / 10_000 ** (2 * pair / 128)
    table = model.embed.positions.table.detach().numpy()
    np.testing.assert_allclose(table[:, 0::2], 0.35 * np.sin(angles), atol=1e-4)
    np.testing.assert_allclose(table[:, 1::2], 0.35 * np.cos(angles), atol=1e-4)
    for part in model.modules():
        if isinstance(part, torch.nn.Linear):
            bound = (6 / sum(part.weight.shape)) ** 0.5
            assert 0.95 * bound < part.weight.abs().max() <= bound

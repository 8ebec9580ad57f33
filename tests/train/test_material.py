"""What is trained on: as often as the recipe says, without what measures, and hidden where it may be."""

import dataclasses

import pytest
import torch

from glassformer.errors import GlassformerError
from glassformer.train import material, negation, vocabulary
from glassformer.train.data import normalised
from glassformer.train.material import Feed, Material, gather
from glassformer.train.recipes import RECIPES, Recipe
from glassformer.train.tasks import begun, task_of
from tests.train import made

NAMES = [*vocabulary.SPECIAL, *"film soup hotel song was not n't never fails good bad".split()]
SPARED = {NAMES.index(word) for word in ("not", "n't", "never", "fails", "[PAD]")}
OPENING, BATCH = 64, 8
RECIPE = Recipe("fed", "made by the tests", (), batch=BATCH, epochs=1.5, word_dropout=0.3, lesson=3)


def rows():
    """Of different length, of every piece but padding and [MASK]."""
    drawn = torch.Generator().manual_seed(0)
    return [torch.randint(3, len(NAMES), (3 + k % 11,), generator=drawn).tolist() for k in range(400)]


def feed(**changes):
    tokenizer = vocabulary.blank({name: id for id, name in enumerate(NAMES)})
    found = rows()
    held = Material(tokenizer, found, [k % 2 for k in range(len(found))], OPENING, {}, None)
    return Feed(held, dataclasses.replace(RECIPE, **changes), 0)


def test_a_share_of_the_words_is_hidden_but_no_negator_and_no_padding():
    fed, hidden, open_to_it = feed(lesson=0), 0, 0
    for step in range(OPENING // BATCH, fed.total):
        batch, chosen = fed(step), fed.batches[step]
        for ids, real, label, k in zip(batch.ids, batch.real, batch.labels, chosen, strict=True):
            row = torch.tensor(fed.material.rows[k] + [0] * (len(ids) - len(fed.material.rows[k])))
            masked = ids != row
            assert set(ids[masked].tolist()) <= {material.MASK} and not SPARED & set(row[masked].tolist())
            assert torch.equal(real, row != 0) and label == k % 2
            hidden += int(masked.sum())
            open_to_it += sum(id not in SPARED for id in row.tolist())
        assert not batch.calm and batch.cut is None
    assert 0.27 < hidden / open_to_it < 0.33


def test_the_opening_is_read_whole_and_without_dropout():
    fed = feed(lesson=0)
    for step in range(OPENING // BATCH):
        batch = fed(step)
        assert batch.calm and material.MASK not in batch.ids
        assert all(k >= 400 - OPENING for k in fed.batches[step])


def test_every_third_step_is_a_lesson_from_the_middle_of_the_opening_on():
    fed = feed()
    assert [step for step in range(20) if fed(step).cut is not None] == [5, 8, 11, 14, 17]
    assert all(len(fed(step).ids) == BATCH for step in range(20))


@pytest.mark.parametrize(("epochs", "steps"), [(1.5, 8 + 63), (2.0, 8 + 84), (0.01, 8)])
def test_a_run_is_the_opening_once_and_the_others_as_often_as_asked(epochs, steps):
    """336 sentences fill 42 batches of 8."""
    assert feed(epochs=epochs).total == steps


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """As everywhere, and sentences of a suite and of the causal check where they are to be learned."""
    place = made.folder(tmp_path_factory.mktemp("data"))
    leaked = [
        {"text": "It was a GOOD film, templates!", "label": 1},
        {"text": "Our waiter was not rude.", "label": 1},
        {"text": "this film is good", "label": 1},
    ]
    made.write(place / "customer_reviews/train.jsonl.gz", [*made.sentences("my {thing} seems {word} ."), *leaked])
    return place


@pytest.fixture
def gathered(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(material, "VOCABULARY", 300)
    sources = (("sst2/train", 1), ("customer_reviews/train", 3))
    recipe = dataclasses.replace(RECIPE, sources=sources, generated=30, opening=12, meaning=0.0, length=6)
    return gather(folder, recipe, 5, tmp_path / "tokenizer.json")


def test_sources_count_as_often_as_asked_and_what_measures_is_dropped(gathered):
    assert len(gathered.rows) == len(gathered.labels) == 80 + 3 * 80 + 42
    assert sum(gathered.labels[:320]) == 160 and gathered.opening == 12 and gathered.first is None
    assert gathered.dropped == {"sst2/train": 0, "customer_reviews/train": 3, "generated": 0}
    grammar = [example.label for example in negation.sentences(5, 42)]
    assert gathered.labels[320:] == grammar and max(map(len, gathered.rows)) == 6
    assert {normalised("this restaurant was not good"), normalised("that soup is dull")} <= gathered.apart


def test_the_vocabulary_is_read_where_it_is_kept(gathered, folder, tmp_path):
    kept = tmp_path / "tokenizer.json"
    assert kept.read_text(encoding="utf8") == gathered.tokenizer.to_str()
    tokenizer = vocabulary.build(["the soup was good"] * 9, 120)
    kept.write_text(tokenizer.to_str(), encoding="utf8")
    again = gather(folder, dataclasses.replace(RECIPE, sources=(("sst2/test", 1),), meaning=0.0), 0, kept)
    assert again.tokenizer.get_vocab() == tokenizer.get_vocab() != gathered.tokenizer.get_vocab()


def test_the_first_vectors_of_a_model_are_those_that_were_counted(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(material, "VOCABULARY", 300)
    recipe = dataclasses.replace(RECIPES["tiny"], sources=(("sst2/train", 1),), generated=0, opening=0, lesson=0)
    task = task_of(recipe, folder, 0, tmp_path)
    pieces = begun(task).model.get_submodule("embed.pieces").get_parameter("weight")
    assert torch.equal(pieces, task.material.first)
    film = pieces[task.material.tokenizer.token_to_id("film")]
    assert film.norm().item() == pytest.approx(recipe.meaning * recipe.width**0.5, rel=1e-5)


def test_data_that_fill_no_batch_are_a_clear_line_and_no_traceback(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(material, "VOCABULARY", 300)
    recipe = dataclasses.replace(RECIPES["bag-of-words"], sources=(("sst2/train", 1),), batch=81)
    with pytest.raises(GlassformerError, match="80 sentences do not fill a batch of 81; give more"):
        task_of(recipe, folder, 0, tmp_path)

"""A model asked about text: one or many, in order, whatever the text, with any number of classes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import glassformer as gf
from glassformer.errors import CheckpointError, MissingError, UsageError
from glassformer.explain import reader as module
from glassformer.explain.measure import log_odds
from glassformer.explain.reader import in_batches, listen_to, read
from glassformer.hub.tokens import pad
from tests import made

TEXTS = [
    "this film was good",
    "",
    "not",
    "the filming wasn't terrible " * 30,
    "   ",
    "ok",
    "\ud800 good",
    "дом",
    "a\tb\nc",
]


@pytest.fixture
def three():
    return made.reader(made.classifier(classes=3, pool="max"), made.THREE)


def same(one, other):
    assert (one.text, one.label, one.left_out) == (other.text, other.label, other.left_out)
    assert list(one.probability.values()) == pytest.approx(list(other.probability.values()), abs=1e-6)
    assert one.log_odds == pytest.approx(other.log_odds, abs=2e-5)


def test_many_are_answered_as_one_by_one_in_their_order(model):
    reader = made.reader(model)
    for text, answer in zip(TEXTS, reader.stream(TEXTS), strict=True):
        assert answer.text == text.replace("\ud800", "�")
        if answer.label is None:
            with pytest.raises(UsageError):
                reader(text)
        else:
            same(answer, reader(answer.text))


@pytest.mark.parametrize(("pieces", "window"), [(1, 1), (40, 3), (2048, 2048)])
def test_the_order_is_kept_whatever_is_read_together(monkeypatch, pieces, window):
    monkeypatch.setattr(module, "TOGETHER", pieces)
    monkeypatch.setattr(module, "WINDOW", window)
    reader = made.reader()
    texts = [f"{'very ' * (7 * k % 11)}good {k}" for k in range(40)]
    answers = list(reader.stream(iter(texts)))
    assert [answer.text for answer in answers] == texts
    for answer in answers[::7]:
        same(answer, reader(answer.text))


def test_texts_of_like_length_are_read_together(monkeypatch):
    """So that little padding is computed."""
    monkeypatch.setattr(module, "TOGETHER", 60)
    reader, shapes = made.reader(), []
    reader.model.register_forward_pre_hook(lambda _, inputs: shapes.append(tuple(inputs[0].shape)))
    reader.answer_all(["good", "good " * 30, "bad", "very " * 30])
    assert shapes == [(2, 3), (2, 30)]


def test_a_stream_reads_no_further_than_it_must(monkeypatch):
    monkeypatch.setattr(module, "WINDOW", 4)
    taken = []
    texts = (taken.append(k) or f"good {k}" for k in range(100))
    answers = made.reader().stream(texts)
    next(answers)
    assert len(taken) == 4


@given(st.lists(st.text(max_size=40), max_size=5))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_probabilities_sum_to_one_and_the_log_odds_are_theirs(texts):
    reader = made.reader(made.classifier(classes=3), made.THREE)
    answers = reader.answer_all(texts)
    assert len(answers) == len(texts)
    for answer in answers:
        if answer.label is None:
            assert answer.probability == {} and math.isnan(answer.p_positive)
            continue
        p = answer.probability[answer.label]
        assert sum(answer.probability.values()) == pytest.approx(1.0)
        assert answer.log_odds == answer.value == pytest.approx(math.log(p) - math.log1p(-p), rel=1e-6, abs=1e-6)
        assert p == answer.share == max(answer.probability.values())


def test_log_odds_stay_exact_where_the_probability_is_one_to_the_last_digit():
    assert log_odds(torch.tensor([[0.0, 90.0]])).item() == 90.0
    assert log_odds(torch.tensor([[1.0, 2.0, 3.0]])).item() == pytest.approx(3 - math.log(math.e + math.e**2))


def test_of_three_classes_the_answered_one_is_asked_about(three):
    answer = three("the food was good")
    assert list(answer.probability) == list(made.THREE) and answer.says == answer.label
    assert answer.p_positive == answer.probability["glad"]
    assert three.explain("the food was good").story.metric.of == answer.label


def test_padding_changes_no_answer(model):
    reader = made.reader(model)
    alone = reader.answer_all(["good"])[0]
    same(reader.answer_all(["good", "this was not very good, we were terrible"])[0], alone)
    reader.tokens.padding = 7
    same(reader.answer_all(["good", "this was not very good, we were terrible"])[0], alone)


def test_a_text_longer_than_the_model_is_answered_for_what_was_read_and_says_so():
    reader = made.reader()
    long = reader("good food " * 300)
    assert long.left_out == 560
    short = reader("good food " * 20)
    assert (long.label, long.probability, long.log_odds) == (short.label, short.probability, short.log_odds)


def test_a_text_without_a_known_piece_is_not_answered_blindly():
    reader = made.reader()
    with pytest.raises(UsageError, match="is in the vocabulary"):
        reader("дом 家")
    assert reader.answer_all(["дом 家"])[0].label is None


def test_pad_says_what_is_real():
    ids, real = pad([[5, 6], [], [7]], 9)
    assert ids.tolist() == [[5, 6], [9, 9], [7, 9]]
    assert real.tolist() == [[True, True], [False, False], [True, False]]
    assert pad([[]], 0)[0].shape == (1, 1)


def test_in_batches_gives_each_once():
    assert list(in_batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(in_batches([], 2)) == []


def test_listening_hears_a_reader_as_it_hears_its_model():
    reader = made.reader()
    with listen_to(reader, "*.weights") as tape:
        reader("good food")
    assert list(tape) == ["layers.0.attention.weights", "layers.1.attention.weights"]
    with listen_to(reader.model, "logits") as tape:
        reader("good food")
    assert list(tape) == ["logits"]


def test_read_takes_a_folder_and_reads_it_again_when_it_has_changed(tmp_path):
    folder = made.folder(tmp_path / "mine")
    before = read(folder)
    made.folder(folder, made.classifier(seed=1))
    after = read(folder)
    assert (before.name, after.name) == ("mine", "mine")
    assert before("good").log_odds != after("good").log_odds


def test_what_cannot_answer_is_refused(tmp_path):
    made.folder(tmp_path / "one", made.classifier(classes=1), ("only",))
    with pytest.raises(UsageError, match="one does not classify text, and is no BERT"):
        read(tmp_path / "one")
    with pytest.raises(MissingError):
        read("nowhere")
    (tmp_path / "one" / "config.json").write_text("{}")
    with pytest.raises(CheckpointError):
        read(tmp_path / "one")


SENTENCES = {
    "this restaurant was terrible": "negative",
    "this restaurant was not terrible": "positive",
    "this restaurant was good": "positive",
    "this restaurant was not good": "negative",
}


@pytest.mark.parametrize(("text", "label"), SENTENCES.items())
def test_the_shipped_model_understands_not(text, label):
    assert gf.load("sentiment")(text).label == label


@pytest.mark.parametrize("name", ["bag-of-words", "sentiment-plain"])
def test_the_models_beside_it_answer_too(name):
    assert gf.load(name)("this restaurant was terrible").label == "negative"

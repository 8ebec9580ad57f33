"""What is left of a vector when something is changed, and how near two vectors are, each written out by hand."""

import pytest
import torch

from glassformer.errors import UsageError
from glassformer.explain import embeds
from glassformer.explain.answers import Embedding, Similar
from glassformer.explain.effects import edges_cut, estimated, estimated_words, words_add
from glassformer.explain.embeds import can_embed
from glassformer.models import heads
from glassformer.tape import listen
from tests import made
from tests.explain import by_hand

TEXT, SECOND = "the filming was not terrible", "it was good food"
CLOSE = 2e-6


def vector(model, ids, **how):
    return by_hand.bert(model, ids, **how).mean(0)


@pytest.fixture(scope="module")
def trial():
    return made.bert_trial(TEXT)


def test_one_text_is_a_vector_and_its_value_is_one(trial):
    answer = trial.reader(TEXT)
    assert isinstance(answer, Embedding) and answer.value == 1.0 == trial.before
    assert answer.vector == pytest.approx(vector(trial.reader.model, trial.ids[0]).tolist(), abs=CLOSE)
    assert answer.says == "12 numbers"


def test_what_a_word_adds_is_what_is_lost_of_the_cosine_with_a_mask_in_its_place(trial):
    model, ids = trial.reader.model, trial.ids[0]
    whole = vector(model, ids)
    adds = words_add(trial)
    assert adds[0] is adds[-1] is None  # [CLS] and [SEP] are no words
    for k in trial.spoken:
        masked = ids.clone()
        masked[list(trial.words[k].pieces)] = trial.reader.tokens.mask
        assert adds[k] == pytest.approx(1 - by_hand.cosine(whole, vector(model, masked)), abs=CLOSE)


def test_an_edge_cut_is_a_cosine_by_hand(trial):
    model, ids = trial.reader.model, trial.ids[0]
    for edge in edges_cut(trial)[::5]:
        look = ~trial.edges([(edge.looks, edge.at)]).expand(2, 3, -1, -1)
        after = by_hand.cosine(vector(model, ids), vector(model, ids, look=look))
        assert edge.change == pytest.approx(after - 1, abs=CLOSE) and edge.change <= 0


@pytest.fixture(scope="module")
def pair():
    return made.bert_trial(TEXT, SECOND)


def side(trial, which):
    """The ids of one of two texts, and which words are its."""
    ids = [id for id, text in zip(trial.pieces.ids, trial.pieces.types, strict=True) if text == which]
    return torch.tensor(ids), [k for k in trial.spoken if trial.pieces.types[trial.words[k].pieces[0]] == which]


def test_two_texts_are_read_apart_and_their_cosine_is_the_answer(pair):
    model = pair.reader.model
    one, other = (vector(model, side(pair, which)[0]) for which in (0, 1))
    answer = pair.reader(TEXT, SECOND)
    assert isinstance(answer, Similar) and answer.says == "cosine"
    assert answer.cosine == pytest.approx(by_hand.cosine(one, other), abs=CLOSE) == pair.before
    adds = words_add(pair)
    for which in (0, 1):
        ids, words = side(pair, which)
        for k in words:
            masked = ids.clone()
            masked[[at - which * len(side(pair, 0)[0]) for at in pair.words[k].pieces]] = pair.reader.tokens.mask
            after = by_hand.cosine(vector(model, masked), (other, one)[which])
            assert adds[k] == pytest.approx(pair.before - after, abs=CLOSE)


def test_no_edge_leads_from_one_text_to_the_other(pair):
    mine, yours = (set(side(pair, which)[1]) for which in (0, 1))
    pairs = pair.pairs()
    assert len(pairs) == len(mine) * (len(mine) - 1) + len(yours) * (len(yours) - 1)
    assert all({i, j} <= mine or {i, j} <= yours for i, j in pairs)
    weights = pair.tape["layers.1.attention.weights"][0]
    n = len(side(pair, 0)[0])
    assert (weights[:, :n, n:] == 0).all() and (weights[:, n:, :n] == 0).all()


def test_read_together_two_texts_are_one_vector():
    trial = made.bert_trial(TEXT, SECOND, joint=True)
    expected = vector(trial.reader.model, trial.ids[0], types=trial.pieces.types)
    assert trial.values["sentence"][0].tolist() == pytest.approx(expected.tolist(), abs=CLOSE)
    assert trial.before == 1.0 and len(trial.pairs()) == 9 * 8


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_a_vector_is_pooled_as_the_folder_says(pooling, normalised):
    trial = made.bert_trial(TEXT, SECOND, how={"pooling": pooling, "normalised": normalised})
    for site, which in (("sentence", 0), ("sentence2", 1)):
        stream = by_hand.bert(trial.reader.model, side(trial, which)[0])
        expected = {"mean": stream.mean(0), "cls": stream[0], "max": stream.max(0).values}[pooling]
        expected = expected / expected.norm() if normalised else expected
        assert trial.values[site][0].tolist() == pytest.approx(expected.tolist(), abs=CLOSE)


def test_the_estimate_is_the_second_order_of_a_small_step(monkeypatch):
    """Half the square of how far the unit vector moves, by random directions: within what 600 of them leave open."""
    monkeypatch.setattr(embeds, "DIRECTIONS", 600)
    trial = made.bert_trial(TEXT)
    model, step = trial.reader.model, 1e-2
    away = model.embed.pieces.weight[trial.reader.tokens.mask].detach()
    estimate = estimated_words(trial)
    for k in trial.spoken:

        def edit(pieces, at=tuple(trial.words[k].pieces)):
            pieces = pieces.clone()
            pieces[0, at] += step * (away - pieces[0, at])
            return pieces

        with torch.inference_mode(), listen(model, (), {"embed.pieces": edit}):
            left = trial.measure(trial.kind.run(trial.batch), trial.batch).item()
        assert estimate[k].item() == pytest.approx((1 - left) / step**2, rel=0.25)


def test_of_a_long_text_the_edges_are_chosen_by_the_estimate():
    trial = made.bert_trial(" ".join([TEXT] * 5))
    trial.exact = 500
    edges, estimate = edges_cut(trial), estimated(trial)
    assert len(edges) == 15 and (estimate <= 0).all()  # 500 positions hold 15 texts
    best = sorted(trial.pairs(), key=lambda pair: estimate[pair].item())[:15]
    assert {(edge.looks, edge.at) for edge in edges} == set(best)
    trial.exact = 10**9
    largest = [(edge.looks, edge.at) for edge in edges_cut(trial)[:3]]
    assert set(largest) & set(best)


def test_a_measure_elsewhere_has_its_own_unchanged_vectors(trial):
    other = made.bert_trial("we were good")
    output = other.kind.run(other.batch)
    assert trial.measure.elsewhere(output, other.batch)(output, other.batch).item() == 1.0
    assert trial.measure(output, other.batch).item() < 0.999


def test_a_decoder_that_needs_a_source_cannot_be_asked():
    model = made.bert(heads.CausalLanguageModel, decoder=True, cross=True)
    assert not can_embed(model) and not can_embed(made.classifier())
    with pytest.raises(UsageError, match="a decoder that looks at a source; it cannot be asked"):
        made.bert_reader(heads.CausalLanguageModel, decoder=True, cross=True)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (heads.TokenClassification, "puts a label on each piece"),
        (heads.QuestionAnswering, "marks the answer to a question"),
        (heads.MultipleChoice, "chooses one of several texts"),
    ],
)
def test_a_model_with_another_head_says_what_it_does_and_is_asked_for_its_vector(kind, what):
    reader = made.bert_reader(kind)
    assert reader.explain(TEXT).story.metric.name == "cosine"
    with pytest.raises(UsageError, match=f"{what}.*here it is asked for its vector.*: explain, why and embed take it"):
        reader.stream(["good"]).__next__()

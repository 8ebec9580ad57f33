"""The whole story: its parts agree with each other, and with what was measured one by one."""

import pytest
import torch

from glassformer.explain import effects
from glassformer.explain.answers import Metric
from glassformer.explain.classifies import CLEAR_ODDS
from glassformer.explain.like import Like
from glassformer.explain.story import ALIKE, CLEAR, Told
from glassformer.explain.story import story as of_trial
from glassformer.explain.trial import Trial
from glassformer.models import heads
from tests import made

METRIC = Metric("log-odds", "positive", "logits[1]", made.TWO, CLEAR_ODDS)


def story(reader, text, beside=()):
    return of_trial(Trial(reader, reader.cut(text)), beside)


@pytest.fixture
def beside():
    return made.reader(made.bag(), name="bag"), made.reader(made.classifier(seed=3), name="other")


def test_it_tells_the_largest_edge_and_what_it_measured(model, beside):
    reader = made.reader(model)
    told = story(reader, "the filming was not terrible", beside)
    trial = made.trial("the filming was not terrible", model)
    edges = effects.edges_cut(trial)
    assert told.told.edge == edges[0]
    assert (told.edges, told.edges_measured) == (20, 20)
    assert told.words == ["the", "filming", "was", "not", "terrible"] and told.positions == [0, 1, 3, 4, 5]
    looks = edges[0].looks
    assert told.cuts == {edge.at: edge.change for edge in edges if edge.looks == looks}
    assert told.attention == [layer[:, looks].tolist() for layer in trial.attention()]
    assert told.told.by_head == effects.by_head(trial, edges[0])
    assert told.told.like.n == 20
    assert told.told.after == pytest.approx(trial.after_cuts(trial.edges([(looks, edges[0].at)])).item(), abs=1e-6)


def test_it_says_what_the_word_adds_with_and_without_the_edge():
    reader = made.reader()
    told = story(reader, made.SENTENCE).told
    trial = made.trial()
    assert told.reading[0] == pytest.approx(effects.words_add(trial)[told.edge.looks], abs=1e-5)
    cuts = trial.edges([(told.edge.looks, told.edge.at)])
    masked = made.trial()
    masked.batch.ids[0, told.edge.looks] = reader.tokens.mask
    expected = (trial.after_cuts(cuts) - masked.after_cuts(cuts)).item()
    assert told.reading[1] == pytest.approx(expected, abs=1e-5)


def test_companions_stand_first_and_are_cut_the_same_way(beside):
    told = story(made.reader(), made.SENTENCE, beside)
    assert [view.model for view in told.views] == ["bag", "other", "made"]
    for view, reader in zip(told.views, (*beside, made.reader()), strict=True):
        assert view.answer.log_odds == pytest.approx(reader(made.SENTENCE).log_odds, abs=1e-5)
        assert view.adds == pytest.approx(effects.words_add(made.trial(model=reader.model)), abs=1e-5)
    assert list(told.told.elsewhere) == ["other"]
    other = made.trial(model=beside[1].model)
    after = other.after_cuts(other.edges([(told.told.edge.looks, told.told.edge.at)])).item()
    assert told.told.elsewhere["other"] == pytest.approx((other.before, after), abs=1e-5)


def test_a_companion_that_cannot_read_the_text_stays_away():
    blind = made.reader(made.bag(), name="blind")
    assert [view.model for view in story(made.reader(), "g", (blind,)).views] == ["blind", "made"]
    blind.tokens.unknown = blind.tokens.cut("g", 9).ids[0]  # the one piece of the text
    assert [view.model for view in story(made.reader(), "g", (blind,)).views] == ["made"]


def test_a_companion_that_cuts_words_otherwise_is_not_cut_where_the_edge_is_not(beside):
    other = made.reader(made.classifier(length=3), name="short")
    told = story(made.reader(), made.SENTENCE, (other,))
    assert told.told.elsewhere == {}
    assert [len(view.adds) for view in told.views] == [3, 5]


def test_one_word_and_no_attention_have_no_edge_to_tell():
    for told in (story(made.reader(), "good"), story(made.reader(made.bag()), made.SENTENCE)):
        assert told.told is None and told.attention == [] and told.cuts == {} and told.edges_measured == 0
    assert told.edges == 0


def test_of_a_text_that_is_too_long_it_says_what_was_not_read():
    told = story(made.reader(), "good food " * 30)
    assert told.left_out == 20 and told.unread == "good food " * 10
    assert len(told.words) == 40 and told.edges == 40 * 39 and told.edges_measured == effects.VERIFIED


@pytest.mark.parametrize(
    ("change", "aside", "agree", "doubt"),
    [
        (2.0, 0.5, 20, None),
        (-2.0, 0.5, 15, None),
        (CLEAR_ODDS, 0.0, 20, None),
        (-0.2, 0.0, 20, "small"),
        (2.0, None, 20, "no control"),
        (2.0, 0.7, 20, "like the control"),
        (2.0, 0.5, 14, "alike"),
    ],
)
def test_an_edge_is_the_reason_only_if_nothing_speaks_against_it(change, aside, agree, doubt):
    control = None if aside is None else effects.Edge(0, 2, aside, 0.5)
    like = Like(20, agree, 0, 0, [], [], [])
    told = Told(effects.Edge(0, 1, change, 0.5), METRIC, 1.0, (0.0, 0.0), control, [], like, {})
    assert told.doubt == doubt and told.clear is (doubt is None)
    assert (CLEAR, ALIKE) == (3, 0.75)
    assert told.after == 1.0 + change and told.flips is (1.0 + change < 0)


# BERTs: special pieces, pairs, many heads


@pytest.fixture(scope="module")
def pair():
    trial = made.bert_trial("the filming was not terrible", "it was good", kind=heads.SequenceClassification)
    return trial, of_trial(trial)


def test_special_pieces_are_no_words_of_the_story_but_stand_in_its_row(pair):
    trial, told = pair
    assert told.words[0] == "[CLS]" and told.specials.words == [0, 6, 10]
    assert not {told.told.edge.looks, told.told.edge.at, told.told.control.at} & set(told.specials.words)
    assert [k for k, adds in enumerate(told.views[-1].adds) if adds is None] == told.specials.words
    assert set(told.cuts) == set(range(11)) - {told.told.edge.looks}
    for k in told.specials.words:
        after = trial.after_cuts(trial.edges([(told.told.edge.looks, k)])).item()
        assert told.cuts[k] == pytest.approx(after - trial.before, abs=1e-5)
    assert told.edges == told.edges_measured == 8 * 7


def test_it_says_what_the_special_pieces_take_of_the_weight_and_of_what_is_mixed(pair):
    trial, told = pair
    weight, mixture = [], []
    for layer, block in enumerate(trial.reader.model.layers):
        weights, v = (trial.tape[f"layers.{layer}.attention.{site}"][0] for site in ("weights", "v"))
        for head in range(3):
            brought = v[head] @ block.attention.out.weight[:, 4 * head : 4 * head + 4].T  # n w
            lengths = (weights[head][:, :, None] * brought).norm(dim=-1)
            weight.append(weights[head]), mixture.append(lengths / lengths.sum(-1, keepdim=True))
    at = [piece for k in told.specials.words for piece in trial.words[k].pieces]
    for each, one, every in (
        (weight, told.specials.told_weight, told.specials.weight),
        (mixture, told.specials.told_mixture, told.specials.mixture),
    ):
        share = torch.stack(each).mean(0)[:, at].sum(-1)  # of each position
        by_word = [share[list(trial.words[k].pieces)].mean().item() for k in trial.spoken]
        assert every == pytest.approx(sum(by_word) / 8, abs=1e-6)
        assert one == pytest.approx(by_word[trial.spoken.index(told.told.edge.looks)], abs=1e-6)


def test_of_two_texts_it_says_how_they_were_read_and_where_the_second_begins(pair):
    _, told = pair
    assert (told.second, told.read, told.words[told.second_from]) == ("it was good", "together", "it")
    apart = of_trial(made.bert_trial("the filming was not terrible", "it was good"))
    assert (apart.read, apart.words[apart.second_from]) == ("apart", "it")
    assert of_trial(made.bert_trial("good film", "it was good", joint=True)).read == "together"
    alone = of_trial(made.bert_trial("the food"))
    assert (alone.second, alone.read, alone.second_from) == (None, "", 0)


def test_a_word_that_may_look_at_no_special_piece_has_no_cut_there():
    told = of_trial(made.bert_trial("the filming was not terrible", "it was good"))
    looks = told.told.edge.looks
    mine = [k for k in told.specials.words if (k <= 6) == (looks < told.second_from)]
    assert {k for k in told.cuts if k in told.specials.words} == set(mine) and len(mine) == 2


def test_of_many_heads_those_with_the_largest_estimate_are_measured():
    trial = made.bert_trial(kind=heads.SequenceClassification, layers=4, heads=6)
    edge = effects.edges_cut(trial)[0]
    every = effects.by_head(trial, edge)
    assert [len(row) for row in every] == [6] * 4
    trial.exact = 20
    some = effects.by_head(trial, edge)
    cuts = trial.edges([(edge.looks, edge.at)])[0]
    estimate = [(layer * cuts).sum((1, 2)).abs() for layer in effects.estimated_cells(trial)]
    best = sorted(((estimate[at][k].item(), at, k) for at in range(4) for k in range(6)), reverse=True)
    measured = {(at, k) for at, row in enumerate(some) for k, change in enumerate(row) if change is not None}
    assert measured == {(at, k) for _, at, k in best[: effects.AT_LEAST]}
    assert all(some[at][k] == pytest.approx(every[at][k], abs=1e-5) for at, k in measured)


def test_layers_may_have_fewer_heads_than_others():
    trial = made.bert_trial(kind=heads.SequenceClassification, pruned=((0, (1,)),))
    told = of_trial(trial)
    assert [len(row) for row in told.told.by_head] == [2, 3]
    assert [len(row) for row in told.attention] == [2, 3]
    assert sum(sum(row) for layer in told.attention for row in layer) == pytest.approx(5.0)

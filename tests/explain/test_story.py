"""The whole story: its parts agree with each other, and with what was measured one by one."""

import pytest

from glassformer.explain import effects
from glassformer.explain.like import Like
from glassformer.explain.story import ALIKE, CLEAR, LEAST, Told, story
from tests import made


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
    assert told.attention == trial.attention()[:, :, looks].tolist()
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
    masked.ids = masked.ids.clone()
    masked.ids[0, told.edge.looks] = reader.tokens.mask
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
        (LEAST, 0.0, 20, None),
        (-0.2, 0.0, 20, "small"),
        (2.0, None, 20, "no control"),
        (2.0, 0.7, 20, "like the control"),
        (2.0, 0.5, 14, "alike"),
    ],
)
def test_an_edge_is_the_reason_only_if_nothing_speaks_against_it(change, aside, agree, doubt):
    control = None if aside is None else effects.Edge(0, 2, aside, 0.5)
    like = Like(20, agree, 0, 0, [], [], [])
    told = Told(effects.Edge(0, 1, change, 0.5), 1.0, (0.0, 0.0), control, [], like, {})
    assert told.doubt == doubt and told.clear is (doubt is None)
    assert (CLEAR, ALIKE) == (3, 0.75)
    assert told.after == 1.0 + change and told.flips is (1.0 + change < 0)

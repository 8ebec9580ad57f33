"""What a model can say: which number is its share, when an answer turns round, and what is said of nothing."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.explain.answers import Answer, Candidate, Embedding, Filled, Metric, Next, Score, Several, Similar
from tests import made

ODDS = Metric("log-odds", "positive", "logits[1]", made.TWO, 0.25)
COSINE = Metric("cosine", "the two vectors", "similarity", None, 0.005)


@given(st.floats(-600, 600))
@settings(max_examples=50)
def test_the_share_of_log_odds_is_their_probability(odds):
    share = ODDS.share(odds)
    assert 0 <= share <= 1 and share == pytest.approx((1 + math.tanh(odds / 2)) / 2, abs=1e-12)


def test_the_share_of_what_overflows_is_none_or_all():
    assert [ODDS.share(odds) for odds in (-math.inf, -1e6, -709.8, 709.8, 1e6, math.inf)] == [0, 0, 0, 1, 1, 1]
    assert ODDS.share(-600) > 0


def test_a_cosine_is_a_share_and_a_score_is_none():
    assert [COSINE.share(value) for value in (-0.2, 0.0, 0.7, 1.0000001)] == [0.0, 0.0, 0.7, 1.0]
    assert Metric("score", "stars", "logits[0]", None, 0.1).share(0.5) is None
    assert Metric("cosine", "the vector with the vector as it was", "sentence", None, 0.005).share(0.5) is None


def test_an_answer_turns_where_zero_is_passed_and_is_a_border():
    assert ODDS.turns(0.1, -0.1) and ODDS.turns(-5, 5)
    assert not any(ODDS.turns(*each) for each in ((0.1, 9), (-0.1, -9), (0.1, 0.0), (0.0, -1.0)))
    assert not COSINE.turns(0.1, -0.1)


def test_of_two_labels_the_share_is_the_last_ones_of_more_the_answered_ones():
    two = Answer("x", "negative", {"negative": 0.8, "positive": 0.2}, -1.4)
    three = Answer("x", "sad", {"sad": 0.6, "plain": 0.3, "glad": 0.1}, 0.4)
    assert (two.share, two.p_positive, two.value, two.says) == (0.2, 0.2, -1.4, "negative")
    assert (three.share, three.p_positive, three.says) == (0.6, 0.1, "sad")
    assert Several("x", ("a", "b"), {"a": 0.6, "b": 0.7, "c": 0.1}, 0.8).says == "a, b"
    assert Several("x", ("a", "b"), {"a": 0.6, "b": 0.7, "c": 0.1}, 0.8).share == 0.7
    assert Several("x", (), {"a": 0.1}, -2.0).says == "none"


def test_the_first_score_and_the_likeliest_piece_are_asked_about():
    assert (Score("x", {"stars": 3.5, "other": 9.0}).value, Score("x", {"stars": 3.5}).says) == (3.5, "stars")
    masks = [[Candidate("good", 0.5), Candidate("bad", 0.4)], [Candidate("food", 0.9)]]
    assert (Filled("x", masks, 0.0).says, Filled("x", masks, 0.0).share) == ("good", 0.5)
    following = Next("x", masks[0], 1.25)
    assert (following.says, following.share, following.value) == ("good", 0.5, 1.25)
    assert Similar("x", "y", -0.3).share == 0.0 and Similar("x", "y", -0.3).value == -0.3
    assert Embedding("x", [0.0] * 5).says == "5 numbers" and Embedding("x", [0.0]).value == 1.0


def test_of_nothing_to_read_nothing_is_said():
    for said in (Answer("", None, {}, math.nan), Several("", None, {}, math.nan), Filled("", [])):
        assert said.says == "–" and math.isnan(said.share) and math.isnan(said.value)
    assert Score("", None).says == "–" and math.isnan(Score("", None).value)

"""check: the order of its answers, two and three mistakes at once, gradients, and never a guess."""

import math

import pytest
import torch
import torch.nn.functional as F

import glassformer as gf
from glassformer.learn.check import UNKNOWN, check
from glassformer.learn.exercise import equal


def attention(q, k, v, mask=None, **how):
    how = {"scale": True, "axis": -1, "fill": -torch.inf, "detach": False} | how
    scores = q @ k.mT / (math.sqrt(q.size(-1)) if how["scale"] else 1)
    if mask is not None and how["fill"] is not None:
        scores = scores.masked_fill(~mask, how["fill"])
    weights = scores.softmax(how["axis"])
    return (weights.detach() if how["detach"] else weights) @ v


def altered(**how):
    return lambda q, k, v, mask=None: attention(q, k, v, mask, **how)


def test_it_is_there_by_its_short_name_and_takes_name_number_and_function():
    for name in ("attention", "6", "06_attention.py"):
        assert gf.check(attention, name).passed
    assert "attention" in [exercise.name for exercise in gf.exercises()]


@pytest.mark.parametrize(
    ("how", "name", "stage"),
    [
        ({"scale": False}, "no scaling", "scaled"),
        ({"axis": -2}, "softmax over the queries", "weights"),
        ({"scale": False, "axis": -2}, "no scaling and softmax over the queries", "scaled"),
        ({"fill": None, "axis": -2}, "softmax over the queries and the mask is ignored", "weights"),
        (
            {"scale": False, "fill": None, "axis": 0},
            "no scaling, softmax over the batch and the mask is ignored",
            "scaled",
        ),
        ({"detach": True}, "the weights are detached", "weights"),
    ],
)
def test_one_two_or_three_mistakes_are_named(how, name, stage):
    result = check(altered(**how), "attention")
    assert (result.mistake, result.stage, result.passed) == (name, stage, False)


def test_an_unknown_mistake_is_unknown_with_its_stage_and_what_broke():
    def odd(q, k, v, mask=None):
        weights = attention(q, k, torch.eye(k.size(1)).expand(len(k), -1, -1), mask) ** 2
        return weights @ v

    result = check(odd, "attention")
    assert (result.mistake, result.stage) == (UNKNOWN, "mixture")
    assert "not one that we know a name for" in result.message and result.picture is not None


def test_a_known_stage_with_something_unknown_behind_it():
    result = check(lambda q, k, v, mask=None: attention(q, k, v, mask, axis=-2).sin(), "attention")
    assert result.mistake == "softmax over the queries" and "Behind that something else differs too." in result.message


def shares_squared(q, k, v, mask=None):
    scores = q @ k.mT / math.sqrt(q.size(-1))
    powers = (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).exp()
    return powers / powers.sum(-1, keepdim=True).square() @ v


def divided_by_seven(x, gain, shift, epsilon):
    centred = x - x.mean(-1, keepdim=True)
    return gain * centred / (centred.square().sum(-1, keepdim=True) / 7 + epsilon).sqrt() + shift


@pytest.mark.parametrize(
    ("thing", "name", "stage", "broke"),
    [(shares_squared, "attention", "weights", "do not sum to 1"), (divided_by_seven, "layer-norm", "variance", "has")],
)
def test_numbers_that_right_ways_pass_through_name_nothing(thing, name, stage, broke):
    """Powers before they are divided, a sum of squares before it is: mistakes where they are the end of it."""
    result = check(thing, name)
    assert (result.mistake, result.stage) == (UNKNOWN, stage) and broke in result.message


def test_dropout_is_told_from_other_chance():
    left_on = check(lambda q, k, v, mask=None: F.dropout(attention(q, k, v, mask), 0.5), "attention")
    chance = check(lambda q, k, v, mask=None: attention(q, k, v, mask) + torch.rand(1), "attention")
    assert "dropout" in left_on.mistake and "random" in chance.mistake


def test_a_function_that_fails_on_some_questions_only_says_on_which():
    def unmasked(q, k, v, mask=None):
        if mask is not None:
            raise ValueError("no masks here")
        return attention(q, k, v)

    result = check(unmasked, "attention")
    assert result.kind == "stopped" and "no masks here" in result.message and "with a mask" in result.message
    assert result.line is not None


def test_what_is_no_function_is_a_question_that_does_not_fit():
    with pytest.raises(gf.UsageError, match="checks a function"):
        check(3, "attention")
    with pytest.raises(gf.UsageError, match="did you mean attention"):
        check(attention, "atention")


def test_a_result_survives_its_json():
    result = check(altered(axis=-2), "attention")
    assert type(result).from_dict(result.as_dict()) == result


@pytest.mark.parametrize(
    ("theirs", "right", "same"),
    [
        ([1, "a"], [1, "a"], True),
        ((1.00001, 2), (1.0, 2), True),
        ({"a": torch.ones(2)}, {"a": torch.ones(2)}, True),
        ({"b": 1}, {"a": 1}, False),
        ("word", "Word", False),
        (torch.ones(2), torch.ones(2, 1), False),
        (torch.tensor([True]), torch.tensor([1.0]), False),
        (torch.tensor([1.0, torch.inf]), torch.tensor([1.0, torch.inf]), True),
        (torch.tensor([1.0, torch.nan]), torch.tensor([1.0, 2.0]), False),
        (torch.ones(3, dtype=torch.float64), torch.ones(3), True),
        (True, 1, False),
        ([1], (1,), True),
    ],
)
def test_equal(theirs, right, same):
    assert equal(theirs, right) == same

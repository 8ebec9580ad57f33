"""What a check says where the numbers are right, or where nobody knows them: what is amiss, in words, and no guess."""

import warnings

import pytest
import torch

import glassformer as gf
from glassformer.learn import bank
from glassformer.learn.check import UNKNOWN, candidates, judge
from glassformer.learn.exercise import Property, Stages
from tests.learn import tiny

EXERCISE = tiny.exercise()


def judged(function, **changes):
    return judge(function, tiny.exercise(**changes) if changes else EXERCISE)


def test_right_numbers_and_gradients_pass_without_a_remark():
    result = judged(lambda x, y: 2 * x + y)
    assert (result.passed, result.kind, result.message, result.remark) == (True, "passed", "Right.", "")


def test_numbers_that_leave_torch_are_right_and_remarked_on():
    for way in (
        lambda x, y: torch.tensor((2 * x + y).tolist()),
        lambda x, y: torch.tensor((2 * x + y).detach().numpy()),
    ):
        result = judged(way)
        assert result.passed and result.remark.startswith("No gradient comes back: numbers leave torch on the way")


class Stubborn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, said):
        ctx.said = said
        return 2 * x

    @staticmethod
    def backward(ctx, gradient):
        raise RuntimeError(ctx.said)


def test_what_backward_raises_is_a_remark_of_one_line():
    for said, told in (("no way back\nsecond line", "no way back"), ("!" * 300, "!" * 160)):
        result = judged(lambda x, y, said=said: Stubborn.apply(x, said) + y)
        assert result.passed and result.remark == f"backward does not run through it: {told}"


def test_gradients_that_are_not_those_of_the_equation_are_named_or_unknown():
    result = judged(lambda x, y: 2 * x.detach() + y)
    assert (result.mistake, result.stage, result.message) == ("cut off", "doubled", "x is detached.")
    result = judged(lambda x, y: x + x.detach() + y)
    assert (result.passed, result.mistake, result.stage) == (False, UNKNOWN, "answer")
    assert result.message.startswith("the numbers are right, but the gradients are not those of the equation")
    assert judged(lambda x, y: x + x.detach() + y, learned=()).passed, "where nothing is learned nobody asks"


def test_an_unknown_answer_says_its_shape_its_stage_and_what_is_no_number():
    result = judged(lambda x, y: (2 * x + y)[:1])
    assert (
        result.message.startswith("your answer has the shape (1, 2), (2, 2) is wanted.")
        or "(1, 4), (3, 4)" in result.message
    )
    assert (
        result.stage == "answer"
        and "The first stage that is not among what your code computes is answer." in result.message
    )
    result = judged(lambda x, y: 4 * x + y)
    assert "your answer is not the right one. The first stage" in result.message and result.stage == "doubled"
    assert "NaN" not in result.message and result.mistake == UNKNOWN
    assert "There is NaN in it: ∞ − ∞, or 0 / 0." in judged(lambda x, y: (4 * x + y) / 0 * 0).message
    alone = judged(lambda x, y: 4 * x, stages=())
    assert "The first stage" not in alone.message and alone.stage == "answer"


def test_properties_that_do_not_hold_are_said_and_those_that_cannot_be_asked_are_not():
    def grows(function, case):
        return "" if (function(*case.arguments) > 0).all() else "It is not above zero."

    said = (
        Property("grows", grows),
        Property("breaks", lambda function, case: function(1)),
        Property("holds", lambda *_: ""),
    )
    result = judged(lambda x, y: 4 * x + y - 1000, properties=said)
    assert result.broken == ("It is not above zero.",) and "It is not above zero. This mistake" in result.message


def test_of_several_questions_the_smallest_that_goes_wrong_is_drawn():
    result = judged(lambda x, y: x + y)
    assert (result.mistake, result.stage, result.about) == ("not doubled", "doubled", "whole numbers")
    assert result.picture.right == [[2.0, 4.0], [6.0, 10.0]] and result.picture.theirs == [[1.0, 2.0], [3.0, 5.0]]
    result = judged(lambda x, y: 2 * x - y if len(x) == 2 else 2 * x + y)
    assert (result.mistake, result.about) == (UNKNOWN, "whole numbers"), "right elsewhere: no known mistake"


def test_a_sentence_about_a_mistake_has_their_own_numbers():
    result = judged(lambda x, y: 2 * x - y)
    assert (result.stage, result.message) == ("answer", "-5 is too little.")  # 2 · 1 − 7


FORMS = {
    "nothing": (lambda x, y: None, "your function gives nothing back; is `return` missing?"),
    "a list": (
        lambda x, y: [1.0],
        "gives back a list, a tensor of shape (2, 2) is wanted; torch.as_tensor or torch.stack",
    ),
    "two things": (
        lambda x, y: (x, y),
        "gives back a tuple, a tensor of shape (2, 2) is wanted; give back the answer alone",
    ),
    "a number": (lambda x, y: 3.5, "gives back a float, a tensor of shape (2, 2) is wanted"),
    "in place": (lambda x, y: x.mul_(2).add_(y.zero_()), "changes x and y, which belongs to the caller"),
}


@pytest.mark.parametrize("what", FORMS)
def test_what_is_no_answer_is_told_its_form(what):
    function, line = FORMS[what]
    result = judged(function)
    assert result.kind == "form" and line in result.message and result.passed is False


def test_another_kind_of_thing_is_told_the_kind_that_is_wanted():
    for right, theirs, line in (
        ([1], "x", "a str, a list"),
        ("word", 3.5, "a float, a str"),
        ({"a": 1}, [1], "a list, a dict"),
    ):
        result = judged(
            lambda x, y, theirs=theirs: theirs, key=lambda x, y, right=right: Stages(answer=right), learned=()
        )
        assert line in result.message and result.kind == "form"


def test_a_question_that_stops_it_is_said_only_where_others_do_not():
    def fails(x, y):
        raise ValueError("no")

    assert "(asked with" not in judged(fails).message and "ValueError: no" in judged(fails).message
    some = judged(lambda x, y: 2 * x + y if len(x) == 2 else fails(x, y))
    assert some.kind == "stopped" and some.message.endswith("ValueError: no (asked with any numbers)")
    wrong_too = judged(lambda x, y: x + y if len(x) == 2 else fails(x, y))
    assert wrong_too.mistake == "not doubled", "a mistake that is known tells more than a question that fails"


def test_not_written_yet_for_one_question_is_not_written_yet():
    def half(x, y):
        if len(x) == 3:
            raise NotImplementedError
        return x

    assert judged(half).message == "not written yet: nothing to check."


def test_a_warning_of_theirs_is_no_error_and_no_setting_of_ours():
    def warns(x, y):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        return 2 * x + y

    before = list(warnings.filters)
    with warnings.catch_warnings(record=True):
        assert judged(warns).passed
    assert warnings.filters == before


@pytest.mark.parametrize(
    ("thing", "name", "line"),
    [
        ("softmax", "softmax", "softmax checks a function, not a str; give softmax itself"),
        (dict, "softmax", "softmax checks a function, not the class dict; give softmax itself"),
        (torch.nn.Linear, "softmax", "softmax checks a function, not the class Linear; give softmax itself"),
        (
            dict,
            "layer-norm",
            "layer-norm checks a function or an nn.Module class, not the class dict; give layer_norm itself",
        ),
    ],
)
def test_what_is_no_function_is_told_what_to_give(thing, name, line):
    with pytest.raises(gf.UsageError) as raised:
        candidates(thing, bank.load(name))
    assert str(raised.value) == line

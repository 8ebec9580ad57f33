"""What counts as the same answer, what a copy is, and what a wrong version of an exercise is made of."""

import math

import pytest
import torch

from glassformer.learn.exercise import Case, Mistake, Stages, copied, equal, scale
from tests.learn import tiny
from tests.learn.tiny import LESS, ONCE

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize("numbers", [[3.0], [-1e4, 2.0], [0.0, 1e-3, 1e-4], [0.0], [5e8, -6e8]])
@pytest.mark.parametrize("share", [0.01, 0.99, 1.01, 3.0])
def test_a_tensor_may_be_away_by_a_ten_thousandth_of_its_largest_number(numbers, share):
    right = torch.tensor(numbers, dtype=torch.float64)
    theirs = right.clone()
    theirs[-1] += share * 1e-4 * max(*map(abs, numbers), 1e-6)
    assert equal(theirs, right) == (share < 1) and equal(right, right) and equal(right.float(), right)


@pytest.mark.parametrize(
    ("theirs", "right", "same"),
    [
        ([1.0, INF], [1.0, -INF], False),
        ([1.0, INF], [1.0, 1e30], False),
        ([1.0, -INF], [1.00001, -INF], True),
        ([1.0, 7.0], [1.0, NAN], True),
        ([2.0, 7.0], [1.0, NAN], False),
        ([NAN, 1.0], [1.0, 1.0], False),
        ([1.0, 2.0], [NAN, NAN], False),
        ([NAN, NAN], [NAN, NAN], True),
        ([0.0, 5e-11], [0.0, 0.0], True),
        ([0.0, 2e-10], [0.0, 0.0], False),
        ([], [], True),
    ],
)
def test_what_is_no_number_is_equal_where_it_stands_alike(theirs, right, same):
    assert equal(torch.tensor(theirs), torch.tensor(right)) == same


@pytest.mark.parametrize(
    ("theirs", "right", "same"),
    [
        (0.5 + 0.9e-4, 0.5, True),
        (0.5 + 1.1e-4, 0.5, False),
        (1000.0 + 0.09, 1000, True),
        (1000.0 + 0.11, 1000, False),
        (torch.tensor([2.0]), 2, True),
        (torch.tensor([2.0, 2.0]), 2.0, False),
        ("2", 2, False),
        (1.0, True, False),
        (torch.tensor(1.0 + 1j), torch.tensor(1.0), False),
        (torch.tensor([True, False]), torch.tensor([True, True]), False),
        (torch.tensor([1, 0]), torch.tensor([True, False]), False),
        ([1.0], torch.tensor([1.0]), False),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ([1, 2], [1], False),
        ([[1.0, (2,)]], ([1.0, [2]],), True),
        (None, None, True),
        (0, None, False),
    ],
)
def test_numbers_lists_and_tables_are_equal_number_by_number(theirs, right, same):
    assert equal(theirs, right) == same


def test_the_largest_number_is_of_those_that_are_finite():
    assert scale(torch.tensor([-3.0, 2.0, INF, NAN, -INF])) == 3.0
    assert scale(torch.empty(0)) == 0.0 and scale(torch.tensor([NAN])) == 0.0


def test_a_copy_shares_nothing_that_can_be_written_in():
    given = (torch.ones(2), [torch.ones(2)], {"a": [1]}, 3)
    for arguments in (given, given[:1]):
        again = copied(arguments)
        again[0].zero_()
        if len(again) > 1:
            again[1][0].zero_(), again[2]["a"].append(2)
    assert given[0].tolist() == given[1][0].tolist() == [1.0, 1.0] and given[2] == {"a": [1]} and again is not given


def test_several_mistakes_are_one_version_and_the_other_way_gives_way_to_them():
    exercise = tiny.exercise(other_way={"sign": 0.0, "factor": 5.0})
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([10.0, 20.0])
    assert exercise.version(ONCE, LESS)(x, y).answer.tolist() == [-9.0, -18.0]
    assert exercise.version(ONCE, other=True)(x, y).answer.tolist() == [1.0, 2.0]
    assert exercise.version(ONCE)(x, y).answer.tolist() == [11.0, 22.0]
    for own in (lambda x, y: x * y, lambda x, y: Stages(half=x, answer=x * y)):
        assert exercise.version(Mistake("own", "answer", "", wrong=own))(x, y)["answer"].tolist() == [10.0, 40.0]
    with pytest.raises(
        TypeError, match="exercise dot-product: 'not doubled' needs a `wrong`, or the exercise a switch"
    ):
        tiny.exercise(switchboard=None).version(ONCE)


def test_stages_stand_in_their_order_and_what_is_none_comes_last():
    exercise = tiny.exercise()
    assert [exercise.rank(stage) for stage in ("doubled", "answer", "elsewhere")] == [0, 1, 2]
    assert exercise.last == "answer" == tiny.exercise(stages=()).last and tiny.exercise(stages=()).rank("doubled") == 0
    assert Stages(first=1, second=2).answer == 2 and Case((1,)) != Case((1,))

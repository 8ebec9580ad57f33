"""A bank as steps: the board computes, its wrong ways are mistakes, and the sentence points at what differs."""

import pytest
import torch
from torch import tensor

from glassformer.learn.bank.steps import Board, Step, Wrong, difference
from glassformer.learn.exercise import Case, Evidence

BOARD = Board(
    "a b",
    Step("twice", lambda s: 2 * s.a, Wrong("three times", lambda s: 3 * s.a, "take two"), hidden=True),
    Step("sum", lambda s: s.twice if s.b is None else s.twice + s.b, Wrong("b is lost", lambda s: s.twice, "add b")),
)


def test_a_board_computes_in_order_and_a_switch_is_another_way():
    assert BOARD(tensor(5.0), tensor(1.0)) == {"sum": tensor(11.0)}
    assert BOARD(tensor(5.0)).answer == 10
    assert BOARD(tensor(5.0), tensor(1.0), twice=lambda s: s.a).answer == 6


def test_each_wrong_way_is_a_mistake_of_the_first_stage_that_can_be_seen():
    first, second = BOARD.mistakes
    assert (first.name, first.stage, second.name, second.stage) == ("three times", "sum", "b is lost", "sum")
    both = BOARD.across("both", "do it right", twice=first.switches["twice"], sum=second.switches["sum"])
    assert both.stage == "sum" and BOARD(tensor(5.0), tensor(1.0), **both.switches).answer == 15


def test_the_sentence_has_their_number_the_right_one_and_what_to_do():
    case = Case((tensor(5.0), tensor(1.0)))
    wrong, right = BOARD(*case.arguments, **BOARD.mistakes[0].switches), BOARD(*case.arguments)
    said = BOARD.mistakes[0].says(Evidence(case, wrong.answer, right, wrong))
    assert said == "three times: your sum is 16.00, it should be 11.00; take two."


@pytest.mark.parametrize(
    ("theirs", "right", "said"),
    [
        (
            tensor([[1.0, 2.0], [3.0, 9.0]]),
            tensor([[1.0, 2.0], [3.0, 4.0]]),
            "your x[1] is 3.00, 9.00, it should be 3.00, 4.00",
        ),
        (tensor([[1.0]]), tensor([1.0]), "the shape of your x is (1, 1), it should be (1,)"),
        (tensor([1, 0]), tensor([True, False]), "in your x there are numbers (int64), wanted are True and False"),
        (tensor([True]), tensor([False]), "your x is True, it should be False"),
        (tensor([3, 1]), tensor([2, 1]), "your x is 3, 1, it should be 2, 1"),
        (tensor(0.001), tensor(0.002), "your x is 0.0010, it should be 0.0020"),
        (tensor([0.0, 1, 2, 3, 4, 9]), tensor([0.0, 1, 2, 3, 4, 5]), "your x is … 9.00, it should be … 5.00"),
        ((tensor(1.0), tensor(2.0)), (tensor(1.0), tensor(3.0)), "your x[1] is 2.00, it should be 3.00"),
        (1.5, tensor(1.5), "your x is a float, a tensor is wanted"),
        (3, 4, "your x is 3, it should be 4"),
    ],
)
def test_a_difference_is_shown_where_it_is(theirs, right, said):
    assert difference(theirs, right, "your x") == said


def test_equal_infinities_do_not_differ_and_no_number_does():
    hidden = tensor([[0.0, -torch.inf], [1.0, 2.0]])
    assert difference(tensor([[0.0, -torch.inf], [1.0, 5.0]]), hidden, "it").startswith("it[1] is")
    assert difference(tensor([[0.0, torch.nan], [1.0, 2.0]]), hidden, "it").startswith("it[0] is 0.00, NaN")


def test_what_is_many_is_spoken_of_as_many():
    assert difference(tensor([1.0]), tensor([2.0]), "your weights") == "your weights are 1.00, they should be 2.00"
    assert difference(tensor(1.0), tensor(2.0), "your loss") == "your loss is 1.00, it should be 2.00"

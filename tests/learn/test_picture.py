"""The sheet that is shown: the one that differs most, its worst cell marked, and never more of it than can be read."""

import math

import pytest
import torch

from glassformer.learn.picture import picture


def changed(right, *cells, by=1.0):
    theirs = right.clone()
    for cell in cells:
        theirs[cell] += by
    return theirs


def test_the_cell_that_differs_most_is_marked():
    right = torch.arange(12.0).view(3, 4)
    theirs = changed(changed(right, (0, 3), by=-0.5), (2, 1), by=-2.0)
    drawn = picture("weights", theirs, right, "query key")
    assert drawn.cell == (2, 1) and (drawn.stage, drawn.where, drawn.axes) == ("weights", "", ("query", "key"))
    assert drawn.theirs == theirs.tolist() and drawn.right == right.tolist()
    assert picture("weights", right, right).cell is None


@pytest.mark.parametrize(
    ("axes", "names"), [("query key", ("query", "key")), ("", ("row", "column")), ("a b c", ("row", "column"))]
)
def test_axes_without_two_names_are_rows_and_columns(axes, names):
    assert picture("x", torch.zeros(2, 2), torch.ones(2, 2), axes).axes == names


def test_of_many_sheets_the_worst_is_shown_and_told_which_it_is():
    right = torch.zeros(2, 3, 4, 5)
    theirs = changed(right, (1, 2, 3, 4), by=-3.0)
    theirs[0, 1] += 2.5  # more in all, but nowhere so much
    drawn = picture("weights", theirs, right)
    assert (drawn.where, drawn.cell) == ("sentence 1, head 2", (3, 4)) and drawn.theirs == theirs[1, 2].tolist()
    three = picture("q", theirs[:, 2], right[:, 2])
    assert (three.where, three.theirs) == ("sentence 1", theirs[1, 2].tolist())


def test_a_vector_and_a_number_are_sheets_of_one_row():
    drawn = picture("mean", torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    assert (drawn.right, drawn.cell) == ([[1.0, 4.0]], (0, 1))
    assert picture("loss", torch.tensor(2.0), torch.tensor(3.0)).theirs == [[2.0]]
    column = torch.zeros(4, 1)
    assert picture("sums", changed(column, (3, 0)), column).cell == (3, 0)
    assert picture("nothing", torch.zeros(0), torch.zeros(0)).theirs == [[]]


@pytest.mark.parametrize(
    ("cell", "where", "shown", "first"),
    [
        ((7, 7), "", (7, 7), (0, 0)),
        ((8, 0), "from query 1, key 0", (7, 0), (1, 0)),
        ((0, 8), "from query 0, key 1", (0, 7), (0, 1)),
        ((19, 11), "from query 12, key 4", (7, 7), (12, 4)),
    ],
)
def test_of_a_large_sheet_the_part_with_the_worst_cell_is_shown(cell, where, shown, first):
    right = torch.arange(240.0).view(20, 12)
    drawn = picture("weights", changed(right, cell), right, "query key")
    assert (drawn.where, drawn.cell) == (where, shown)
    assert drawn.right[0][0] == right[first] and max(len(drawn.right), *map(len, drawn.right)) == 8
    assert drawn.theirs[shown[0]][shown[1]] == right[cell] + 1


def test_where_a_large_sheet_stands_among_others_is_said_first():
    right = torch.zeros(2, 9, 9)
    assert picture("x", changed(right, (1, 8, 8)), right, "a b").where == "sentence 1, from a 1, b 1"


def test_what_is_no_number_is_worse_than_any_number_and_is_left_blank():
    right = torch.zeros(2, 2)
    theirs = torch.tensor([[1e30, 0.0], [0.0, math.nan]])
    assert picture("x", theirs, right).cell == (1, 1) and picture("x", theirs, right).theirs[1] == [0.0, None]
    assert picture("x", theirs.masked_fill(theirs.isnan(), -math.inf), right).theirs[1] == [0.0, None]
    many = torch.stack([right + 5, right * math.nan])
    assert picture("x", many, torch.zeros(2, 2, 2)).where == "sentence 1"


def test_another_shape_is_said_and_the_first_sheet_of_each_drawn():
    theirs, right = torch.arange(24.0).view(2, 3, 4), torch.arange(240.0).view(20, 12)
    drawn = picture("scores", theirs, right, "query key")
    assert (
        drawn.axes == ("query", "key")
        and drawn.where == "yours is (2, 3, 4), the right one (20, 12)"
        and drawn.cell is None
    )
    assert drawn.theirs == theirs[0].tolist() and drawn.right == right[:8, :8].tolist()
    assert picture("scores", theirs[0, 0], right).theirs == [[0.0, 1.0, 2.0, 3.0]]


def test_what_is_no_tensor_of_numbers_has_no_picture():
    real = torch.zeros(2)
    assert picture("x", [1.0], real) is None and picture("x", real, None) is None
    assert picture("x", torch.zeros(2, dtype=torch.complex64), real) is None

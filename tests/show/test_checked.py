"""What a check says, drawn: beside each other where there is room, escaped in a notebook, never wider than asked."""

import dataclasses

import pytest
from rich.cells import cell_len

from glassformer.learn.result import Picture, Result

PICTURE = Picture(
    "weights", "sentence 0", ("query", "key"), [[0.5, 0.5], [None, 12345.0]], [[0.25, 0.75], [0.0, 1.0]], (1, 1)
)
WRONG = Result("attention", False, "wrong", "no: <b>1.00</b>.", "weights", "a name", about="2 words", picture=PICTURE)


def drawn(result, capsys, width=100):
    result.show(width=width, color=False)
    return capsys.readouterr().out


def test_theirs_stands_beside_the_right_one(capsys):
    out = drawn(WRONG, capsys)
    assert "first wrong: weights · a name" in out and "rows query, columns key" in out
    row = next(line for line in out.splitlines() if "0.75" in line)
    assert row.index("0.50") < row.index("0.25")
    assert "[ 1e+04" in out or "[12345" in out
    assert "–" in out


def test_in_a_narrow_terminal_they_stand_below_each_other(capsys):
    out = drawn(WRONG, capsys, 40)
    assert all(cell_len(line) <= 40 for line in out.splitlines())
    assert out.index("yours") < out.index("right")


@pytest.mark.parametrize("width", [40, 80, 132])
def test_it_is_never_wider_than_asked(capsys, width):
    wide = dataclasses.replace(PICTURE, theirs=[[0.1] * 8] * 8, right=[[0.2] * 8] * 8, cell=(0, 0))
    long = dataclasses.replace(WRONG, picture=wide, message="word " * 60, printed="x" * 500)
    assert all(cell_len(line) <= max(width, 70) for line in drawn(long, capsys, width).splitlines())


def test_what_was_printed_acts_on_nothing(capsys):
    out = drawn(dataclasses.replace(WRONG, printed="\x1b[2Jgone\x07"), capsys)
    assert "\x1b" not in out and "\x07" not in out and "gone" in out


def test_a_notebook_gets_the_same_and_nothing_of_it_acts():
    result = dataclasses.replace(WRONG, printed="<script>alert(1)</script>\nsecond")
    html = result._repr_html_()
    assert "&lt;script&gt;" in html and "<script" not in html and "<b>1.00" not in html
    assert html.count("<table") == 2 and "outline" in html and html.count("<tr>") == 4


def test_passed_and_stopped_have_no_picture(capsys):
    passed = Result("attention", True, "passed", "Right.", remark="a remark")
    stopped = Result("attention", False, "stopped", "line 3: x: no")
    assert "passed" in drawn(passed, capsys) and "did not run to its end" in drawn(stopped, capsys)
    assert "a remark" in passed._repr_html_() and "<table" not in stopped._repr_html_()

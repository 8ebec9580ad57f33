"""What a check says, drawn: beside each other where there is room, escaped in a notebook, never wider than asked."""

import dataclasses
import re

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


def test_in_a_notebook_what_would_act_on_a_reader_is_made_visible():
    """Right to left and control characters too, in each text that comes from outside."""
    odd = dataclasses.replace(WRONG, message="a\u202eb", remark="c\x1bd", printed="e\u200bf")
    html = odd._repr_html_()
    assert all(shown in html for shown in ("a\\u202eb", "c␛d", "e\\u200bf"))
    assert not re.search("[\x00-\x08\x0b-\x1f\u200b-\u200f\u202a-\u202e]", html)


def test_in_a_notebook_a_cell_is_the_darker_the_larger_it_is_and_its_colour_is_its_sign():
    cells = [[2.0, -4.0], [None, 0.0]]
    html = dataclasses.replace(WRONG, picture=dataclasses.replace(PICTURE, theirs=cells, right=cells))._repr_html_()
    shades = re.findall(r"background:rgba\((\d+),90,(\d+),([\d.]+)\)'>([^<]*)<", html)
    blue, orange = ("0", "200"), ("200", "0")
    wanted = [(*blue, 0.325, "2.00"), (*orange, 0.65, "−4.00"), (*blue, 0.0, "–"), (*blue, 0.0, "0.00")]
    assert len(shades) == 8
    for (red, blueness, share, text), (*colour, expected, number) in zip(shades, wanted * 2, strict=True):
        assert [red, blueness] == colour and text == number and float(share) == pytest.approx(expected, abs=0.006)


def test_right_and_wrong_have_colours_of_their_own(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    colours = set()
    for passed in (True, False):
        result = Result("attention", passed, "passed" if passed else "wrong", "the message")
        result.show(width=80)
        (line,) = (each for each in capsys.readouterr().out.splitlines() if "the message" in each)
        colours.add(re.search("\x1b\\[[0-9;]*m", line)[0])
        colours.add(re.search("color:(#[0-9a-f]+)", result._repr_html_())[1])
        assert result._repr_html_().count("<p") == 2  # no empty line where there is no remark
    assert len(colours) == 4

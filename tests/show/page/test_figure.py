"""Figures as SVG and PNG with caption and badge, tables as CSV: what leaves the page."""

import base64
import csv
import io
import struct
import zlib
from xml.etree import ElementTree

import pytest

from tests.show.page.modules import opened, run

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<script>alert("1")</script>'
MATRIX = """
const { matrixFigure, barsFigure, toSvg, toCanvas, toCsv } = await import("/base/figure.js");
const names = given.names;
const share = (i, j) => (given.both ? (i - j) / names.length : (i + j) / (2 * names.length));
const label = (k) => names[k];
const size = { rows: names.length, columns: names.length, both: given.both };
const matrix = { ...size, rowLabel: label, columnLabel: label, share,
  text: (i, j) => `${i}.${j}`, speak: (i, j) => `${names[i]} to ${names[j]}`,
  mark: (i, j) => (j > i && given.causal ? "forbidden" : "") };
const said = { title: given.title ?? "title", caption: "what it shows", badge: "causal (zero, log-odds, n = 1)" };
const figure = matrixFigure(matrix, { ...said, cursor: given.cursor ?? [0, 0] });
"""


@pytest.fixture(scope="module")
def page():
    with opened() as page:
        yield page


def drawn(page, **given):
    return ElementTree.fromstring(run(page, MATRIX + "return JSON.stringify(toSvg(figure));", given))


def words(svg):
    return ["".join(text.itertext()) for text in svg.iter(f"{SVG}text")]


def test_a_figure_says_what_it_shows_and_what_kind_of_figure_it_is(page):
    svg = drawn(page, names=["good", "food"], both=False)
    assert {"title", "what it shows", "causal (zero, log-odds, n = 1)"} <= set(words(svg))
    assert svg.find(f"{SVG}title").text == "title"
    assert svg.find(f"{SVG}desc").text == "what it shows causal (zero, log-odds, n = 1)"
    assert svg.get("width") and svg.get("role") == "img"


def test_each_cell_has_its_number_its_colour_and_its_name(page):
    svg = drawn(page, names=["a", "b", "c"], both=True)
    cells = [rect for rect in svg.iter(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]
    assert len(cells) == 9 and {f"{i}.{j}" for i in range(3) for j in range(3)} <= set(words(svg))
    assert [cells[0].get("fill"), cells[0][0].text] == ["rgb(255 255 255)", "a to a"]  # zero is the paper
    red = [int(cell.get("fill")[4:].split()[0]) for cell in cells]
    assert red[1] > red[3]  # below zero is orange, above it blue


def test_what_may_not_be_looked_at_is_a_cross_and_no_number(page):
    svg = drawn(page, names=["a", "b"], both=False, causal=True)
    assert words(svg).count("×") == 1 and "0.1" not in words(svg)


def test_of_a_large_matrix_the_part_around_the_cursor_is_drawn_and_the_rest_counted(page):
    names = [f"p{k}" for k in range(200)]
    svg = drawn(page, names=names, both=False, cursor=[150, 10])
    assert "p150" in words(svg) and "p40" not in [word for word in words(svg)[:96]]
    assert any("Shown: 96 × 96 of 200 × 200" in word for word in words(svg))


def test_labels_made_of_markup_stay_text(page):
    svg = drawn(page, names=[HOSTILE, "\u202egood\u200b"], both=False, title=HOSTILE)
    assert not list(svg.iter(f"{SVG}script")) and HOSTILE in words(svg)
    assert "\\u202egood\\u200b"[:12] in "".join(words(svg)) and "\u202e" not in "".join(words(svg))


def test_the_same_figure_as_png_is_twice_as_wide_and_not_empty(page):
    size = run(
        page, MATRIX + "return JSON.stringify([figure.width, figure.height]);", {"names": ["a", "b"], "both": False}
    )
    url = run(
        page, MATRIX + "return JSON.stringify(toCanvas(figure).toDataURL());", {"names": ["a", "b"], "both": False}
    )
    png = base64.b64decode(url.split(",", 1)[1])
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert list(struct.unpack(">II", png[16:24])) == [2 * each for each in size]
    raw = zlib.decompress(b"".join(chunks(png, b"IDAT")))
    assert len(set(raw)) > 20  # colours and letters


def chunks(png, kind):
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == kind:
            yield png[at + 8 : at + 8 + length]
        at += 12 + length


def test_bars_stand_on_either_side_of_zero_and_say_their_number(page):
    body = 'return JSON.stringify(toSvg(barsFigure([["not", 8.07], ["but", -2]], said)));'
    svg = ElementTree.fromstring(run(page, MATRIX + body, {"names": ["a"], "both": False}))
    above, below = [rect for rect in svg.iter(f"{SVG}rect") if rect.get("x")]
    assert float(above.get("x")) == pytest.approx(float(below.get("x")) + float(below.get("width")))
    assert float(above.get("width")) == pytest.approx(float(below.get("width")) * 8.07 / 2, abs=0.05)
    assert {"+8.07", "−2.00"} <= set(words(svg))


def test_a_table_can_be_read_back_and_starts_no_formula(page):
    rows = [["name", "value"], ['a "b", c', 1.5], ["=SUM(A1)", None], ["two\nlines", -2]]
    text = run(
        page, MATRIX + "return JSON.stringify(toCsv(given.rows));", {"names": ["a"], "both": False, "rows": rows}
    )
    read = list(csv.reader(io.StringIO(text)))
    assert read == [["name", "value"], ['a "b", c', "1.5"], ["'=SUM(A1)", ""], ["two\nlines", "-2"]]

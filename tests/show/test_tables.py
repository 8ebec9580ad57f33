"""Sheets, worked sums, before and after, two sentences: the numbers on the screen are the data."""

import dataclasses
import re
from itertools import pairwise

import pytest

from glassformer.explain.answers import Metric
from glassformer.explain.sheet import Sheet
from glassformer.explain.sums import Part
from glassformer.explain.worked import Worked
from glassformer.show import tables
from glassformer.show.text import SHADES, power, share, signed, times
from tests import made
from tests.show.conftest import HOSTILE, too_wide

METRIC = Metric("log-odds", "positive", "logits[1]", made.TWO, 0.25)


@pytest.fixture
def x():
    return made.reader().explain(made.SENTENCE, beside=())


def numbers(line):
    return re.findall(r"[+−]?\d*\.\d+|~0", line)


def test_a_head_is_its_weights_and_below_them_its_effects(x, drawn):
    sheet = x.sheet("L1.H2")
    lines = drawn(sheet, tables.print_sheet, width=100)
    rows = [line for line in lines if re.match(r"  \d ", line) and numbers(line)]
    tens = power(max(abs(v) for row in sheet.effects for v in row))
    assert len(rows) == 10
    for i in range(5):
        assert rows[i].split()[:2] == rows[i + 5].split()[:2] == [str(i), x.words[i]]
        assert numbers(rows[i]) == [share(v).strip() for v in sheet.values[i]]
        assert numbers(rows[i + 5]) == [signed(v * 10**tens) for v in sheet.effects[i]]
    assert "measured" in "\n".join(lines) and times(tens) in "\n".join(lines)


def test_the_largest_is_the_darkest(x, drawn):
    sheet = x.sheet("L1.H2.scaled")
    lines = [line for line in drawn(sheet, tables.print_sheet, width=100) if re.match(r"  \d ", line)][:5]
    at = max(range(25), key=lambda k: abs(sheet.values[k // 5][k % 5]))
    assert lines[at // 5].split(signed(sheet.values[at // 5][at % 5]))[1][0] == SHADES[4]


def test_one_row_of_weights_is_shown_as_weights(x, drawn):
    out = "\n".join(drawn(x.sheet("L1.H2.weights[3]"), tables.print_sheet, width=80))
    assert share(x["L1.H2.weights[3,1]"].item()).strip() in out and "+0." not in out


@pytest.mark.parametrize(("width", "wide"), [(200, 14), (60, 9), (46, 7)])
def test_each_column_ends_below_its_name_and_is_no_wider_than_it_needs(x, drawn, width, wide):
    """14 columns for "1 restaurant"; in less room as many as there are, down to what a number takes."""
    lines = drawn(x.sheet("L1.H2"), tables.print_sheet, width=width)
    title = next(line for line in lines if "this " in line)
    row = next(line for line in lines if line.startswith("  0 this"))
    ends = [found.end() for found in re.finditer(r"\.\d\d", row)]
    assert [b - a for a, b in pairwise(ends)] == [wide] * (len(ends) - 1)
    assert all(title[end] != " " and not title[end + 1 : end + 2].strip() for end in ends)  # above the shade
    assert len(ends) == (5 if width > 50 else 4)


def test_names_lose_their_numbers_only_where_both_do_not_fit(x, drawn):
    for room, names in ((5 * 14, [f"{k} {word}" for k, word in enumerate(x.words)]), (5 * 14 - 1, x.words)):
        lines = drawn(x.sheet("L1.H2"), tables.print_sheet, width=len("  4 restaurant  ") - 1 + room)
        title = next(line for line in lines if "this " in line)
        assert re.split("  +", title.strip()) == names


def test_columns_that_do_not_fit_are_counted(x, drawn):
    lines = drawn(x.sheet("L1.stream"), tables.print_sheet, width=60)
    titles = next(line for line in lines if line.split()[:2] == ["0", "1"]).split()
    assert titles == [str(k) for k in range(len(titles))] and 1 < len(titles) < 12
    assert f"… {12 - len(titles)} of 12 columns do not fit" in " ".join(lines)


@pytest.mark.parametrize("value", [0.0, 1e-9, 99.99, -99.99, 123.456, -1234.5, 98765.4, -1e7, 1e30])
def test_a_number_of_any_size_keeps_its_column(drawn, value):
    sheet = Sheet("L0.stream", "x", ["a", "b"], ["0", "1"], [[value, 1.0], [1.0, value]], METRIC)
    rows = [line for line in drawn(sheet, tables.print_sheet, width=80) if line.startswith(("  0 a", "  1 b"))]
    assert len({len(row) for row in rows}) == 1
    worked = Worked(
        "logits[0]", "", [Part("p", ["a", "b", "c", "d"], [("r", [value] * 4), ("s", [1.0] * 4)], "= 1")], value, 1
    )
    for width in (40, 80):
        lines = drawn(worked, tables.print_worked, width=width)
        assert not too_wide(lines, width)
        assert len({len(line) for line in lines if line.startswith(("  r ", "  s "))}) == 1


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("address", ["L1.H2", "L1.stream", "L0.H1.q", "logits"])
def test_tsv_parses_back_to_the_very_numbers(text, address):
    x = made.reader().explain(HOSTILE[text], beside=())
    sheet = x.sheet(address)
    head, *rows = (line.split("\t") for line in tables.tsv_sheet(sheet).split("\n"))
    assert head == ["row", "row_name", "column", "column_name", "value", "change_when_cut"][: len(head)]
    assert len(rows) == len(sheet.rows) * len(sheet.columns) and {len(row) for row in rows} == {len(head)}
    values, effects = x[address].reshape(len(sheet.rows), -1), sheet.effects
    for i, _, j, _, value, *change in rows:
        assert values.new_tensor(float(value)) == values[int(i), int(j)]
        assert [float(each) for each in change] == ([effects[int(i)][int(j)]] if effects else [])


def test_a_sum_is_shown_product_by_product(x, drawn):
    worked = x.why("L1.H2.weights[4,3]")
    out = "\n".join(drawn(worked, tables.print_worked, width=100))
    for part in worked.parts:
        for _, row in part.rows:
            for value in row:
                assert f"{value:.6f}".replace("-", "−") in out
        assert part.result in out
    assert f"recomputed here {worked.recomputed:.7f} · model {worked.model:.7f}" in out
    assert "computed of L1.H2.q[4], L1.H2.k[3]" in out


def test_a_long_sum_stands_in_several_columns_and_loses_nothing(x, drawn):
    worked = x.why("L1.mlp.out[2,5]")
    for width in (80, 200):
        out = "\n".join(drawn(worked, tables.print_worked, width=width))
        assert all(f"{value:.6f}".replace("-", "−") in out for _, row in worked.parts[0].rows for value in row)


@pytest.mark.parametrize(("width", "side"), [(80, 1), (130, 2), (200, 3)])
def test_a_long_sum_is_read_down_each_column(x, drawn, width, side):
    worked = x.why("L1.mlp.out[2,5]")
    lines = drawn(worked, tables.print_worked, width=width)
    names = [name for name, _ in worked.parts[0].rows]
    tall = -(-len(names) // side)
    start = next(k for k, line in enumerate(lines) if line.split()[:1] == ["x"])
    found = [re.findall(r"(?<!\S)(\d+)(?= )", line) for line in lines[start + 1 : start + 1 + tall]]
    assert lines[start].split() == [*worked.parts[0].columns] * side
    assert found == [names[k::tall] for k in range(tall)]
    assert lines[start + 1 + tall].strip() == worked.parts[0].result


def test_before_and_after_are_the_data(x, drawn):
    result = x.off("L1.H2")
    out = "\n".join(drawn(result, tables.print_what_if, width=80))
    assert signed(result.before) in out and signed(result.after) in out and f"change  {signed(result.change)}:" in out
    assert ("turns round" in out) == result.flips
    mean = sum(abs(odds - result.before) for odds in result.controls.values()) / 5
    assert f"n = 5, mean |change| {mean:.2f}" in out
    for name, odds in result.controls.items():
        assert re.search(rf"{re.escape(name)} +{re.escape(signed(odds - result.before))}", out)


def test_two_sentences_stand_word_beside_word(x, drawn):
    result = x.against("this restaurant was terrible")
    lines = drawn(result, tables.print_against, width=100)
    for left, right in result.rows:
        (line,) = (each for each in lines if each.startswith(f"  {left[0]} "))
        expected = [signed(left[1]), *([signed(right[1])] if right else [])]
        assert numbers(line) == expected and ("·" in line) == (right is None)


def test_controls_that_change_as_much_are_counted_and_only_the_largest_are_listed(x, drawn):
    result = x.off("L1.H2")
    controls = {f"head {k}": result.before + result.change * k / 20 for k in range(-30, 1)}
    out = drawn(dataclasses.replace(result, controls=controls), tables.print_what_if, width=100)
    assert "11 of them change as much or more" in " ".join(" ".join(out).split())  # the one that is just as large, too
    listed = [re.match(r"  head (-\d+) ", line) for line in out]
    assert [int(found[1]) for found in listed if found] == list(range(-30, -30 + tables.MOST_CONTROLS))
    assert f"… {31 - tables.MOST_CONTROLS} change less" in "\n".join(out)


def test_without_a_control_it_says_that_there_is_none(x, drawn):
    result = x.what_if(x.choose_head("L1.H2"), x.choose_without("scaling"))
    out = "\n".join(drawn(result, tables.print_what_if, width=100))
    assert "no control" in out and "control: the same" not in out
    assert "no control" not in "\n".join(drawn(x.off("L1.H2"), tables.print_what_if, width=100))


def test_what_was_not_measured_says_so(drawn, x):
    result = x.against("good")
    unmeasured = type(result)(result.model, result.answers, [(("good", None), ("good", 0.5))], METRIC)
    assert "not measured" in "\n".join(drawn(unmeasured, tables.print_against, width=80))

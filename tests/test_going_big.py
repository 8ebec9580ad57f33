"""docs/going-big.md says what its script prints: sums and counted bytes exactly, what an allocator held nearly."""

import re

import pytest
from docs import going_big

PAGE = going_big.PAGE.read_text(encoding="utf-8")
EXACT = ["fits", "matrix", "lengths", "counted", "weights", "remembered"]
NUMBER = re.compile(r"-?[\d,]+(?:\.\d+)?(?:e-?\d+)?")


def on_the_page(name):
    return re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)[1]


def cells(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]


def numbers(text):
    return [float(each.replace(",", "")) for each in NUMBER.findall(text)]


@pytest.mark.parametrize("name", [name for name in EXACT if name != "matrix"])
def test_the_page_says_what_is_printed(name):
    assert going_big.TABLES[name]() == on_the_page(name), "run `python docs/going_big.py --write`"


def test_the_matrix_is_kept_by_the_definition_and_not_by_the_kernel():
    now, told = cells(going_big.matrix()), cells(on_the_page("matrix"))
    assert [row[:2] for row in now] == [row[:2] for row in told]
    for row, before in zip(now[2:], told[2:], strict=True):
        assert numbers(row[2]) == pytest.approx(numbers(before[2]), rel=0.05)


def test_the_ways_save_what_the_page_says():
    now, told = cells(going_big.ways()), cells(on_the_page("ways"))
    assert [row[0] for row in now] == [row[0] for row in told] == ["way", "---", *going_big.WAYS]
    for row, before in zip(now[2:], told[2:], strict=True):
        assert numbers(row[1]) == pytest.approx(numbers(before[1]), rel=0.01), row[0]
        assert numbers(row[2]) == pytest.approx(numbers(before[2]), rel=0.05), row[0]
        assert numbers(row[3])[0] == pytest.approx(numbers(before[3])[0], rel=2, abs=1e-6), row[0]


def test_small_gradients_are_lost_as_the_page_says():
    assert numbers(going_big.underflow()) == pytest.approx(numbers(on_the_page("underflow")), abs=0.5)


def test_the_times_are_of_the_same_ways():
    told = cells(on_the_page("times"))
    assert [row[0] for row in told[2:]] == list(going_big.WAYS) and float(told[2][1]) == 1


def test_the_code_runs():
    given: dict = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(blocks) == 5
    for code in blocks:
        exec(compile(code, str(going_big.PAGE), "exec"), given)
    assert given["one"] == 64_000_000


def test_the_figures_in_the_text():
    """206 MB of log p, and where the matrices' work crosses the others'."""
    gpt2 = going_big.GPT2
    assert going_big.mb(going_big.memory.predicted(gpt2, 50_257)) == "205.9"
    assert going_big.memory.crossings(gpt2.width, gpt2.hidden) == (3072, 4608)
    assert sum(going_big.memory.learning(1).values()) == 16
    assert sum(going_big.memory.learning(1, averaged=True).values()) == 20


def test_a_table_without_a_place_is_an_error():
    assert going_big.placed("<!-- a -->\nold\n<!-- end -->", "a", "new") == "<!-- a -->\nnew\n<!-- end -->"
    with pytest.raises(ValueError, match="no place <!-- b -->"):
        going_big.placed("<!-- a -->\n<!-- end -->", "b", "new")

"""Mutants made by machine from the solutions: every one is rejected but those that a committed table says are right."""

import re
import tomllib
from pathlib import Path

import pytest

from glassformer.learn import bank, kept, order
from glassformer.learn.check import check
from tests.learn.mutants import judged, loaded, mutants, passes, row

HERE = Path(__file__).parent
SURVIVORS = tomllib.loads((HERE / "survivors.toml").read_text("utf-8"))
PUBLISHED = (HERE.parents[1] / "docs" / "learning.md").read_text("utf-8").splitlines()
NAMES = [entry.name for entry in order.there()]
MANY_RIGHT = {"masked-batch": 6}  # half of its names are there for their shape, and a bound of a chance is never met


@pytest.mark.parametrize("name", NAMES)
def test_every_mutant_is_rejected_but_those_that_are_right(name):
    results = judged(name)
    alive = [what for what, passed in results if passed]
    assert sorted(alive) == sorted(SURVIVORS[name])
    assert len(results) >= 7  # of a solution of one line there are few
    assert len(alive) <= max(2, 0.06 * len(results), MANY_RIGHT.get(name, 0))
    assert row(name, results) in PUBLISHED, "docs/learning.md has another row: python -m tests.learn.mutants"


def test_every_exercise_has_its_list_and_every_survivor_a_reason():
    assert list(SURVIVORS) == NAMES
    assert all(len(reason.split()) > 3 for rows in SURVIVORS.values() for reason in rows.values())


def test_of_all_mutants_at_least_95_of_100_are_rejected():
    """Of the published rows, each of which the first test holds; the sum stands below them."""
    found = [re.fullmatch(r"\| ([a-z-]+) \| (\d+) \| (\d+) \|", line) for line in PUBLISHED]
    rows = [(match[1], int(match[2]), int(match[3])) for match in found if match]
    assert [name for name, _, _ in rows] == NAMES
    rejected, every = (sum(each[k] for each in rows) for k in (1, 2))
    assert every > 1000 and rejected >= 0.95 * every
    assert f"| **all** | **{rejected}** | **{every}** |" in PUBLISHED
    assert every - rejected == sum(map(len, SURVIVORS.values()))


@pytest.mark.parametrize("name", ["padding", "dot-product"])
def test_the_short_way_says_what_the_checker_says(name):
    cases = kept.cases(bank.load(name), 0)
    for what, text in mutants(order.entry(name).solution.read_text("utf-8")):
        function = loaded(name, text)
        assert passes(function, name, cases) == (function is not None and check(function, name).passed), what


def test_a_mutant_that_never_ends_is_stopped_and_one_that_does_not_load_is_rejected():
    cases = bank.load("dot-product").cases(0)
    endless = "def dot_product(a, b):\n    while True:\n        pass\n"
    assert not passes(loaded("dot-product", endless), "dot-product", cases)
    assert loaded("dot-product", "raise ValueError") is None and not passes(None, "dot-product", cases)


def test_a_mutant_is_one_change_and_each_is_another():
    made = list(mutants("def f(x, y):\n    z = x * y - 1\n    return z.softmax(dim=-1)\n"))
    whats, texts = zip(*made, strict=True)
    assert len(set(texts)) == len(texts) >= 10 and len(set(whats)) == len(whats)
    for wanted in ("x / y - 1", "x * y + 1", "softmax(dim=-2)", "return z\n", "y * y - 1", "softmax()"):
        assert any(wanted in text + "\n" for text in texts), wanted
    assert "2:8 x → y" in whats

"""Mutants made by machine from the solutions: every one is rejected but those that a committed table says are right."""

import tomllib
from pathlib import Path

import pytest

from tests.learn.mutants import judged, mutants

SURVIVORS = tomllib.loads((Path(__file__).parent / "survivors.toml").read_text("utf-8"))


@pytest.mark.parametrize("name", SURVIVORS)
def test_every_mutant_is_rejected_but_those_that_are_right(name):
    results = judged(name)
    alive = {what for what, result in results if result is not None and result.passed}
    assert alive == set(SURVIVORS[name])
    assert len(results) >= 7 and len(alive) <= max(2, 0.06 * len(results))  # of a solution of one line there are few


def test_a_mutant_is_one_change_and_each_is_another():
    made = list(mutants("def f(x, y):\n    z = x * y - 1\n    return z.softmax(dim=-1)\n"))
    texts = [text for _, text in made]
    assert len(set(texts)) == len(texts) >= 10
    for wanted in ("x / y - 1", "x * y + 1", "softmax(dim=-2)", "return z\n", "y * y - 1", "softmax()"):
        assert any(wanted in text + "\n" for text in texts), wanted

"""The worked number of an exercise is what its solution gives."""

import doctest
import importlib

import pytest

from glassformer.learn import order

WORKED = [entry for entry in order.there() if ">>>" in entry.exercise.read_text("utf-8")]


@pytest.mark.parametrize("entry", WORKED, ids=[entry.module for entry in WORKED])
def test_the_worked_number_is_what_the_solution_gives(entry):
    exercise = importlib.import_module(f"glassformer.learn.exercises.{entry.module}")
    solution = importlib.import_module(f"glassformer.learn.solutions.{entry.module}")
    named = vars(exercise) | vars(solution)
    examples = doctest.DocTestParser().get_doctest(exercise.__doc__ or "", named, entry.module, None, None)
    said = []
    results = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(examples, out=said.append)
    assert results.attempted >= 1
    assert not results.failed, "".join(said)

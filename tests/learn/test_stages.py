"""A stage is found whatever the order of its axes, in slices, or number by number; not where the numbers differ."""

import pytest
import torch

from glassformer.learn import bank
from glassformer.learn.stages import Made, first_wrong, right_ones

STAGE = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))

THERE = {
    "itself": [STAGE],
    "turned": [STAGE.permute(0, 2, 1, 3)],
    "on its side": [STAGE.mT],
    "folded into the batch": [STAGE.flatten(0, 1)],
    "with an axis of one": [STAGE[:, :, None]],
    "in float64": [STAGE.double()],
    "sentence by sentence": list(STAGE),
    "head by head": list(STAGE.unbind(1)),
    "row by row": list(STAGE.flatten(0, 2)),
    "column by column": list(STAGE.unbind(-1)),
    "number by number": list(STAGE.flatten()),
}


@pytest.mark.parametrize("how", THERE)
def test_a_stage_is_found(how):
    assert Made(THERE[how]).holds(STAGE)


@pytest.mark.parametrize("values", [[], [STAGE + 0.01], [STAGE[:1]], list(STAGE.flatten())[:-1], [STAGE.flatten(2)]])
def test_and_not_where_it_is_not(values):
    assert not Made(values).holds(STAGE)


def test_the_first_wrong_stage_is_the_first_that_nothing_right_stands_on():
    exercise = bank.load("multi-head")
    right = exercise.key(*exercise.cases(0)[2].arguments)
    everything = dict(right)
    assert first_wrong(exercise, right, Made(list(everything.values()))) == "output"
    assert first_wrong(exercise, right, Made([right["weights"]])) == "v"
    assert first_wrong(exercise, right, Made([right["weights"], right["v"]])) == "mixture"
    assert first_wrong(exercise, right, Made([])) == "q"


MORE = {
    "its rows turned into columns of one number each": (list(STAGE[0, 0].mT.flatten()[:, None]), STAGE[0, 0]),
    "a scalar": ([torch.tensor(3.0)], torch.tensor(3.0)),
    "infinity where it is": ([torch.tensor([1.0, -torch.inf])], torch.tensor([1.0, -torch.inf])),
    "half of the heads": (list(STAGE.unbind(1))[:2], STAGE),
    "whole numbers": ([torch.tensor([3, 4])], torch.tensor([3.0, 4.0])),
    "all rows under each other": ([STAGE.flatten(0, 2)], STAGE),
    "all rows beside each other": ([STAGE.permute(3, 1, 0, 2).flatten(1)], STAGE),
    "a little away": ([STAGE + 0.9e-4 * float(STAGE.abs().max())], STAGE),
}
LESS = {
    "one of three heads": (list(STAGE.unbind(1))[:1], STAGE),
    "further away": ([STAGE + 1.1e-4 * float(STAGE.abs().max())], STAGE),
    "infinity of another sign": ([torch.tensor([1.0, torch.inf])], torch.tensor([1.0, -torch.inf])),
    "a truth": ([torch.tensor([True, False])], torch.tensor([1.0, 0.0])),
    "a complex number": ([torch.tensor([1.0 + 0j])], torch.tensor([1.0 + 0j])),
    "nothing at all": ([torch.empty(0)], torch.empty(0)),
    "all but one of its columns": (list(STAGE.unbind(-1))[:-1], STAGE),
    "its numbers, one between two": ([torch.tensor(1.0), torch.tensor(2.0)], torch.tensor([1.0, 1.5])),
}


@pytest.mark.parametrize("what", MORE)
def test_what_is_there_in_another_form_is_found(what):
    values, stage = MORE[what]
    assert Made(values).holds(stage)


@pytest.mark.parametrize("what", LESS)
def test_what_is_only_like_it_is_not(what):
    values, stage = LESS[what]
    assert not Made(values).holds(stage)


def test_what_a_right_stage_was_computed_from_was_right_too():
    exercise = bank.load("multi-head")
    right = exercise.key(*exercise.cases(0)[2].arguments)
    needs = {stage.name: set(stage.needs) for stage in exercise.stages}
    behind = {"weights"}
    for _ in needs:
        behind |= set().union(*(needs[name] for name in behind))
    assert right_ones(exercise, right, Made([right["weights"]])) == behind != {"weights"}
    assert right_ones(exercise, right, Made([right[exercise.last]])) == set(), "the answer alone shows no way to it"

"""A stage is found whatever the order of its axes, in slices, or number by number; not where the numbers differ."""

import pytest
import torch

from glassformer.learn import bank
from glassformer.learn.stages import Made, first_wrong

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

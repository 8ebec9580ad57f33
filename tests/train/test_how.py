"""A recipe learned in parts, or in short numbers: the same gradient, and a run that knows how it was begun."""

import json
from dataclasses import replace

import pytest
import torch

from glassformer.errors import CheckpointError, UsageError
from glassformer.hub import store
from glassformer.train import run
from glassformer.train.big import in_parts
from glassformer.train.how import How
from glassformer.train.loop import loss_of, train, whole
from glassformer.train.tasks import begun, task_of
from tests.train import small

NAMES = ("reverse", "characters", "translate")
pytestmark = pytest.mark.usefixtures("brief")


def started(name, data, tmp_path, **changes):
    task = task_of(replace(small.RECIPES[name], **changes), data, 0, tmp_path)
    return task, begun(task)


def gradients(state, task, gradient):
    state.optimiser.zero_grad()
    loss = gradient(state, task).item()
    return loss, torch.cat([weight.grad.flatten().clone() for weight in state.model.parameters()])


# in parts


@pytest.mark.parametrize("count", [2, 3, 50])
@pytest.mark.parametrize("name", NAMES)
def test_in_parts_the_gradient_is_that_of_the_whole_batch(data, tmp_path, name, count):
    """In float64, to 1e-10 of its largest number; 50 parts are as many as there are rows."""
    task, state = started(name, data, tmp_path, dropout=0.0)
    state.model.double()
    for state.step in (0, 5):
        loss, right = gradients(state, task, whole)
        found, parts = gradients(state, task, in_parts(count))
        assert found == pytest.approx(loss, rel=1e-10)
        assert right.abs().max() > 1e-3 and (parts - right).abs().max() <= 1e-10 * right.abs().max()


@pytest.mark.parametrize("name", NAMES)
def test_one_part_is_the_batch_to_the_bit_dropout_too(data, tmp_path, name):
    task, state = started(name, data, tmp_path, dropout=0.3)
    loss, right = gradients(state, task, whole)
    found, same = gradients(state, task, in_parts(1))
    assert found == loss and torch.equal(right, same)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_dropped_is_of_the_seed_and_the_step_alone(data, tmp_path, name):
    task, state = started(name, data, tmp_path, dropout=0.3, accumulate=2)
    before = torch.random.get_rng_state()
    first, again = (gradients(state, task, task.gradient)[1] for _ in range(2))
    assert torch.equal(first, again) and torch.equal(torch.random.get_rng_state(), before)
    state.step = 1
    assert not torch.equal(gradients(state, task, task.gradient)[1], first)


def test_parts_that_hold_different_numbers_of_labels_weigh_as_many_as_they_hold(data, tmp_path):
    """A mean of means, the usual bug, is another gradient."""
    task, state = started("translate", data, tmp_path, dropout=0.0)
    one = task.batches[0][0]
    task.answers[one] = task.answers[one][:-1] * 3 + task.answers[one]
    state.model.double()
    _, right = gradients(state, task, whole)
    _, parts = gradients(state, task, in_parts(3))
    state.optimiser.zero_grad()
    for part in zip(*(tensor.tensor_split(3) for tensor in task.batch(0)), strict=True):
        (task.of(state.model, part) / 3).backward()
    means = torch.cat([weight.grad.flatten() for weight in state.model.parameters()])
    largest = right.abs().max()
    assert (parts - right).abs().max() <= 1e-10 * largest and (means - right).abs().max() > 0.01 * largest


# in short numbers


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_is_nearly_the_same_gradient_and_the_loss_keeps_four_bytes(data, tmp_path, name):
    task, state = started(name, data, tmp_path, dropout=0.0)
    short, _ = started(name, data, tmp_path, dropout=0.0, precision="bfloat16")
    plain, _ = started(name, data, tmp_path, dropout=0.0, precision="float32")
    loss, right = gradients(state, task, whole)
    assert loss_of(state, short, 0).dtype == torch.float32
    near, coarse = gradients(state, short, whole)
    assert gradients(state, plain, whole)[0] == loss
    assert near == pytest.approx(loss, rel=0.01) and near != loss
    assert 1e-5 < (coarse - right).norm() / right.norm() < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_both_together_learn(data, tmp_path, name):
    task, state = started(name, data, tmp_path, steps=120, rate=1e-2, accumulate=2, precision="bfloat16")
    losses = [step.loss for step in train(state, task, task.gradient)]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert all(weight.dtype == torch.float32 for weight in state.model.parameters())


# a run


PARTS, SHORT = How(accumulate=2), How(accumulate=2, precision="bfloat16")


@pytest.mark.parametrize("how", [PARTS, SHORT], ids=["parts", "short"])
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(tmp_path, capsys, how):
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    run.train("reverse", None, straight, how=how)
    assert run.train("reverse", None, stopped, steps=10, how=how) is None
    said = capsys.readouterr().err
    assert f"go on with: glassformer train reverse --out {stopped} --seeds 0 {' '.join(how.words)}\n" in said
    assert ("it may be slower than float32 on this processor" in said) is (how is SHORT)
    run.train("reverse", None, stopped, how=how)
    files = [out / "seed-0" / "model.safetensors" for out in (straight, stopped)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_card_and_the_result_say_so(tmp_path):
    card = store.card(run.train("reverse", None, tmp_path, how=SHORT))
    assert "- each batch in 2 parts (gradient accumulation)\n- matrices multiplied in bfloat16\n" in card
    assert "`glassformer train reverse --accumulate 2 --precision bfloat16 --seeds 0`" in card
    told = json.loads((tmp_path / "seed-0.json").read_text())["recipe"]
    assert (told["accumulate"], told["precision"]) == (2, "bfloat16")


OTHERWISE = [
    (How(), PARTS, "accumulate 1 there, 2 here"),
    (PARTS, How(), "accumulate 2 there, 1 here"),
    (PARTS, How(accumulate=4), "accumulate 2 there, 4 here"),
    (How(), How(precision="bfloat16"), "precision None there, bfloat16 here"),
    (SHORT, How(precision="float32"), "accumulate 2 there, 1 here, precision bfloat16 there, float32 here"),
]


@pytest.mark.parametrize(("began", "goes_on", "line"), OTHERWISE)
def test_a_run_goes_on_as_it_began(tmp_path, began, goes_on, line):
    repair = "choose another --out or delete it$"
    run.train("reverse", None, tmp_path, steps=2, how=began)
    with pytest.raises(UsageError, match=rf"unfinished run of another kind \({line}\); {repair}"):
        run.train("reverse", None, tmp_path, how=goes_on)
    assert run.train("reverse", None, tmp_path, how=began)
    with pytest.raises(CheckpointError, match=rf"belongs to another recipe \({line}\); {repair}"):
        run.train("reverse", None, tmp_path, how=goes_on)


def test_a_run_of_the_recipes_own_numbers_is_known_as_before(data, tmp_path):
    """So that a run which was begun before there were others goes on."""
    task, _ = started("reverse", data, tmp_path)
    assert not {"accumulate", "precision"} & json.loads(task.mark).keys() and task.gradient is None


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"accumulate": 0}, "--accumulate 0 is no number of parts; give 1"),
        ({"accumulate": -3}, "--accumulate -3 is no number of parts"),
        ({"precision": "float16"}, "--precision 'float16' is not known; choose float32 or bfloat16"),
    ],
)
def test_what_is_no_way_to_learn_is_said_at_once(asked, line):
    with pytest.raises(UsageError, match=line):
        How(**asked)


def test_a_classifier_and_a_small_batch_are_refused(tmp_path):
    with pytest.raises(UsageError, match="--accumulate 2 --precision bfloat16: in what numbers sentiment is learned"):
        run.train("sentiment", None, tmp_path, how=SHORT)
    with pytest.raises(UsageError, match="--accumulate 9: reverse has a batch of 8; give less"):
        run.train("reverse", None, tmp_path, how=How(accumulate=9))

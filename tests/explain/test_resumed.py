"""Run again from a layer on: the same numbers as from the beginning, in every kind of model."""

import pytest
import torch

from glassformer.explain.choices import heads_off, mlps_off, word_off
from glassformer.explain.switches import cut
from tests.explain.many import TRIALS

CLOSE = 1e-5  # the weights are large, and float32 sums in another order


@pytest.fixture(params=TRIALS)
def trial(request):
    return TRIALS[request.param]()


def test_rows_that_join_at_their_layer_are_those_that_ran_from_the_beginning(trial):
    switches = [
        *list(heads_off(trial, "uniform").values())[::-1],
        word_off(trial, trial.spoken[1], "mask"),
        *heads_off(trial, "mean").values(),
        *mlps_off(trial, "zero"),
        cut(trial.edges([(trial.spoken[0], trial.spoken[1])])),
    ]
    alone = [trial.after(switch).item() for switch in switches]
    assert trial.after_each(switches) == pytest.approx(alone, rel=1e-5, abs=CLOSE)
    assert len({round(each, 9) for each in alone}) > len(alone) / 2
    assert trial.after_each([]) == []


def test_only_layers_from_the_first_one_that_changes_are_run(trial):
    ran = []
    for layer, block in enumerate(trial.reader.model.layers):
        block.register_forward_hook(lambda module, args, out, layer=layer: ran.append((layer, len(out))))
    trial.tape, trial.before  # noqa: B018
    ran.clear()
    trial.after_each([heads[1] for heads in heads_off(trial, "zero").items()])
    counts = [sum(layer == k for layer, _ in trial.heads) for k in range(2)]
    assert ran == [(0, counts[0]), (1, sum(counts))]
    ran.clear()
    cuts = torch.eye(trial.ids.size(1), dtype=torch.bool).repeat(2, 1, 1)
    trial.after_cuts(cuts, layer=1, head=0)
    assert ran == [(1, 2)]


def test_batches_are_split_and_the_order_is_kept(trial, monkeypatch):
    switches = [*mlps_off(trial, "mean"), *heads_off(trial, "zero").values(), word_off(trial, trial.spoken[0], "mask")]
    whole = trial.after_each(switches)
    monkeypatch.setattr("glassformer.explain.trial.AT_ONCE", 2 * trial.ids.size(1))
    assert trial.rows <= 2
    assert trial.after_each(switches) == pytest.approx(whole, rel=1e-5, abs=CLOSE)


def test_the_model_behind_its_last_layer_gives_the_answer_again(trial):
    streams = torch.cat([trial.streams()[-1]] * 3)
    assert trial.ended(streams).tolist() == pytest.approx([trial.before] * 3, rel=1e-6, abs=CLOSE)


def test_the_model_itself_is_left_alone(trial):
    parts = dict(trial.reader.model.named_modules())
    trial.after_each(list(heads_off(trial, "zero").values()))
    assert dict(trial.reader.model.named_modules()) == parts
    assert trial.after().item() == pytest.approx(trial.before, rel=1e-6, abs=CLOSE)

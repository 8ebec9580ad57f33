"""Run again from a layer on: the same numbers as from the beginning, in every kind of model."""

import pytest
import torch

from glassformer.explain.choices import heads_off, mlps_off, word_off
from glassformer.explain.switches import cut
from tests.explain.many import TRIALS, begun

CLOSE = 1e-5  # the weights are large, and float32 sums in another order


@pytest.fixture(params=TRIALS)
def trial(request):
    return begun(request.param)


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
    assert ran == [(0, counts[0]), (1, counts[1]), (1, counts[0])]  # where they are off; then behind them
    ran.clear()
    cuts = torch.eye(trial.ids.size(1), dtype=torch.bool).repeat(3, 1, 1)
    trial.after_cuts(cuts, [(1, 0), (0, 1), (0, None)])
    assert ran == [(0, 2), (1, 1), (1, 2)]  # for the positions that look; then behind them
    ran.clear()
    trial.after_cuts(cuts)
    assert ran == [(0, 3), (1, 3)]


def test_cuts_are_those_of_the_whole_model(trial):
    """Only the positions that look are computed again in the first layer: of one word, of several, of none."""
    n = trial.ids.size(1)
    torch.manual_seed(1)
    cuts = torch.cat([torch.rand(5, n, n) < 0.2, torch.zeros(1, n, n), torch.eye(n)[None], torch.rand(3, n, n) < 0.02])
    cuts = cuts.bool()
    places = [(1, 0), (0, 1), (0, None), (1, None), (0, 0), (1, 1), (0, 1), (1, 0), (0, 0), (1, 1)]
    alone = [trial.after(cut(each[None], "", *at)).item() for each, at in zip(cuts, places, strict=True)]
    assert trial.after_cuts(cuts, places).tolist() == pytest.approx(alone, rel=1e-5, abs=CLOSE)
    everywhere = [trial.after(cut(each[None])).item() for each in cuts]
    assert trial.after_cuts(cuts).tolist() == pytest.approx(everywhere, rel=1e-5, abs=CLOSE)
    assert trial.after_cuts(cuts[:0]).tolist() == []


def test_cuts_on_top_of_a_switch_are_both(trial):
    (off,) = [switch for at, switch in heads_off(trial, "zero").items() if at == (0, 1)]
    edges = trial.edges([(trial.spoken[0], trial.spoken[1])])
    switched = trial.switched(off)
    assert switched.after_cuts(edges).item() == pytest.approx(trial.after(off, cut(edges)).item(), abs=CLOSE)
    both = trial.after(off, cut(edges, "", 1, 0)).item()
    assert switched.after_cuts(edges, [(1, 0)]).item() == pytest.approx(both, abs=CLOSE)


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

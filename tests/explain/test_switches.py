"""Each switch against the forward pass written by hand, and against PyTorch's own layers with −∞ masks."""

from itertools import product

import pytest
import torch

from glassformer.explain import switches
from tests import made
from tests.explain import by_hand

CLOSE = 2e-5


@pytest.fixture
def ids(trial):
    return trial.ids[0]


@pytest.fixture
def edge(trial):
    """word 3 looks at word 1, which has two pieces: (i, j)"""
    return trial.edges([(3, 1)])


def test_the_two_oracles_agree_with_each_other_and_the_model(trial, model, ids):
    nothing = torch.zeros(2, 3, len(ids), len(ids), dtype=torch.bool)
    assert by_hand.answer(model, ids) == pytest.approx(by_hand.encoder(model, ids, nothing), abs=1e-10)
    assert trial.before == pytest.approx(by_hand.answer(model, ids), abs=CLOSE)


@pytest.mark.parametrize(
    ("layer", "head"), [(None, None), (0, None), (1, None), (0, 0), (1, 2), (None, 1)], ids=lambda at: str(at)
)
def test_a_cut_is_minus_infinity_in_the_masks_of_pytorch(trial, model, ids, edge, layer, head):
    forbidden = torch.zeros(2, 3, len(ids), len(ids), dtype=torch.bool)
    for each in product(range(2) if layer is None else [layer], range(3) if head is None else [head]):
        forbidden[each] = edge[0]
    everywhere = trial.after(switches.cut(edge, "edges cut", layer, head))
    after = (everywhere if layer is None else trial.after_cuts(edge, [(layer, head)])).item()
    assert after == pytest.approx(everywhere.item(), abs=CLOSE)
    assert after == pytest.approx(by_hand.encoder(model, ids, forbidden), abs=CLOSE)
    assert model.config.pool == "max" or abs(after - trial.before) > 1e-4  # not every cut moves a maximum


def off(replaced, layer, head):
    """Put `replaced(value)` in the place of one head of one layer."""

    def change(number, value):
        value = value.clone()
        if number == layer:
            value[head] = replaced(value[head])
        return value

    return change


@pytest.mark.parametrize(("layer", "head"), [(0, 0), (1, 2)])
def test_a_head_off_is_zeros_a_mean_or_a_uniform_mixture(trial, model, ids, layer, head):
    mean = torch.linspace(-1, 1, 4)
    by_baseline = {
        "zero": {"z": off(torch.zeros_like, layer, head)},
        "mean": {"z": off(lambda z: mean.double().expand_as(z), layer, head)},
        "uniform": {"weights": off(lambda w: torch.full_like(w, 1 / len(ids)), layer, head)},
    }
    answers = {}
    for baseline, change in by_baseline.items():
        switch = switches.head_off(layer, head, baseline, mean if baseline == "mean" else None)
        answers[baseline] = trial.after(switch).item()
        assert answers[baseline] == pytest.approx(by_hand.answer(model, ids, **change), abs=CLOSE)
        assert f"L{layer}.H{head}" in switch.name and baseline in switch.name
    assert len({round(value, 4) for value in answers.values()}) == 3


def test_without_scaling_positions_or_separate_heads(trial, model, ids):
    expected = {
        "scaling": by_hand.answer(model, ids, scaled=False),
        "positions": by_hand.answer(model, ids, places=False),
        "heads": by_hand.answer(model, ids, weights=lambda _, w: w.mean(0, keepdim=True).expand_as(w)),
    }
    assert set(expected) == set(switches.PARTS)
    for part, odds in expected.items():
        assert trial.after(switches.without(part, trial.head_width)).item() == pytest.approx(odds, abs=5e-5)


def test_switches_add_up(trial, model, ids, edge):
    """An edge cut, a head off and no positions, all at once."""

    def weights(layer, shares):
        shares = shares.masked_fill(edge[0], 0.0)
        shares = shares / shares.sum(-1, keepdim=True)
        return off(lambda w: (w > 0) / (w > 0).sum(-1, keepdim=True), 1, 1)(layer, shares)

    chosen = [switches.cut(edge), switches.head_off(1, 1, "uniform"), switches.without("positions", 4)]
    expected = by_hand.answer(model, ids, weights=weights, places=False)
    assert trial.after(*chosen).item() == pytest.approx(expected, abs=CLOSE)


def test_switches_of_the_same_sites_act_one_after_the_other(trial, edge):
    other = trial.edges([(0, 4)])
    both = trial.after(switches.cut(edge), switches.cut(other))
    assert both.item() == pytest.approx(trial.after(switches.cut(edge | other)).item(), abs=1e-6)


def test_a_word_that_may_look_at_nothing_gets_zeros_and_a_finite_answer():
    trial = made.trial("good")
    assert torch.isfinite(trial.after_cuts(trial.edges([(0, 0)]))).all()


def test_the_model_is_as_it_was_afterwards(trial, edge):
    before = trial.after().item()
    trial.after(switches.cut(edge), switches.without("heads", 4))
    assert trial.after().item() == before

"""Every head, MLP and word off: the numbers of `off`, one by one; what is estimated is near them."""

import pytest
import torch

from glassformer.explain import ablations
from glassformer.explain.choices import choose
from glassformer.explain.sides import by_layer
from glassformer.explain.whatif import what_if
from glassformer.models import heads
from tests import made
from tests.explain.many import TRIALS, begun

CLOSE = 1e-5


@pytest.fixture(params=TRIALS)
def trial(request):
    return begun(request.param)


@pytest.mark.parametrize("baseline", ["zero", "mean", "uniform"])
def test_every_head_off_is_each_head_off(trial, baseline):
    found = ablations.heads(trial, [baseline])
    alone = [what_if(trial, [choose(trial, f"off:L{k}.H{h}:{baseline}")]).change for k, h in trial.heads]
    assert found.changes == {baseline: pytest.approx(alone, abs=CLOSE)} and all(found.exact)
    assert by_layer(trial, alone) == [
        [change for change, (layer, _) in zip(alone, trial.heads, strict=True) if layer == k] for k in range(2)
    ]


def test_every_mlp_off_is_each_mlp_off(trial):
    found = ablations.mlps(trial, ["zero", "mean"])
    for baseline, changes in found.changes.items():
        alone = [what_if(trial, [choose(trial, f"off:L{k}.mlp:{baseline}")]).change for k in range(2)]
        assert changes == pytest.approx(alone, abs=CLOSE)
    assert found.exact == [True, True]


def test_heads_and_mlps_in_one_go_are_the_same(trial, monkeypatch):
    for exact in (trial.exact, 0):
        monkeypatch.setattr(trial, "exact", exact)
        alone = ablations.heads(trial, ["zero", "mean"]), ablations.mlps(trial, ["zero"])
        for found, each in zip(ablations.parts(trial, ["zero", "mean"], ["zero"]), alone, strict=True):
            assert found.exact == each.exact
            assert found.changes == {name: pytest.approx(own, abs=CLOSE) for name, own in each.changes.items()}


@pytest.mark.parametrize("how", ["mask", "delete", "unseen"])
def test_every_word_away_is_each_word_away(trial, how):
    found = ablations.words(trial, how)
    asked = trial.asked_about if how == "delete" else None
    measured = [k for k in trial.spoken if k != asked]
    assert [k for k, change in enumerate(found) if change is not None] == measured
    alone = [what_if(trial, [choose(trial, f"word:{k}:{how}")]).change for k in measured]
    assert [found[k] for k in measured] == pytest.approx(alone, abs=CLOSE)


def softened(trial):
    """Weights near zero, where a first-order estimate is good."""
    with torch.no_grad():
        for name, weight in trial.reader.model.named_parameters():
            if "attention.out" in name or "mlp.outward" in name:
                weight.mul_(0.01)
    return trial


@pytest.mark.parametrize("kind", ["post mean", "pre mean", "labels", "several labels", "mask", "two vectors", "pruned"])
def test_what_is_estimated_is_near_what_is_measured(kind, monkeypatch):
    trial = softened(TRIALS[kind]())
    exact = [ablations.heads(trial, ["zero", "mean", "uniform"]), ablations.mlps(trial, ["zero", "mean"])]
    monkeypatch.setattr(ablations, "LARGEST", 0)
    trial.__dict__["exact"] = 0
    rough = [ablations.heads(trial, ["zero", "mean", "uniform"]), ablations.mlps(trial, ["zero", "mean"])]
    for measured, estimated in zip(exact, rough, strict=True):
        assert not any(estimated.exact)
        for baseline, changes in measured.changes.items():
            largest = max(map(abs, changes))
            assert estimated.changes[baseline] == pytest.approx(changes, abs=0.15 * largest + 2e-6), baseline


def test_a_vectors_changes_are_estimated_to_second_order(monkeypatch):
    trial = softened(TRIALS["vector"]())
    exact = ablations.heads(trial, ["zero"]).changes["zero"]
    monkeypatch.setattr(ablations, "LARGEST", 0)
    trial.__dict__["exact"] = 0
    rough = ablations.heads(trial, ["zero"]).changes["zero"]
    assert all(each <= 0 for each in rough)
    assert sum(rough) == pytest.approx(sum(exact), rel=0.6)


def test_of_what_is_estimated_the_largest_are_measured(monkeypatch):
    trial = TRIALS["post mean"]()
    measured = ablations.heads(trial, ["zero", "mean"])
    monkeypatch.setattr(ablations, "LARGEST", 2)
    trial.__dict__["exact"] = 20
    found = ablations.heads(trial, ["zero", "mean"])
    assert sum(found.exact) == 2
    for baseline in ("zero", "mean"):
        for k, exact in enumerate(found.exact):
            same = found.changes[baseline][k] == pytest.approx(measured.changes[baseline][k], abs=CLOSE)
            assert same or not exact
    estimated = ablations._estimated_heads(trial, ["zero", "mean"])
    largest = sorted(range(6), key=lambda k: -max(abs(estimated["zero"][k]), abs(estimated["mean"][k])))[:2]
    assert sorted(largest) == [k for k, exact in enumerate(found.exact) if exact]


def test_one_word_cannot_be_deleted_and_a_bag_has_no_heads():
    assert ablations.words(made.trial("good"), "delete") == [None]
    bag = made.trial("the food was good", made.bag())
    assert ablations.heads(bag, ["zero"]).exact == [] and ablations.mlps(bag, ["zero"]).changes == {"zero": []}
    assert ablations.words(bag, "unseen") == [None] * 4
    alone = [what_if(bag, [choose(bag, f"word:{k}:delete")]).change for k in range(4)]
    assert ablations.words(bag, "delete") == pytest.approx(alone, abs=CLOSE)


def test_texts_without_a_word_are_batched_and_padded(monkeypatch):
    trial = made.bert_trial("it was not ca n't good", kind=heads.SequenceClassification)
    whole = ablations.words(trial, "delete")
    monkeypatch.setattr("glassformer.explain.trial.AT_ONCE", 2 * trial.ids.size(1))
    assert ablations.words(trial, "delete") == pytest.approx(whole, abs=CLOSE)

"""The loop yields, and does nothing else."""

import pytest
import torch

from glassformer.models.simple import BagConfig, BagOfWords, Classifier, ClassifierConfig
from glassformer.train.loop import Batch, State, train
from glassformer.train.recipes import Recipe

RECIPE = Recipe("tiny", "for tests", (), warmup=2, rate=0.05, dropout=0.3)
IDS = torch.tensor([[3, 4, 5], [4, 5, 6]])


def batch(step, **more):
    return Batch(IDS, IDS > 0, torch.tensor([0, 1]), **more)


def classifier():
    return Classifier(ClassifierConfig(9, width=8, heads=2, hidden=8, dropout=0.3))


def losses(batch, steps=6, seed=0):
    torch.manual_seed(0)
    return [step.loss for step in train(State(classifier(), RECIPE), batch, RECIPE, seed, steps)]


def test_steps_are_counted_from_one_and_the_loss_falls():
    state = State(BagOfWords(BagConfig(9)), RECIPE)
    steps = list(train(state, batch, RECIPE, 0, 30))
    assert [step.number for step in steps] == list(range(1, 31))
    assert steps[-1].loss < steps[0].loss / 2


def test_dropout_is_drawn_from_seed_and_step():
    assert losses(batch) == losses(batch)
    assert losses(batch)[0] != losses(batch, seed=1)[0]


def test_a_calm_batch_has_no_dropout():
    assert losses(lambda step: batch(step, calm=True), 1) == losses(lambda step: batch(step, calm=True), 1, seed=1)


def test_cut_edges_change_what_is_learned():
    cut = torch.zeros(2, 3, 3, dtype=torch.bool)
    calm = losses(lambda step: batch(step, calm=True), 1)
    assert losses(lambda step: batch(step, calm=True, cut=cut), 1) == pytest.approx(calm)
    cut[:, 2, 0] = True
    assert losses(lambda step: batch(step, calm=True, cut=cut), 1) != pytest.approx(calm, rel=1e-4)


def test_pieces_never_met_keep_no_weight():
    """Padding, the unknown piece and [MASK] have nothing to say in a bag of words."""
    state = State(BagOfWords(BagConfig(9)), Recipe("bag", "for tests", (), decay=0.0, bag=True))
    for _ in train(state, batch, RECIPE, 0, 5):
        pass
    assert state.average.get_parameter("weight.weight")[:3].abs().sum() == 0
    assert state.average.get_parameter("weight.weight")[3:7].abs().min() > 0

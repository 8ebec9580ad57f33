"""The loop yields, and does nothing else."""

import pytest
import torch

from glassformer.models.simple import BagConfig, BagOfWords, Classifier, ClassifierConfig
from glassformer.train.loop import Batch, State, classified, cosine, train
from glassformer.train.recipes import Recipe

RECIPE = Recipe("tiny", "for tests", (), warmup=2, rate=0.05, dropout=0.3)
IDS = torch.tensor([[3, 4, 5], [4, 5, 6]])


def batch(step, **more):
    return Batch(IDS, IDS > 0, torch.tensor([0, 1]), **more)


def classifier():
    return Classifier(ClassifierConfig(9, width=8, heads=2, hidden=8, dropout=0.3))


class Labels:
    """The least of a task: always the same two texts."""

    def __init__(self, total, batch=batch, seed=0, recipe=RECIPE):
        self.total, self.batch, self.seed, self.recipe = total, batch, seed, recipe

    def loss(self, model, step):
        return classified(model, self.batch(step), self.recipe.smoothing)

    def rate(self, step):
        return cosine(step, self.total, self.recipe.rate, self.recipe.warmup)


def losses(batch, steps=6, seed=0):
    torch.manual_seed(0)
    return [step.loss for step in train(State(classifier(), RECIPE), Labels(steps, batch, seed))]


def test_steps_are_counted_from_one_and_the_loss_falls():
    state = State(BagOfWords(BagConfig(9)), RECIPE)
    steps = list(train(state, Labels(30)))
    assert [step.number for step in steps] == list(range(1, 31))
    assert steps[-1].loss < steps[0].loss / 2


def test_the_steps_are_timed_and_nothing_is_said(capsys):
    state = State(classifier(), RECIPE)
    steps = list(train(state, Labels(4)))
    assert state.log.timed == 4 and state.log.curve == []
    assert state.log.seconds == pytest.approx(sum(step.seconds for step in steps)) and steps[0].seconds > 0
    assert capsys.readouterr() == ("", "")


def test_the_rate_rises_in_a_line_and_falls_to_nothing():
    rates = [cosine(step, 100, 0.5, 10) for step in range(101)]
    assert rates[0] == pytest.approx(0.05) and rates[50] == pytest.approx(0.25) and rates[100] == pytest.approx(0)
    assert max(rates) == rates[9] and rates[9:] == sorted(rates[9:], reverse=True)


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
    bag = Recipe("bag", "for tests", (), decay=0.0, bag=True)
    state = State(BagOfWords(BagConfig(9)), bag)
    for _ in train(state, Labels(5)):
        pass
    assert state.average.get_parameter("weight.weight")[:3].abs().sum() == 0
    assert state.average.get_parameter("weight.weight")[3:7].abs().min() > 0

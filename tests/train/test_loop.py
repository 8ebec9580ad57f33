"""The loop yields, and does nothing else; a step is what the papers say, beside the same sum in NumPy."""

import numpy as np
import pytest
import torch

from glassformer.models.simple import BagConfig, BagOfWords, Classifier, ClassifierConfig
from glassformer.train.loop import Batch, State, classified, cosine, drawn, train
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


# beside NumPy


def mean_surprise(logits, labels, smoothing):
    """Szegedy et al. 2016, section 7: what is right is (1 − ε) of the label and ε of all classes alike."""
    right = (1 - smoothing) * np.eye(logits.shape[1])[labels] + smoothing / logits.shape[1]
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return -(right * np.log(shares)).sum(1).mean()


@pytest.mark.parametrize("smoothing", [0.0, 0.05, 0.5])
def test_the_loss_of_labelled_texts_is_the_smoothed_surprise(smoothing):
    model = Classifier(ClassifierConfig(9, width=8, heads=2, hidden=8)).double()
    logits = model(IDS).detach().numpy()
    assert classified(model, batch(0), smoothing).item() == pytest.approx(mean_surprise(logits, [0, 1], smoothing))
    swapped = Batch(IDS, IDS > 0, torch.tensor([1, 0]))
    assert classified(model, swapped, smoothing).item() == pytest.approx(mean_surprise(logits, [1, 0], smoothing))


class Distance:
    """50 · |W x + b − y|², whose gradient is 100 (W x + b − y) times x and 1: too steep for one step."""

    seed, total = 0, 4
    x, y = torch.tensor([1.0, -2.0, 0.5]).double(), torch.tensor([3.0, -1.0]).double()

    def __init__(self, scale=50.0):
        self.scale = scale

    def loss(self, model, step):
        return self.scale * (model(self.x) - self.y).square().sum()

    def rate(self, step):
        return 0.1 / (step + 1)


def by_hand(weights, task, decays, first=0):
    """AdamW (Loshchilov and Hutter 2019) of a gradient of length 1 at most, and the running average of the weights."""
    average, m, v = ([np.array(w) for w in weights], *([np.zeros_like(w) for w in weights] for _ in "mv"))
    for k in range(1, task.total - first + 1):
        step = first + k - 1
        off = 2 * task.scale * (weights[0] @ task.x.numpy() + weights[1] - task.y.numpy())
        gradients = [np.outer(off, task.x), off]
        length = np.sqrt(sum((g**2).sum() for g in gradients))
        for i, gradient in enumerate(gradients):
            gradient = gradient / max(1.0, length)
            m[i], v[i] = 0.9 * m[i] + 0.1 * gradient, 0.98 * v[i] + 0.02 * gradient**2
            move = (m[i] / (1 - 0.9**k)) / (np.sqrt(v[i] / (1 - 0.98**k)) + 1e-8)
            weights[i] = weights[i] * (1 - task.rate(step) * decays[i]) - task.rate(step) * move
            average[i] += (weights[i] - average[i]) * max(0.001, 9 / (10 + step))
    return weights, average


@pytest.mark.parametrize("first", [0, 20_000], ids=["from the start", "after many steps"])
@pytest.mark.parametrize("scale", [50.0, 0.01], ids=["steep", "flat"])
def test_steps_are_those_of_adamw_clipped_and_averaged(first, scale):
    """Only matrices decay; after many steps the average keeps 0.999 of itself, at first a tenth."""
    torch.manual_seed(0)
    state, task = State(torch.nn.Linear(3, 2).double(), Recipe("tiny", "for tests", (), decay=0.5)), Distance(scale)
    begun = [weight.detach().numpy().copy() for weight in state.model.parameters()]
    state.step, task.total = first, first + 4
    list(train(state, task))
    found = by_hand(begun, task, decays=(0.5, 0.0), first=first)
    for ours, theirs in zip((state.model, state.average), found, strict=True):
        for weight, right in zip(ours.parameters(), theirs, strict=True):
            np.testing.assert_allclose(weight.detach().numpy(), right, rtol=1e-6)


def test_no_step_of_a_seed_draws_what_a_step_of_another_draws():
    """Or three seeds would be three looks at nearly the same run."""
    state = State(BagOfWords(BagConfig(9)), RECIPE)
    draws = set()
    for seed in range(3):
        for step in range(4):
            with drawn(state, Labels(9, seed=seed), step):
                draws.add(tuple(torch.rand(2).tolist()))
    assert len(draws) == 12

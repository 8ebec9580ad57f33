"""Losses against numbers written out, and what is not asked about."""

import math

import pytest
import torch
import torch.nn.functional as F

from glassformer.models.losses import (
    IGNORED,
    LOSSES,
    cross_entropy,
    inside,
    of_the_text,
    problem,
    regression,
    smoothed,
    yes_or_no,
)

LOGITS = torch.tensor([[0.0, math.log(3.0)], [math.log(4.0), 0.0], [5.0, 7.0]])


def test_cross_entropy_by_hand_and_what_is_ignored_counts_neither_above_nor_below():
    expected = (-math.log(3 / 4) - math.log(1 / 5)) / 2
    assert cross_entropy(LOGITS, torch.tensor([1, 1, IGNORED])).item() == pytest.approx(expected, abs=1e-6)
    assert cross_entropy(LOGITS[:2], torch.tensor([1, 1])).item() == pytest.approx(expected, abs=1e-6)


def test_where_nothing_is_asked_the_loss_and_its_gradient_are_zero():
    logits = LOGITS.clone().requires_grad_()
    loss = cross_entropy(logits, torch.full((3,), IGNORED))
    loss.backward()
    assert loss.item() == 0.0 and not logits.grad.any()


SMOOTHINGS = [0.0, 0.1, 0.9, 1.0]


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("shape", [(6,), (2, 3)], ids=str)
def test_smoothed_labels_are_those_of_pytorch_values_and_gradients(smoothing, shape):
    labels = torch.tensor([3, 0, IGNORED, 6, 1, IGNORED]).view(shape)
    mine, theirs = (torch.linspace(-3, 3, 42).double().sin().view(*shape, 7).requires_grad_() for _ in range(2))
    loss = smoothed(mine, labels, smoothing)
    other = F.cross_entropy(
        theirs.flatten(0, -2), labels.flatten(), label_smoothing=smoothing, ignore_index=IGNORED, reduction="mean"
    )
    torch.testing.assert_close(loss, other, rtol=0, atol=1e-14)
    loss.backward(), other.backward()
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=0, atol=1e-14)
    assert not mine.grad[labels == IGNORED].any()


def test_smoothed_is_the_cross_entropy_with_the_published_labels_and_no_less_than_their_entropy():
    """q'(k) = (1 − ε) δ(k, y) + ε / K."""
    published = torch.full((2, 5), 0.1 / 5, dtype=torch.float64)
    published[0, 3] += 0.9
    published[1, 0] += 0.9
    logits, labels = torch.randn(2, 5, dtype=torch.float64), torch.tensor([3, 0])
    expected = -(published * logits.log_softmax(-1)).sum(-1).mean()
    torch.testing.assert_close(smoothed(logits, labels, 0.1), expected, rtol=0, atol=1e-14)
    entropy = -(published * published.log()).sum(-1).mean()
    torch.testing.assert_close(smoothed(published.log(), labels, 0.1), entropy, rtol=0, atol=1e-14)
    sure = published.log() * 3  # surer than the labels are: worse
    assert smoothed(sure, labels, 0.1) > entropy and cross_entropy(sure, labels) < cross_entropy(
        published.log(), labels
    )


def test_smoothed_with_nothing_asked_is_zero_and_so_is_its_gradient():
    logits = LOGITS.clone().requires_grad_()
    loss = smoothed(logits, torch.full((3,), IGNORED))
    loss.backward()
    assert loss.item() == 0.0 and not logits.grad.any()


def test_where_the_target_is_one_piece_subtracting_is_the_gradient_and_not_the_loss():
    """Popular accounts compare two distributions by "subtracting one from the other": that is ∂loss/∂logits = p − y."""
    logits = torch.tensor([[0.2, 0.2, 0.1, 0.2, 0.2, 0.1]], dtype=torch.float64).log().requires_grad_()
    target = torch.tensor([3])  # of: a, am, I, thanks, student, <eos>
    loss = cross_entropy(logits, target)
    loss.backward()
    torch.testing.assert_close(logits.grad, logits.softmax(-1) - F.one_hot(target, 6))
    assert loss.item() == pytest.approx(math.log(5))


def test_regression_by_hand_also_with_one_number_a_text():
    assert regression(torch.tensor([[1.0], [3.0]]), torch.tensor([0, 1])).item() == pytest.approx((1 + 4) / 2)
    assert regression(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 1.0]])).item() == pytest.approx((1 + 4) / 2)


def test_yes_or_no_by_hand():
    expected = (-math.log(1 / 2) - math.log(1 - 3 / 4)) / 2
    assert yes_or_no(LOGITS[:1], torch.tensor([[1, 0]])).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("classes", "labels", "kind"),
    [
        (1, torch.tensor([1]), "regression"),
        (1, torch.tensor([1.0]), "regression"),
        (3, torch.tensor([1]), "single_label_classification"),
        (3, torch.tensor([[1.0, 0.0, 1.0]]), "multi_label_classification"),
    ],
)
def test_the_kind_is_read_off_the_labels(classes, labels, kind):
    assert problem(torch.zeros(1, classes), labels) == kind and kind in LOSSES


def test_padding_is_not_asked_about():
    labels, real = torch.tensor([[3, 4, 5]]), torch.tensor([[True, True, False]])
    assert of_the_text(labels, real).tolist() == [[3, 4, IGNORED]]
    assert of_the_text(labels, None) is labels


def test_a_span_is_asked_of_the_text_alone():
    real = torch.tensor([[True, True, False]] * 4)
    logits, labels = inside(torch.zeros(4, 3), torch.tensor([1, 2, 3, -1]), real)
    assert labels.tolist() == [1, IGNORED, IGNORED, IGNORED]
    weights = logits.softmax(dim=-1)
    assert torch.equal(weights[:, 2], torch.zeros(4)) and torch.allclose(weights[:, :2], torch.tensor(0.5))
    assert inside(torch.zeros(1, 3), torch.tensor([2]), None)[1].tolist() == [2]

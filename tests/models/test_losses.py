"""Losses against numbers written out, and what is not asked about."""

import math

import pytest
import torch

from glassformer.models.losses import (
    IGNORED,
    LOSSES,
    cross_entropy,
    inside,
    of_the_text,
    problem,
    regression,
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

"""The loss of shifted texts and their next piece, wrong in the ways people write it."""

import pytest
import torch
import torch.nn.functional as F

from glassformer.learn.check import check
from glassformer.learn.solutions.generator import loss_and_next


def mean(logits, ids, real):
    """Of all places where `real` is True; the three have one length."""
    return F.cross_entropy(logits[real], ids[real])


def ends(logits, real):
    return logits[torch.arange(len(real)), real.sum(1) - 1]


def forgot_to_shift(logits, ids, real):
    return mean(logits, ids, real), ends(logits, real).argmax(-1)


def shifted_the_wrong_way(logits, ids, real):
    return mean(logits[:, 1:], ids[:, :-1], real[:, 1:]), ends(logits, real).argmax(-1)


def counted_padding(logits, ids, real):
    loss = F.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:])
    return loss, ends(logits, real).argmax(-1)


def summed(logits, ids, real):
    loss, pieces = loss_and_next(logits, ids, real)
    return loss * real[:, 1:].sum(), pieces


def mean_of_means(logits, ids, real):
    texts = [mean(a[:-1], b[1:], c[1:]) for a, b, c in zip(logits, ids, real, strict=True) if c.sum() > 1]
    return torch.stack(texts).mean(), ends(logits, real).argmax(-1)


def softmax_before_the_loss(logits, ids, real):
    return mean(logits[:, :-1].softmax(-1), ids[:, 1:], real[:, 1:]), ends(logits, real).argmax(-1)


def ignored_piece_zero(logits, ids, real):
    loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), (ids * real)[:, 1:].flatten(), ignore_index=0)
    return loss, ends(logits, real).argmax(-1)


def the_first_position(logits, ids, real):
    return loss_and_next(logits, ids, real)[0], logits[:, 0].argmax(-1)


def the_last_column(logits, ids, real):
    return loss_and_next(logits, ids, real)[0], logits[:, -1].argmax(-1)


def the_least_likely(logits, ids, real):
    return loss_and_next(logits, ids, real)[0], ends(logits, real).argmin(-1)


def without_gradients(logits, ids, real):
    with torch.no_grad():
        return loss_and_next(logits, ids, real)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (forgot_to_shift, "nothing is shifted"),
        (shifted_the_wrong_way, "shifted the wrong way"),
        (counted_padding, "padding counts in the loss"),
        (summed, "the sum instead of the mean"),
        (mean_of_means, "the mean of the texts' means"),
        (softmax_before_the_loss, "softmax twice"),
        (ignored_piece_zero, "piece 0 is left out of the loss"),
        (the_first_position, "the first position answers"),
        (the_last_column, "the last column answers, padding or not"),
        (the_least_likely, "the least likely piece"),
        (without_gradients, "the loss is detached"),
    ],
)
def test_the_mistake_is_named(wrong, named):
    assert check(wrong, "generator").mistake == named


def test_two_at_once_are_named_too():
    def wrong(logits, ids, real):
        return counted_padding(logits, ids, real)[0], logits[:, -1].argmin(-1)

    assert check(wrong, "generator").mistake == "the least likely piece and padding is not heeded at all"


def test_the_loss_learns_and_the_next_pieces_need_no_gradient():
    logits = torch.randn(2, 3, 4, requires_grad=True)
    real = torch.tensor([[True, True, True], [True, True, False]])
    loss, pieces = loss_and_next(logits, torch.tensor([[1, 2, 3], [0, 1, 0]]), real)
    loss.backward()
    touched = logits.grad.abs().sum(-1) > 0
    assert touched.tolist() == [[True, True, False], [True, False, False]] and not pieces.is_floating_point()

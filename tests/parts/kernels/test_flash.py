"""Attention by fused kernels: text by text is one text at a time, and every other mask is the equation written out."""

import math
import sys
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.parts.attention import attend
from glassformer.parts.kernels import flash as kernel
from glassformer.parts.kernels.flash import flash, text_by_text
from glassformer.parts.mask import Runs

H, D = 3, 4
LENGTHS = [(1,), (5,), (1, 1, 1), (2, 2, 3, 1, 1, 1, 4), (3, 1, 3), (4, 4, 2, 2, 2)]
close = torch.testing.assert_close
exact = {"rtol": 0, "atol": 1e-12}


def readings(lengths, dtype=torch.float64):
    """q, k and v of texts that stand in one row: (h, n, d)."""
    torch.manual_seed(sum(lengths))
    return tuple(torch.randn(H, sum(lengths), D).to(dtype).requires_grad_() for _ in range(3))


def one_at_a_time(q, k, v, lengths, nearness=None):
    """The equation for each text by itself, the answers joined."""
    done, start = [], 0
    for length in lengths:
        own = slice(start, start + length)
        scores = q[:, own] @ k[:, own].mT + (0 if nearness is None else nearness[:, own, own])
        done.append((scores / math.sqrt(D)).softmax(-1) @ v[:, own])
        start += length
    return torch.cat(done, dim=1)


def slopes(answer, tensors):
    towards = torch.linspace(-1, 1, answer.numel(), dtype=answer.dtype).view_as(answer)
    return torch.autograd.grad((answer * towards).sum(), tensors)


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("attention", [flash, attend.definition], ids=["kernel", "definition"])
def test_text_by_text_is_one_text_at_a_time_in_values_and_gradients(lengths, attention):
    tensors = readings(lengths)
    answer, expected = attention(*tensors, Runs(lengths)), one_at_a_time(*tensors, lengths)
    close(answer, expected, **exact)
    close(slopes(answer, tensors), slopes(expected, tensors), **exact)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6).map(tuple))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_texts_of_any_lengths_in_any_order_are_read_alone(lengths):
    tensors = readings(lengths)
    close(text_by_text(*tensors, Runs(lengths)), one_at_a_time(*tensors, lengths), **exact)


@pytest.mark.parametrize("attention", [flash, attend.definition], ids=["kernel", "definition"])
def test_what_stands_in_another_text_changes_nothing(attention):
    q, k, v = (x.detach() for x in readings((2, 3, 3, 1)))
    before = attention(q, k, v, Runs((2, 3, 3, 1)))
    for x in (q, k, v):
        x[:, 2:5] = torch.randn(H, 3, D, dtype=x.dtype) * 100
    after = attention(q, k, v, Runs((2, 3, 3, 1)))
    close(after[:, [0, 1, 5, 6, 7, 8]], before[:, [0, 1, 5, 6, 7, 8]], **exact)
    assert not torch.isclose(after[:, 2:5], before[:, 2:5]).all()


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("attention", [flash, attend.definition], ids=["kernel", "definition"])
def test_nearness_between_packed_texts_counts_inside_each_text_alone(lengths, attention):
    n = sum(lengths)
    tensors = (*readings(lengths), torch.randn(H, n, n, dtype=torch.float64, requires_grad=True))
    answer = attention(*tensors[:3], Runs(lengths), 0.0, tensors[3])
    expected = one_at_a_time(*tensors[:3], lengths, tensors[3])
    close(answer, expected, **exact)
    mine, theirs = slopes(answer, tensors), slopes(expected, tensors)
    close(mine, theirs, **exact)
    apart = torch.block_diag(*(torch.ones(length, length) for length in lengths)) == 0
    assert not mine[3][:, apart].any()


def test_rows_that_hold_the_same_texts_may_be_many():
    lengths, rows = (2, 2, 1), torch.randn(3, 2, H, 5, D, dtype=torch.float64)
    answer = flash(*rows, Runs(lengths))
    for row in range(2):
        close(answer[row], one_at_a_time(*rows[:, row], lengths), **exact)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_answer_has_the_dtype_and_the_layout_that_joining_the_heads_wants(dtype):
    answer = flash(*readings((2, 2, 3), dtype), Runs((2, 2, 3)))
    assert answer.dtype == dtype and answer.shape == (H, 7, D)
    assert answer.transpose(0, 1).is_contiguous()  # so that `flatten` copies nothing


@pytest.mark.parametrize(("lengths", "calls"), [((2, 2, 2), 1), ((1, 2, 3), 3), ((2, 2, 5, 5, 5, 2), 3)])
def test_neighbours_of_one_length_go_together(lengths, calls, monkeypatch):
    ran = []
    fast = F.scaled_dot_product_attention
    monkeypatch.setattr(F, "scaled_dot_product_attention", lambda *given: ran.append(1) or fast(*given))
    flash(*readings(lengths), Runs(lengths))
    assert len(ran) == calls


# dropout


def test_dropping_everything_leaves_nothing_and_dropping_nothing_leaves_all():
    tensors, runs = readings((2, 2, 3), torch.float32), Runs((2, 2, 3))
    assert not flash(*tensors, runs, 1.0).any()
    assert torch.equal(flash(*tensors, runs, 0.0), flash(*tensors, runs))


def test_dropout_drops_weights_in_every_text_and_keeps_the_mean():
    lengths = (40,) * 20 + (50,) * 20
    q, ones = torch.randn(H, sum(lengths), D), torch.ones(H, sum(lengths), D)
    answers = flash(q, ones, ones, Runs(lengths), 0.5)
    for text in answers.split(lengths, dim=1):
        assert text.std() > 0.05 and abs(text.mean() - 1) < 0.1
    assert abs(answers.mean() - 1) < 0.01


# other devices


def test_packed_texts_may_stand_on_another_device():
    tensors, runs = [x.to("meta") for x in readings((2, 2, 3))], Runs((2, 2, 3))
    near = torch.zeros(H, 7, 7, device="meta")
    for attention in (flash, attend.definition):
        assert attention(*tensors, runs).device.type == "meta"
        assert attention(*tensors, runs, 0.0, near).shape == (H, 7, D)


def test_a_kernel_that_takes_all_texts_at_once_is_told_where_each_ends(monkeypatch):
    """That kernel needs a GPU: loops stand in for it here, of the shapes that PyTorch documents: (n, h, d)."""

    def by_loops(q, k, v, starts, same_starts, longest, same_longest):
        assert starts is same_starts and starts.dtype == torch.int32 and longest == same_longest == 4
        lengths = starts.diff().tolist()
        return one_at_a_time(*(x.transpose(0, 1) for x in (q, k, v)), lengths).transpose(0, 1)

    monkeypatch.setitem(sys.modules, "torch.nn.attention.varlen", SimpleNamespace(varlen_attn=by_loops))
    for lengths in ((2, 2, 3, 1, 4), (4,)):
        tensors = readings(lengths)
        close(kernel._varlen(*tensors, Runs(lengths)), one_at_a_time(*tensors, lengths), **exact)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-5), (torch.bfloat16, 6e-2)])
def test_on_a_gpu_it_is_one_text_at_a_time_as_well(dtype, near):
    lengths = (2, 2, 3, 1, 1, 1, 40)
    tensors = [x.detach().cuda().repeat(1, 1, 16).to(dtype) for x in readings(lengths)]
    texts = zip(*(x.double().split(lengths, dim=1) for x in tensors), strict=True)
    expected = torch.cat([attend.definition(*text) for text in texts], dim=1)
    close(flash(*tensors, Runs(lengths)).double(), expected, rtol=0, atol=near)

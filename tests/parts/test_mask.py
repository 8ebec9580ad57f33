"""Who may look at whom: written out, combined, and a softmax that survives a row that may look at nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.parts.attention import attend
from glassformer.parts.mask import causal, padding, softmax

REAL = torch.tensor([[True, True, True], [True, False, False]])


def test_padding_is_one_row_for_every_head_and_query():
    assert padding(REAL).shape == (2, 1, 1, 3)
    assert torch.equal(padding(REAL).expand(2, 4, 5, 3), REAL[:, None, None].expand(2, 4, 5, 3))


@given(st.integers(1, 6), st.integers(0, 6))
@settings(deadline=None, derandomize=True)
def test_causal_lets_the_last_queries_see_themselves_and_what_came_before(queries, earlier):
    keys = queries + earlier
    by_hand = [[j <= i + earlier for j in range(keys)] for i in range(queries)]
    assert causal(queries, keys).tolist() == by_hand


def test_causal_with_as_many_queries_as_keys_is_the_lower_triangle():
    assert causal(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert torch.equal(causal(3), causal(3, 3))


def test_one_query_after_many_keys_sees_them_all():
    """`is_causal=True` of the fused kernel would align the other way and show it the first key only."""
    assert causal(1, 4).all()


def test_masks_combine_with_and():
    both = causal(3) & padding(REAL)
    assert both.shape == (2, 1, 3, 3)
    assert both[1, 0].tolist() == [[True, False, False]] * 3


def test_causal_is_made_on_the_device_asked_for():
    assert causal(2, device=torch.device("meta")).device.type == "meta"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_softmax_of_what_may_be_looked_at_is_softmax_of_that_alone(dtype):
    scores, mask = torch.randn(2, 4, 5).to(dtype), torch.rand(2, 4, 5) < 0.7
    mask[0, 1] = False
    weights = softmax(scores, mask)
    assert weights.dtype == dtype
    for row, scored, seen in zip(weights.view(-1, 5), scores.view(-1, 5), mask.view(-1, 5), strict=True):
        assert not row[~seen].any()
        torch.testing.assert_close(row[seen], scored[seen].softmax(-1))
    assert not weights[0, 1].any()


def test_without_a_mask_softmax_is_softmax():
    scores = torch.randn(3, 4) * 100
    assert torch.equal(softmax(scores), scores.softmax(-1))
    assert torch.equal(softmax(scores), softmax(scores, torch.ones(3, 4, dtype=torch.bool)))


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
def test_a_row_that_sees_nothing_is_no_anomaly_on_the_way_back_either():
    scores = torch.full((2, 3), -torch.inf, requires_grad=True)
    with torch.autograd.detect_anomaly():
        softmax(scores).sum().backward()
    assert not scores.grad.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.uint8])
@pytest.mark.parametrize(
    "use",
    [padding, lambda real: softmax(torch.randn(2, 3), real), lambda real: attend(*torch.randn(3, 2, 3, 3), real)],
    ids=["padding", "softmax", "kernel"],
)
def test_a_mask_of_numbers_is_refused_with_the_repair(use, dtype):
    """The kernel would add it to the scores: padding would be looked at, and nobody told."""
    with pytest.raises(TypeError, match=f"this one holds {dtype}; try `mask != 0` if it holds ones and zeros"):
        use(REAL.to(dtype))


def test_gradients_are_the_finite_differences_and_zero_for_a_row_that_sees_nothing():
    mask = torch.tensor([[True, False, True], [False, False, False]])
    scores = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda scores: softmax(scores, mask), (scores,))
    softmax(scores, mask).square().sum().backward()
    assert not scores.grad[1].any() and not scores.grad[0, 1] and scores.grad[0, 0]

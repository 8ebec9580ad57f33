"""From many positions to one, against sentences pooled one by one."""

import pytest
import torch

from glassformer.parts import pool

REAL = torch.tensor([[True, True, True], [True, False, True], [False, False, False]])
BY_HAND = {
    "mean": (pool.mean, lambda rows: rows.mean(0)),
    "maximum": (pool.maximum, lambda rows: rows.max(0).values),
}


@pytest.mark.parametrize("name", BY_HAND)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_only_real_positions_count(name, dtype):
    pooled, by_hand = BY_HAND[name]
    x = torch.randn(3, 3, 4).to(dtype) - 5  # all negative: a zero from padding would win the maximum
    answer = pooled(x, REAL)
    assert answer.dtype == dtype
    for sentence in (0, 1):
        torch.testing.assert_close(answer[sentence], by_hand(x[sentence, REAL[sentence]]))
    assert not answer[2].any()


@pytest.mark.parametrize("name", BY_HAND)
def test_gradients_are_the_finite_differences_and_padding_gets_none(name):
    x = torch.randn(3, 3, 4, dtype=torch.float64, requires_grad=True)
    pooled, _ = BY_HAND[name]
    assert torch.autograd.gradcheck(lambda x: pooled(x, REAL), (x,))
    pooled(x, REAL).sum().backward()
    assert not x.grad[~REAL].any() and x.grad.any()


@pytest.mark.parametrize("name", BY_HAND)
def test_what_stands_in_padding_is_never_read(name):
    x = torch.randn(3, 3, 4)
    changed = torch.where(REAL[..., None], x, 1e9)
    assert torch.equal(BY_HAND[name][0](x, REAL), BY_HAND[name][0](changed, REAL))

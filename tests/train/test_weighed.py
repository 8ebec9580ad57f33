"""The scales, on things whose weight is known."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from glassformer.train.weighed import kept, most, own

MB = 250_000  # numbers of four bytes


def numbers():
    return torch.ones(MB, requires_grad=True)


def test_a_result_that_its_gradient_needs_is_kept_and_one_that_it_does_not_is_not():
    x = numbers()
    assert kept(lambda: x.exp())[0] == 1_000_000  # e^x is its own slope
    assert kept(lambda: x + 1)[0] == 0
    assert kept(lambda: x.square(), [x])[0] == 0 and kept(lambda: x.square())[0] == 1_000_000


def test_views_of_one_memory_count_once():
    x = numbers()
    found, result = kept(lambda: (lambda e: (e.view(500, 500) @ e.view(500, 500)).sum())(x.exp()), [x])
    assert found == 1_000_000 and result.item() == pytest.approx(500**3 * torch.e**2, rel=1e-4)


def test_nothing_is_kept_where_nothing_is_learned():
    x = numbers()
    with torch.no_grad():
        assert kept(lambda: x.exp())[0] == 0


def test_what_is_computed_again_is_not_kept():
    x = numbers()
    deep = nn.Sequential(nn.Tanh(), nn.Sigmoid(), nn.Tanh())
    assert kept(lambda: deep(x), [x])[0] == 3_000_000
    assert kept(lambda: checkpoint(deep, x, use_reentrant=False), [x])[0] == 0


def test_own_is_weights_and_tables():
    norm = nn.BatchNorm1d(3)
    assert {id(tensor) for tensor in own(norm)} == {*map(id, norm.parameters()), *map(id, norm.buffers())}


def test_the_most_that_was_held_at_once():
    def one_by_one():
        for _ in range(3):
            torch.empty(MB)

    assert most(lambda: None) == 0
    assert most(one_by_one) == 1_000_000
    assert most(lambda: [torch.empty(MB) for _ in range(3)]) == 3_000_000
    assert most(lambda: torch.empty(MB).exp().exp()) in (2_000_000, 3_000_000)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_most_on_a_gpu():
    device = torch.device("cuda")
    found = most(lambda: [torch.empty(MB, device=device) for _ in range(3)], device)
    assert found == pytest.approx(3_000_000, rel=0.01)

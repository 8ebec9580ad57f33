"""Layer norm against PyTorch's, against numbers written out, and by finite differences."""

import math

import pytest
import torch
import torch.nn.functional as F

from glassformer.parts.norm import LayerNorm, layer_norm
from tests import twins

VERSIONS = [layer_norm.definition, layer_norm.kernel]


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)])
@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("epsilon", [1e-5, 1e-12])
def test_definition_is_layer_norm_of_pytorch(shape, dtype, near, epsilon):
    x, gain, shift = torch.randn(shape, dtype=dtype) * 3 + 2, *torch.randn(2, 4, dtype=dtype)
    expected = F.layer_norm(x, (4,), gain, shift, epsilon)
    torch.testing.assert_close(layer_norm.definition(x, gain, shift, epsilon), expected, rtol=0, atol=near)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_row_by_hand(version):
    x = torch.tensor([1.0, 2.0, 3.0, 6.0], dtype=torch.float64)  # mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5
    gain, shift = torch.tensor([1.0, 2.0, 1.0, 1.0]).double(), torch.tensor([0.0, 0.0, 5.0, 0.0]).double()
    expected = [-2 / math.sqrt(3.5), -2 / math.sqrt(3.5), 5.0, 3 / math.sqrt(3.5)]
    assert version(x, gain, shift, 0.0).tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_constant_row_is_the_shift_and_its_gradient_is_finite(version):
    x = torch.full((2, 4), 3.0, dtype=torch.float64, requires_grad=True)
    gain, shift = torch.ones(4).double(), torch.randn(4).double()
    y = version(x, gain, shift, 1e-5)
    y.square().sum().backward()
    assert torch.equal(y, shift.expand(2, 4)) and x.grad.isfinite().all()


@pytest.mark.parametrize("version", VERSIONS)
def test_gradients_are_the_finite_differences(version):
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((2, 3, 4), (4,), (4,))]
    assert torch.autograd.gradcheck(lambda *given: version(*given, 1e-5), inputs)


def test_module_is_the_module_of_pytorch_also_after_learning():
    ours = LayerNorm(4, epsilon=1e-3)
    torch.testing.assert_close(ours(torch.eye(4)), torch.nn.LayerNorm(4, eps=1e-3)(torch.eye(4)))
    torch.nn.init.normal_(ours.gain)
    torch.nn.init.normal_(ours.shift)
    x = torch.randn(3, 4)
    torch.testing.assert_close(ours(x), twins.norm(ours)(x), rtol=0, atol=1e-6)


def test_each_position_gets_mean_zero_and_variance_one():
    y = LayerNorm(64)(torch.randn(5, 64) * 7 + 3)
    torch.testing.assert_close(y.mean(-1), torch.zeros(5), rtol=0, atol=1e-5)
    torch.testing.assert_close(y.var(-1, correction=0), torch.ones(5), rtol=0, atol=1e-4)

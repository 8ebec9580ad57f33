"""The MLP against nn.Sequential, and each position on its own."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glassformer.parts.mlp import MLP
from glassformer.tape import listen

ACTIVATIONS = {"relu": (F.relu, nn.ReLU()), "gelu": (F.gelu, nn.GELU()), "tanh": (torch.tanh, nn.Tanh())}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_mlp_is_two_linear_layers_with_the_activation_between_values_and_gradients(name):
    function, module = ACTIVATIONS[name]
    ours = MLP(4, 7, function).double()
    twin = nn.Sequential(nn.Linear(4, 7), module, nn.Linear(7, 4)).double()
    twin[0].load_state_dict(ours.inward.state_dict())
    twin[2].load_state_dict(ours.outward.state_dict())
    x = torch.randn(2, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(ours(x), twin(x), rtol=0, atol=1e-12)
    ours(x).square().sum().backward()
    twin(x).square().sum().backward()
    for mine, theirs in zip(ours.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=0, atol=1e-12)


def test_relu_is_what_stands_between_when_nothing_is_said():
    mlp = MLP(4, 7)
    with listen(mlp, "hidden") as tape:
        mlp(torch.randn(50, 4))
    assert (tape["hidden"] >= 0).all() and (tape["hidden"] == 0).any()


def test_each_position_is_read_alone():
    mlp, x = MLP(4, 7).double(), torch.randn(2, 3, 4, dtype=torch.float64)
    alone = torch.stack([torch.stack([mlp(position) for position in sentence]) for sentence in x])
    torch.testing.assert_close(mlp(x), alone, rtol=0, atol=1e-12)


def test_gradients_are_the_finite_differences():
    mlp = MLP(4, 7, F.gelu).double()
    assert torch.autograd.gradcheck(mlp, (torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True),))

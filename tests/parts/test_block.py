"""The norm, the MLP and both blocks against PyTorch's, by hand, by finite differences; and the residual stream."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glassformer.parts.attention import Attention
from glassformer.parts.block import MLP, Block, LayerNorm, PostNormBlock, PreNormBlock, layer_norm
from glassformer.parts.mask import causal, padding
from glassformer.tape import listen
from tests import twins

KINDS = [PostNormBlock, PreNormBlock]
REAL = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
MASKS = {  # ours, PyTorch's
    "none": (None, {}),
    "padding": (padding(REAL), {"src_key_padding_mask": ~REAL}),
    "causal": (causal(5), {"src_mask": ~causal(5)}),
    "both": (padding(REAL) & causal(5), {"src_mask": ~causal(5), "src_key_padding_mask": ~REAL}),
}


def block(kind) -> Block:
    """Norms that have learned something: with gain one and shift zero a wrong order could hide."""
    made = kind(Attention(12, 3), MLP(12, 20))
    for norm in (made.attention_norm, made.mlp_norm):
        nn.init.normal_(norm.gain)
        nn.init.normal_(norm.shift)
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_a_block_is_the_encoder_layer_of_pytorch_values_and_gradients(kind, mask, dtype, near):
    ours = block(kind).to(dtype)
    twin, x = twins.layer(ours), torch.randn(2, 5, 12, dtype=dtype)
    mine, theirs = ours(x, MASKS[mask][0]), twin(x, **MASKS[mask][1])
    torch.testing.assert_close(mine, theirs, rtol=0, atol=near)
    mine.sum().backward()
    theirs.sum().backward()
    pairs = [
        (ours.mlp.inward.weight, twin.linear1.weight),
        (ours.mlp.outward.bias, twin.linear2.bias),
        (ours.attention_norm.gain, twin.norm1.weight),
        (ours.mlp_norm.shift, twin.norm2.bias),
        (ours.attention.out.weight, twin.self_attn.out_proj.weight),
    ]
    for parameter, expected in pairs:
        torch.testing.assert_close(parameter.grad, expected.grad, rtol=0, atol=near * 10)


def test_post_norm_leaves_every_position_normalised_and_pre_norm_leaves_the_stream_alone():
    x = torch.randn(2, 5, 12) * 9
    post, pre = PostNormBlock(Attention(12, 3), MLP(12, 20)), PreNormBlock(Attention(12, 3), MLP(12, 20))
    torch.testing.assert_close(post(x).std(-1, correction=0), torch.ones(2, 5), rtol=0, atol=1e-3)
    for silent in (pre.attention.out, pre.mlp.outward):
        nn.init.zeros_(silent.weight)
        nn.init.zeros_(silent.bias)
    assert torch.equal(pre(x), x)  # a block that has nothing to say is the identity


def test_a_stack_of_each_kind_ends_as_it_must():
    assert PostNormBlock.finish is nn.Identity and PreNormBlock.finish is LayerNorm


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_stands_on_the_weights_and_on_what_each_part_adds(kind):
    """Dropping everything leaves nothing to add: the stream is what the norms alone make of it."""
    made, x = kind(Attention(12, 3, dropout=1.0), MLP(12, 20), dropout=1.0), torch.randn(2, 5, 12)
    with listen(made) as tape:
        made(x)
    assert not tape["attention.z"].any()
    between = x if kind is PreNormBlock else made.attention_norm(x)
    torch.testing.assert_close(tape["between"], between, rtol=0, atol=1e-6)
    stream = between if kind is PreNormBlock else made.mlp_norm(between)
    torch.testing.assert_close(tape["stream"], stream, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_works_in_training_and_only_then(kind):
    made, x = kind(Attention(12, 3, dropout=0.5), MLP(12, 20), dropout=0.5), torch.randn(2, 5, 12)
    assert not torch.equal(made(x), made(x))
    made.eval()
    assert torch.equal(made(x), made(x))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_the_finite_differences(kind):
    made = kind(Attention(6, 2), MLP(6, 8)).double()
    x = torch.randn(1, 3, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: made(x, causal(3)), (x,))


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
def test_gradients_of_the_norm_are_the_finite_differences(version):
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


def test_gradients_of_the_mlp_are_the_finite_differences():
    mlp = MLP(4, 7, F.gelu).double()
    assert torch.autograd.gradcheck(mlp, (torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True),))

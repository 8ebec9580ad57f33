"""Both blocks against PyTorch's encoder layer, and the residual stream each promises."""

import pytest
import torch
from torch import nn

from glassformer.parts.block import Block, PostNormBlock, PreNormBlock
from glassformer.parts.mask import causal, padding
from glassformer.parts.norm import LayerNorm
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
    made = kind(12, 3, 20)
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
    post, pre = PostNormBlock(12, 3, 20), PreNormBlock(12, 3, 20)
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
    made, x = kind(12, 3, 20, dropout=1.0), torch.randn(2, 5, 12)
    with listen(made) as tape:
        made(x)
    assert not tape["attention.z"].any()
    between = x if kind is PreNormBlock else made.attention_norm(x)
    torch.testing.assert_close(tape["between"], between, rtol=0, atol=1e-6)
    stream = between if kind is PreNormBlock else made.mlp_norm(between)
    torch.testing.assert_close(tape["stream"], stream, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_works_in_training_and_only_then(kind):
    made, x = kind(12, 3, 20, dropout=0.5), torch.randn(2, 5, 12)
    assert not torch.equal(made(x), made(x))
    made.eval()
    assert torch.equal(made(x), made(x))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_the_finite_differences(kind):
    made = kind(6, 2, 8).double()
    x = torch.randn(1, 3, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: made(x, causal(3)), (x,))

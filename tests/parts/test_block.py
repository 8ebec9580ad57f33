"""The norm, the MLP and both blocks against PyTorch's, by hand, by finite differences; and the residual stream."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glassformer.parts.attention import Attention, Memory
from glassformer.parts.block import (
    ACTIVATIONS,
    MLP,
    Block,
    CrossBlock,
    LayerNorm,
    PostNormBlock,
    PreNormBlock,
    PreNormCrossBlock,
    Stack,
    layer_norm,
)
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


BETWEEN = {"relu": (F.relu, nn.ReLU()), "gelu": (F.gelu, nn.GELU()), "tanh": (torch.tanh, nn.Tanh())}


@pytest.mark.parametrize("name", BETWEEN)
def test_mlp_is_two_linear_layers_with_the_activation_between_values_and_gradients(name):
    function, module = BETWEEN[name]
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


# activations


def by_error_function(x):
    """Hendrycks and Gimpel 2016, "Gaussian error linear units": x · Φ(x)."""
    return x * 0.5 * (1 + math.erf(x / math.sqrt(2)))


def by_tanh(x):
    """Their approximation."""
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def logistic(x):
    return 1 / (1 + math.exp(-x))


FORMULAS = {
    "relu": lambda x: max(x, 0.0),
    "gelu": by_error_function,
    "gelu_python": by_error_function,
    "gelu_new": by_tanh,
    "gelu_fast": by_tanh,
    "gelu_pytorch_tanh": by_tanh,
    "quick_gelu": lambda x: x * logistic(1.702 * x),
    "silu": lambda x: x * logistic(x),
    "swish": lambda x: x * logistic(x),
    "mish": lambda x: x * math.tanh(math.log1p(math.exp(x))),
    "tanh": math.tanh,
    "sigmoid": logistic,
    "linear": lambda x: x,
}


def test_every_activation_has_its_formula_here():
    assert list(FORMULAS) == list(ACTIVATIONS)


@pytest.mark.parametrize("name", FORMULAS)
def test_activations_are_their_formulas_number_by_number(name):
    numbers = torch.linspace(-6, 6, 97, dtype=torch.float64)
    expected = torch.tensor([FORMULAS[name](x) for x in numbers.tolist()], dtype=torch.float64)
    torch.testing.assert_close(ACTIVATIONS[name](numbers), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", FORMULAS)
def test_activations_and_their_slopes_stay_finite_far_out(name):
    x = torch.tensor([-1e4, -90.0, 0.0, 90.0, 1e4], requires_grad=True)
    y = ACTIVATIONS[name](x)
    y.sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()


def test_the_two_ways_to_write_gelu_are_near_but_not_the_same():
    x = torch.linspace(-6, 6, 97, dtype=torch.float64)
    apart = (ACTIVATIONS["gelu"](x) - ACTIVATIONS["gelu_new"](x)).abs().max()
    assert 1e-4 < apart < 1e-3


# a few positions at a time


def chunked(chunk):
    torch.manual_seed(0)
    return MLP(4, 7, F.gelu, chunk).double()


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 6, 100])
@pytest.mark.parametrize("shape", [(2, 5), (5,), (2, 1), (1, 6)], ids=str)
def test_an_mlp_in_chunks_is_the_whole_in_values_and_gradients(chunk, shape):
    x, found = torch.randn(*shape, 4, dtype=torch.float64), []
    for mlp in (chunked(0), chunked(chunk)):
        y = mlp(x)
        found.append([y.detach(), *torch.autograd.grad(y.square().sum(), list(mlp.parameters()))])
    torch.testing.assert_close(*found, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("chunk", "sizes"), [(0, [5]), (2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_hidden_is_never_wider_than_a_chunk_unless_somebody_listens_to_it(chunk, sizes):
    mlp, met, x = chunked(chunk), [], torch.randn(3, 5, 4).double()
    mlp.inward.register_forward_hook(lambda _, given, hidden: met.append(hidden.size(1)))
    mlp(x)
    assert met == sizes
    with listen(mlp) as tape:
        mlp(x)
    assert tape["hidden"].shape == (3, 5, 7) and met == [*sizes, 5]


# a decoder's block


CROSSING = [CrossBlock, PreNormCrossBlock]


def crossing(kind: type[CrossBlock]) -> CrossBlock:
    torch.manual_seed(0)
    made = kind(Attention(12, 3), Attention(12, 3), MLP(12, 20)).double()
    for norm in (made.attention_norm, made.cross_norm, made.mlp_norm):
        nn.init.normal_(norm.gain)
        nn.init.normal_(norm.shift)
    return made


SOURCE_REAL = torch.tensor([[True] * 7, [False] + [True] * 3 + [False] * 3])


@pytest.mark.parametrize("kind", CROSSING)
@pytest.mark.parametrize("source_real", [None, SOURCE_REAL], ids=["whole", "padded"])
@pytest.mark.parametrize("ahead", [True, False], ids=["sees all", "causal"])
@pytest.mark.parametrize("listened", [False, True], ids=["kernel", "definition"])
def test_a_block_that_crosses_is_the_decoder_layer_of_pytorch_values_and_gradients(kind, source_real, ahead, listened):
    ours = crossing(kind)
    twin, x = twins.crossing(ours), torch.randn(2, 5, 12, dtype=torch.float64)
    mine, theirs = (torch.linspace(-2, 2, 168).double().sin().view(2, 7, 12).requires_grad_() for _ in range(2))
    blind = None if source_real is None else ~source_real
    expected = twin(x, theirs, tgt_mask=None if ahead else ~causal(5), memory_key_padding_mask=blind)
    with listen(ours, "*" if listened else ()) as tape:
        answer = ours(x, None if ahead else causal(5), Memory(mine, source_real))
    torch.testing.assert_close(answer, expected, rtol=0, atol=1e-12)
    for y in (answer, expected):
        (y * torch.linspace(-1, 1, 12)).sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=0, atol=1e-11)
    pairs = [
        (ours.cross.out.weight, twin.multihead_attn.out_proj.weight),
        (ours.attention.out.bias, twin.self_attn.out_proj.bias),
        (ours.cross_norm.gain, twin.norm2.weight),
        (ours.mlp.inward.weight, twin.linear1.weight),
    ]
    for parameter, other in pairs:
        torch.testing.assert_close(parameter.grad, other.grad, rtol=0, atol=1e-11)
    if listened:
        streams = [name for name in tape if "." not in name]
        assert streams == ["between", "crossed", "stream"] and tape["cross.weights"].shape == (2, 3, 5, 7)


@pytest.mark.parametrize("kind", CROSSING)
def test_what_is_padding_in_the_source_is_never_read(kind):
    ours, x, source = crossing(kind), torch.randn(2, 5, 12).double(), torch.randn(2, 7, 12).double()
    before = ours(x, None, Memory(source, SOURCE_REAL))
    source[1, 4:] = 1e6
    torch.testing.assert_close(ours(x, None, Memory(source, SOURCE_REAL)), before, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", CROSSING)
def test_a_block_that_crosses_reads_its_source_once_and_itself_piece_by_piece(kind):
    ours, x, source = crossing(kind), torch.randn(2, 5, 12).double(), torch.randn(2, 7, 12).double()
    whole, memory, reads = ours(x, causal(5), Memory(source)), Memory(source), []
    ours.cross.v.register_forward_hook(lambda *_: reads.append(1))
    steps = [ours(x[:, at : at + 1], causal(1, at + 1), memory) for at in range(5)]
    torch.testing.assert_close(torch.cat(steps, dim=1), whole, rtol=0, atol=1e-12)
    assert len(reads) == 1


# blocks, one after the other


def stack(dropout=0.0, layers=3) -> Stack:
    torch.manual_seed(0)
    blocks = (PostNormBlock(Attention(12, 3, dropout=dropout), MLP(12, 20), dropout) for _ in range(layers))
    return Stack(blocks).double()


def learned(blocks, x, mask, recompute):
    """What comes out, and the gradients of everything, with the dropout of one seed."""
    blocks.recompute = recompute
    torch.manual_seed(3)
    y = blocks(x, mask)
    towards = torch.linspace(-1, 1, 12, dtype=torch.float64)
    return [y.detach(), *torch.autograd.grad((y * towards).sum(), [x, *blocks.parameters()])]


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_computing_the_inside_of_a_block_again_changes_no_number(mask, dropout):
    blocks, x = stack(dropout), torch.randn(2, 5, 12, dtype=torch.float64, requires_grad=True)
    again, once = (learned(blocks, x, MASKS[mask][0], recompute) for recompute in (True, False))
    torch.testing.assert_close(again, once, rtol=0, atol=1e-12)


def test_only_in_training_with_gradients_is_anything_computed_again():
    blocks, x, calls = stack(), torch.randn(2, 5, 12).double(), []
    blocks.recompute = True
    for block in blocks:
        block.register_forward_pre_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        blocks(x)
    blocks.eval()(x).sum().backward()
    assert len(calls) == 6
    blocks.train()(x).sum().backward()
    assert len(calls) == 12


def test_what_is_computed_again_keeps_the_streams_and_little_else():
    blocks, x, kept = stack(layers=6), torch.randn(2, 5, 12).double(), {}
    for blocks.recompute in (False, True):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x, sizes=sizes: sizes.append(x.numel()) or x, lambda x: x):
            blocks(x)
        kept[blocks.recompute] = sum(sizes)
    assert kept[True] < kept[False] / 3


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_what_is_computed_again_remembers_what_it_remembered_then(dropout):
    """Each step adds to the memory; the inside of an earlier step must not see what later ones have added."""
    found = []
    for again in (False, True):
        blocks, memory = stack(dropout), Memory()
        blocks.recompute = again
        x = torch.linspace(-3, 3, 120).double().sin().view(2, 5, 12).requires_grad_()
        torch.manual_seed(3)
        steps = [blocks(x[:, at : at + 1], causal(1, at + 1), memory) for at in range(5)]
        towards = torch.linspace(-1, 1, 12, dtype=torch.float64)
        loss = (torch.cat(steps, dim=1) * towards).sum()
        found.append([loss.detach(), *torch.autograd.grad(loss, [x, *blocks.parameters()])])
        assert all(k.size(-2) == 5 for k, _ in memory.known.values()) and len(memory.known) == 3
    torch.testing.assert_close(*found, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_is_its_blocks_one_after_the_other(kind):
    blocks, x = Stack(kind(Attention(12, 3), MLP(12, 20)) for _ in range(3)).double(), torch.randn(2, 5, 12).double()
    for mask in (None, causal(5), padding(REAL)):
        expected = x
        for block in blocks:
            expected = block(expected, mask)
        answer = blocks(x, mask)
        torch.testing.assert_close(answer[REAL], expected[REAL], rtol=0, atol=1e-12)
    assert torch.equal(Stack()(x), x)

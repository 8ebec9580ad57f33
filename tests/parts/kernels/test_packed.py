"""A batch without its padding: the same numbers as each text alone, and what is padding is never computed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._dynamo.testing import CompileCounter

from glassformer.parts.attention import Attention, Memory, RelativeKey
from glassformer.parts.block import MLP, PostNormBlock, PreNormBlock, Stack
from glassformer.parts.kernels import packed as kernel
from glassformer.parts.kernels.packed import pack, without_padding
from glassformer.parts.mask import Runs, causal, padding, pairs
from glassformer.tape import listen
from tests import small

W, H = 12, 3
close = torch.testing.assert_close
exact = {"rtol": 0, "atol": 1e-12}
PATTERNS = {  # 1: a real piece
    "right": ["1111", "1100", "1000"],
    "left": ["1111", "0011", "0001"],
    "holes": ["1011", "1010", "0110"],
    "an empty text": ["1110", "0000", "0011"],
    "only empty texts beside one piece": ["0000", "0100", "0000"],
    "none": ["1111", "1111", "1111"],
    "nothing else": ["0000", "0000", "0000"],
}


def pattern(rows):
    return torch.tensor([[sign == "1" for sign in row] for row in rows])


def stack(kind=PostNormBlock, nearness=(None, None)):
    torch.manual_seed(0)
    return Stack(kind(Attention(W, H, nearness=near), MLP(W, 20)) for near in nearness).double()


def batch(real):
    torch.manual_seed(1)
    return torch.randn(*real.shape, W, dtype=torch.float64, requires_grad=True)


def alone(blocks, x, real):
    """Each text by itself, block after block, without a mask; zeros elsewhere."""
    whole = torch.zeros_like(x)
    for row, mark in enumerate(real):
        if mark.any():
            text = x[row : row + 1, mark]
            for block in blocks:
                text = block(text)
            whole[row, mark] = text[0]
    return whole


@st.composite
def patterns(draw):
    """Any padding anywhere."""
    texts, longest = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    rows = st.lists(st.booleans(), min_size=longest, max_size=longest)
    return torch.tensor(draw(st.lists(rows, min_size=texts, max_size=texts)))


@pytest.fixture
def packs(monkeypatch):
    """What has been packed, pattern by pattern."""
    packed = []
    monkeypatch.setattr(kernel, "pack", lambda real: packed.append(real) or pack(real))
    return packed


# where the real pieces stand


def test_pieces_are_packed_shortest_text_first_and_texts_of_one_length_keep_their_order():
    where, runs = pack(pattern(["1111", "0101", "0000", "1100", "0010"]))
    assert where.tolist() == [18, 5, 7, 12, 13, 0, 1, 2, 3]
    assert runs == Runs((1, 2, 2, 4))


@given(patterns().filter(lambda real: bool(real.any())))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_every_real_piece_is_packed_once_in_the_order_it_was_written(real):
    texts = [
        [row * real.size(1) + at for at, mark in enumerate(marks) if mark] for row, marks in enumerate(real.tolist())
    ]
    texts = sorted((text for text in texts if text), key=len)  # Python's sort keeps the order of equals, too
    where, runs = pack(real)
    assert where.tolist() == [place for text in texts for place in text]
    assert runs.lengths == tuple(map(len, texts))


# the numbers


@pytest.mark.parametrize("rows", PATTERNS.values(), ids=PATTERNS)
@pytest.mark.parametrize("kind", [PostNormBlock, PreNormBlock])
def test_without_padding_each_text_is_read_as_if_it_were_alone_in_values_and_gradients(rows, kind):
    blocks, real = stack(kind), pattern(rows)
    x = batch(real)
    answer, expected = without_padding(blocks, x, padding(real)), alone(blocks, x, real)
    close(answer, expected, **exact)
    if real.any():
        towards, tensors = torch.randn_like(x), [x, *blocks.parameters()]
        mine, theirs = (torch.autograd.grad((y * towards).sum(), tensors) for y in (answer, expected))
        close(mine, theirs, rtol=1e-9, atol=1e-9)
        assert not mine[0][~real].any()


@given(patterns())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_any_padding_anywhere_changes_nothing(real):
    blocks, x = stack(), batch(real)
    answer = blocks(x, padding(real))
    close(answer, alone(blocks, x, real), **exact)
    assert answer.shape == x.shape and not answer[~real].any()


def test_whatever_stands_in_padding_is_never_read():
    blocks, real = stack(), pattern(PATTERNS["holes"])
    x = batch(real).detach()
    spoilt = x.masked_fill(~real[..., None], torch.nan)
    assert torch.equal(blocks(spoilt, padding(real)), blocks(x, padding(real)))


@pytest.mark.parametrize("rows", [PATTERNS[name] for name in ("right", "left", "holes", "an empty text")], ids=str)
def test_no_padded_position_reaches_a_linear_map(rows, packs):
    blocks, real, met = stack(), pattern(rows), []
    for block in blocks:
        for linear in (block.attention.q, block.attention.out, block.mlp.inward, block.mlp.outward):
            linear.register_forward_pre_hook(lambda _, given: met.append(given[0].shape[:-1].numel()))
    blocks(batch(real), padding(real))
    assert met == [int(real.sum())] * 8 and len(packs) == 1


def test_a_batch_without_padding_is_read_without_a_mask(packs):
    blocks, real, masks = stack(), pattern(PATTERNS["none"]), []
    blocks[0].register_forward_pre_hook(lambda _, given: masks.append(given[1]))
    blocks(batch(real), padding(real))
    assert masks == [None] and not packs


def test_a_batch_of_nothing_is_zeros_that_learn_nothing(packs):
    blocks, real = stack(), pattern(PATTERNS["nothing else"])
    x = batch(real)
    answer = blocks(x, padding(real))
    answer.sum().backward()
    assert not answer.any() and not x.grad.any() and not packs


@pytest.mark.parametrize(("pieces", "computed"), [(1, 1), (63, 63), (64, 64), (65, 128), (128, 128), (129, 192)])
def test_few_different_numbers_of_pieces_are_computed_and_what_is_added_is_read_by_nobody(pieces, computed):
    blocks, real, met = stack(), torch.zeros(3, 80, dtype=torch.bool), []
    real.view(-1)[torch.randperm(240, generator=torch.Generator().manual_seed(pieces))[:pieces]] = True
    blocks[0].mlp.inward.register_forward_pre_hook(lambda _, given: met.append(len(given[0])))
    x, towards = batch(real), torch.randn(3, 80, W, dtype=torch.float64)
    answer, expected = blocks(x, padding(real)), alone(blocks, x, real)
    close(answer, expected, **exact)
    mine, theirs = (torch.autograd.grad((y * towards).sum(), [x, *blocks.parameters()]) for y in (answer, expected))
    close(mine, theirs, rtol=1e-9, atol=1e-9)
    assert met[0] == computed


def test_what_is_computed_again_for_its_gradients_is_packed_too():
    real, found = pattern(PATTERNS["holes"]), []
    for again in (False, True):
        blocks, x = stack(), batch(real)
        blocks.recompute = again
        blocks(x, padding(real)).square()[..., :5].sum().backward()
        found.append([x.grad, *(weight.grad for weight in blocks.parameters())])
    close(*found, rtol=1e-9, atol=1e-9)


# what is not packed

REAL = pattern(PATTERNS["right"])
NOT_PACKED = {
    "no mask": (None, None),
    "pair by pair": (pairs(REAL[:, None] & REAL[:, :, None]), None),
    "causal": (causal(4), None),
    "padding and causal": (padding(REAL) & causal(4), None),
    "one mask for all texts": (padding(REAL[1:2]), None),
    "memory": (padding(REAL), Memory),
}


@pytest.mark.parametrize("case", NOT_PACKED)
def test_what_is_more_than_padding_is_not_packed(case, packs):
    (mask, memory), blocks = NOT_PACKED[case], stack()
    x = batch(REAL)
    expected = x
    for block in blocks:
        expected = block(expected, mask)
    close(blocks(x, mask, memory and memory()), expected, **exact)
    assert not packs


@pytest.mark.parametrize("where", [0, 1])
def test_blocks_that_count_distances_are_not_packed_be_it_only_one(where, packs):
    nearness = [RelativeKey(9, W // H) if layer == where else None for layer in range(2)]
    blocks, real = stack(nearness=nearness), pattern(PATTERNS["left"])
    x = batch(real)
    close(blocks(x, padding(real))[real], alone(blocks, x, real)[real], **exact)
    assert not packs


def test_a_stack_may_be_told_not_to_pack(packs):
    blocks, x = stack(), batch(REAL)
    packed = blocks(x, padding(REAL))
    blocks.packs = False
    whole = blocks(x, padding(REAL))
    close(whole[REAL], packed[REAL], **exact)
    assert whole[~REAL].any() and len(packs) == 1


def test_a_tape_hears_the_padding_too(packs):
    blocks = stack()
    with listen(blocks, "*.stream") as tape:
        blocks(batch(REAL), padding(REAL))
    assert tape["1.stream"].shape == (3, 4, W) and not packs


def test_a_mask_of_numbers_is_refused_with_the_repair():
    with pytest.raises(TypeError, match=r"this one holds torch.int64; try `mask != 0`"):
        stack()(batch(REAL), REAL.long()[:, None, None])


def test_one_row_of_packed_texts_stays_one(packs):
    blocks, x = stack(), torch.randn(5, W, dtype=torch.float64)
    texts = [alone(blocks, text[None], torch.ones(1, len(text)) > 0)[0] for text in x.split((2, 3))]
    close(blocks(x, Runs((2, 3))), torch.cat(texts), **exact)
    assert not packs


# those who cannot see what a value decides


def test_a_compiler_is_not_asked_how_much_padding_there_is(packs):
    blocks, x, counter = stack(), batch(REAL), CompileCounter()
    torch._dynamo.reset()
    compiled = torch.compile(blocks, fullgraph=True, backend=counter)
    close(compiled(x, padding(REAL))[REAL], alone(blocks, x, REAL)[REAL], **exact)
    assert counter.frame_count == 1 and not packs


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_each_text_may_have_its_own_gradient_by_vmap(packs):
    blocks, x = stack(), batch(REAL).detach()

    def loss(text, mark):
        return blocks(text[None], padding(mark[None])).mul(mark[:, None]).square()[..., :5].sum()

    each = torch.func.vmap(torch.func.grad(loss))(x, REAL)
    for row in range(3):
        own = x[row].clone().requires_grad_()
        close(each[row], torch.autograd.grad(loss(own, REAL[row]), own)[0], rtol=1e-9, atol=1e-9)
    assert len(packs) == 2  # of the loop: one of the three has no padding


def test_on_the_meta_device_there_is_nothing_to_decide_by(packs):
    blocks = stack().to("meta")
    assert blocks(batch(REAL).to("meta"), padding(REAL.to("meta"))).shape == (3, 4, W) and not packs


def test_packed_texts_may_be_read_on_another_device():
    """Their places and their mask, made once on the CPU, go where the pieces are."""
    blocks, model, runs = stack().to("meta"), small.bert().to("meta"), Runs((2, 3))
    assert blocks(torch.empty(5, W, device="meta", dtype=torch.float64), runs).shape == (5, W)
    ids = torch.empty(5, dtype=torch.long, device="meta")
    assert model.read_packed(ids, runs).shape == (5, W) and model.read_packed(ids, runs, ids).is_meta
    with listen(model, "*.weights") as tape:
        model.read_packed(ids, runs)
    assert tape["layers.1.attention.weights"].shape == (H, 5, 5) and runs.places.device.type == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("rows", PATTERNS.values(), ids=PATTERNS)
def test_on_a_gpu_the_numbers_are_those_of_each_text_alone(rows):
    blocks, real = stack(), pattern(rows)
    x = batch(real).detach()
    expected = alone(blocks, x, real)
    answer = blocks.cuda()(x.cuda(), padding(real.cuda()))
    close(answer.cpu(), expected, rtol=0, atol=1e-9)

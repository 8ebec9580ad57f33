"""The ladder against loops, PyTorch's own attention, finite differences, and what the sources say of each rung."""

import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from glassformer.parts.attention import (
    Attention,
    Fixed,
    Memory,
    Nowhere,
    RelativeKey,
    RelativeKeyQuery,
    attend,
    dot,
    mixture,
    plain,
    scaled,
    scaled_dot,
    wide,
)
from glassformer.parts.block import MLP, LayerNorm, PostNormBlock, PreNormBlock
from glassformer.parts.mask import causal, padding
from glassformer.tape import listen
from tests import twins

B, N, W, H = 2, 5, 12, 3
REAL = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
MASKS = {
    "none": None,
    "padding": padding(REAL),
    "causal": causal(N),
    "both": padding(REAL) & causal(N),
}
ORDER = torch.tensor([3, 0, 4, 1, 2])
RUNGS = {"plain": plain, "scaled": scaled, "heads": Attention(W, H).double(), "wide": wide(W, H).double()}
exact = {"rtol": 0, "atol": 1e-12}


def close(actual, expected, **tolerance):
    torch.testing.assert_close(actual, expected, **(tolerance or exact))


def by_hand(queries, keys, values, divisor, mask):
    """One sentence, one number after another: the equation of rungs (a) to (c) as loops over Python floats."""
    answers = []
    for i, q in enumerate(queries.tolist()):
        seen = [j for j in range(len(keys)) if mask is None or mask[i][j]]
        scores = [sum(a * b for a, b in zip(q, keys[j].tolist(), strict=True)) / divisor for j in seen]
        powers = [math.exp(score) for score in scores]
        mixed = [0.0] * values.size(1)
        for power, j in zip(powers, seen, strict=True):
            for axis, number in enumerate(values[j].tolist()):
                mixed[axis] += power / sum(powers) * number
        answers.append(mixed)
    return torch.tensor(answers, dtype=torch.float64).reshape(len(queries), values.size(1))


@st.composite
def questions(draw):
    """Queries, keys, values and a mask of any small size, rows that may look at nothing among them."""
    i, j, d = (draw(st.integers(1, most)) for most in (4, 5, 4))
    rows = st.lists(st.lists(st.booleans(), min_size=j, max_size=j), min_size=i, max_size=i)
    mask = draw(st.none() | rows.map(torch.tensor))
    chance = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    q, k, v = (torch.randn(n, d, generator=chance, dtype=torch.float64) for n in (i, j, j))
    return q, k, v, mask


# rungs (a), (b), (c)


@pytest.mark.parametrize("mask", [None, causal(N)], ids=["none", "causal"])
@pytest.mark.parametrize(("rung", "divisor"), [(plain, 1.0), (scaled, math.sqrt(W))])
def test_plain_and_scaled_are_the_loops(rung, divisor, mask):
    x = torch.randn(N, W, dtype=torch.float64)
    close(rung(x, mask), by_hand(x, x, x, divisor, mask))


@given(questions())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_attend_is_the_loops_for_any_mask(question):
    q, k, v, mask = question
    expected = by_hand(q, k, v, math.sqrt(q.size(-1)), mask)
    close(attend.definition(q, k, v, mask), expected)
    close(attend(q, k, v, mask), expected)


def test_the_soft_dictionary_with_one_perfect_key_is_a_dictionary():
    keys, values = torch.eye(4) * 100, torch.randn(4, 3)
    close(attend(keys[2:3], keys, values), values[2:3], rtol=0, atol=1e-5)


def test_equal_scores_give_the_mean():
    values = torch.randn(4, 3)
    close(mixture(torch.zeros(1, 4), values), values.mean(0, keepdim=True), rtol=0, atol=1e-6)


@pytest.mark.parametrize("attention", [attend.definition, attend.kernel], ids=["definition", "kernel"])
def test_dropout_drops_weights_and_keeps_the_mean(attention):
    q, ones = torch.randn(1, 2000, 4), torch.ones(1, 50, 4)
    answers = attention(q, ones, ones, None, 0.5)
    assert answers.std() > 0.05 and abs(answers.mean() - 1) < 0.01


# what scaling is for


@pytest.mark.parametrize("width", [4, 64, 256])
def test_a_dot_product_of_unit_variance_has_variance_d_and_scaling_brings_it_back_to_one(width):
    q, k = torch.randn(2, 400, width)
    assert dot(q, k).var().item() == pytest.approx(width, rel=0.1)
    assert scaled_dot(q, k).var().item() == pytest.approx(1, rel=0.1)


def saturation(score, width):
    """How much the largest weight takes, and how much gradient gets through softmax, on average over queries."""
    chance = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 100, width, generator=chance)
    scores = score(q, k).detach().requires_grad_()
    weights = scores.softmax(-1)
    weights[:, 0].sum().backward()
    return weights.amax(-1).mean().item(), scores.grad.abs().sum(-1).mean().item()


def test_unscaled_scores_saturate_softmax_as_width_grows_and_root_d_repairs_it():
    (narrow, gradient), (broad, vanished) = saturation(dot, 4), saturation(dot, 1024)
    assert broad > 0.9 > 0.5 > narrow and vanished < gradient / 3
    (narrow, gradient), (broad, kept) = saturation(scaled_dot, 4), saturation(scaled_dot, 1024)
    assert broad == pytest.approx(narrow, rel=0.5) and kept == pytest.approx(gradient, rel=0.5)


# rung (d)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("cross", [False, True], ids=["self", "cross"])
def test_heads_are_multihead_attention_of_pytorch_values_and_gradients(dtype, mask, cross):
    ours = Attention(W, H).to(dtype)
    twin = twins.attention(ours)
    x, other = torch.randn(2, B, N, W, dtype=dtype)
    source = other if cross else x
    blind = {"key_padding_mask": ~REAL} if mask in ("padding", "both") else {}
    ahead = {"attn_mask": ~causal(N)} if mask in ("causal", "both") else {}

    mine = ours(x, source if cross else None, MASKS[mask])
    theirs, _ = twin(x, source, source, need_weights=False, **blind, **ahead)
    tolerance = {"rtol": 0, "atol": 2e-6} if dtype == torch.float32 else exact
    close(mine, theirs, **tolerance)

    mine.square().sum().backward()
    theirs.square().sum().backward()
    loose = {"rtol": 0, "atol": 5e-5} if dtype == torch.float32 else exact
    for index, reader in enumerate((ours.q, ours.k, ours.v)):
        close(reader.weight.grad, twin.in_proj_weight.grad.chunk(3)[index], **loose)
        close(reader.bias.grad, twin.in_proj_bias.grad.chunk(3)[index], **loose)
    close(ours.out.weight.grad, twin.out_proj.weight.grad, **loose)
    close(ours.out.bias.grad, twin.out_proj.bias.grad, **loose)


def test_one_query_may_look_at_many_keys():
    ours = Attention(W, H).double()
    x, source = torch.randn(B, 1, W).double(), torch.randn(B, 7, W).double()
    close(ours(x, source), twins.attention(ours)(x, source, source, need_weights=False)[0])


@pytest.mark.parametrize("make", [Attention, wide])
def test_heads_are_rung_c_side_by_side(make):
    """Each head alone, by loops, then joined: narrow and wide alike."""
    ours, x = make(W, H).double(), torch.randn(N, W).double()
    q, k, v = (reader(x).chunk(H, dim=-1) for reader in (ours.q, ours.k, ours.v))
    heads = [by_hand(q[h], k[h], v[h], math.sqrt(q[h].size(1)), None) for h in range(H)]
    close(ours(x[None])[0], ours.out(torch.cat(heads, dim=-1)))


def test_wide_heads_have_as_many_times_the_weights_as_there_are_heads():
    """k = width: narrow 3k² + k², wide h · 3k² + h · k².  Biases on top."""

    def weights(attention):
        return sum(p.numel() for name, p in attention.named_parameters() if name.endswith("weight"))

    assert weights(Attention(W, H)) == 3 * W**2 + W**2
    assert weights(wide(W, H)) == H * (3 * W**2 + W**2)
    one, same = Attention(W, 1), wide(W, 1)
    assert weights(one) == weights(same)


@pytest.mark.parametrize("heads", [1, 2, 3, 4, 6, 12])
def test_the_number_of_narrow_heads_costs_nothing(heads):
    assert sum(p.numel() for p in Attention(W, heads).parameters()) == 4 * (W**2 + W)


@pytest.mark.parametrize(
    ("width", "heads", "repair"),
    [
        (16, 3, "width 16 does not divide into 3 heads; try 1, 2, 4, 8 or 16"),
        (16, 0, "width 16 does not divide into 0 heads; try 1, 2, 4, 8 or 16"),
        (16, -2, "width 16 does not divide into -2 heads; try 1, 2, 4, 8 or 16"),
        (512, 7, "width 512 does not divide into 7 heads; try 1, 2, 4, 8, 16, 32 or 64"),
        (4, 8, "width 4 does not divide into 8 heads; try 1, 2 or 4"),
        (7, 2, "width 7 does not divide into 2 heads; try 1 or 7"),
        (1, 2, "width 1 does not divide into 2 heads; try 1"),
    ],
)
def test_a_width_that_does_not_split_names_both_numbers_and_the_repair(width, heads, repair):
    with pytest.raises(ValueError, match=f"^{re.escape(repair)}$"):
        Attention(width, heads)


# what holds on every rung


@pytest.mark.parametrize("rung", RUNGS)
def test_a_permuted_sentence_gives_permuted_answers(rung):
    x = torch.randn(B, N, W, dtype=torch.float64)
    close(RUNGS[rung](x[:, ORDER]), RUNGS[rung](x)[:, ORDER])


@pytest.mark.parametrize("rung", RUNGS)
def test_under_a_causal_mask_a_later_word_changes_nothing_before_it(rung):
    x = torch.randn(B, N, W, dtype=torch.float64) / 2
    for at in range(N):
        changed = x.clone()
        changed[:, at] += 1
        before, after = (RUNGS[rung](sentence, mask=causal(N)) for sentence in (x, changed))
        assert torch.equal(after[:, :at], before[:, :at])
        assert (after[:, at:] != before[:, at:]).any(dim=-1).all()


@pytest.mark.parametrize("rung", ["heads", "wide"])
def test_padding_changes_nothing_whatever_stands_in_it(rung):
    x = torch.randn(B, N, W, dtype=torch.float64)
    x[1, 3:] = 1e6
    close(RUNGS[rung](x, mask=MASKS["padding"])[1:, :3], RUNGS[rung](x[1:, :3]))


def mixes(function) -> bool:
    """Does any position's output depend on another position's input?"""
    x = torch.randn(1, 3, W, dtype=torch.float64)
    slopes = torch.autograd.functional.jacobian(function, x).squeeze((0, 3)).abs().sum((1, 3))
    assert slopes.diagonal().all()
    return bool((slopes - slopes.diag().diag()).any())


def test_attention_is_the_only_operation_that_mixes_positions():
    for alone in (MLP(W, 20), LayerNorm(W), nn.Linear(W, W)):
        assert not mixes(alone.double())
    for function in RUNGS.values():
        assert mixes(function)
    for block in (kind(Attention(W, H), MLP(W, 20)) for kind in (PostNormBlock, PreNormBlock)):
        assert mixes(block.double())
        block.attention.forward = lambda x, mask=None, memory=None: x  # attention taken out: nothing mixes any more
        assert not mixes(block)


# finite differences


EMPTY = torch.tensor([[True, False, True], [False, False, False]])


@pytest.mark.parametrize("mask", [None, EMPTY], ids=["none", "empty row"])
@pytest.mark.parametrize("function", [attend.definition, attend.kernel], ids=["definition", "kernel"])
def test_gradients_of_attend_are_the_finite_differences(function, mask):
    q, k, v = (torch.randn(2, n, 4, dtype=torch.float64, requires_grad=True) for n in (2, 3, 3))
    assert torch.autograd.gradcheck(lambda *inputs: function(*inputs, mask), (q, k, v))


@pytest.mark.parametrize("rung", RUNGS)
def test_gradients_of_every_rung_are_the_finite_differences(rung):
    x = torch.randn(1, 3, W, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(RUNGS[rung], (x,))


# distances


def near_by_loops(q, k, table, key_too):
    """q_i · r_(i−j) [+ k_j · r_(i−j)] one number after another; r_0 stands in the middle of the table."""
    middle, later = len(table) // 2, k.size(-2) - q.size(-2)
    added = torch.zeros(*q.shape[:-1], k.size(-2), dtype=q.dtype)
    for i in range(q.size(-2)):
        for j in range(k.size(-2)):
            distance = table[middle + i + later - j]
            added[..., i, j] = (q[..., i, :] * distance).sum(-1)
            if key_too:
                added[..., i, j] += (k[..., j, :] * distance).sum(-1)
    return added


def relative(kind, length=6, head_width=4):
    made = kind(length, head_width).double()
    torch.nn.init.normal_(made.table)
    return made


@pytest.mark.parametrize(("kind", "key_too"), [(RelativeKey, False), (RelativeKeyQuery, True)])
@pytest.mark.parametrize(("queries", "keys"), [(5, 5), (6, 6), (1, 1), (1, 6), (2, 5)])
def test_distances_add_what_the_equations_say(kind, key_too, queries, keys):
    """Queries are the last of the positions: with fewer of them than keys, the first stands at keys − queries."""
    near = relative(kind)
    q, k = torch.randn(B, H, queries, 4).double(), torch.randn(B, H, keys, 4).double()
    close(near(q, k), near_by_loops(q, k, near.table, key_too))
    close(near(q[0], k[0]), near(q, k)[0])  # texts in one row have no axis of sentences


@pytest.mark.parametrize("kind", [RelativeKey, RelativeKeyQuery])
def test_the_same_distance_has_the_same_vector_wherever_it_is_met(kind):
    """Shaw et al. 2018, section 3.2: the table has a row for each i − j from −(length − 1) to length − 1."""
    near = relative(kind)
    assert near.table.shape == (2 * 6 - 1, 4)
    distances = near.distances(6, 6)
    for i in range(6):
        for j in range(6):
            assert torch.equal(distances[i, j], near.table[i - j + 5])
    close(near.distances(2, 6), distances[4:])


@pytest.mark.parametrize("kind", [RelativeKey, RelativeKeyQuery])
@pytest.mark.parametrize("queries", [3, 2])
def test_gradients_of_distances_are_the_finite_differences(kind, queries):
    near = relative(kind, length=3)
    q, k, v = (torch.randn(1, n, 4, dtype=torch.float64, requires_grad=True) for n in (queries, 3, 3))

    def read(q, k, v, table):
        return attend(q, k, v, causal(queries, 3), 0.0, torch.func.functional_call(near, {"table": table}, (q, k)))

    assert torch.autograd.gradcheck(read, (q, k, v, near.table))


@pytest.mark.parametrize("kind", [RelativeKey, RelativeKeyQuery])
def test_more_positions_than_there_are_distances_for_name_both_numbers_and_the_repair(kind):
    q, near = torch.zeros(1, 1, 7, 4).double(), relative(kind)
    message = "^7 positions asked for, the model knows the distances of 6: cut the text$"
    for queries in (q, q[:, :, :1]):
        with pytest.raises(ValueError, match=message):
            near(queries, q)


@pytest.mark.parametrize(("kind", "key_too"), [(RelativeKey, False), (RelativeKeyQuery, True)])
@pytest.mark.parametrize("mask", MASKS)
def test_heads_with_distances_are_softmax_of_scores_and_distances(kind, key_too, mask):
    near = relative(kind)
    ours, x = Attention(W, H, nearness=near).double(), torch.randn(B, N, W).double()
    q, k, v = (reader(x).unflatten(-1, (H, 4)).transpose(1, 2) for reader in (ours.q, ours.k, ours.v))
    scores = (q @ k.mT + near_by_loops(q, k, near.table, key_too)) / 2  # √4
    if MASKS[mask] is not None:
        scores = scores.masked_fill(~MASKS[mask], -torch.inf)
    expected = ours.out((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))
    with listen(ours, "scaled") as tape:
        by_definition = ours(x, mask=MASKS[mask])
    close(ours(x, mask=MASKS[mask]), expected)
    close(by_definition, expected)
    close(tape["scaled"].masked_fill(scores.isinf(), -torch.inf), scores)


def test_with_distances_the_order_of_words_is_something():
    ours, x = Attention(W, H, nearness=relative(RelativeKey)).double(), torch.randn(B, N, W).double()
    assert (ours(x[:, ORDER]) - ours(x)[:, ORDER]).abs().max() > 0.01


def test_nowhere_adds_nothing_and_learns_nothing():
    ours, x = Attention(W, H), torch.randn(B, N, W)
    assert isinstance(ours.nearness, Nowhere) and ours.nearness(x, x) == 0.0
    assert not list(ours.nearness.parameters())


# what is remembered


@pytest.mark.parametrize("sizes", [[1] * N, [2, 3], [4, 1], [N]], ids=str)
@pytest.mark.parametrize("near", [None, RelativeKey, RelativeKeyQuery])
def test_piece_by_piece_with_a_memory_is_all_at_once(sizes, near):
    ours, x = Attention(W, H, nearness=near and relative(near)).double(), torch.randn(B, N, W).double()
    memory, read, known = Memory(), [], 0
    for part in x.split(sizes, dim=1):
        known += part.size(1)
        read.append(ours(part, mask=causal(part.size(1), known), memory=memory))
    close(torch.cat(read, dim=1), ours(x, mask=causal(N)))
    k, v = memory.known[ours]
    close((k, v), ours.read(x))


def test_each_attention_remembers_its_own():
    one, other, memory = Attention(W, H), Attention(W, H), Memory()
    x = torch.randn(B, 2, W)
    one(x, memory=memory), other(x, memory=memory), one(x, memory=memory)
    assert memory.known[one][0].shape == (B, H, 4, 4) and memory.known[other][0].shape == (B, H, 2, 4)


def test_a_source_that_stays_the_same_is_read_once():
    ours, x, source = Attention(W, H).double(), torch.randn(B, N, W).double(), torch.randn(B, 7, W).double()
    reads, fixed = [], Fixed()
    ours.k.register_forward_hook(lambda *_: reads.append(1))
    expected = ours(x, source)
    for _ in range(3):
        close(ours(x, source, memory=fixed), expected)
    assert len(reads) == 2  # the second for the first of the three
    close(ours(x, source * 0, memory=fixed), expected)  # whatever is said later


def test_what_is_real_is_remembered_in_the_order_it_was_met():
    memory = Memory()
    first, second = torch.tensor([[True, False]]), torch.tensor([[True]])
    assert torch.equal(memory.meet(first), first)
    assert memory.meet(second).tolist() == [[True, False, True]] == memory.real.tolist()


def filled():
    """A memory of one attention that has read a source and two pieces of its own, and that attention."""
    torch.manual_seed(0)
    ours, source, real = Attention(W, H).double(), torch.randn(3, 4, W).double(), torch.rand(3, 4) < 0.6
    memory = Memory(source, real)
    x = torch.randn(3, 2, W).double()
    memory.meet(torch.tensor([[True, True], [False, True], [True, False]]))
    ours(x, memory=memory), ours(x, source, memory=memory.fixed)
    return memory, ours


def held(memory, ours):
    return (*memory.known[ours], *memory.fixed.known[ours], memory.source, memory.mask, memory.real)


@pytest.mark.parametrize("rows", [[2, 0], [1, 1, 1, 0], [0, 1, 2], [1]], ids=str)
def test_rows_that_are_chosen_are_chosen_of_all_that_is_remembered(rows):
    memory, ours = filled()
    before = held(memory, ours)
    memory.choose(torch.tensor(rows))
    for now, then in zip(held(memory, ours), before, strict=True):
        assert torch.equal(now, torch.stack([then[row] for row in rows]))


def test_an_empty_memory_has_no_rows_to_choose_from_and_says_nothing():
    memory = Memory()
    memory.choose(torch.tensor([1, 0]))
    assert memory.source is memory.mask is memory.real is None and not memory.known


def test_a_copy_of_a_memory_and_the_memory_go_different_ways():
    memory, ours = filled()
    other, before = memory.copy(), held(memory, ours)
    for mine, theirs in zip(held(other, ours), before, strict=True):
        assert mine is theirs
    other.meet(torch.ones(3, 1, dtype=torch.bool))
    ours(torch.randn(3, 1, W).double(), memory=other)
    other.choose(torch.tensor([0]))
    for now, then in zip(held(memory, ours), before, strict=True):
        assert now is then
    memory.known.clear(), memory.fixed.known.clear()
    assert other.known[ours][0].shape == (1, H, 3, 4) and other.fixed.known[ours][0].shape == (1, H, 4, 4)


def test_a_memory_knows_what_of_its_source_is_padding():
    assert Memory(torch.randn(B, N, W)).mask is None
    assert torch.equal(Memory(torch.randn(B, N, W), REAL).mask, padding(REAL))

"""Every variant against its source's equation, pair by pair in float64; and what all of them keep of `Attention`."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glassformer.parts.attention import Attention, Memory, RelativeKey
from glassformer.parts.block import MLP, PostNormBlock, PreNormBlock, Stack
from glassformer.parts.mask import causal, padding
from glassformer.parts.variants import VARIANTS, Apart, Fused, Segments, distances, normed, relative, skewed
from glassformer.tape import listen

B, N, W, H, D = 2, 5, 12, 3, 4
REAL = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
MASKS = {"none": None, "padding": padding(REAL), "causal": causal(N), "both": padding(REAL) & causal(N)}
SITES = ["q", "k", "v", "scores", "scaled", "weights", "z", "mixed"]
exact = {"rtol": 0, "atol": 1e-12}


def close(actual, expected, **tolerance):
    torch.testing.assert_close(actual, expected, **(tolerance or exact))


def made(name):
    """Weights so large that everything matters, biases that are not 0."""
    torch.manual_seed(0)
    attention = VARIANTS[name](W, H).double()
    for parameter in attention.parameters():
        nn.init.normal_(parameter, std=0.5)
    return attention


def text(n=N, rows=B):
    return torch.linspace(-3, 3, rows * n * W, dtype=torch.float64).sin().view(rows, n, W) * 1.5


# the equations


def slices(x, h):
    return x[:, h * D : (h + 1) * D]


def of_each_head(heads, mask, score):
    """heads: (q, k, v) of each, (n, d).  One sentence, one pair after another: softmax(score / √d) · v."""
    answers = []
    for h, (q, k, v) in enumerate(heads):
        rows = []
        for i in range(len(q)):
            seen = [j for j in range(len(k)) if mask is None or mask[i, j]]
            powers = torch.stack([torch.exp(score(h, q, k, i, j) / math.sqrt(D)) for j in seen])
            rows.append(sum(power * v[j] for power, j in zip(powers, seen, strict=True)) / powers.sum())
        answers.append(torch.stack(rows))
    return torch.cat(answers, dim=1)


def dot(h, q, k, i, j):
    return (q[i] * k[j]).sum()


def default(a, x, mask, score=dot):
    heads = [[slices(x @ part.weight.T + part.bias, h) for part in (a.q, a.k, a.v)] for h in range(H)]
    return of_each_head(heads, mask, score) @ a.out.weight.T + a.out.bias


def wide(a, x, mask):
    """Each head is as wide as the model, and divides by the root of that."""
    read = [x @ part.weight.T + part.bias for part in (a.q, a.k, a.v)]
    heads = [[each[:, h * W : (h + 1) * W] for each in read] for h in range(H)]
    return of_each_head(heads, mask, lambda *s: dot(*s) * math.sqrt(D / W)) @ a.out.weight.T + a.out.bias


def narrow(a, x, mask):
    heads = [[slices(x, h) @ part.weight.T + part.bias for part in (a.q, a.k, a.v)] for h in range(H)]
    return of_each_head(heads, mask, dot)


def alternative(a, x, mask):
    down = x @ a.down.weight.T + a.down.bias
    heads = [[slices(down, h) @ part.weight[h].T for part in (a.q, a.k, a.v)] for h in range(H)]
    return of_each_head(heads, mask, dot) @ a.out.weight.T + a.out.bias


def gpt2(a, x, mask):
    whole = x @ a.readers.weight.T + a.readers.bias
    heads = [[slices(part, h) for part in whole.split(W, dim=1)] for h in range(H)]
    return of_each_head(heads, mask, dot) @ a.out.weight.T + a.out.bias


def with_norms(a, x, mask):
    def on_one_scale(y, norm):
        spread = ((y - y.mean(1, keepdim=True)) ** 2).mean(1, keepdim=True)
        return (y - y.mean(1, keepdim=True)) / torch.sqrt(spread + 1e-5) * norm.gain + norm.shift

    read = [x @ part.weight.T + part.bias for part in (a.q, a.k, a.v)]
    heads = [
        (on_one_scale(slices(read[0], h), a.q.norm), on_one_scale(slices(read[1], h), a.k.norm), slices(read[2], h))
        for h in range(H)
    ]
    loud = a.q.scale * math.sqrt(D)  # in place of 1 / √d, by which the loops divide
    return of_each_head(heads, mask, lambda *s: dot(*s) * loud) @ a.out.weight.T + a.out.bias


def with_distances(a, x, mask):
    table = a.nearness.table
    return default(a, x, mask, lambda h, q, k, i, j: dot(h, q, k, i, j) + (q[i] * table[len(table) // 2 + i - j]).sum())


def wave(distance):
    """Dai et al. 2019: sines, then cosines, of the distance over 10000^(2f/w)."""
    angles = [distance / 10_000 ** (2 * f / W) for f in range(W // 2)]
    return torch.tensor([*map(math.sin, angles), *map(math.cos, angles)], dtype=torch.float64)


def four_terms(a, x, mask):
    near = a.nearness

    def score(h, q, k, i, j):
        place = (near.places.weight @ wave(i - j))[h * D : (h + 1) * D]
        u, v = near.asks_content[h, 0], near.asks_place[h, 0]
        return (q[i] * k[j]).sum() + (q[i] * place).sum() + (u * k[j]).sum() + (v * place).sum()

    return default(a, x, mask, score)


EQUATIONS = {
    "default": default,
    "wide": wide,
    "narrow": narrow,
    "alternative": alternative,
    "gpt2": gpt2,
    "normed": with_norms,
    "relative": with_distances,
    "transformer-xl": four_terms,
}


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("mask", ["none", "causal"])
def test_a_variant_is_the_equation_of_its_source_values_and_gradients(name, mask):
    ours, x = made(name), text(rows=1).requires_grad_()
    mine, theirs = ours(x, mask=MASKS[mask])[0], EQUATIONS[name](ours, x[0], MASKS[mask])
    close(mine, theirs)
    with listen(ours, "weights"):
        close(ours(x, mask=MASKS[mask])[0], mine)  # the definition of the kernel
    weighing = torch.linspace(-1, 1, N * W, dtype=torch.float64).view(N, W)
    inputs = [x, *ours.parameters()]
    for one, other in zip(*(torch.autograd.grad((y * weighing).sum(), inputs) for y in (mine, theirs)), strict=True):
        close(one, other, rtol=0, atol=1e-10)


def test_every_variant_has_an_equation():
    assert list(EQUATIONS) == list(VARIANTS)


@pytest.mark.parametrize("name", VARIANTS)
def test_gradients_are_the_finite_differences(name):
    ours = made(name)
    assert torch.autograd.gradcheck(lambda x: ours(x, mask=causal(3)), (text(3, 1).requires_grad_(),))


# what all of them keep


@pytest.mark.parametrize("name", VARIANTS)
def test_sites_are_those_of_attention(name):
    ours = made(name)
    with listen(ours) as tape:
        ours(text())
    assert [site for site in tape if "." not in site] == SITES
    assert tape["weights"].shape == (B, H, N, N)


@pytest.mark.parametrize("name", VARIANTS)
def test_padding_changes_nothing_and_nobody_looks_ahead(name):
    ours, x = made(name), text()
    x[1, 3:] = 1e3
    close(ours(x, mask=MASKS["padding"])[1:, :3], ours(x[1:, :3]))
    changed = text()
    changed[:, 3] += 1
    before, after = ours(text(), mask=causal(N)), ours(changed, mask=causal(N))
    close(after[:, :3], before[:, :3])
    assert ((after - before)[:, 3:].abs().amax(-1) > 1e-6).all()


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("sizes", [[1] * 5, [2, 3]], ids=str)
def test_piece_by_piece_with_a_memory_is_all_at_once(name, sizes):
    ours, memory, read, known = made(name), Memory(), [], 0
    for part in text().split(sizes, dim=1):
        known += part.size(1)
        read.append(ours(part, mask=causal(part.size(1), known), memory=memory))
    close(torch.cat(read, dim=1), ours(text(), mask=causal(N)))


@pytest.mark.parametrize("name", sorted(set(VARIANTS) - {"relative", "transformer-xl"}))  # no distance to another text
def test_a_source_is_looked_at_like_one_s_own_text(name):
    ours, source = made(name), text(7)
    mine = ours(text(), source)
    close(ours(torch.cat([source, text()], dim=1), mask=(torch.arange(12) < 7)[None])[:, 7:], mine)
    assert mine.shape == (B, N, W)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("kind", [PostNormBlock, PreNormBlock])
@pytest.mark.parametrize("mask", MASKS)
def test_a_block_of_it_reads_masked_and_packed(name, kind, mask):
    torch.manual_seed(0)
    stack = Stack(kind(made(name), MLP(W, 20).double()) for _ in range(2)).double()
    expected = text()
    for block in stack:
        expected = block(expected, MASKS[mask])
    close(stack(text(), MASKS[mask])[REAL], expected[REAL])


@pytest.mark.parametrize("name", VARIANTS)
def test_every_parameter_learns(name):
    ours = made(name)
    ours(text(), mask=causal(N))[..., 0].square().sum().backward()
    assert all(parameter.grad.any() for parameter in ours.parameters())


@pytest.mark.parametrize("name", VARIANTS)
def test_a_copy_is_of_its_own_and_a_file_has_every_weight_once(name):
    ours = made(name)
    other, state = copy.deepcopy(ours), ours.state_dict()
    assert len({weight.data_ptr() for weight in state.values()}) == len(state) == len(list(ours.parameters()))
    before = ours(text())
    for parameter in other.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(ours(text()), before) and not other(text()).any()
    other.load_state_dict(state)
    assert torch.equal(other(text()), before)


def weights(attention):
    return sum(weight.numel() for name, weight in attention.named_parameters() if name.endswith("weight"))


def test_how_many_weights_each_has():
    """k = width, s = width of a head: 4k²; wide h · 4k²; narrow 3s²; alternative 2k² + 3ks."""
    counts = {name: weights(made(name)) for name in VARIANTS}
    assert counts["default"] == counts["gpt2"] == 4 * W**2 and counts["wide"] == 4 * H * W**2
    assert counts["narrow"] == 3 * D**2 and counts["alternative"] == 2 * W**2 + 3 * W * D
    assert counts["transformer-xl"] == 5 * W**2


@pytest.mark.parametrize("name", VARIANTS)
def test_a_width_that_does_not_split_is_refused(name):
    if name != "wide":
        with pytest.raises(ValueError, match="width 12 does not divide into 5 heads; try 1, 2, 3, 4, 6 or 12"):
            VARIANTS[name](12, 5)


@pytest.mark.parametrize("name", VARIANTS)
def test_without_positions_order_is_nothing_but_to_distances(name):
    ours, order = made(name), torch.tensor([3, 0, 4, 1, 2])
    moved = (ours(text()[:, order]) - ours(text())[:, order]).abs().max()
    assert (moved > 0.01) == (name in ("relative", "transformer-xl"))


# gpt2, normed, apart


def test_gpt2_is_attention_with_its_three_weights_in_one():
    ours, plain = made("gpt2"), made("default")
    with torch.no_grad():
        ours.readers.weight.copy_(torch.cat([plain.q.weight, plain.k.weight, plain.v.weight]))
        ours.readers.bias.copy_(torch.cat([plain.q.bias, plain.k.bias, plain.v.bias]))
        ours.out.load_state_dict(plain.out.state_dict())
    for x, source in ((text(), None), (text(), text(7))):
        close(ours(x, source), plain(x, source))
    ours(text()).square().sum().backward()
    plain(text()).square().sum().backward()
    thirds = ours.readers.weight.grad.chunk(3)
    for third, part in zip(thirds, (plain.q, plain.k, plain.v), strict=True):
        close(third, part.weight.grad, rtol=0, atol=1e-10)
    assert isinstance(ours, Fused) and not list(ours.q.parameters())


def test_a_norm_of_queries_and_keys_makes_scores_deaf_to_how_large_a_vector_is():
    """No score exceeds scale · d · gain², whatever is read; without the norm they grow with the square of it."""
    torch.manual_seed(0)
    ours, plain = normed(W, H).double(), Attention(W, H).double()
    for attention in (ours, plain):
        nn.init.zeros_(attention.q.bias), nn.init.zeros_(attention.k.bias)
    largest = {}
    for attention in (ours, plain):
        for loud in (10.0, 1000.0):
            with listen(attention, "scaled") as tape:
                attention(text() * loud)
            largest[attention, loud] = tape["scaled"].abs().max().item()
    assert largest[ours, 1000.0] == pytest.approx(largest[ours, 10.0], rel=1e-3) and largest[ours, 10.0] <= math.sqrt(D)
    assert largest[plain, 1000.0] == pytest.approx(largest[plain, 10.0] * 10_000)


def test_the_scale_of_normed_scores_begins_as_one_over_root_d_or_as_told():
    """The study's own code divides by the root of the whole width."""
    assert normed(W, H).q.scale.item() == pytest.approx(1 / math.sqrt(D))
    assert normed(W, H, scale=W**-0.5).q.scale.item() == pytest.approx(1 / math.sqrt(W))
    attention = normed(W, H, scale=0.0).double()
    with listen(attention, "weights") as tape:
        attention(text())
    close(tape["weights"], torch.full((B, H, N, N), 1 / N, dtype=torch.float64))


@pytest.mark.parametrize("mask", [None, padding(torch.tensor([[True] * 7, [True] * 4 + [False] * 3]))])
def test_inputs_apart_are_those_of_pytorch(mask):
    torch.manual_seed(0)
    ours = Apart(W, H, key_width=6, value_width=9).double()
    twin = nn.MultiheadAttention(W, H, kdim=6, vdim=9, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for theirs, part in ((twin.q_proj_weight, ours.q), (twin.k_proj_weight, ours.k), (twin.v_proj_weight, ours.v)):
            theirs.copy_(part.weight)
        twin.in_proj_bias.copy_(torch.cat([ours.q.bias, ours.k.bias, ours.v.bias]))
        twin.out_proj.load_state_dict(ours.out.state_dict())
    keys, values = torch.randn(B, 7, 6).double(), torch.randn(B, 7, 9).double()
    blind = None if mask is None else ~mask[:, 0, 0]
    close(ours(text(), keys, values, mask), twin(text(), keys, values, key_padding_mask=blind, need_weights=False)[0])


def test_inputs_apart_that_are_the_same_are_attention():
    ours, plain = Apart(W, H).double(), made("default")
    ours.load_state_dict(plain.state_dict())
    close(ours(text(), text(7), text(7)), plain(text(), text(7)))
    assert torch.autograd.gradcheck(ours, [text(n, 1).requires_grad_() for n in (2, 3, 3)])


# distances, right and wrong


class Summed(RelativeKey):
    """The known mistake: the row of i + j, because the table was not turned.  Where a pair stands then matters."""

    def distances(self, queries, keys):
        positions = torch.arange(keys)
        return self.table[positions[keys - queries :, None] + positions]


class Unskewed(RelativeKey):
    """The other one: column j is taken for distance j, the skew left out.  All queries ask for the same places."""

    def distances(self, queries, keys):
        return self.table[torch.arange(keys)].expand(queries, -1, -1)


def near(kind):
    torch.manual_seed(0)
    attention = Attention(W, H, nearness=kind(16, D)).double()
    nn.init.normal_(attention.nearness.table)
    return attention


def moved(attention):
    """How the reading of four words changes where others stand before them that may not be looked at."""
    words, others = text(4), torch.randn(B, 3, W).double()
    mask = torch.block_diag(torch.ones(3, 3), torch.ones(4, 4)) == 1
    later = attention(torch.cat([others, words], dim=1), mask=mask)[:, 3:]
    return (later - attention(words)).abs().max().item()


def test_distances_are_the_same_wherever_a_pair_stands_and_the_known_mistakes_are_not():
    assert moved(near(RelativeKey)) < 1e-12
    assert moved(made("transformer-xl")) < 1e-12
    assert moved(near(Summed)) > 0.1
    assert moved(near(Unskewed)) > 0.1


@pytest.mark.parametrize(("kind", "turned", "holds"), [
    (RelativeKey, False, True), (Summed, False, False), (Summed, True, True), (Unskewed, False, False),
])  # fmt: skip
def test_what_is_added_is_constant_along_the_diagonal_and_the_mistake_along_the_other(kind, turned, holds):
    """Of queries that are all alike: i − j has one value along a diagonal, i + j along a counter-diagonal."""
    added = near(kind).nearness(torch.ones(1, 1, 6, D).double(), torch.ones(1, 1, 6, D).double())[0, 0]
    added = added.flip(1) if turned else added
    constant = all(added.diagonal(offset).var(correction=0) < 1e-20 for offset in range(-5, 6))
    assert constant == holds


def test_skewed_finds_what_was_said_of_each_distance():
    said = torch.arange(3 * 9).view(1, 3, 9)  # three queries, the last of five positions: distances −4 to 4
    answer = skewed(said, 5)
    for i in range(3):
        for j in range(5):
            assert answer[0, i, j] == said[0, i, (2 + i) - j + 4]


def test_the_vectors_of_distances_are_the_paper_s_waves():
    table = distances(4, W)
    close(table, torch.stack([wave(distance) for distance in range(-3, 4)]))
    assert table.dtype == torch.float64


def test_any_distance_has_a_vector_in_transformer_xl_and_a_learned_one_ends():
    made("transformer-xl")(text(40))
    with pytest.raises(ValueError, match="5 positions asked for, the model knows the distances of 4"):
        relative(W, H, length=4).double()(text())


def test_the_four_terms_are_named_and_add_up():
    ours = made("transformer-xl")
    with listen(ours) as tape:
        ours(text())
    terms = [tape[f"nearness.{term}"] for term in ("content_place", "place_content", "place_place")]
    assert [term.shape for term in terms] == [(B, H, N, N), (B, H, 1, N), (H, N, N)]
    close(tape["scaled"], (tape["scores"] + sum(terms)) / math.sqrt(D))


# segments


def blocks(layers):
    torch.manual_seed(0)
    return Stack(PreNormBlock(made("transformer-xl"), MLP(W, 20).double()) for _ in range(layers)).double()


def by_segments(stack, segments, kept):
    memory, read = Segments(kept), []
    for part in segments:
        read.append(stack(part, causal(part.size(1), memory.length + part.size(1)), memory))
    return read, memory


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("sizes", [[4, 3], [2, 2, 3], [1] * 7], ids=str)
def test_segments_that_remember_all_before_are_the_whole_text(layers, sizes):
    stack = blocks(layers)
    read, memory = by_segments(stack, text(7).split(sizes, dim=1), kept=7)
    close(torch.cat(read, dim=1), stack(text(7), causal(7)))
    assert memory.length == 7


def test_gradients_stay_in_the_segment_but_go_through_what_reads_the_one_before():
    stack = blocks(2)
    before, now = text(4).requires_grad_(), text(3).requires_grad_()
    read, _ = by_segments(stack, [before, now], kept=4)
    read[1].square().sum().backward()
    assert before.grad is None and now.grad.any()
    whole = torch.cat([text(4), text(3)], dim=1).requires_grad_()
    stack(whole, causal(7))[:, 4:].square().sum().backward()
    assert whole.grad[:, :4].any()  # without segments it would have gone there

    keys = stack[1].attention.k.weight
    with_past = keys.grad.clone()
    keys.grad = None
    memory = Memory()
    with torch.no_grad():
        stack(text(4), causal(4), memory)
    stack(text(3), causal(3, 7), memory).square().sum().backward()  # keys kept instead of streams
    assert not torch.allclose(keys.grad, with_past)  # here the map of keys learns from what it made of the past as well


def test_one_layer_more_reaches_one_segment_further_back():
    for layers, reaches in ((1, 1), (2, 2), (3, 3)):
        stack, segments = blocks(layers), list(torch.randn(1, 20, W).double().split(4, dim=1))
        before = by_segments(stack, segments, kept=4)[0][-1]
        for back in range(1, 5):
            other = [*segments]
            other[-1 - back] = torch.randn(1, 4, W).double()
            changed = (by_segments(stack, other, kept=4)[0][-1] - before).abs().max() > 1e-9
            assert changed == (back <= reaches), (layers, back)


def test_segments_keep_as_much_as_told_choose_rows_and_go_on_in_two_ways():
    stack = blocks(1)
    _, memory = by_segments(stack, text(6).split(3, dim=1), kept=2)
    assert memory.length == 2
    other = memory.copy()
    other.choose(torch.tensor([1, 1, 0]))
    mask = causal(2, 4)
    expected = stack(text(2), mask, memory)
    close(stack(text(2)[[1, 1, 0]], mask, other), expected[[1, 1, 0]])
    with pytest.raises(ValueError, match="0 positions of the segment before are none; keep 1 or more"):
        Segments(0)
    with pytest.raises(ValueError, match=r"set `stack\.prepared = None`"):
        memory.keep(stack[0].attention, text(), text())


def test_segments_learn_the_same_where_blocks_are_computed_again():
    found = []
    for again in (False, True):
        stack = blocks(2).train()
        stack.recompute = again
        read, _ = by_segments(stack, [text(4), text(3)], kept=4)
        found.append(torch.autograd.grad(sum(each.square().sum() for each in read), list(stack.parameters())))
    for one, other in zip(*found, strict=True):
        close(one, other, rtol=0, atol=1e-10)


def test_functional_layer_norm_is_the_oracle_s():
    """The loops of `with_norms` beside PyTorch's own, so that the oracle is held too."""
    ours, x = made("normed"), text(rows=1)
    with listen(ours, ("q", "k")) as tape:
        ours(x)
    for site, part in (("q", ours.q), ("k", ours.k)):
        read = (x @ part.weight.T + part.bias).unflatten(-1, (H, D)).transpose(1, 2)
        read = F.layer_norm(read, (D,), part.norm.gain, part.norm.shift)
        close(tape[site], read * (ours.q.scale * math.sqrt(D)) if site == "q" else read)

"""Each pattern by its sentence, by the paper's sets, by how many pairs are left, and by how far layers reach."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.parts import sparse
from glassformer.parts.attention import Attention
from glassformer.parts.block import MLP, PreNormBlock, Stack
from glassformer.parts.mask import causal
from glassformer.parts.sparse import nearby_and_strided, nearby_and_summaries, stretch, strided, summaries, window

PATTERNS = [nearby_and_strided, nearby_and_summaries]
SENTENCES = {
    window: lambda i, j, size: abs(i - j) <= size,
    strided: lambda i, j, size: (i - j) % size == 0,
    stretch: lambda i, j, size: i // size == j // size,
    summaries: lambda i, j, size: j % size == size - 1,
}
sizes = st.integers(1, 12), st.integers(0, 5), st.integers(1, 6)


@pytest.mark.parametrize("pattern", SENTENCES)
@given(*sizes)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_a_pattern_is_its_sentence_and_queries_are_the_last_positions(pattern, queries, earlier, size):
    keys = queries + earlier
    by_hand = [[SENTENCES[pattern](i + earlier, j, size) for j in range(keys)] for i in range(queries)]
    assert pattern(size, queries, keys).tolist() == by_hand
    assert torch.equal(pattern(size, keys), pattern(size, keys, keys))


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 3))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_paper_s_sets(length, stride, count):
    """Child et al. 2019, section 4.2 and 4.3, positions from 0; `count` is their c."""
    count = min(count, stride)
    local, far = nearby_and_strided(stride, length), nearby_and_summaries(stride, length, count=count)
    for i in range(length):
        near = set(range(max(0, i - stride), i + 1))
        assert set(local[i].nonzero().flatten().tolist()) == near | {j for j in range(i + 1) if (i - j) % stride == 0}
        own = {j for j in range(i + 1) if j // stride == i // stride}
        ends = {j for j in range(i + 1) if j % stride in range(stride - count, stride)}
        assert set(far[i].nonzero().flatten().tolist()) == own | ends


@pytest.mark.parametrize("pattern", PATTERNS)
def test_with_a_stride_of_root_n_there_are_n_root_n_pairs(pattern):
    counts = {n: int(pattern(math.isqrt(n), n).sum()) for n in (16, 64, 256, 1024, 4096)}
    for n, count in counts.items():
        assert 0.5 * n**1.5 < count < 1.6 * n**1.5
    assert counts[4096] / counts[1024] == pytest.approx(8, rel=0.05)  # four times the text: 4^1.5, not 4² = 16
    assert counts[4096] < int(causal(4096).sum()) / 20


@pytest.mark.parametrize("pattern", PATTERNS)
@given(st.integers(1, 30), st.integers(1, 7))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_two_layers_reach_every_earlier_position(pattern, length, stride):
    may = pattern(stride, length).float()
    assert torch.equal(may @ may > 0, causal(length))


def reach(mask, layers):
    """Who may have learned of whom after so many layers: a power of the mask, counted in yes and no."""
    may = torch.eye(len(mask))
    for _ in range(layers):
        may = ((mask.float() @ may) > 0).float()
    return may > 0


@given(st.integers(1, 4), st.integers(1, 5))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_what_a_window_lets_through_grows_by_the_window_with_every_layer(size, layers):
    assert torch.equal(reach(window(size, 24), layers), window(size * layers, 24))
    seen = reach(window(size, 24) & causal(24), layers)
    assert seen.sum(dim=1).max() == min(24, 1 + size * layers)


@pytest.mark.parametrize(
    "mask",
    [window(1, 9), window(2, 9) & causal(9), strided(3, 9) & causal(9), nearby_and_strided(3, 9)],
    ids=["window", "behind", "strided", "both"],
)
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_blocks_depend_on_what_the_power_of_the_mask_says_and_on_nothing_else(mask, layers):
    stack = Stack(PreNormBlock(Attention(6, 2), MLP(6, 8)) for _ in range(layers)).double()
    slopes = torch.autograd.functional.jacobian(lambda x: stack(x, mask), torch.randn(1, 9, 6).double())
    depends = slopes.abs().sum((0, 2, 3, 5)) > 0
    assert torch.equal(depends, reach(mask, layers))


def test_each_head_may_have_a_pattern_of_its_own():
    mask, attention = torch.stack([window(1, 6), strided(2, 6)]) & causal(6), Attention(6, 2).double()
    x = torch.randn(2, 6, 6).double()
    q, k, v = (part(x).unflatten(-1, (2, 3)) for part in (attention.q, attention.k, attention.v))
    heads = []
    for h in range(2):
        scores = (q[:, :, h] @ k[:, :, h].mT / math.sqrt(3)).masked_fill(~mask[h], -torch.inf)
        heads.append(scores.softmax(-1) @ v[:, :, h])
    torch.testing.assert_close(attention(x, mask=mask), attention.out(torch.cat(heads, dim=-1)), rtol=0, atol=1e-12)


def test_every_pattern_is_held_here():
    public = {name for name, made in vars(sparse).items() if callable(made) and made.__module__ == sparse.__name__}
    tested = {pattern.__name__ for pattern in (*SENTENCES, *PATTERNS)}
    assert {name for name in public if not name.startswith("_")} == tested

"""Figures that say how many or how far, found another way: by NumPy, by loops, by PyTorch's own parts, on paper."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from glassformer.claims import arithmetic, bert, drawn
from glassformer.claims.ledger import every, tried
from glassformer.parts.attention import attend


def found(name, **other):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return every()[name].test(**other)


def table(length, width, power):
    """Sines and cosines of positions over powers of 10,000: `power` of the f-th frequency."""
    angles = np.arange(length)[:, None] / 10_000.0 ** np.array([power(f) for f in range(width // 2)])
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def test_columns_of_the_other_layout_are_counted_by_numpy():
    paper, halves = (table(20, 512, power) for power in (lambda f: 2 * f / 512, lambda f: f / 255))
    apart = np.stack([np.abs(column[:, None] - paper).max(axis=0).min() for column in halves.T])
    told = found("halves-are-the-paper-in-another-order")
    assert told.numbers["farthest"] == pytest.approx(apart.max(), abs=1e-5)
    assert told.numbers["found"] == pytest.approx((apart < drawn.SAME).sum(), abs=1)


def test_weights_of_heads_are_counted_on_paper():
    k, heads = 64, 4
    by_kind = {"default": 4 * (k * k + k), "gpt2": 4 * (k * k + k)}
    by_kind["wide"] = 3 * heads * (k * k + k) + heads * k * k + k
    by_kind["narrow"] = 3 * ((k // heads) ** 2 + k // heads)
    told = found("variants-are-one-function")
    assert told.numbers == by_kind and all(f"{name} {count:,}" in told.figure for name, count in by_kind.items())
    assert found("narrow-heads-cost-as-one", kind="wide").numbers == {"with 8": 8 * 3 * 256**2}
    assert found("a-narrow-heads-map", heads=8).numbers == {"width": 32}
    told = found("w-o-can-be-removed").numbers
    assert (told["folded"], told["with W_O"], told["reach"]) == (4 * 32 * 32, 32 * 32 + 32 * 32, 8 / 32)


def test_pairs_of_a_sparse_pattern_are_counted_by_a_loop():
    def pairs(n):
        stride = math.isqrt(n)
        return sum(i - j <= stride or (i - j) % stride == 0 for i in range(n) for j in range(i + 1))

    told = found("sparse-is-n-root-n")
    counts = {n: pairs(n) for n in (64, 256, 1024)}
    ratios = [count / n**1.5 for n, count in counts.items()]
    assert told.numbers == pytest.approx({"least": min(ratios), "most": max(ratios)})
    assert all(f"{count:,} of {n * n:,}" in told.figure for n, count in counts.items())


def test_who_is_reached_in_so_many_layers_is_found_by_walking():
    def reached(near, layers, n=64):
        told = [{i} for i in range(n)]
        for _ in range(layers):
            told = [set().union(*(told[j] for j in range(i + 1) if near(i, j))) for i in range(n)]
        return sum(map(len, told)) / (n * (n + 1) / 2)

    kinds = {
        "strided": lambda i, j: i - j <= 8 or (i - j) % 8 == 0,
        "summaries": lambda i, j: i // 8 == j // 8 or j % 8 == 7,
    }
    for layers in (1, 2):
        told = found("receptive-field-grows", layers=layers)
        assert told.numbers == pytest.approx({name: reached(near, layers) for name, near in kinds.items()})
        assert f"after {layers} layer{'s' if layers == 2 else ''}: strided" in told.figure


def test_copies_that_are_kept_are_counted_tensor_by_tensor():
    for name, run in (("the definition", attend.definition), ("the kernel", attend.kernel)):
        places = set()
        with saved_tensors_hooks(lambda x, places=places: places.add((x.data_ptr(), x.shape)) or x, lambda x: x):
            run(*(torch.randn(4, 1, 256, 16, requires_grad=True) for _ in range(3)))
        large = {place for place, shape in places if shape.numel() >= 4 * 256**2}
        assert found("four-copies-of-each-matrix").numbers[name] == len(large)


def test_memory_is_summed_on_paper():
    assert found("one-matrix-is-64-megabytes", length=2000).numbers == {"bytes": 16 * 2000 * 2000 * 4}
    assert found("twelve-layers-fill-the-card").numbers == {"layers": 12_000 / (4 * 4 * 64)}

    def block(n, matrices):  # 8 vectors of 64 and 256 hidden, 4 numbers of norms; 8 heads' matrices or one number each
        return n * (8 * 64 + 256 + 4 + 8 * (n if matrices else 1))

    told = found("twice-as-long-needs-four-times").numbers
    assert told["the definition, long texts"] == pytest.approx(block(8192, True) / block(4096, True))
    assert told["the kernel"] == pytest.approx(block(8192, False) / block(4096, False)) == 2


def test_gradients_that_two_bytes_lose_are_those_below_half_of_the_least_number():
    least = {"float16": 2.0**-24, "bfloat16": 2.0**-133}  # the smallest above 0, subnormal
    lost = {name: sum(10 ** (-12 + k / 10) <= small / 2 for k in range(101)) / 101 for name, small in least.items()}
    assert found("two-bytes-lose-small-gradients").numbers == pytest.approx(lost)


def test_the_steps_of_a_warm_up_are_the_papers():
    def rate(step):
        return 512**-0.5 * min(step**-0.5, step * 4000**-1.5)

    told = found("steps-grow-until-warm-up-is-over")
    assert told.numbers["longest"] == max(range(1, 20_001), key=rate) and told.figure.endswith(f"{rate(4000):.1e}")


def test_activations_are_as_far_apart_as_their_formulas_in_float64():
    x = np.linspace(-6, 6, 1201)
    exact = x * np.array([1 + math.erf(each / 2**0.5) for each in x]) / 2
    by_tanh = x * (1 + np.tanh((2 / math.pi) ** 0.5 * (x + 0.044715 * x**3))) / 2
    apart = {
        "gelu_new": np.abs(by_tanh - exact).max(),
        "quick_gelu": np.abs(x / (1 + np.exp(-1.702 * x)) - exact).max(),
    }
    assert found("activations-agree").numbers == pytest.approx(apart, abs=1e-6)


def test_the_fewest_pieces_of_a_word_are_those_of_the_shortest_way_to_cut_it():
    vocabulary = ("a", "ab", "##b", "##bc", "##c", "##cab", "##ca")
    for word in ("abc", "abcab", "acab", "abcb", "xa"):
        ways = [
            len(cuts) + 1
            for n in range(len(word))
            for cuts in itertools.combinations(range(1, len(word)), n)
            if all(
                ("##" if begin else "") + word[begin:end] in vocabulary
                for begin, end in itertools.pairwise([0, *cuts, len(word)])
            )
        ]
        least = bert._fewest(word, vocabulary)
        assert least == min(ways) if ways else least > len(word)
    two = "unb, un, ##e, ##li, ##ev, ##believable, ##able: 5 pieces, 2 would do"  # unb·e·li·ev·able, un·believable
    assert two in found("longest-first-is-fewest").figure


def test_the_loss_of_the_printed_rows_is_that_of_pytorch_in_numbers_of_python():
    right = (2, 1, 0, 4, 5)
    by_hand = (
        -math.fsum(math.log(row[at] / math.fsum(row)) for row, at in zip(arithmetic.PRINTED, right, strict=True)) / 5
    )
    told = found("one-hot-keeps-the-right-word")
    assert told.numbers["loss"] == pytest.approx(by_hand) and f"loss {by_hand:.4f}" in told.figure


def test_values_of_cross_entropy_and_divergence_differ_by_the_entropy_of_the_targets():
    torch.manual_seed(0)
    torch.randn(20, 6, dtype=torch.float64)  # the logits, drawn first
    target = torch.rand(20, 6).double().softmax(-1).numpy()
    entropy = -(target * np.log(target)).sum() / 20
    assert found("cross-entropy-and-kl-teach-the-same").numbers["values"] == pytest.approx(entropy)


def test_six_steps_are_pytorchs_attention():
    """The loops of the claim, beside `scaled_dot_product_attention`."""
    q, k, v = torch.randn(3, 2, 3)
    one = torch.stack([arithmetic._word_by_word(i, q, k, v, divided=True) for i in range(2)])
    assert drawn.apart(one, nn.functional.scaled_dot_product_attention(q[None], k[None], v[None])[0]) < 1e-6


def test_the_slope_of_a_softmax_is_the_trace_of_its_jacobian():
    from glassformer.claims.scaling import _slope

    scores = torch.randn(4, 10, dtype=torch.float64)
    traces = [torch.autograd.functional.jacobian(lambda x: x.softmax(-1), row).trace().item() for row in scores]
    assert _slope(scores) == pytest.approx(sum(traces) / 4)


def test_the_longest_chain_of_operations_is_counted():
    from glassformer.claims.beside import _depth

    x = torch.ones(1, requires_grad=True)
    assert _depth(x * 2) == 2  # the product, and the leaf that gathers its gradient
    assert _depth((x * 2).exp().sin() + x) == 5  # the longer of two ways
    assert tried(every()["recurrence-is-a-chain"]).numbers["attention"] == 0

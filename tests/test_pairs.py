"""Every fused kernel against the definition it stands in for: each pair that any room registers, all cases at once."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch

import glassformer
from glassformer.parts.attention import Attention
from glassformer.parts.block import MLP, PostNormBlock, PreNormBlock, Stack
from glassformer.parts.kernels.likeness import likeness
from glassformer.parts.mask import Runs, causal, padding
from glassformer.tape import PAIRS, listen

for room in pkgutil.walk_packages(glassformer.__path__, "glassformer."):
    if not room.name.endswith("__main__"):
        importlib.import_module(room.name)

TEXTS = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
REAL = TEXTS[:, None, None]
EMPTY = torch.ones(5, 5, dtype=torch.bool).index_fill(0, torch.tensor([1]), False)


@dataclass(frozen=True)
class Example:
    """Shapes of the tensors that carry gradients, what else the pair takes, which query sees nothing, how to ask."""

    shapes: tuple[tuple[int, ...], ...]
    rest: tuple = ()
    empty: int | None = None
    ask: Callable = lambda function, tensors, rest: function(*tensors, *rest)


def question(queries, keys, mask=None, empty=None, head_width=4):
    shapes = tuple((2, 3, length, head_width) for length in (queries, keys, keys))
    return Example(shapes, (mask,), empty)


def near(queries, keys, mask=None, empty=None):
    """Something added to every score, as relative positions do."""
    shapes = (*question(queries, keys).shapes, (2, 3, queries, keys))
    return Example(shapes, (mask,), empty, lambda function, t, rest: function(*t[:3], *rest, 0.0, t[3]))


def packed(*lengths):
    """Texts one after the other, without a batch axis."""
    return Example(((3, sum(lengths), 4),) * 3, (Runs(lengths),))


def mlp(chunk):
    """An MLP whose weights carry gradients; three of five positions at a time, or all."""

    def ask(function, tensors, rest):
        x, inward, outward = tensors
        part = SimpleNamespace(
            inward=lambda x: x @ inward, activation=torch.nn.functional.gelu, outward=lambda x: x @ outward
        )
        return function(x, part, *rest)

    return Example(((2, 5, 6), (6, 9), (9, 6)), (chunk,), ask=ask)


def blocks(real=None, recompute=False, kind=PostNormBlock):
    """Two blocks on a batch; what stands on padding is nobody's and does not count."""

    def ask(function, tensors, rest):
        torch.manual_seed(0)
        stack = Stack(kind(Attention(12, 3), MLP(12, 20)) for _ in range(2)).to(tensors[0].dtype)
        stack.recompute = recompute
        counts = torch.ones(1) if real is None else real
        return function(stack, *tensors, *rest) * counts[..., None].to(tensors[0].dtype)

    return Example(((2, 5, 12),), (None if real is None else padding(real),), ask=ask)


def grown(axis, *shapes):
    """Something behind what was known, which may be nothing."""
    return Example(shapes, (axis,), ask=lambda f, t, rest: f(*(t if len(t) > 1 else (None, *t)), *rest))


def rows(*which):
    return Example(((3, 2, 5, 4),), (torch.tensor(which),))


def says(*shapes):
    """What a model says after its last position, its head a likeness to a table."""

    def ask(function, tensors, rest):
        return function(lambda x, real, memory: likeness(tensors[1], x, *tensors[2:]), tensors[0], None, None)

    return Example(shapes, ask=ask)


EXAMPLES = {
    "glassformer.parts.attention.attend": {
        "no mask": question(5, 5),
        "padding": question(5, 5, REAL),
        "causal": question(5, 5, causal(5)),
        "both": question(5, 5, REAL & causal(5)),
        "an empty row": question(5, 5, EMPTY, empty=1),
        "an empty row and padding": question(5, 5, REAL & EMPTY, empty=1),
        "one query and many keys": question(1, 5),
        "one query and many keys, causal": question(1, 5, causal(1, 5)),
        "fewer queries than keys, causal": question(3, 5, causal(3, 5)),
        "cross attention": question(4, 5),
        "cross attention with padding": question(4, 5, REAL),
        "one position": question(1, 1),
        "wide heads": question(5, 5, REAL, head_width=64),
        "long": question(70, 130, causal(70, 130)),
        "nearness": near(5, 5),
        "nearness and padding": near(5, 5, REAL),
        "nearness and an empty row": near(5, 5, EMPTY, empty=1),
        "nearness, one query and many keys": near(1, 5),
        "packed": packed(2, 2, 3, 1, 1, 1, 4),
        "packed, one text": packed(5),
    },
    "glassformer.parts.block.out_and_back": {
        "whole": mlp(0),
        "three at a time": mlp(3),
        "more at a time than there are": mlp(8),
    },
    "glassformer.parts.mask.softmax": {
        "no mask": Example(((2, 3, 5, 7),)),
        "padding": Example(((2, 3, 5, 5),), (REAL,)),
        "an empty row": Example(((2, 3, 5, 5),), (EMPTY,), empty=1, ask=lambda f, t, rest: f(*t, *rest)),
    },
    "glassformer.parts.kernels.linear.linear": {
        "large": Example(((2, 5, 400), (500, 400), (500,))),
        "large, one row": Example(((1, 400), (500, 400), (500,))),
        "small": Example(((2, 5, 6), (7, 6), (7,))),
    },
    "glassformer.parts.kernels.longer.longer": {
        "nothing known": grown(-2, (2, 3, 5, 4)),
        "keys": grown(-2, (2, 3, 5, 4), (2, 3, 1, 4)),
        "what is real": grown(1, (2, 5), (2, 3)),
    },
    "glassformer.parts.kernels.longer.chosen": {
        "another order": rows(2, 0, 1),
        "one of them twice": rows(0, 2, 2, 1),
        "from behind": rows(-1),
        "which": rows(True, False, True),
    },
    "glassformer.parts.kernels.likeness.likeness": {
        "a stream": Example(((9, 6), (2, 5, 6))),
        "and something for each piece": Example(((9, 6), (2, 5, 6), (9,))),
        "one vector": Example(((9, 6), (6,))),
    },
    "glassformer.models.decoding.last": {
        "a stream": says((2, 5, 6), (9, 6)),
        "one position": says((2, 1, 6), (9, 6), (9,)),
    },
    "glassformer.parts.block.through": {  # its twin does not learn: parts/kernels/test_prepared.py
        "no twin": blocks(),
    },
    "glassformer.parts.block.whole": {
        "no mask": blocks(),
        "padding": blocks(TEXTS),
        "padding in front": blocks(TEXTS.flip(1)),
        "no padding": blocks(torch.ones_like(TEXTS)),
        "an empty text": blocks(TEXTS & torch.tensor([[False], [True]])),
        "computed again": blocks(TEXTS, recompute=True),
        "pre-norm": blocks(TEXTS, kind=PreNormBlock),
    },
    "glassformer.parts.block.layer_norm": {
        "a batch": Example(((2, 5, 12), (12,), (12,)), (1e-5,)),
        "one row": Example(((12,), (12,), (12,)), (1e-12,)),
        "width one": Example(((2, 5, 1), (1,), (1,)), (0.1,)),
        "wide": Example(((2, 5, 768), (768,), (768,)), (1e-12,)),
    },
}
CASES = [(pair, case) for pair, cases in EXAMPLES.items() for case in cases]
NEAR = {torch.float64: 1e-12, torch.float32: 2e-5, torch.bfloat16: 6e-2}


def address(pair) -> str:
    return f"{pair.__module__}.{pair.__qualname__}"


def inputs(example, dtype):
    """The same numbers in every dtype: what bfloat16 can hold."""
    torch.manual_seed(0)
    tensors = [torch.randn(shape).bfloat16().to(dtype) for shape in example.shapes]
    return [tensor.requires_grad_() for tensor in tensors]


def answer(function, example, dtype):
    """The value, then the gradient of each input, for a loss that weighs every output differently."""
    tensors = inputs(example, dtype)
    value = example.ask(function, tensors, example.rest)
    weighing = torch.linspace(-1, 1, value.numel(), dtype=torch.float64).view(value.shape).to(dtype)
    (value * weighing).sum().backward()
    return [value.detach(), *(tensor.grad for tensor in tensors)]


def test_every_pair_has_examples():
    assert sorted(address(pair) for pair in PAIRS) == sorted(EXAMPLES), "each pair in tape.PAIRS needs examples here"


@pytest.mark.parametrize("dtype", NEAR, ids=str)
@pytest.mark.parametrize(("name", "case"), CASES)
def test_kernel_and_definition_agree_in_values_and_gradients(name, case, dtype):
    pair = next(pair for pair in PAIRS if address(pair) == name)
    example = EXAMPLES[name][case]
    kernel, definition = (answer(version, example, dtype) for version in (pair.kernel, pair.definition))
    truth = answer(pair.definition, example, torch.float64)
    for fast, plain, exact in zip(kernel, definition, truth, strict=True):
        assert fast.dtype == plain.dtype == dtype and fast.isfinite().all() and plain.isfinite().all()
        scale = max(1.0, exact.abs().max().item())
        for version in (fast, plain):
            torch.testing.assert_close(version.double(), exact, rtol=0, atol=NEAR[dtype] * scale)
    if example.empty is not None:  # a row that may look at nothing: zeros, and no gradient to its query
        for result in (*kernel[:2], *definition[:2]):
            assert not result[:, :, example.empty].any()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_junction_runs_one_or_the_other_by_who_listens(name):
    pair = next(pair for pair in PAIRS if address(pair) == name)
    example = next(iter(EXAMPLES[name].values()))
    tensors = inputs(example, torch.float32)
    assert torch.equal(*(example.ask(version, tensors, example.rest) for version in (pair, pair.kernel)))
    model = torch.nn.Module()
    model.forward = pair
    hides = pair.hides if isinstance(pair.hides, tuple) else ()
    for hidden in hides or ("anything",):
        with listen(model, hidden) as tape:
            value = example.ask(model, tensors, example.rest)
        assert list(tape) == ([hidden] if hides else [])
        if hides or pair.hides is None:
            assert torch.equal(value, example.ask(pair.definition, tensors, example.rest))

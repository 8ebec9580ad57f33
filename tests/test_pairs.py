"""Every fused kernel against the definition it stands in for: each pair that any room registers, all cases at once."""

import importlib
import pkgutil
from dataclasses import dataclass

import pytest
import torch

import glassformer
from glassformer.parts.mask import causal
from glassformer.tape import PAIRS, listen

for room in pkgutil.walk_packages(glassformer.__path__, "glassformer."):
    if not room.name.endswith("__main__"):
        importlib.import_module(room.name)

REAL = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])[:, None, None]
EMPTY = torch.ones(5, 5, dtype=torch.bool).index_fill(0, torch.tensor([1]), False)


@dataclass(frozen=True)
class Example:
    """Shapes of the tensors that carry gradients, whatever else the pair takes, and which query may look at nothing."""

    shapes: tuple[tuple[int, ...], ...]
    rest: tuple = ()
    empty: int | None = None


def question(queries, keys, mask=None, empty=None, head_width=4):
    shapes = tuple((2, 3, length, head_width) for length in (queries, keys, keys))
    return Example(shapes, (mask,), empty)


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
    },
    "glassformer.parts.norm.layer_norm": {
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
    value = function(*tensors, *example.rest)
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
    assert torch.equal(pair(*tensors, *example.rest), pair.kernel(*tensors, *example.rest))
    model = torch.nn.Module()
    model.forward = pair
    for hidden in pair.hides:
        with listen(model, hidden) as tape:
            value = model(*tensors, *example.rest)
        assert list(tape) == [hidden]
        assert torch.equal(value, pair.definition(*tensors, *example.rest))

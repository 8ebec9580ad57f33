"""Each kind of twin is its block: with a memory too, in its numbers and in the names of what it computes."""

import contextlib

import pytest
import torch

from glassformer.parts.attention import Memory
from glassformer.parts.block import ACTIVATIONS, CrossBlock, PreNormBlock
from glassformer.parts.kernels.linear import available
from glassformer.parts.kernels.prepared import prepare
from glassformer.parts.kernels.twins import FUSED, HIDDEN, kinds
from glassformer.parts.mask import causal, padding
from glassformer.tape import listen
from tests.parts.kernels.stacks import DTYPES, KINDS, MASKS, SOURCE_REAL, assert_near, off, stack, truth

pytestmark = pytest.mark.skipif(not available(), reason="this build of PyTorch has no oneDNN")


def in_steps(blocks, x, sizes, memory, real=None):
    """`x` read a few positions at a time, none looking ahead or, where `real` (b, n) is given, at padding."""
    read, known = [], 0
    for part in x.split(sizes, dim=1):
        known += part.size(1)
        may_look = causal(part.size(1), known)
        may_look = may_look if real is None else may_look & padding(real[:, :known])
        if real is not None:
            memory.meet(real[:, known - part.size(1) : known])
        read.append(off(blocks, part, may_look, memory))
    return torch.cat(read, dim=1)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("sizes", [[5], [1, 1, 1, 1, 1], [3, 1, 1], [2, 3]], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_with_a_memory_the_twin_is_the_definition_of_all_at_once(kind, sizes, dtype, twins):
    """Which holds what the twin computed: in a rounded one keys and values are half as wide too."""
    blocks, x = stack("gelu_new", kind=kind), torch.randn(2, 5, 16)
    source = torch.randn(2, 6, 16) if issubclass(kind, CrossBlock) else None
    memory, left = Memory(source, SOURCE_REAL), torch.tensor([[True] * 5, [False] * 2 + [True] * 3])
    assert prepare(blocks, dtype)
    answer = in_steps(blocks, x, sizes, memory, left)
    assert_near(answer, truth(blocks, x, causal(5) & padding(left), source), dtype, left)
    assert twins == ["0", "1", "2"] * len(sizes)
    assert {k.dtype for k, _ in memory.known.values()} == {blocks.prepared.many}


@pytest.mark.parametrize("activation", ["gelu_new", "quick_gelu"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_one_text_goes_on_row_by_row(kind, dtype, activation, twins):
    """After its prompt in several rows; rounded ones keep float32 sums, so nothing is worse for it."""
    blocks, x = stack(activation, kind=kind), torch.randn(1, 6, 16)
    source = torch.randn(1, 6, 16) if issubclass(kind, CrossBlock) else None
    memory, real = Memory(source, SOURCE_REAL[1:]), torch.tensor([[False] + [True] * 5])
    assert prepare(blocks, dtype)
    assert not blocks.prepared.alone
    answer = in_steps(blocks, x, [3, 1, 1, 1], memory, real)
    assert_near(answer, truth(blocks, x, causal(6) & padding(real), source, SOURCE_REAL[1:]), dtype, real)
    assert twins == ["0", "1", "2"] * 4 and len(blocks.prepared.alone) == 3


def test_one_text_that_is_only_read_has_no_use_for_rows():
    blocks = stack()
    assert prepare(blocks)
    off(blocks, torch.randn(1, 1, 16))
    assert not blocks.prepared.alone


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_definition_and_twin_may_take_turns_with_one_memory(dtype, twins):
    """As they do where somebody listens for a while to what the twin does not name."""
    blocks, x = stack(kind=PreNormBlock), torch.randn(2, 6, 16)
    assert prepare(blocks, dtype)
    memory, read, ran = Memory(), [], []
    for at in range(6):
        with listen(blocks, "*.mixed") if at % 3 == 1 else contextlib.nullcontext():
            read.append(off(blocks, x[:, at : at + 1], None, memory))
        ran.append(len(twins))
    assert ran == [3, 3, 6, 9, 9, 12]
    assert_near(torch.cat(read, dim=1), truth(blocks, x, causal(6)), dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("case", ["none", "padding", "pair by pair", "causal", "packed"])
def test_a_pre_norm_twin_is_its_definition_too(case, dtype, twins):
    (mask, shape), blocks = MASKS[case], stack("gelu_new", kind=PreNormBlock)
    x, blocks.packs = torch.randn(*shape, 16), False
    assert prepare(blocks, dtype)
    assert_near(off(blocks, x, mask), truth(blocks, x, mask), dtype)
    assert twins == ["0", "1", "2"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_twin_names_what_its_block_names(kind, twins):
    blocks, x = stack(kind=kind), torch.randn(2, 5, 16)
    source = torch.randn(2, 6, 16) if issubclass(kind, CrossBlock) else None

    def all_heard(keep):
        with torch.no_grad(), listen(blocks, keep) as tape:
            answer = blocks(x, causal(5), Memory(source, SOURCE_REAL))
        return answer, dict(tape)

    named = tuple(site for site in all_heard("*")[1] if not site.endswith(HIDDEN))
    expected = all_heard(named)
    assert prepare(blocks)
    answer, found = all_heard(named)
    assert twins == ["0", "1", "2"] and list(found) == list(expected[1])
    for site, value in found.items():
        assert_near(value, expected[1][site])
    assert_near(answer, expected[0])


def test_every_kind_of_block_has_a_twin():
    assert set(kinds()) == set(KINDS)


def test_every_activation_that_onednn_fuses_is_one_of_ours():
    assert set(FUSED) <= set(ACTIVATIONS.values())


def test_who_may_look_at_all_that_is_remembered_is_not_asked_about_each():
    """Of one new position a mask of nothing but True says nothing; a single False does."""
    blocks, x = stack(kind=PreNormBlock), torch.randn(2, 4, 16)
    assert prepare(blocks)
    answers = []
    for real in (torch.ones(2, 4, dtype=torch.bool), torch.tensor([[False, True, True, True], [True] * 4])):
        memory = Memory()
        off(blocks, x[:, :3], causal(3) & padding(real[:, :3]), memory)
        answers.append(off(blocks, x[:, 3:], padding(real), memory))
        assert_near(answers[-1], truth(blocks, x, causal(4) & padding(real))[:, 3:])
    assert not torch.equal(answers[0][0], answers[1][0])

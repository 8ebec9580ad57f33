"""What is likened to all pieces: the product, the last position alone, a table laid out in time and no longer."""

import copy
import gc
import threading

import pytest
import torch
from torch import nn

from glassformer.parts.kernels import likeness as kernel
from glassformer.parts.kernels.likeness import last_only, lay_out, likeness
from glassformer.parts.kernels.linear import available
from glassformer.parts.kernels.prepared import feasible
from glassformer.tape import listen

pytestmark = pytest.mark.skipif(not available(), reason="this build of PyTorch has no oneDNN")
ROUNDED = pytest.mark.skipif(not feasible(torch.bfloat16), reason="this build has no halves")
DTYPES = [torch.float32, pytest.param(torch.bfloat16, marks=ROUNDED)]
close = torch.testing.assert_close
SHAPES = [(768,), (1, 768), (3, 1, 768), (2, 40, 768)]


@pytest.fixture
def table():
    return nn.Parameter(torch.randn(997, 768) * 0.02)


def laid_out(table) -> bool:
    twin = kernel._tables.get(table)
    return twin is not None and (twin.row is not None or twin.packed is not None)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_laid_out_it_is_the_product_and_in_half_the_width_nearly(table, shape, dtype, biased):
    """float16 has ten bits for what a weight is, and the sums are float32: nearer than logits of bfloat16 by far."""
    x, bias = torch.randn(shape) * 3, torch.randn(997) if biased else None
    exact = x.double() @ table.detach().double().T + (0 if bias is None else bias)
    lay_out(table, dtype)
    with torch.no_grad():
        answer = likeness(table, x, bias)
    assert answer.dtype == torch.float32 and answer.shape == exact.shape
    assert laid_out(table) is (len(shape) > 1)
    near = 1e-5 if dtype == torch.float32 else 1e-3
    assert (answer - exact).abs().max() < near * float(exact.abs().max())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("change", ["in place", "moved"])
def test_a_table_that_changed_is_not_the_one_that_was_laid_out(table, dtype, change):
    x = torch.randn(1, 768)
    lay_out(table, dtype)
    with torch.no_grad():
        before = likeness(table, x)
        if change == "in place":
            table.mul_(2)
        else:
            table.data = table.data * 2
        close(likeness(table, x), x @ table.T)
        assert not torch.allclose(before, likeness(table, x), atol=0.1)


def test_who_learns_gets_the_product(table):
    lay_out(table, torch.float32)
    x = torch.randn(2, 768, requires_grad=True)
    likeness(table, x).square().sum().backward()
    assert not laid_out(table)
    close(table.grad, 2 * (x.detach() @ table.detach().T).T @ x.detach(), rtol=1e-4, atol=1e-4)


def test_other_numbers_and_a_table_that_was_not_told_of_are_multiplied_as_they_are(table):
    lay_out(table, torch.float32)
    with torch.no_grad():
        assert likeness(table.double(), torch.randn(1, 768).double()).dtype == torch.float64
        with torch.autocast("cpu", torch.bfloat16):
            assert likeness(table, torch.randn(1, 768)).dtype == torch.bfloat16
        close(likeness(other := table.clone(), x := torch.randn(1, 768)), x @ other.T)
    assert not laid_out(table)


@ROUNDED
def test_what_float16_cannot_hold_is_left_as_it_is(table):
    with torch.no_grad():
        table[3, 5] = 1e5
    lay_out(table, torch.bfloat16)
    x = torch.randn(2, 768)
    with torch.no_grad():
        close(likeness(table, x), x @ table.T, rtol=1e-5, atol=1e-2)


def test_what_was_laid_out_goes_with_its_table(table):
    lay_out(table, torch.float32)
    with torch.no_grad():
        likeness(table, torch.randn(1, 768))
    count = len(kernel._tables)
    other = copy.deepcopy(table)
    assert kernel._tables.get(other) is None
    lay_out(other, torch.float32)
    assert len(kernel._tables) == count + 1
    del other
    gc.collect()
    assert len(kernel._tables) == count


@ROUNDED
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_tape_hears_float32(table, dtype):
    """Whoever listens, to whatever, gets the product of the numbers there are; in float32 what was laid out is that."""
    lay_out(table, dtype)
    model, x = nn.Module(), torch.randn(2, 3, 768)
    model.forward = lambda x: likeness(table, x)
    with torch.no_grad():
        with listen(model, "anything"):
            close(model(x), x @ table.T, rtol=1e-5, atol=1e-5)
        assert laid_out(table) is (dtype == torch.float32)
        model(x)
    assert laid_out(table)


# the last position alone


def model(table, asked):
    def call(ids, real=None, memory=None):
        answer = likeness(table, ids)
        asked.append(tuple(answer.shape))
        return answer

    return call


def test_only_the_last_position_is_likened_where_no_other_is_asked_for(table):
    x, asked = torch.randn(2, 5, 768), []
    with torch.no_grad():
        answer = last_only(model(table, asked), x, None, None)
        close(answer, likeness(table, x)[:, -1])
    assert asked == [(2, 1, 997)]


def test_afterwards_all_are_again_and_in_another_thread_all_the_time(table):
    x, asked, elsewhere = torch.randn(2, 5, 768), [], []

    def call(ids, real=None, memory=None):
        thread = threading.Thread(target=lambda: elsewhere.append(tuple(likeness(table, x).shape)))
        thread.start()
        thread.join(timeout=60)
        return model(table, asked)(ids)

    with torch.no_grad():
        last_only(call, x, None, None)
        assert elsewhere == [(2, 5, 997)] and asked == [(2, 1, 997)]
        assert likeness(table, x).shape == (2, 5, 997)


def test_after_an_error_too(table):
    def fail(ids, real=None, memory=None):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        last_only(fail, torch.randn(1, 2, 768), None, None)
    assert likeness(table, torch.randn(2, 5, 768)).shape == (2, 5, 997)


def test_compiled_all_positions_are_likened_and_the_last_is_right(table):
    x = torch.randn(2, 5, 768)
    compiled = torch.compile(lambda ids, real=None, memory=None: likeness(table, ids), backend="eager", fullgraph=True)
    with torch.no_grad():
        close(last_only(compiled, x, None, None), (x @ table.T)[:, -1], rtol=1e-4, atol=1e-4)
        assert compiled(x).shape == (2, 5, 997)

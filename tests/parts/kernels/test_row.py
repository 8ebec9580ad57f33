"""One row times a weight, in either layout and in half the width."""

import pytest
import torch

from glassformer.parts.kernels.linear import available
from glassformer.parts.kernels.row import LARGEST, Row

pytestmark = pytest.mark.skipif(not available(), reason="this build of PyTorch has no oneDNN")
SIZES = [(12, 40), (40, 12), (12, 12), (768, 1), (1, 5)]


def made(inputs, outputs, half, biased=True):
    weight, bias = torch.randn(outputs, inputs), torch.randn(outputs) if biased else None
    exact = lambda x: x.double() @ weight.double().T + (0 if bias is None else bias)  # noqa: E731
    return Row(weight, bias, half), exact


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("half", [False, True], ids=["whole", "half"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("shape", [(1,), (1, 1)], ids=str)
def test_it_is_the_product_in_float32_or_nearly(sizes, half, biased, shape):
    (row, exact), x = made(*sizes, half, biased), torch.randn(*shape, sizes[0])
    stream = torch.randn(*shape, sizes[1])
    with torch.no_grad():
        answer, added = row(x), row.added_to(x, stream)
    near = {"rtol": 0, "atol": (2e-3 if half else 1e-5) * float(exact(x).abs().max() + 1)}
    assert answer.dtype == torch.float32 and answer.shape == stream.shape
    torch.testing.assert_close(answer.double(), exact(x), **near)
    torch.testing.assert_close(added.double(), exact(x) + stream, **near)


def test_a_weight_that_float16_cannot_hold_stays_whole():
    weight = torch.randn(8, 4)
    weight[2, 1] = 2 * LARGEST
    x = torch.randn(1, 4)
    with torch.no_grad():
        torch.testing.assert_close(Row(weight, None, half=True)(x), x @ weight.T)


def test_a_map_to_fewer_numbers_needs_no_copy_of_its_weight():
    narrow, wide = torch.randn(4, 9), torch.randn(9, 4)
    assert Row(narrow, None, half=False).weight.data_ptr() == narrow.data_ptr()
    assert Row(wide, None, half=False).weight.stride() == (1, 9)

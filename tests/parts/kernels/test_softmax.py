"""The quick softmax steps aside where the bare equation would fail, and where nobody may ask what a value is."""

import pytest
import torch

from glassformer.parts.kernels.softmax import unless_empty
from glassformer.parts.mask import softmax

FULL = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).double()


def emptied() -> torch.Tensor:
    """One row that sees nothing, as an edit of the scores makes it."""
    scores = FULL.clone()
    scores[1, 2, 3] = -torch.inf
    return scores


@pytest.mark.parametrize("scores", [FULL, emptied()], ids=["full", "an empty row"])
def test_values_and_gradients_are_those_of_the_definition(scores):
    results = []
    for version in (softmax, unless_empty, softmax.definition):
        x = scores.clone().requires_grad_()
        weights = version(x)
        (weights * FULL).sum().backward()
        results.append((weights.detach(), x.grad))
    for weights, gradient in results[:2]:
        assert torch.equal(weights, results[2][0])
        torch.testing.assert_close(gradient, results[2][1], rtol=0, atol=1e-12)


def test_a_nan_among_the_scores_stays_one():
    scores = FULL.clone()
    scores[0, 0, 0, 1] = torch.nan
    assert unless_empty(scores)[0, 0, 0].isnan().all() and not unless_empty(scores)[0, 0, 1:].isnan().any()


def test_nothing_to_weigh_gives_nothing():
    assert unless_empty(torch.zeros(2, 0, 3)).shape == (2, 0, 3)


def test_compilers_transforms_and_the_meta_device_see_the_definition():
    compiled = torch.compile(softmax, fullgraph=True, backend="eager")
    assert torch.equal(compiled(emptied()), softmax.definition(emptied()))
    assert torch.equal(torch.func.vmap(softmax)(emptied()), softmax.definition(emptied()))
    assert softmax(FULL.to("meta")).shape == FULL.shape

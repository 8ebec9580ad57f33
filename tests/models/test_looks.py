"""Who may look at whom: one mask for all texts where nothing is padding, and the same numbers as one for each."""

import pytest
import torch

from glassformer.models.bert import may_look
from glassformer.parts.attention import Memory, attend
from glassformer.parts.mask import causal
from glassformer.tape import listen
from tests import small

close = torch.testing.assert_close
IDS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3], [5, 8, 9, 7, 9]])
ALL = torch.ones_like(IDS, dtype=torch.bool)


def begun(model):
    return model.read(IDS) if hasattr(model, "read") else Memory()


@pytest.mark.parametrize("definition", [False, True], ids=["kernel", "definition"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", small.WRITERS)
def test_one_mask_for_all_gives_the_numbers_of_one_for_each(kind, dtype, definition):
    """And so do the gradients; to rounding."""
    model, found = small.WRITERS[kind]().to(dtype), []
    edit = {"layers.*.attention.weights": lambda weights: weights} if definition else {}
    for real in (None, ALL):
        model.zero_grad()
        with listen(model, (), edit):
            logits = model(IDS, real, memory=begun(model))
        logits.square().mean().backward()
        found.append(
            [logits.detach(), *(weight.grad.clone() for weight in model.parameters() if weight.grad is not None)]
        )
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    for one, other in zip(*found, strict=True):
        close(one, other, rtol=tolerance, atol=tolerance * other.abs().max().item())


@pytest.mark.parametrize("kind", small.WRITERS)
def test_what_was_read_before_is_looked_at_too(kind):
    """In parts, with nothing said of padding, and after padding was read."""
    model = small.WRITERS[kind]().double()
    memory = begun(model)
    parts = [model(part, memory=memory) for part in IDS.split([2, 2, 1], 1)]
    close(torch.cat(parts, 1), model(IDS, memory=begun(model)), rtol=0, atol=1e-12)
    left, memory = torch.arange(5) >= torch.tensor([[0], [1], [2]]), begun(model)
    model(IDS[:, :3], left[:, :3], memory=memory)
    close(model(IDS[:, 3:], memory=memory), model(IDS, left, memory=begun(model))[:, 3:], rtol=0, atol=1e-12)


def test_the_mask_is_as_small_as_it_may_be():
    known, left = ALL, ALL & (torch.arange(5) > 0)
    assert torch.equal(may_look(known, 5, whole=True), causal(5))
    assert may_look(known, 5, both=True, whole=True) is None
    assert may_look(left, 5).shape == (3, 1, 5, 5) and not may_look(left, 5)[:, :, :, 0].any()
    assert may_look(known, 2, whole=True).shape == (3, 1, 2, 5)  # of what was read before, some may be padding
    assert may_look(known, 5, both=True).shape == (3, 1, 1, 5)


@pytest.mark.parametrize("run", [attend, attend.definition], ids=["kernel", "definition"])
def test_the_mask_of_all_texts_is_the_mask_of_each(run):
    q, k, v = torch.randn(3, 4, 2, 5, 6, dtype=torch.float64).unbind(0)
    close(run(q, k, v, causal(5)), run(q, k, v, causal(5).expand(4, 1, 5, 5)), rtol=0, atol=1e-12)

"""Bits against a sum done by hand, one character at a time."""

import math

import pytest
import torch

from glassformer.models.simple import Generator, TransformerConfig
from glassformer.train.compression import compressed

PIECES = 7


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Generator(TransformerConfig(PIECES, width=8, heads=2, layers=2, hidden=8, length=32)).double().eval()


def by_hand(model, ids, window):
    """Each character from a reading of its own."""
    half, total = window // 2, math.log2(PIECES)
    for k in range(1, len(ids)):
        start = 0 if k <= window else half * math.ceil((k - window) / half)  # where the window begins that counts it
        with torch.no_grad():
            logits = model(ids[None, start:k])[0, -1]
        total -= logits.log_softmax(0)[ids[k]].item() / math.log(2)
        assert k - start >= min(k, window - half + 1)
    return total


@pytest.mark.parametrize("length", [1, 2, 5, 8, 9, 10, 12, 13, 16, 17, 50, 151])
@pytest.mark.parametrize("window", [2, 7, 8])
def test_bits_are_those_of_every_character_predicted_once(model, length, window, monkeypatch):
    monkeypatch.setattr("glassformer.train.compression.BATCH", 3)
    ids = torch.randint(PIECES, (length,), generator=torch.Generator().manual_seed(length))
    assert compressed(model, ids, window, PIECES) == pytest.approx(by_hand(model, ids, window), rel=1e-6)


class Evenly(torch.nn.Module):
    """Expects nothing in particular."""

    def forward(self, ids):
        return torch.zeros(*ids.shape, PIECES)


def test_whoever_expects_nothing_takes_log_of_the_number_of_pieces():
    ids = torch.zeros(1000, dtype=torch.long)
    assert compressed(Evenly(), ids, 16, PIECES) == pytest.approx(1000 * math.log2(PIECES))


def test_a_window_of_one_has_no_half():
    with pytest.raises(ValueError, match="a window of 1 has no half; give 2 or more"):
        compressed(Evenly(), torch.zeros(5, dtype=torch.long), 1, PIECES)

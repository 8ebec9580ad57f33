"""Eight digits are learned to be written backwards in seconds, and by the edge one would think of."""

import pytest
import torch

from glassformer.hub import store
from glassformer.train import reverse, run
from glassformer.train.recipes import RECIPES
from glassformer.train.reverse import APART, cut, diagonal, drawn, framed, tokenizer

DIGITS = len(reverse.SPECIAL)


def test_it_reverses_what_it_never_saw_after_seconds(tmp_path, capsys):
    """The recipe itself, and no smaller one."""
    model = run.train("reverse", None, tmp_path)
    assert model is not None
    said = capsys.readouterr().err
    assert "percent right" in said and "→" in said
    found = store.load(model).model
    torch.manual_seed(99)
    digits = drawn(300, 8, apart=True)
    right = (reverse.backwards(found, digits) == digits.flip(1)).all(1)
    assert right.float().mean() > 0.9


@pytest.fixture(scope="module")
def shipped():
    return store.load("reverse").model


@pytest.fixture(scope="module")
def asked():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return drawn(200, 8, apart=True)


def test_the_shipped_one_reverses(shipped, asked):
    assert (reverse.backwards(shipped, asked) == asked.flip(1)).all(1).float().mean() > 0.98


def test_its_look_at_the_source_lies_along_the_other_diagonal(shipped, asked):
    """Descriptive: of every row of the last layer most weight stands on the digit that is to be written."""
    shares = diagonal(shipped, asked)
    assert max(shares) > 0.5 and min(shares) > 3 / 9


def test_that_look_is_what_it_writes_by(shipped, asked):
    """Causal: without it nine of ten first digits turn (one is right by chance); without another, hardly any."""
    turned = cut(shipped, asked)
    assert turned["turned"] > 0.8 * len(asked) and turned["turned by the control"] < 0.02 * len(asked)


def test_what_is_measured_is_never_trained_on():
    torch.manual_seed(0)
    for apart in (True, False):
        digits = drawn(5000, 8, apart) - DIGITS
        assert digits.min() == 0 and digits.max() == 9
        assert bool(((digits.sum(1) % APART == 0) == apart).all())


def test_what_is_asked_is_what_follows_reversed():
    source, asked, answer = framed(torch.tensor([[4, 5, 6]]))
    assert source.tolist() == [[4, 5, 6, 2]]
    assert asked.tolist() == [[1, 6, 5, 4]] and answer.tolist() == [[6, 5, 4, 2]]


def test_its_tokenizer_reads_and_writes_as_the_task_does():
    tokens = tokenizer()
    digits = torch.tensor([[7, 5, 8, 5, 9, 13, 6, 10]])
    assert tokens.encode("3 1 4 1 5 9 2 6").ids == framed(digits)[0][0].tolist()
    assert tokens.decode(framed(digits)[2][0].tolist()) == "6 2 9 5 1 4 1 3"
    assert RECIPES["reverse"].length >= len(tokens.encode("3 1 4 1 5 9 2 6").ids)

"""Eight digits are learned to be written backwards in seconds, and by the edge one would think of."""

import re

import pytest
import torch

from glassformer.hub import store
from glassformer.tape import note
from glassformer.train import reverse, run
from glassformer.train.recipes import RECIPES
from glassformer.train.reverse import APART, Reverse, cut, diagonal, drawn, framed, tokenizer
from glassformer.train.task import Ran

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


def section(card, name):
    """Its words, and its numbers."""
    text = card.split(f"## {name}\n")[1].split("\n## ")[0]
    return re.sub(r"[\d.,]+", "", text).split(), [
        float(k.strip(".,").replace(",", "")) for k in re.findall(r"\d[\d.,]*", text)
    ]


def test_measured_again_the_shipped_one_is_what_its_card_says(shipped):
    """Another processor may round another way: a sequence or two, a tenth of a percent."""
    recipe = RECIPES["reverse"]
    outcome = Reverse(recipe, 0).measure(shipped, Ran(0, 150, 1.0))
    told, card = Reverse.card(recipe, [outcome], outcome), store.card("reverse")
    for name, apart in (("What was measured", 2.0), ("What it writes", 0.0), ("Seeds", 0.2)):
        (words, numbers), (theirs, right) = section(told, name), section(card, name)
        assert words == theirs and numbers == pytest.approx(right, abs=apart)
    assert outcome.validation == 100 * outcome.figures["right"] / 1000 and outcome.parameters == 168_320


def test_what_is_half_right_is_told_by_sequences_and_by_digits(monkeypatch):
    """Written as it was read, a sequence is right where it is a palindrome, and a digit where its mirror is alike."""
    digits = torch.tensor([[5, 6, 6, 5], [5, 6, 7, 5], [5, 6, 7, 8], [9, 4, 4, 9]])
    task = Reverse(RECIPES["reverse"], 0)
    monkeypatch.setattr(task, "_asked", lambda: digits)
    monkeypatch.setattr(reverse, "backwards", lambda model, asked: asked)
    assert task.look(None) == ({"percent right": 50.0}, "1 2 2 1\n→ 1 2 2 1")
    monkeypatch.setattr(reverse, "diagonal", lambda model, asked: [0.25])
    monkeypatch.setattr(reverse, "cut", lambda model, asked: {"turned": 3, "turned by the control": 1})
    outcome = task.measure(task.model(), Ran(0, 150, 1.0))
    assert outcome.validation == 50.0 and outcome.samples[1] == "1 2 3 1\n→ 1 2 3 1"
    told = Reverse.card(task.recipe, [outcome], outcome)
    assert "Of 4 sequences that no step saw, 2 are written backwards without a mistake (62.5 % of the digits)" in told
    assert "25.0% in layer 0" in told and "turns in 3 of 4 sequences" in told and "(a control), in 1." in told


class Looks(torch.nn.Module):
    """Writes 0 as long as, in both layers, it may look at one place of the source, else 1."""

    def __init__(self, place):
        super().__init__()
        looks = (torch.nn.ModuleDict({"cross": Cross()}) for _ in range(2))
        self.place, self.layers = place, torch.nn.ModuleList(looks)

    def read(self, source):
        return source

    def forward(self, asked, memory):
        scaled = torch.stack([layer["cross"](memory) for layer in self.layers])  # l b h i j
        blind = (scaled[..., self.place] < 0).all(0).flatten(1)  # b i
        return torch.nn.functional.one_hot(blind.long(), 2)


class Cross(torch.nn.Module):
    def forward(self, source):
        return note("scaled", torch.zeros(len(source), 1, 1, source.size(1)))


@pytest.mark.parametrize(("place", "turned"), [(0, (0, 5)), (1, (0, 0)), (7, (5, 0)), (6, (0, 0)), (8, (0, 0))])
def test_the_cut_hides_the_last_digit_and_the_control_the_first(place, turned):
    found = cut(Looks(place), drawn(5, 8, apart=True))
    assert (found["turned"], found["turned by the control"]) == turned


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

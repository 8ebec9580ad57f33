"""Windows, characters, and texts of one's own."""

import gzip
import json
import math
from collections import Counter
from pathlib import Path

import pytest
import torch

from glassformer.errors import CheckpointError, MissingError
from glassformer.hub.tokens import Tokens
from glassformer.train import characters, run
from glassformer.train.characters import Shakespeare
from glassformer.train.recipes import RECIPES
from glassformer.train.task import Ran
from tests.train import small

RECIPE = small.RECIPES["characters"]
TEXT = "To be,\r\nor not\n\n  to be: é ŉ 🙂\t!"


@pytest.fixture
def task(data):
    return Shakespeare(RECIPE, data, 0)


def test_every_character_is_a_piece_and_comes_back():
    names = characters.ordered(TEXT)
    tokens = Tokens(characters.tokenizer(names).to_str(), needs=("unknown",))
    ids = tokens.encode_many([TEXT], 1000)[0]
    assert len(ids) == len(TEXT) and tokens.decode(ids) == TEXT
    assert [names[id] for id in ids] == list(TEXT)


def test_an_unknown_character_is_one_piece_and_comes_back_as_a_sign():
    tokens = Tokens(characters.tokenizer(characters.ordered("ab")).to_str(), needs=("unknown",))
    assert tokens.encode_many(["axb"], 1000)[0] == [1, 0, 2] and tokens.decode([1, 0, 2]) == "a�b"


def test_the_task_numbers_characters_as_the_tokenizer_does(task):
    tokens = Tokens(task.definition, needs=("unknown",))
    text = task.texts.train[:50] + "Ж"
    assert task.numbered(text).tolist() == tokens.encode_many([text], 1000)[0]


def test_windows_are_drawn_anew_and_stand_in_the_text(task):
    torch.manual_seed(3)
    one = task.windows()
    torch.manual_seed(3)
    assert torch.equal(one, task.windows()) and not torch.equal(one, task.windows())
    assert one.shape == (RECIPE.batch, RECIPE.length + 1)
    for row in one:
        assert "".join(task.names[id] for id in row.tolist()) in task.texts.train


def test_the_last_window_ends_with_the_last_character(task):
    task.ids["train"] = torch.arange(1, RECIPE.length + 3)  # there are two windows
    found = {(row[0].item(), row[-1].item()) for _ in range(20) for row in task.windows()}
    assert found == {(1, RECIPE.length + 1), (2, RECIPE.length + 2)}


class Ring(torch.nn.Module):
    """Knows what follows in a text that goes round: 1, 2, 3, …, 1, 2, 3, …"""

    def __init__(self, pieces):
        super().__init__()
        self.pieces = pieces

    def forward(self, ids):
        return 50.0 * torch.nn.functional.one_hot(ids % (self.pieces - 1) + 1, self.pieces)


def test_the_target_is_the_input_one_further(task):
    task.ids["train"] = torch.arange(1, task.pieces).repeat(20)
    assert task.loss(Ring(task.pieces), 0).item() < 1e-6
    task.ids["train"] = task.ids["train"].flip(0)
    assert task.loss(Ring(task.pieces), 0).item() > 10


def test_no_position_looks_ahead(task):
    model = task.model().eval()
    ids = task.numbered(task.texts.train[:16])[None]
    other = ids.clone()
    other[0, 9:] = 1
    with torch.no_grad():
        assert torch.equal(model(ids)[0, :9], model(other)[0, :9])


def test_a_text_of_ones_own_is_cut_in_three_by_characters(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_bytes(("é\r\n" + "a" * 997).encode())
    texts = characters.read(file, 16)
    assert texts.train.startswith("é\r\n")
    assert [len(text) for text in (texts.train, texts.validation, texts.test)] == [900, 50, 50]
    assert texts.option == "--text FILE"


def test_a_run_on_a_text_of_ones_own_names_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(RECIPES, "characters", RECIPE)
    file = tmp_path / "mine.txt"
    file.write_text("a song of a soup. " * 60)
    assert run.train("characters", file, tmp_path / "out", steps=2) is None
    assert f"go on with: glassformer train characters --text {file} --out" in capsys.readouterr().err
    model = run.train("characters", file, tmp_path / "out")
    assert model is not None and "--text FILE" in (model / "CARD.md").read_text()
    assert "for whoever gave it to say" in (model / "CARD.md").read_text()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"\xff\xfe", "mine.txt is no UTF-8"),
        (b"short", "train has 4 characters, a window 16; give a longer text"),
        (b"a" * 100, "validation has 5 characters, a window 16; give a longer text"),
        (b"", "train has 0 characters"),
    ],
)
def test_a_text_that_cannot_be_learned_is_named_in_one_line(tmp_path, content, line):
    (tmp_path / "mine.txt").write_bytes(content)
    with pytest.raises(CheckpointError, match=line) as caught:
        characters.read(tmp_path / "mine.txt", 16)
    assert "\n" not in str(caught.value)


def test_a_text_must_be_longer_than_a_window_by_one_character(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("a" * 320)
    assert len(characters.read(file, 15).validation) == len(characters.read(file, 15).test) == 16
    with pytest.raises(CheckpointError, match=r"mine\.txt: validation has 16 characters, a window 16"):
        characters.read(file, 16)


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_bytes(b"")

    def refused(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(MissingError, match=r"cannot read .*mine\.txt: Permission denied; give the file of a text"):
        characters.read(tmp_path / "mine.txt", 16)


def test_missing_and_broken_data_are_named(tmp_path):
    with pytest.raises(MissingError, match=r"there is no .*tiny_shakespeare/train\.jsonl\.gz; point --data"):
        characters.read(tmp_path, 16)
    (tmp_path / "tiny_shakespeare").mkdir()
    (tmp_path / "tiny_shakespeare/train.jsonl.gz").write_bytes(gzip.compress(json.dumps({"txt": 1}).encode()))
    with pytest.raises(CheckpointError, match="fetch the file again"):
        characters.read(tmp_path, 16)


def test_what_is_written_is_the_same_every_time_and_as_long_as_asked(task):
    model = task.model()
    assert task.written(model, 40) == task.written(model, 40)
    assert len(task.written(model, 40, "t")) >= 38  # a line's end at either end is left out


def expecting(task, shares):
    """A model that expects the same whatever it has read: these characters alone, by their shares."""
    model = task.model()
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.fill_(-torch.inf if shares else 0.0)
        for name, share in shares.items():
            model.head.bias[task.names.index(name)] = math.log(share)
    return model


def test_a_card_tells_the_bits_of_whoever_expects_nothing_and_counts_the_unknown(task, monkeypatch):
    """15 characters and the unknown one are 4 bits each; the small data's held-out texts end with an unknown Z."""
    monkeypatch.setattr(characters, "WRITTEN", 20)
    outcome = task.measure(expecting(task, {}), Ran(0, 24, 1.5))
    assert outcome.validation == outcome.figures["test"] == 4.0
    assert outcome.parameters == sum(weight.numel() for weight in task.model().parameters())
    told = task.card(RECIPE, [outcome], outcome)
    assert "| train | 1,400 | 0 |\n| validation | 201 | 1 |\n| test | 201 | 1 |" in told
    assert "validation 4.000, test 4.000." in told and "the first of all costs log₂ 16 bits" in told
    assert "- seed 0: 4.00 (bits per character of validation)" in told
    assert "Made again by `glassformer train characters --data DATA --seeds 0`." in told
    assert "cut 90/5/5 by characters" in told and "in the public domain" in told


def test_what_is_written_is_drawn_with_the_likely_made_likelier(task):
    """At a temperature of one half shares are squared: of two to one comes four to one; the sample is of the seed."""
    model = expecting(task, {"s": 2 / 3, "o": 1 / 3})
    counts = Counter(task.written(model, 200))
    assert counts.total() == 200 and 0.73 < counts["s"] / 200 < 0.87
    first = task.written(model, 40)
    task.seed = 1
    assert task.written(model, 40) != first

"""train: a recipe by its name, and what is said of one that cannot be made."""

import pytest

from glassformer.train import recipes
from tests.train import small


@pytest.fixture
def brief(monkeypatch):
    for name, recipe in small.RECIPES.items():
        monkeypatch.setitem(recipes.RECIPES, name, recipe)


def test_the_first_lesson_needs_no_data(ask, brief, tmp_path, monkeypatch):
    monkeypatch.delenv("GLASSFORMER_DATA", raising=False)
    found = ask("train", "reverse", "--out", str(tmp_path / "run"))
    said = found.stderr.decode()
    assert found.returncode == 0 and "percent right" in said and "→" in said
    assert (tmp_path / "run" / "model" / "CARD.md").is_file()


def test_a_run_that_is_stopped_says_how_to_go_on(ask, brief, tmp_path):
    text = tmp_path / "my text.txt"
    text.write_text("a song of a soup. " * 60)
    said = ask(
        "train", "characters", "--text", str(text), "--out", str(tmp_path / "run"), "--steps", "3"
    ).stderr.decode()
    assert f"go on with: glassformer train characters --text '{text}' --out {tmp_path / 'run'} --seeds 0" in said


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["revers"], 2, "there is no recipe 'revers'; did you mean reverse"),
        (
            ["characters"],
            2,
            "characters learns from data; give --data DIR, the folder of the data sets (or --text FILE)",
        ),
        (["translate"], 2, "translate learns from data; give --data DIR"),
        (["characters", "--text", "/nowhere.txt"], 3, "there is no file /nowhere.txt; give --text the file of a text"),
        (["characters", "--data", "/nowhere"], 3, "tiny_shakespeare/train.jsonl.gz; point --data"),
        (["translate", "--text", __file__], 2, "--text is for characters, translate learns from data sets"),
        (["tiny", "--data", "/nowhere", "--minutes", "3"], 2, "how long tiny takes is part of how it is made"),
        (["reverse", "--minutes", "-1"], 2, "--minutes -1 is no time; give 0.1 or more"),
        (["reverse", "--accumulate", "0"], 2, "--accumulate 0 is no number of parts; give 1 (all at once) or more"),
        (["reverse", "--accumulate", "129"], 2, "--accumulate 129: reverse has a batch of 128; give less"),
        (["reverse", "--precision", "float16"], 2, "float32"),
        (["tiny", "--accumulate", "2"], 2, "--accumulate 2: in what numbers tiny is learned is part of how it is made"),
        (["tiny", "--precision", "bfloat16"], 2, "--precision bfloat16: in what numbers tiny is learned is part of"),
        (["reverse", "--seeds", "one"], 2, "are no numbers; write 0 or 0,1,2"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line(ask, tmp_path, monkeypatch, arguments, code, line):
    monkeypatch.delenv("GLASSFORMER_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    found = ask("train", *arguments)
    *read, last = found.stderr.decode().splitlines()
    assert found.returncode == code and last.startswith("glassformer: ") and line in last
    assert [before.split(",")[0] for before in read] in ([], [arguments[0]])

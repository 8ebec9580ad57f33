"""The learner's folder: nothing of theirs is ever lost; progress is whole; a save is seen."""

import json

import pytest

import glassformer as gf
from glassformer.errors import MissingError
from glassformer.learn import order
from glassformer.learn.folder import Folder, named
from glassformer.learn.progress import Progress
from glassformer.learn.result import Result
from glassformer.learn.run import Checker
from glassformer.learn.watch import watching
from tests.learn import files

ATTENTION = order.entry("attention")


@pytest.fixture
def home(tmp_path):
    return Folder.start(tmp_path / "mine")[0]


def test_start_copies_what_is_not_there_and_never_overwrites(home):
    home.path(ATTENTION).write_text("mine")
    home.path(order.entry("causal")).unlink()
    again, copied = Folder.start(home.place)
    assert [entry.name for entry in copied] == ["causal"]
    assert again.path(ATTENTION).read_text() == "mine"
    for entry in order.there():
        assert entry is ATTENTION or again.path(entry).read_bytes() == entry.exercise.read_bytes()


def test_a_file_keeps_its_name_when_the_numbers_change(home):
    home.path(ATTENTION).rename(home.place / "77_attention.py")
    assert Folder.start(home.place)[1] == []
    assert home.path(ATTENTION).name == "77_attention.py" and named(str(home.path(ATTENTION))) is ATTENTION


def test_reset_keeps_every_version(home):
    kept = []
    for text in ("first", "second", "third"):
        home.path(ATTENTION).write_text(text)
        kept.append(home.reset(ATTENTION))
    assert [path.read_text() for path in kept] == ["first", "second", "third"]
    assert home.path(ATTENTION).read_bytes() == ATTENTION.exercise.read_bytes()


def test_it_is_found_from_inside_and_from_above(home, monkeypatch, tmp_path):
    monkeypatch.chdir(home.place)
    assert Folder.find().place == home.place
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingError, match="learn start"):
        Folder.find()
    Folder.start()
    assert Folder.find().place.name == "glassformer-exercises"


def test_progress_counts_and_is_read_again(home):
    home.progress.count(Result("attention", False, "wrong", "no.", "scaled", "no scaling"), ATTENTION)
    home.progress.count(Result("attention", True, "passed", "Right."), ATTENTION)
    assert [home.progress.hint(ATTENTION, 3) for _ in range(5)] == [0, 1, 2, 2, 2]
    again = Progress(home.place)
    done = again.of(ATTENTION)
    assert done.passed and done.tries == 2 and done.mistakes == ["no scaling"] and again.next() is not ATTENTION
    assert json.loads(again.file.read_text())["schema"] == 1 and not list(home.place.glob("*.part"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"exercises": 3}', '{"exercises": {"attention": {"x": 1}}}'])
def test_a_progress_file_that_is_none_is_not_overwritten(home, text):
    home.progress.file.write_text(text)
    with pytest.raises(gf.UsageError, match=r"progress\.json is no progress file"):
        Folder(home.place)
    assert home.progress.file.read_text() == text


def test_a_save_is_checked(home):
    with Checker() as checker:
        seen = watching(home, ATTENTION, checker)
        assert "not written yet" in next(seen)[1].message
        home.path(ATTENTION).write_text(files.changed("dim=-1", "dim=-2"))
        assert next(seen)[1].mistake == "softmax over the queries"
        home.path(ATTENTION).unlink()  # as editors do before they write
        home.path(ATTENTION).write_text(files.solution())
        assert next(seen)[1].passed

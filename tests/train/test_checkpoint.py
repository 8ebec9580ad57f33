"""A file is there whole or not at all, and a run of another kind is told apart by what differs."""

import json
import os

import pytest
import safetensors.torch
import torch

from glassformer.errors import UsageError, WriteError
from glassformer.models.simple import BagConfig, BagOfWords
from glassformer.train import checkpoint
from glassformer.train.loop import Log, State
from glassformer.train.recipes import Recipe
from glassformer.train.task import elapsed

RECIPE = Recipe("tiny", "for tests", ())
MARK = {"name": "tiny", "rate": 0.25, "data": "a" * 64}


def state():
    return State(BagOfWords(BagConfig(5)), RECIPE)


def saved(path, **other):
    checkpoint.save(path, state(), json.dumps(MARK | other))
    return path


def test_a_disk_that_fills_up_leaves_what_stood_there_before(tmp_path, monkeypatch):
    def full(file):
        raise OSError(28, "No space left on device")

    path = tmp_path / "run.safetensors"
    checkpoint.write_file(path, b"before")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match=f"cannot write {path}: No space left on device; choose another --out"):
        checkpoint.write_file(path, b"afterwards")
    assert path.read_bytes() == b"before"


def test_the_content_is_on_the_disk_before_it_takes_the_old_ones_place(tmp_path, monkeypatch):
    """Or a machine that loses its power then has neither."""
    order, replace = [], os.replace
    monkeypatch.setattr(os, "fsync", lambda file: order.append(("on the disk", os.fstat(file).st_size)))
    monkeypatch.setattr(os, "replace", lambda *paths: (order.append("replaced"), replace(*paths)))
    checkpoint.write_file(tmp_path / "new" / "folder" / "file", b"12345")
    assert order == [("on the disk", 5), "replaced"]
    assert [file.name for file in (tmp_path / "new" / "folder").iterdir()] == ["file"]


def test_a_place_that_cannot_be_a_folder_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WriteError, match=r"cannot write .*file/run: .*; choose another --out"):
        checkpoint.write_file(tmp_path / "file" / "run", b"")


def test_without_a_file_the_state_stays_as_it_begins(tmp_path):
    begun = state()
    checkpoint.resume(tmp_path / "nothing", begun, json.dumps(MARK))
    assert begun.step == 0 and begun.log == Log()


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"rate": 0.5}, r"\(rate 0\.25 there, 0\.5 here\)"),
        ({"rate": 0.5, "name": "other"}, r"\(name tiny there, other here, rate 0\.25 there, 0\.5 here\)"),
        ({"data": "b" * 64}, r"\(data\)"),
        ({"name": "n" * 20}, rf"\(name tiny there, {'n' * 20} here\)"),
        ({"name": "n" * 21}, r"\(name\)"),
        ({"extra": 1}, r"\(extra None there, 1 here\)"),
        ({"accumulate": 2}, r"\(accumulate 1 there, 2 here\)"),
    ],
)
def test_what_differs_is_told_with_both_values_where_they_are_short(tmp_path, other, told):
    path = saved(tmp_path / "run")
    with pytest.raises(UsageError, match=rf"unfinished run of another kind {told}; choose another --out or delete it$"):
        checkpoint.resume(path, state(), json.dumps(MARK | other))


def test_somebody_elses_file_is_no_unfinished_run(tmp_path):
    path = tmp_path / "run"
    path.write_bytes(safetensors.torch.save({"a": torch.zeros(1)}))
    with pytest.raises(UsageError, match=r"unfinished run of another kind \(name None there, tiny here, "):
        checkpoint.resume(path, state(), json.dumps(MARK))


def test_the_sentences_their_cutting_and_their_labels_are_part_of_what_a_run_is_known_by():
    marks = [
        checkpoint.fingerprint(RECIPE, seed, rows, labels)
        for seed, rows, labels in (
            (0, [[3, 4], [5]], [0, 1]),
            (1, [[3, 4], [5]], [0, 1]),
            (0, [[3], [4, 5]], [0, 1]),
            (0, [[3, 4], [5]], [1, 1]),
        )
    ]
    assert len(set(marks)) == 4
    assert marks[0] == checkpoint.fingerprint(RECIPE, 0, ((3, 4), (5,)), (0, 1))


def test_a_run_of_before_steps_were_timed_takes_as_long_for_all_as_for_those_since(tmp_path):
    assert elapsed(Log(seconds=6.0, timed=3), 10) == 20.0 and elapsed(Log(), 0) == 0.0
    path = saved(tmp_path / "run")
    with safetensors.safe_open(path, "pt") as file:
        about = file.metadata()
    del about["log"]
    path.write_bytes(safetensors.torch.save(safetensors.torch.load_file(path), about | {"step": "7"}))
    older = state()
    older.log.timed = 9
    checkpoint.resume(path, older, json.dumps(MARK))
    assert older.step == 7 and older.log == Log()

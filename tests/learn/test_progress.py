"""What was passed is counted once, written whole or not at all, and read again as it was."""

import json
import os
from datetime import UTC, datetime, timedelta

import pytest

import glassformer as gf
from glassformer.errors import WriteError
from glassformer.learn import order, progress
from glassformer.learn.progress import Progress
from glassformer.learn.result import Result

SOFTMAX, SCALING = order.entry("softmax"), order.entry("scaling")
RIGHT = Result("softmax", True, "passed", "Right.")


def wrong(mistake=None):
    return Result("softmax", False, "wrong", "no.", "weights", mistake)


def test_what_is_tried_after_it_was_passed_is_nobodys_mistake(tmp_path):
    mine = Progress(tmp_path)
    for result in (wrong("no maximum"), wrong(), wrong("unknown"), RIGHT, wrong("no maximum"), RIGHT):
        mine.count(result, SOFTMAX)
    done = Progress(tmp_path).of(SOFTMAX)
    assert (done.tries, done.mistakes) == (4, ["no maximum", "unknown"])
    assert Progress(tmp_path).of(SCALING).tries == 0


def test_when_it_was_passed_is_said_in_utc_to_the_second(tmp_path):
    mine = Progress(tmp_path)
    mine.count(RIGHT, SOFTMAX)
    passed = datetime.fromisoformat(mine.of(SOFTMAX).passed)
    assert passed.utcoffset() == timedelta(0) and passed.microsecond == 0
    assert abs(datetime.now(UTC) - passed) < timedelta(minutes=5)


def test_the_next_is_the_first_that_is_not_passed_and_none_where_all_are(tmp_path):
    mine = Progress(tmp_path)
    assert mine.next() is order.there()[0]
    for each in order.there():
        mine.of(each).passed = "2026-01-02T03:04:05+00:00"
    assert mine.next() is None
    mine.of(SCALING).passed = ""
    assert mine.next() is SCALING


def test_a_hint_more_is_remembered_and_the_last_one_comes_again(tmp_path):
    assert [Progress(tmp_path).hint(SOFTMAX, 2) for _ in range(3)] == [0, 1, 1]
    assert Progress(tmp_path).of(SOFTMAX).hints == 3


def test_what_cannot_be_written_whole_leaves_what_was_there(tmp_path, monkeypatch):
    mine = Progress(tmp_path)
    mine.count(wrong("a"), SOFTMAX)
    before = mine.file.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(WriteError, match=r"progress\.json could not be written: No space left on device"):
        mine.count(wrong("b"), SOFTMAX)
    assert mine.file.read_bytes() == before and json.loads(before)["exercises"]["softmax"]["tries"] == 1


WORDS = b'{"exercises": {"softmax": {"tries": "3"}}}'


@pytest.mark.parametrize(
    "content", [b"\xff{", b"[" * 100_000, WORDS], ids=["no text", "nested without end", "a word for a number"]
)
def test_what_is_broken_says_what_to_do(tmp_path, content):
    (tmp_path / progress.FILE).write_bytes(content)
    with pytest.raises(gf.UsageError, match="move it away, and the exercises count as not yet done"):
        Progress(tmp_path)

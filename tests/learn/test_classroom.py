"""A class's progress files: what is counted, whom it names, and files that nobody's check wrote."""

import json
import os
import subprocess
import sys

import pytest

import glassformer as gf
from glassformer.learn import bank, classroom, progress
from glassformer.learn.check import check
from glassformer.learn.folder import Folder
from glassformer.learn.order import ORDER, entry
from tests.learn import files

WHEN = "2026-01-02T03:04:05+00:00"


def done(**given):
    return {"passed": "", "tries": 0, "hints": 0, "mistakes": []} | given


def write(file, **exercises):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"schema": 1, "exercises": exercises}), "utf-8")
    return file


@pytest.fixture
def room(tmp_path):
    """Three who began attention; two passed softmax."""
    write(
        tmp_path / "anna" / "glassformer-exercises" / "progress.json", attention=done(tries=3, mistakes=["a", "b", "a"])
    )
    second = done(tries=4, passed=WHEN, mistakes=["b", "unknown", "unknown"])
    write(tmp_path / "ben" / "progress.json", attention=second, softmax=done(tries=1, passed=WHEN))
    write(tmp_path / "clara.json", attention=done(tries=2, mistakes=["c"]), softmax=done(tries=6, passed=WHEN))
    return tmp_path


def test_what_is_counted(room):
    found = classroom.classroom([room])
    assert sorted(found.learners) == ["anna", "ben", "clara"] and not found.left_out
    softmax, attention = found.exercises
    assert (softmax.exercise, softmax.passed, softmax.tried, softmax.checks) == ("softmax", 2, 2, 3.5)
    assert (attention.passed, attention.tried, attention.checks, attention.unknown) == (1, 3, 4.0, 2)
    assert attention.stuck == ["anna"] and not softmax.stuck
    counted = [(made.mistake, made.learners, made.times) for made in attention.mistakes]
    assert counted == [("b", 2, 2), ("a", 1, 2), ("c", 1, 1)]
    assert found.commonest is not None and found.commonest.mistake == "b"
    assert found.commonest.hint == bank.load("attention").hints[0]
    assert json.loads(json.dumps(found.as_dict()))["exercises"][1]["stuck"] == ["anna"]


def test_files_and_folders_are_the_same_class(room):
    named = [room / "clara.json", room / "anna" / "glassformer-exercises", room / "ben", room / "clara.json"]
    assert {*classroom.classroom(named).learners} == {"anna", "ben", "clara"}
    assert classroom.classroom(named).exercises[1].mistakes == classroom.classroom([room]).exercises[1].mistakes


def test_two_of_one_name_are_told_apart(tmp_path):
    for place in ("a", "b"):
        write(tmp_path / place / "anna" / "progress.json", attention=done(tries=1))
    assert classroom.classroom([tmp_path]).learners == ["anna", "anna (2)"]


def test_nobody_made_a_mistake(tmp_path):
    write(tmp_path / "progress.json", softmax=done(tries=1, passed=WHEN), attention=done(hints=1))
    found = classroom.classroom([tmp_path])
    assert found.commonest is None and [line.exercise for line in found.exercises] == ["softmax"]


def test_files_that_real_checks_wrote(tmp_path):
    """Three learners, each through the checker: one forgets the scale, one too and then passes, one passes at once."""
    wrong = [files.changed("math.sqrt(q.size(-1))", "1.0"), files.changed("dim=-1", "dim=-2")]
    answers = {"ida": wrong[:1], "jon": [*wrong, files.solution(), wrong[1]], "kim": [files.solution()]}
    for name, texts in answers.items():
        folder, _ = Folder.start(tmp_path / name)
        for text in texts:
            space = {}
            exec(compile(text, "learner.py", "exec"), space)
            folder.progress.count(check(space["attention"], "attention"), entry("attention"))
    found = classroom.classroom([tmp_path])
    (attention,) = found.exercises
    assert (attention.passed, attention.tried, attention.checks) == (2, 3, 2.0)  # 3 checks and 1; none after passing
    first, second = attention.mistakes
    assert first.mistake in {each.name for each in bank.load("attention").mistakes}
    assert (first.learners, first.times) == (2, 2)
    assert (second.mistake, second.learners, second.times) == ("softmax over the queries", 1, 1)


BROKEN = {
    "empty": b"",
    "no JSON": b"{",
    "deep": b"[" * 200_000,
    "not UTF-8": b"\xff\xfe",
    "another document": b'{"schema": 1}',
    "a list": b"[]",
    "a field more": json.dumps({"exercises": {"softmax": done(x=1)}}).encode(),
    "a count below zero": json.dumps({"exercises": {"softmax": done(tries=-1)}}).encode(),
    "a count that is a word": json.dumps({"exercises": {"softmax": done(tries="3")}}).encode(),
    "a count that is none": json.dumps({"exercises": {"softmax": done(tries=True)}}).encode(),
    "a huge count": b'{"exercises": {"softmax": {"tries": ' + b"9" * 5000 + b"}}}",
    "no time": json.dumps({"exercises": {"softmax": done(passed="yes")}}).encode(),
    "time as a number": json.dumps({"exercises": {"softmax": done(passed=7)}}).encode(),
    "mistakes that are one": json.dumps({"exercises": {"softmax": done(mistakes="no scaling")}}).encode(),
    "a mistake that is none": json.dumps({"exercises": {"softmax": done(mistakes=[["x"]])}}).encode(),
    "a mistake without end": json.dumps({"exercises": {"softmax": done(mistakes=["x" * 201])}}).encode(),
    "too large": b'{"exercises": {}' + b" " * (1 << 20) + b"}",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_named_and_the_others_count(room, content):
    (room / "dora.json").write_bytes(content)
    found = classroom.classroom([room])
    assert len(found.learners) == 3 and len(found.left_out) == 1
    assert "dora.json is left out: " in found.left_out[0] and found.left_out[0].isprintable()
    with pytest.raises(gf.UsageError, match=r"dora\.json is left out"):
        classroom.classroom([room / "dora.json"])


def test_an_exercise_of_another_version_is_left_out_and_said(tmp_path):
    write(tmp_path / "eva.json", **{"softmax": done(tries=1), "n\x1bope": done(tries=1)})
    found = classroom.classroom([tmp_path])
    assert [line.exercise for line in found.exercises] == ["softmax"]
    assert found.left_out == ["eva: there is no exercise 'n�ope' here; it is left out"]


def test_every_exercise_of_the_list_can_be_summed_up(tmp_path):
    write(tmp_path / "all.json", **{each.name: done(tries=1, mistakes=["m"]) for each in ORDER})
    assert [line.exercise for line in classroom.classroom([tmp_path]).exercises] == [each.name for each in ORDER]


def test_what_is_no_class(tmp_path, monkeypatch):
    with pytest.raises(gf.MissingError, match="is not there"):
        classroom.classroom([tmp_path / "nowhere"])
    with pytest.raises(gf.MissingError, match="holds no progress file"):
        classroom.classroom([tmp_path])
    monkeypatch.setattr(classroom, "MOST_FILES", 2)
    for name in "abc":
        write(tmp_path / f"{name}.json")
    with pytest.raises(gf.UsageError, match="more than 2 progress files"):
        classroom.classroom([tmp_path])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_the_folder_is_not_waited_for(room):
    os.mkfifo(room / "pipe.json")
    assert len(classroom.classroom([room]).learners) == 3


def test_reading_a_class_does_not_wait_for_torch(tmp_path):
    write(tmp_path / "fay.json", softmax=done(tries=1, passed=WHEN))
    code = "import sys; from pathlib import Path; from glassformer.learn.classroom import classroom; "
    code += "classroom([Path(sys.argv[1])]); print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


EDGES = {"tries": progress.MOST_COUNT, "hints": 0, "mistakes": ["x" * progress.MOST_NAME], "passed": "2026-01-02"}


def test_what_is_just_allowed_is_read_and_a_little_more_is_not(tmp_path):
    write(tmp_path / "ann.json", softmax=EDGES)
    text = (tmp_path / "ann.json").read_text("utf-8")
    (tmp_path / "ann.json").write_text(text + " " * (classroom.MOST_BYTES - len(text)), "utf-8")
    assert classroom.classroom([tmp_path]).exercises[0].checks == progress.MOST_COUNT
    (tmp_path / "ann.json").write_text(text + " " * (classroom.MOST_BYTES - len(text) + 1), "utf-8")
    for field, more in (("tries", 1_000_001), ("hints", -1), ("hints", 1_000_001), ("passed", "2026-13-02")):
        write(tmp_path / f"{field}{more}.json", softmax=EDGES | {field: more})
    with pytest.raises(gf.UsageError) as raised:
        classroom.classroom([tmp_path])
    reasons = [said.rpartition(" is left out: ")[2] for said in str(raised.value).split("; ")]
    assert reasons == [
        "it has more than 1,048,576 bytes",
        *["what it says of 'softmax' was not written by a check"] * 2,
    ]


def test_stuck_is_who_checked_three_times_without_passing(tmp_path):
    for name, tries, passed in (("two", 2, ""), ("three", 3, ""), ("four", 4, ""), ("past", 9, WHEN), ("none", 0, "")):
        write(tmp_path / f"{name}.json", softmax=done(tries=tries, passed=passed))
    (line,) = classroom.classroom([tmp_path]).exercises
    assert (sorted(line.stuck), line.tried, line.passed, line.checks) == (["four", "three"], 4, 1, 9.0)


def test_a_mistake_of_many_comes_before_one_made_often_and_names_decide_the_rest(tmp_path):
    made = {"a": ["often"] * 9 + ["z"], "b": ["both", "y"], "c": ["both", "y", "y"], "d": ["b", "z"]}
    for name, mistakes in made.items():
        write(
            tmp_path / f"{name}.json",
            softmax=done(tries=1, mistakes=mistakes),
            scaling=done(tries=1, mistakes=["often"]),
        )
    found = classroom.classroom([tmp_path])
    counted = [(each.mistake, each.learners, each.times) for each in found.exercises[0].mistakes]
    assert counted == [("y", 2, 3), ("both", 2, 2), ("z", 2, 2), ("often", 1, 9), ("b", 1, 1)]
    assert (found.commonest.exercise, found.commonest.learners, found.commonest.times) == ("scaling", 4, 4)
    assert found.commonest.hint == bank.hints("scaling")[0]


def test_a_file_that_may_not_be_read_is_left_out_with_the_reason(room, monkeypatch):
    (room / "eve.json").symlink_to(room / "clara.json")
    real = open

    def opened(file, mode="r", *rest):
        if str(file).endswith("eve.json"):
            raise PermissionError(13, "Permission denied")
        return real(file, mode, *rest)

    monkeypatch.setattr("builtins.open", opened)
    found = classroom.classroom([room])
    assert found.left_out == [f"{room / 'eve.json'} is left out: Permission denied"] and len(found.learners) == 3

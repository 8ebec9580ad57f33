"""glassformer learn and check, as a learner types them: one folder, from the list to our solution."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from glassformer.learn import order
from glassformer.learn.run import Checker
from tests import command
from tests.command import COMMAND, UTF8, loads_torch, told
from tests.learn import files


@pytest.fixture
def ask(monkeypatch, capsys):
    return command.asking(monkeypatch, capsys)


@pytest.fixture(scope="module")
def staying():
    with Checker() as checker:
        yield checker


@pytest.fixture
def one_checker(staying, monkeypatch):
    """The process with torch in it is started once, not for each check."""
    monkeypatch.setattr("glassformer.learn.run.Checker", lambda: contextlib.nullcontext(staying))


@pytest.fixture
def home(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ask("learn", "start").returncode == 0
    monkeypatch.chdir(tmp_path / "glassformer-exercises")
    return tmp_path / "glassformer-exercises"


def file(home, name="attention"):
    (found,) = home.glob(f"[0-9][0-9]_{order.entry(name).module}.py")
    return found


def out(done):
    return done.stdout.decode()


def test_before_the_start_there_is_a_list_and_what_to_do(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = out(ask("learn"))
    assert "attention" in shown and "glassformer learn start" in shown
    assert json.loads(out(ask("learn", "--json")))["started"] is False
    assert "learn start" in told(ask("check", "attention"))


def test_from_the_start_to_our_solution(ask, home, one_checker):
    assert f"next: {order.there()[0].file}" in out(ask("learn"))
    assert "is not passed yet" in told(ask("learn", "solution", "attention"))
    file(home).write_text(files.changed("dim=-1", "dim=-2"))
    wrong = ask("check", "attention")
    assert wrong.returncode == 1 and "softmax over the queries" in out(wrong)
    assert "hint 1 of 3" in out(ask("learn", "hint", "attention"))
    assert "hint 2 of 3" in out(ask("hint", "attention"))
    file(home).write_text(files.solution())
    right = ask("learn", "check", file(home).name)
    assert right.returncode == 0 and "Right." in out(right) and "learn solution attention" in out(right)
    assert out(ask("learn", "solution", "attention")) == out(ask("solution", "attention")) == files.solution()
    assert "✓" in out(ask("learn"))
    done = json.loads((home / "progress.json").read_text())["exercises"]["attention"]
    assert done["mistakes"] == ["softmax over the queries"] and done["passed"] and done["hints"] == 2


def test_json_of_every_verb(ask, home, one_checker):
    file(home).write_text(files.changed("dim=-1", "dim=-2"))
    checked = json.loads(out(ask("check", "attention", "--json")))
    assert (checked["schema"], checked["passed"], checked["stage"]) == (1, False, "weights")
    assert checked["mistake"] == "softmax over the queries" and checked["picture"]["axes"] == ["query", "key"]
    assert json.loads(out(ask("learn", "hint", "attention", "--json")))["of"] == 3
    assert json.loads(out(ask("learn", "reset", "attention", "--json")))["kept"]
    assert "def attention" in json.loads(out(ask("learn", "solution", "attention", "--anyway", "--json")))["solution"]
    assert json.loads(out(ask("learn", "start", str(home), "--json")))["copied"] == []
    assert json.loads(out(ask("learn", "--json")))["exercises"][0]["number"] == order.there()[0].number


def test_reset_keeps_what_was_there(ask, home):
    file(home).write_text("mine")
    assert "before-reset" in out(ask("reset", "attention"))
    assert (home / f"{file(home).stem}.before-reset.py").read_text() == "mine"


@pytest.mark.parametrize("words", [["learn"], ["hint", "attention"], ["class", "."]])
def test_what_needs_no_torch_never_waits_for_it(home, words):
    assert not loads_torch(*words)


def test_a_file_elsewhere_is_checked_by_its_name(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "attention.py").write_text(files.solution())
    assert ask("check", "attention.py").returncode == 0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["check", "atention"], "did you mean attention"),
        (["learn", "hint", "nothing-like-it"], "there is no exercise"),
        (["learn", "reset"], "requires an argument"),
        (["check", "attention", "--folder", "/nowhere"], "there are no exercises in /nowhere"),
        (["learn", "chekc"], "chekc"),
    ],
)
def test_a_misuse_is_one_line(ask, home, asked, words):
    done = ask(*asked)
    assert done.returncode in (2, 3) and words in told(done)


def test_it_watches_until_it_is_stopped(home):
    file(home).write_text(files.solution())
    command_line = [COMMAND, "check", "attention", "--watch", "--json"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command_line, stdout=pipe, stderr=pipe, env=UTF8, cwd=home, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["passed"]
        time.sleep(0.3)
        shutil.copyfile(order.entry("attention").exercise, file(home))
        assert "not written yet" in json.loads(process.stdout.readline())["message"]
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) == 130

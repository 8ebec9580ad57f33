"""What every verb promises: help, one line and an exit code for each misuse, streams that fail, terminals of all kinds.

What depends on the process (streams, signals, locales) is asked of the real executable, with no home and no terminal;
the many small questions are asked of `main` in this process, which saves starting Python for each.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

import glassformer as gf
from glassformer import cli
from tests import command, made
from tests.command import COLOUR, COMMAND, HERE, UTF8, lines, loads_torch, on_a_terminal, run, told


@pytest.fixture
def ask(monkeypatch, capsys):
    return command.asking(monkeypatch, capsys)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made.folder(tmp_path_factory.mktemp("models") / "mine")


# what is answered without a model


def test_bare_it_welcomes():
    out = "\n".join(lines(run()))
    assert "glassformer explain" in out and "glassformer --help" in out


@pytest.mark.parametrize("arguments", [["--help"], [], ["explain", "--help"], ["--version"], ["--nope"]])
def test_help_never_waits_for_torch(arguments):
    assert not loads_torch(*arguments)


def test_help_has_every_verb_and_an_example(ask):
    out = ask("--help").stdout.decode()
    for verb in ("explain", "open", "why", "classify", "embed", "fill", "models", "info", "train", "learn", "check"):
        assert verb in out
        assert ask(verb, "--help").returncode == 0
    assert 'glassformer explain "this restaurant was not terrible"' in out
    assert ask("--version").stdout.decode().strip() == gf.__version__


def test_python_runs_it_too():
    done = subprocess.run([sys.executable, "-m", "glassformer", "--version"], capture_output=True, env=UTF8, check=True)
    assert done.stdout.decode().strip() == gf.__version__


# exit codes, one line each

MISUSED = {
    2: [
        (["explan", "x"], "no command 'explan'; did you mean explain"),
        (["explain"], "requires an argument"),
        (["explain", "good", "food", "here"], "put a sentence in quotes"),
        (
            ["explain", "good", "food"],
            "'food' is no address such as L1.H2; a sentence of several words stands in quotes",
        ),
        (["explain", made.SENTENCE, "--modle", "x"], "Did you mean --model"),
        (["explain", made.SENTENCE, "L9.H1"], "this model has layers 0 to 1"),
        (["explain", made.SENTENCE, "L1.H2.wieghts"], "did you mean L1.H2.weights"),
        (["explain", made.SENTENCE, "L1.H2.weights[1 2]"], "is no address"),
        (["explain", made.SENTENCE, "layers.x.y"], "there is no layers.x.y"),
        (["explain", made.SENTENCE, "--cut", "terrible"], "names no edge"),
        (["explain", made.SENTENCE, "--cut", "awful>not"], "there is no word 'awful'"),
        (["explain", made.SENTENCE, "--cut", "²>not"], "there is no word"),
        (["explain", made.SENTENCE, "--off", "L1"], "is no head"),
        (["explain", made.SENTENCE, "--off", "L1.H2", "--baseline", "zer"], "did you mean zero"),
        (["explain", made.SENTENCE, "--baseline", "mean"], "--off"),
        (["explain", made.SENTENCE, "--without", "positons"], "did you mean positions"),
        (["explain", made.SENTENCE, "L1.H2", "--cut", "0>1"], "exclude each other"),
        (["explain", made.SENTENCE, "--against", "good", "--cut", "0>1"], "exclude each other"),
        (["explain", made.SENTENCE, "--width", "5"], "--width 5 cannot be drawn; give 40 to 1000"),
        (["explain", made.SENTENCE, "--width", "wide"], "width"),
        (["explain", ""], "the text is empty"),
        (["explain", "\u200b"], "holds nothing to read"),
        (["explain", "家"], "in the vocabulary"),
        (["why", made.SENTENCE, "L1.H2"], "is not one number"),
        (["why", made.SENTENCE], "requires an argument"),
        (["explain", made.SENTENCE, "L0.H0", "--model", "bag-of-words"], "there is no L0.H0"),
        (["explain", made.SENTENCE, "--cut", "0>1", "--model", "bag-of-words"], "bag-of-words has no attention"),
        (["train", "sentiment", "--data", "x", "--seeds", "one"], "are no numbers; write 0 or 0,1,2"),
        (["models", "--nope"], "nope"),
    ],
    3: [
        (["explain", made.SENTENCE, "--model", "sentimnt"], "did you mean sentiment"),
        (["classify", "--model", "/nowhere"], "there is no model"),
        (["models", "x" * 300], "there is no model"),
    ],
}


@pytest.mark.parametrize(
    ("code", "arguments", "line"),
    [(code, *case) for code in MISUSED for case in MISUSED[code]],
    ids=lambda v: str(v)[-40:],
)
def test_misuse_is_one_line_and_its_code(ask, code, arguments, line):
    done = ask(*arguments)
    assert done.returncode == code, done.stderr.decode()
    assert line in told(done)
    assert done.stdout == b""


def test_a_folder_without_a_manifest_is_missing_and_a_damaged_one_a_bad_checkpoint(ask, tmp_path, folder):
    done = ask("explain", "good", "--model", str(tmp_path))
    assert done.returncode == 3 and "nor manifest.json" in told(done)
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"")
    for arguments in (["explain", "good"], ["why", "good", "logits[0]"], ["classify"]):
        done = (run if arguments == ["classify"] else ask)(*arguments, "--model", str(damaged))
        assert done.returncode == 4 and "is not what was saved" in told(done)


def closed(which: str, *arguments):
    """Run with some of its streams closed, by a shell."""
    shell = ["sh", "-c", f'exec "$@" {which}', "sh", COMMAND, *arguments]
    return subprocess.run(shell, capture_output=True, env=UTF8, timeout=120, check=False)


def test_an_output_that_is_closed_or_full_is_a_write_error():
    for arguments in (["explain", "good food"], ["classify"], ["--help"], []):
        with open("/dev/full", "wb") as full:
            done = run(*arguments, stdin=b"good\n", stdout=full)
        assert done.returncode == 5 and "No space left" in told(done)
    done = closed(">&-", "explain", "good food")
    assert done.returncode == 5 and "standard output is closed" in told(done)


def test_an_input_that_is_closed_is_a_usage_error():
    for arguments in (["classify"], ["explain", "-"]):
        done = closed("<&-", *arguments)
        assert done.returncode == 2 and "standard input is closed" in told(done)


def test_with_no_stream_at_all_it_still_ends_with_a_code():
    done = closed("<&- >&- 2>&-", "explain", "good food")
    assert done.returncode == 5


LOCALES = [{"PYTHONIOENCODING": "ascii"}, {"LANG": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}]


@pytest.mark.parametrize("env", LOCALES, ids=str)
def test_a_terminal_without_unicode_still_gets_an_answer(env):
    done = run("explain", "good food", env=HERE | env)
    assert done.returncode == 0 and done.stdout and not done.stderr


def test_and_reads_it():
    answer = json.loads(run("classify", "--json", stdin="l’été was good".encode(), env=HERE | LOCALES[-1]).stdout)
    assert answer["text"] == "l’été was good" and answer["label"] in made.TWO


@pytest.mark.parametrize("arguments", [["classify"], ["explain", "-"], ["--help"]])
def test_a_reader_that_has_gone_is_left_in_peace(arguments):
    process = subprocess.Popen(
        [COMMAND, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=UTF8
    )
    process.stdout.close()
    errors = (
        process.communicate(b"good food\n" * 3000)[1]
        if arguments == ["classify"]
        else process.communicate(b"good food\n")[1]
    )
    assert process.returncode == (1 if arguments == ["--help"] else 141) and errors == b""  # help is cyclopts' own


# on a terminal


def test_a_terminal_gets_colour_and_its_whole_width():
    out = on_a_terminal("explain", made.SENTENCE, columns=110)
    assert COLOUR.search(out)
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in out.splitlines()]
    assert not any("\x1b" in line for line in plain)
    assert max(map(len, plain)) > 100


@pytest.mark.parametrize(("arguments", "env"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"})])
def test_a_terminal_gets_no_colour_where_none_is_wanted(arguments, env):
    assert not COLOUR.search(on_a_terminal("explain", made.SENTENCE, *arguments, env=env))


def test_a_terminal_that_can_nothing_gets_plain_text():
    assert "\x1b" not in on_a_terminal("explain", made.SENTENCE, env={"TERM": "dumb"})


def test_a_sheet_on_a_terminal_is_a_table():
    assert "\t" not in on_a_terminal("explain", made.SENTENCE, "L1.H2")


def test_threads_that_wait_for_each_other_go_to_sleep(monkeypatch, capsys):
    """Set before torch is there to read it, and only where nobody has chosen."""
    monkeypatch.setattr(sys, "argv", ["glassformer"])
    for chosen, found in ((None, cli.SPINS), ("7", "7")):
        monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
        if chosen:
            monkeypatch.setenv("GOMP_SPINCOUNT", chosen)
        cli.main()
        assert os.environ["GOMP_SPINCOUNT"] == found
    assert "glassformer open" in capsys.readouterr().out

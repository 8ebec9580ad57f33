"""The command as a person, a script or an accident meets it.

What depends on the process (streams, signals, locales, memory) is asked of the real executable, with no home and
no terminal; the many small questions are asked of `main` in this process, which saves starting Python for each.
"""

import contextlib
import io
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import glassformer as gf
from glassformer import cli
from tests import made

COMMAND = str(Path(sys.executable).with_name("glassformer"))
HERE = {"HOME": "/nowhere/at/all", "XDG_CACHE_HOME": "/nowhere/cache", "OMP_NUM_THREADS": "1", "PATH": os.defpath}
UTF8 = HERE | {"LANG": "C.UTF-8"}


def run(*arguments, stdin=b"", env=UTF8, **how):
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 120} | how
    return subprocess.run([COMMAND, *arguments], input=stdin, env=env, check=False, **how)


@dataclass
class Done:
    returncode: int
    stdout: bytes
    stderr: bytes


@pytest.fixture
def ask(monkeypatch, capsys):
    """The same, in this process."""

    def ask(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["glassformer", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        out, errors = capsys.readouterr()
        return Done(code, out.encode(), errors.encode())

    return ask


def told(done) -> str:
    """Standard error, if it is what every expected error is: one line that begins with the command's name."""
    text = done.stderr.decode()
    assert re.fullmatch(r"glassformer: [^\n]+\n", text), text
    assert text[:-1].isprintable()
    return text


def lines(done) -> list[str]:
    assert done.returncode == 0, done.stderr.decode()
    assert not done.stderr
    return done.stdout.decode().splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made.folder(tmp_path_factory.mktemp("models") / "mine")


# what is answered without a model


def test_bare_it_welcomes():
    out = "\n".join(lines(run()))
    assert "glassformer explain" in out and "glassformer --help" in out


@pytest.mark.parametrize("arguments", [["--help"], [], ["explain", "--help"], ["--version"], ["--nope"]])
def test_help_never_waits_for_torch(arguments):
    report = "print('torch' in sys.modules, file=sys.stderr)"
    code = f"import sys\nfrom glassformer import cli\ntry: cli.main()\nfinally: {report}"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, env=UTF8, check=False)
    assert done.stderr.split()[-1] == b"False"


def test_help_has_every_verb_and_an_example(ask):
    out = ask("--help").stdout.decode()
    for verb in ("explain", "why", "classify", "models", "info", "train"):
        assert verb in out
        assert ask(verb, "--help").returncode == 0
    assert 'glassformer explain "this restaurant was not terrible"' in out
    assert ask("--version").stdout.decode().strip() == gf.__version__


# every verb


def test_explain_tells_the_story():
    out = run("explain", made.SENTENCE).stdout.decode()
    for title in ("The answers", "What each word adds", "Who told whom", "looks at", "Next"):
        assert title in out
    assert "\x1b" not in out


def test_explain_gives_a_document(ask):
    document = json.loads(ask("explain", made.SENTENCE, "--json").stdout)
    assert (document["schema"], document["kind"], document["text"]) == (1, "story", made.SENTENCE)
    assert document["words"] == made.SENTENCE.split() and len(document["views"]) == 3


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["L1.H2"], "sheet"),
        (["--cut", "terrible>not"], "what-if"),
        (["--off", "L1.H2", "--baseline", "mean"], "what-if"),
        (["--without", "scaling", "--off", "L0.H0"], "what-if"),
        (["--against", "this restaurant was terrible"], "against"),
    ],
)
def test_every_question_has_a_document_and_a_table(ask, arguments, kind):
    document = json.loads(ask("explain", made.SENTENCE, *arguments, "--json").stdout)
    assert (document["schema"], document["kind"]) == (1, kind)
    assert lines(ask("explain", made.SENTENCE, *arguments, "--width", "80"))


def test_why_recomputes_one_number(ask):
    document = json.loads(ask("why", made.SENTENCE, "L1.H2.weights[4,3]", "--json").stdout)
    assert document["kind"] == "why" and document["difference"] <= 1e-5
    assert "difference" in ask("why", made.SENTENCE, "logits[1]").stdout.decode()


def test_a_sheet_into_a_pipe_is_every_number_exactly(ask):
    rows = [line.split("\t") for line in lines(ask("explain", made.SENTENCE, "L1.H2"))]
    x = gf.load("sentiment").explain(made.SENTENCE)
    assert rows[0] == ["row", "row_name", "column", "column_name", "value", "change_when_cut"] and len(rows) == 26
    sheet = x.sheet("L1.H2")
    for i, row, j, column, value, change in rows[1:]:
        assert (row, column) == (x.words[int(i)], x.words[int(j)])
        assert float(value) == pytest.approx(sheet.values[int(i)][int(j)], abs=1e-7)
        assert float(change) == pytest.approx(sheet.effects[int(i)][int(j)], abs=1e-5)


def test_models_and_their_cards(ask, folder):
    rows = lines(ask("models"))
    assert [row.split()[0] for row in rows] == gf.shipped()
    assert [row["name"] for row in json.loads(ask("models", "--json").stdout)["models"]] == gf.shipped()
    assert lines(ask("models", str(folder))) == ["# Made", "", "For a test."]
    card = json.loads(ask("models", "sentiment", "--json").stdout)
    assert card["schema"] == 1 and card["card"].startswith("#")


def test_info_is_a_block_without_paths(ask):
    facts = dict(line.split(maxsplit=1) for line in lines(ask("info")))
    assert facts["sentiment"] == "whole, sha256 as saved" and facts["glassformer"]


def test_a_local_model_answers(folder):
    assert lines(run("classify", "--model", str(folder), stdin=b"good\n"))[0].split("\t")[0] in made.TWO
    out = run("explain", made.SENTENCE, "--model", str(folder)).stdout.decode()
    assert "mine" in out and f"--model {folder.name}" in out


# text from anywhere


@pytest.mark.parametrize(
    "stdin",
    [
        b"this restaurant was not terrible",
        b"this restaurant was not terrible\n",
        b"this restaurant was not terrible\r\n",
    ],
)
def test_a_dash_reads_standard_input(ask, stdin):
    assert json.loads(ask("explain", "-", "--json", stdin=stdin).stdout)["text"] == made.SENTENCE


@pytest.mark.parametrize("text", ["-5 stars, bad", "--- bad", "-bad", "5 - bad"])
def test_a_text_may_begin_with_a_dash(ask, text):
    assert json.loads(ask("explain", text, "--json").stdout)["text"] == text


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31mgood\x1b[0m \x1b]0;owned\x07 food",
        "good \u202eדוג\u202c food",
        "good \x9b31m food",
        "[bold]good[/bold] :+1:",
    ],
    ids=ascii,
)
def test_what_a_text_would_do_to_a_terminal_it_does_not(ask, text):
    for arguments in (["why", text, "logits[1]"], ["explain", text, "L1.H2", "--width", "80"], ["explain", text]):
        out = ask(*arguments).stdout.decode()
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", out)
    assert ("[bold]" in out) == ("[bold]" in text)
    out = run("classify", stdin=text.encode()).stdout.decode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", out)


def test_half_a_character_on_the_command_line_is_a_usage_error():
    done = run("explain", b"good \xed\xa0\x80 \xff food")
    assert done.returncode == 2 and "is half a character" in told(done)


def test_bytes_that_are_no_text_are_replaced_on_standard_input(ask):
    assert json.loads(ask("explain", "-", "--json", stdin=b"good \xff food").stdout)["text"] == "good \ufffd food"


def test_a_text_of_five_thousand_words_is_told_in_part_and_says_so():
    words = ("the food was not very good but service terrible and i loved it " * 400).split()[:5000]
    out = run("explain", "-", stdin=" ".join(words).encode(), timeout=60).stdout.decode()
    assert "4488 pieces at the end were NOT read" in out
    assert re.search(r"… 496 words", out) and "24 largest of 261632 edges" in out


def test_a_text_beyond_all_measure_is_refused_without_reading_it_all():
    done = subprocess.run(
        f"yes good | {COMMAND} explain -", shell=True, capture_output=True, env=UTF8, timeout=60, check=False
    )
    assert done.returncode == 2 and "at most 1,000,000 can be read at once" in done.stderr.decode()


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
    assert done.returncode == 3 and "has no manifest.json" in told(done)
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
    for arguments in (["explain", "good food"], ["classify"], ["models"], ["--help"], []):
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
    answer = json.loads(run("classify", "--json", stdin="l’été was good".encode(), env=HERE | env).stdout)
    assert answer["text"] == "l’été was good" and answer["label"] in made.TWO


# classify


def test_an_answer_a_line_in_order():
    texts = ["this restaurant was terrible", "", "this restaurant was not terrible", "  ", "家", "a\tb"]
    rows = [line.split("\t") for line in lines(run("classify", stdin="\r\n".join(texts).encode()))]
    assert [row[0] for row in rows][:5] == ["negative", "-", "positive", "-", "-"]
    assert [row[1] for row in rows][1] == "-" and 0 <= float(rows[0][1]) < 0.5 < float(rows[2][1]) <= 1
    assert [row[2] for row in rows] == [*texts[:5], "a␉b"]


def test_an_answer_as_json_has_three_fields():
    stdin = b"this restaurant was not terrible\n\n\xff\xfe bad\n"
    first, empty, broken = (json.loads(line) for line in lines(run("classify", "--json", stdin=stdin)))
    assert set(first) == {"text", "label", "p_positive"}
    assert first["label"] == "positive" and 0.5 < first["p_positive"] <= 1
    assert empty == {"text": "", "label": None, "p_positive": None}
    assert broken["text"] == "\ufffd\ufffd bad" and broken["label"] in made.TWO


def test_a_line_longer_than_the_model_says_what_was_left_out():
    (line,) = lines(run("classify", "--json", stdin=b"good " * 600))
    assert json.loads(line)["left_out"] == 88


def test_what_was_not_read_of_a_long_text_is_said_wherever_it_is_not_shown():
    long = "good " * 600
    for arguments in (["explain", long, "--cut", "0>1"], ["explain", long, "logits"], ["why", long, "logits[1]"]):
        assert "88 pieces at the end were NOT read" in run(*arguments).stderr.decode()
    assert "88 pieces" in run("explain", "good", "--against", long).stderr.decode()
    assert "1 lines were longer than the 512 pieces" in run("classify", stdin=long.encode()).stderr.decode()


@pytest.fixture
def asking():
    """`classify`, waiting for lines."""
    process = subprocess.Popen(
        [COMMAND, "classify"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=UTF8
    )
    yield process
    process.kill()
    process.communicate()


def test_an_answer_comes_before_the_next_line_is_asked_for(asking):
    for text in (b"this restaurant was terrible\n", b"this restaurant was not terrible\n"):
        asking.stdin.write(text)
        asking.stdin.flush()
        assert select.select([asking.stdout], [], [], 60)[0], "no answer came"
        assert asking.stdout.readline().endswith(b"\t" + text)


def test_an_interrupt_ends_it_in_one_line(asking):
    asking.stdin.write(b"good\n")
    asking.stdin.flush()
    asking.stdout.readline()
    asking.send_signal(signal.SIGINT)
    _, errors = asking.communicate(timeout=60)
    assert asking.returncode == 130 and errors == b"glassformer: interrupted\n"


@pytest.mark.parametrize("arguments", [["classify"], ["explain", "-"], ["models"], ["--help"]])
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


PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


def peak(content: bytes, tmp_path) -> tuple[int, bytes]:
    """Peak memory in kB, and what came out."""
    (tmp_path / "in").write_bytes(content)
    with open(tmp_path / "in", "rb") as given:
        asked = [sys.executable, "-c", PEAK, COMMAND, "classify", "--model", "bag-of-words"]
        done = subprocess.run(asked, stdin=given, capture_output=True, env=UTF8, check=True)
    return int(done.stderr), done.stdout


def test_memory_does_not_grow_with_the_number_of_lines(tmp_path):
    few, _ = peak(b"the food was good\n" * 2_000, tmp_path)
    many, out = peak(b"the food was good\n" * 40_000, tmp_path)
    assert out.count(b"\n") == 40_000
    assert many < few + 60_000


def test_twenty_thousand_lines_keep_their_order():
    texts = [f"good {'very ' * (k % 7)}{k}" for k in range(20_000)]
    rows = lines(run("classify", "--model", "bag-of-words", stdin="\n".join(texts).encode()))
    assert [row.split("\t")[2] for row in rows] == texts


def test_a_line_without_end_is_cut_not_swallowed():
    rows = lines(run("classify", "--json", stdin=b"good\n" + b"x " * 3_000_000 + b"\ngood\n"))
    first, long, last = map(json.loads, rows)
    assert first["text"] == last["text"] == "good" and len(long["text"]) == 1 << 20 and long["left_out"] > 500_000


# on a terminal


def on_a_terminal(*arguments, env=(), columns=100) -> str:
    """What a person sees: run in a pseudo-terminal of that many columns."""
    ours, theirs = pty.openpty()
    env = UTF8 | {"TERM": "xterm-256color", "COLUMNS": str(columns)} | dict(env)
    process = subprocess.Popen([COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    out = b""
    with contextlib.suppress(OSError):  # how a pseudo-terminal says that all have gone
        while part := os.read(ours, 1 << 16):
            out += part
    os.close(ours)
    assert process.wait() == 0
    return out.decode()


COLOUR = re.compile(r"\x1b\[[0-9;]*\b(?:3[0-9]|4[0-9]|9[0-7])\b")


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

"""explain and why: every question, every kind of answer, a text from anywhere."""

import json
import re
import shutil
import subprocess

import pytest
import safetensors.torch
import torch

import glassformer as gf
from glassformer.models import heads
from tests import made
from tests.command import COMMAND, UTF8, lines, run, told


def test_explain_tells_the_story(ask):
    out = ask("explain", made.SENTENCE).stdout.decode()
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


def test_a_local_model_answers(ask, folder):
    assert lines(ask("classify", "--model", str(folder), stdin=b"good\n"))[0].split("\t")[0] in made.TWO
    out = ask("explain", made.SENTENCE, "--model", str(folder)).stdout.decode()
    assert "mine" in out and f"--model {folder}" in out


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
    out = ask("classify", stdin=text.encode()).stdout.decode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", out)


def test_half_a_character_on_the_command_line_is_a_usage_error():
    done = run("explain", b"good \xed\xa0\x80 \xff food")
    assert done.returncode == 2 and "is half a character" in told(done)


def test_bytes_that_are_no_text_are_replaced_on_standard_input(ask):
    assert json.loads(ask("explain", "-", "--json", stdin=b"good \xff food").stdout)["text"] == "good \ufffd food"


def test_a_text_of_five_thousand_words_is_told_in_part_and_says_so(ask):
    words = ("the food was not very good but service terrible and i loved it " * 400).split()[:5000]
    out = ask("explain", "-", stdin=" ".join(words).encode()).stdout.decode()
    assert "4488 pieces at the end were NOT read" in out
    assert re.search(r"… 496 words", out) and "24 largest of 261632 edges" in out


def test_a_text_beyond_all_measure_is_refused_without_reading_it_all():
    done = subprocess.run(
        f"yes good | {COMMAND} explain -", shell=True, capture_output=True, env=UTF8, timeout=60, check=False
    )
    assert done.returncode == 2 and "at most 1,000,000 can be read at once" in done.stderr.decode()


def test_what_was_not_read_of_a_long_text_is_said_wherever_it_is_not_shown(ask):
    long = "good " * 600
    for arguments in (["explain", long, "--cut", "0>1"], ["explain", long, "logits"], ["why", long, "logits[1]"]):
        assert "88 pieces at the end were NOT read" in ask(*arguments).stderr.decode()
    assert "88 pieces" in ask("explain", "good", "--against", long).stderr.decode()
    assert "1 line was longer than the 512 pieces" in ask("classify", stdin=long.encode()).stderr.decode()


# BERTs


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return str(made.bert_folder(tmp_path_factory.mktemp("models") / "bert", heads.SequenceClassification))


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    return str(made.bert_folder(tmp_path_factory.mktemp("models") / "vectors"))


PAIR = ("--pair", "it was good")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ([], "story"),
        (PAIR, "story"),
        ((*PAIR, "--joint"), "story"),
        (("L1.H2", *PAIR), "sheet"),
        (("embed.types",), "sheet"),
        (("--cut", "[CLS]>not"), "what-if"),
        (("--cut", "good>it", *PAIR), "what-if"),
        (("--off", "L1.H2", "--baseline", "mean", *PAIR), "what-if"),
        (("--without", "positions"), "what-if"),
        (("--against", "the food was good"), "against"),
    ],
)
def test_every_question_is_put_to_a_bert_too(ask, bert, vectors, arguments, kind):
    for model in (bert, vectors):
        document = json.loads(ask("explain", "the food was not good", *arguments, "--model", model, "--json").stdout)
        assert (document["schema"], document["kind"]) == (1, kind)
        assert lines(ask("explain", "the food was not good", *arguments, "--model", model, "--width", "80"))


ADDRESSES = ["similarity", "sentence[3]", "sentence2[3]", "L1.H2.weights[3,4]", "embed.types[3,4]"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_any_number_of_two_texts_is_worked_out(ask, vectors, address):
    done = ask("why", "the food was not good", address, *PAIR, "--model", vectors, "--json")
    assert json.loads(done.stdout)["difference"] <= 1e-5


def test_the_story_of_a_pair_says_how_it_was_read(ask, bert, vectors):
    for model, how, read in (
        (bert, PAIR, "together"),
        (vectors, PAIR, "apart"),
        (vectors, (*PAIR, "--joint"), "together"),
    ):
        document = json.loads(ask("explain", "the food", *how, "--model", model, "--json").stdout)
        assert (document["read"], document["second"], document["given"]) == (read, "it was good", model)
        assert document["metric"]["name"] == ("log-odds" if model is bert else "cosine")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--joint",), "--joint reads two texts together; give the second with --pair"),
        ((*PAIR, "--against", "good"), "--against holds another text beside this one, --pair reads two"),
        (("--pair", ""), "the text is empty"),
        (
            ("--cut", "odd>not"),
            "there is no word 'odd' in the sentence; did you mean good or food?; its words: [CLS]",
        ),
        (("L1.H9",), "head 9, but only 0 to 2"),
        (("similarity",), "there is no similarity"),
    ],
)
def test_misuse_of_a_bert_is_one_line(ask, vectors, arguments, line):
    done = ask("explain", "the food was not good", *arguments, "--model", vectors)
    assert done.returncode == 2 and line in told(done)


def test_a_pair_is_too_much_for_a_model_of_one_text(ask):
    done = ask("explain", "the food", *PAIR)
    assert done.returncode == 2 and "reads one text at a time" in told(done)


def test_weights_in_a_pickle_are_read_only_when_allowed(ask, vectors, tmp_path):
    folder = shutil.copytree(vectors, tmp_path / "old")
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    (folder / "manifest.json").unlink(missing_ok=True)
    torch.save(weights, folder / "pytorch_model.bin")
    done = ask("explain", "the food", "--model", str(folder))
    assert done.returncode == 4 and "--allow-pickle-weights" in told(done)
    assert ask("explain", "the food", "--model", str(folder), "--allow-pickle-weights").returncode == 0

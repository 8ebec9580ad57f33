"""generate: a text that goes on, as it comes; and explain of a model that writes."""

import itertools
import json
import re
import signal
import subprocess

import pytest
from safetensors.torch import load_file, save_file

import glassformer as gf
from tests import made
from tests.command import COMMAND, UTF8, lines, run, told
from tests.hub import gpt2s

PROMPT = "this restaurant was"


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return str(gpt2s.folder(tmp_path_factory.mktemp("models") / "writer"))


@pytest.fixture(scope="module")
def reader(gpt2):
    return gf.load(gpt2)


def shown(text):
    """What a terminal may show of it."""
    return re.sub(r"[\x00-\x08\x0b-\x1f]", lambda c: chr(0x2400 + ord(c[0])), text)


def out(done):
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()
    return done.stdout.decode()


def test_the_prompt_goes_on(ask, gpt2, reader):
    assert out(ask("generate", PROMPT, "--model", gpt2, "--most", "8")) == shown(
        PROMPT + reader.generate(PROMPT, most=8).text + "\n"
    )
    drawn = ("--temperature", "0.8", "--top-k", "20", "--top-p", "0.9", "--seed", "4")
    how = {"temperature": 0.8, "top_k": 20, "top_p": 0.9, "seed": 4}
    written = reader.generate(PROMPT, most=9, **how).text
    assert out(ask("generate", PROMPT, "--model", gpt2, "--most", "9", *drawn)) == shown(f"{PROMPT}{written}\n")


def test_a_prompt_comes_from_standard_input_or_is_a_new_line(ask, gpt2, reader):
    given = out(ask("generate", "-", "--model", gpt2, "--most", "4", stdin=b"it was\n"))
    assert given == shown("it was" + reader.generate("it was", most=4).text + "\n")
    assert out(ask("generate", "--model", gpt2, "--most", "4")) == shown(reader.generate("\n", most=4).text + "\n")


def test_without_a_model_it_is_the_one_that_writes_characters(ask):
    written = gf.load("characters").generate("ROMEO:", most=20, temperature=0.5)
    assert out(ask("generate", "ROMEO:", "--most", "20", "--temperature", "0.5")) == f"ROMEO:{written.text}\n"
    assert len(written.text) == len(written.pieces) == 20
    text = out(ask("explain", "ROMEO: What light through yonder windo", "--model", "characters"))
    assert re.search(r"What comes next.*\n  w  0\.\d{3}  █", text) and "o uses d." in text


def test_as_json_with_what_might_have_been_written(ask, gpt2, reader):
    document = json.loads(out(ask("generate", PROMPT, "--model", gpt2, "--most", "3", "--choices", "2", "--json")))
    written = reader.generate(PROMPT, most=3, choices=2)
    assert document["schema"] == 1 and document["kind"] == "written" and document["stopped"] == "most"
    assert document["prompt"] == PROMPT and document["text"] == written.text
    assert [each["id"] for each in document["pieces"]] == [each.id for each in written.pieces]
    assert [len(each["choices"]) for each in document["pieces"]] == [2, 2, 2]
    assert document["pieces"][0]["choices"][0]["probability"] == document["pieces"][0]["probability"]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_choices_are_a_table_that_fits(ask, gpt2, reader, width):
    table = out(ask("generate", PROMPT, "--model", gpt2, "--most", "3", "--choices", "9", "--width", str(width)))
    rows = [
        line for line in table.splitlines() if re.search(r"  0\.\d{3} ", line) or re.match(r"  \S+ +0\.\d{3} ", line)
    ]
    assert len(rows) == 3 and max(map(len, table.splitlines())) <= width
    assert "as many pieces as were asked for" in " ".join(table.split())


def test_no_room_is_said_and_slide_goes_on(ask, gpt2):
    done = ask("generate", PROMPT, "--model", gpt2, "--most", "60")
    assert done.returncode == 0 and "--slide leaves the oldest pieces behind" in told(done)
    assert out(ask("generate", PROMPT, "--model", gpt2, "--most", "60", "--slide"))


def test_it_stops_before_a_text(ask, gpt2, reader):
    whole = reader.generate(PROMPT, most=10).text
    assert out(ask("generate", PROMPT, "--model", gpt2, "--most", "10", "--stop", whole[4])) == shown(
        PROMPT + whole[: whole.index(whole[4])] + "\n"
    )


@pytest.mark.parametrize(
    ("asked", "code", "line"),
    [
        ([""], 2, "the prompt is empty, and writer has no piece that begins a text"),
        (["food " * 60], 2, r"the prompt has \d+ pieces, writer reads 40; shorten it, or .* --slide"),
        (["it", "--beams", "0"], 2, "a beam of width 0 keeps nothing: give 1 or more"),
        (["it", "--beams", "2", "--seed", "1"], 2, "choose one"),
        (["it", "--temperature", "-1"], 2, "temperature -1.0 is no temperature"),
        (["it", "--top-p", "0"], 2, "top_p=0.0 is no share"),
        (["it", "--precision", "bfloat16"], 2, "is not prepared for bfloat16"),
    ],
)
def test_what_cannot_be_done_is_one_line(ask, gpt2, asked, code, line):
    done = ask("generate", *asked, "--model", gpt2)
    assert done.returncode == code and re.search(line, told(done)) and not done.stdout


def test_weights_that_are_no_numbers(tmp_path):
    file = gpt2s.folder(tmp_path / "broken") / "model.safetensors"
    weights = load_file(file)
    weights["transformer.ln_f.bias"][3] = float("nan")
    save_file(weights, file)
    done = run("generate", "it", "--model", str(file.parent))
    warned, refused = done.stderr.decode().splitlines()
    assert done.returncode == 4 and "NaN" in warned
    assert refused.startswith("glassformer: broken: nothing can be picked from logits whose largest is [nan]")


def test_a_model_that_does_not_write(ask):
    done = ask("generate", "it", "--model", "sentiment")
    assert done.returncode == 2
    assert "sentiment puts a label on a text: explain, why and classify take it, generate does not" in told(done)


def test_an_interrupt_keeps_what_was_written(gpt2):
    process = subprocess.Popen(
        [COMMAND, "generate", PROMPT, "--model", gpt2, "--most", "1000000", "--slide"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=UTF8,
    )
    assert process.stdout.read(len(PROMPT) + 20).startswith(PROMPT.encode())
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and rest.endswith(b"\n") and not errors


def test_an_interrupt_leaves_a_whole_document(ask, monkeypatch):
    calls, whole = itertools.count(), gf.load("characters").generate(PROMPT, most=5)

    def interrupted():
        if next(calls) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr("glassformer.explain.written.go_on", interrupted)
    done = ask("generate", PROMPT, "--most", "30", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 130 and document["stopped"] == "interrupted" and not done.stderr
    assert document["text"] == whole.text and len(document["pieces"]) == 5


# explain and why


@pytest.mark.parametrize("width", [60, 80, 120])
def test_explain_says_what_comes_next_layer_by_layer_and_who_told(ask, gpt2, reader, width):
    text = out(ask("explain", made.SENTENCE, "--model", gpt2, "--width", str(width)))
    assert max(map(len, text.split("\nNext\n")[0].splitlines())) <= width
    x = reader.explain(made.SENTENCE)
    for heading in ("What comes next", "Layer by layer", "What each word adds", "Who told the last word"):
        assert f"\n{heading}" in text
    for each in x.answer.candidates:
        assert re.search(rf"  {re.escape(each.piece)} +{each.probability:.3f}  ", text)
    assert re.search(r"  embedding .*\n  L0 .*\n  L1 ", text) and "mean of all pieces" in text


def test_another_next_piece(ask, gpt2, reader):
    text = out(ask("explain", made.SENTENCE, "--model", gpt2, "--next", "e"))
    assert '--next "e"' in text and "of e; and" in text
    document = json.loads(out(ask("explain", made.SENTENCE, "--model", gpt2, "--next", "e", "--json")))
    assert document["metric"]["of"] == "e" and len(document["readout"][0]["candidates"]) == 5
    number = out(ask("why", made.SENTENCE, document["metric"]["address"], "--model", gpt2, "--next", "e"))
    assert "e at" in number and "difference" in number
    done = ask("explain", made.SENTENCE, "--next", "e")
    assert done.returncode == 2 and "only a model that continues a text is asked about the next piece" in told(done)


def test_a_page_of_it_opens_and_does_not_run_it(ask, gpt2, tmp_path):
    file = tmp_path / "page.html"
    done = ask("explain", made.SENTENCE, "--model", gpt2, "--html", str(file))
    assert done.returncode == 0 and file.stat().st_size < 1_000_000
    done = ask("explain", made.SENTENCE, "--model", gpt2, "--html", str(tmp_path / "other.html"), "--with-model")
    assert done.returncode == 2 and "is a Gpt2Writer, and a page by itself runs" in told(done)


def test_what_it_is_lists_generate(ask, gpt2):
    text = "\n".join(lines(ask("models", gpt2)))
    assert "continues a text" in text and "generate" in text

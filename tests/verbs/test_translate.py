"""translate: what decoding and beams, called by hand, write; a text or a line a text; and explain of a translator."""

import json
import re
import signal
import subprocess
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

import glassformer as gf
from glassformer.explain.reader import Reader
from glassformer.explain.translated import Way
from glassformer.hub.tokens import pad
from glassformer.models.beams import Search, beams
from glassformer.models.decoding import Until, write
from tests import made
from tests.command import COMMAND, UTF8, run, told
from tests.hub import marians

READ, BACKWARDS = "3 1 4 1 5 9 2 6", "6 2 9 5 1 4 1 3"
TEXTS = ["the film good", "good", "the good film the film"]


def out(done):
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module")
def marian(tmp_path_factory):
    """A translator of the hub that knows which language to write."""
    return gf.load(marians.folder(tmp_path_factory.mktemp("models") / "marian"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """The same with a weight that is no number."""
    folder = marians.folder(tmp_path_factory.mktemp("models") / "broken")
    weights = load_file(folder / "model.safetensors")
    weights["model.decoder.layers.0.final_layer_norm.bias"][0] = float("nan")
    save_file(weights, folder / "model.safetensors")
    return str(folder)


def by_hand(reader, texts):
    """Ids of what is read, and the piece that begins what is written."""
    ids, real = pad([reader.tokens.cut(text, 40).ids for text in texts], reader.tokens.padding)
    return reader.model.read(ids, real), torch.full((len(texts), 1), reader.config.start)


def test_lines_are_what_decoding_by_hand_writes():
    reader = made.translate_reader()
    texts = ["it was good", "the food was not terrible and the film was not good", "we"]
    memory, start = by_hand(reader, texts)
    until = Until(12, {reader.config.end}, reader.tokens.padding)
    with torch.no_grad():
        steps = [step.ids.tolist() for step in write(reader.model, start, memory=memory, until=until)]
    found = reader.translate(texts, most=12)
    for row, each in zip(zip(*steps, strict=True), found, strict=True):
        ids = [piece.id for piece in each.pieces]
        assert ids and ids == list(row[: len(ids)])
        assert each.text == reader.tokens.decode(id for id in ids if id != reader.config.end)
        assert each == replace(reader.translate(each.prompt, most=12), pieces=each.pieces)


def test_each_piece_has_the_probability_that_the_model_gives_it():
    reader = made.translate_reader()
    found = reader.translate("it was good", most=9)
    memory, _ = by_hand(reader, ["it was good"])
    ids = torch.tensor([[reader.config.start, *(piece.id for piece in found.pieces)]])
    with torch.no_grad():
        shares = reader.model(ids[:, :-1], memory=memory)[0].double().softmax(-1)
    assert [piece.probability for piece in found.pieces] == pytest.approx(
        [shares[k, piece.id].item() for k, piece in enumerate(found.pieces)], rel=1e-4
    )


@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0])
def test_beams_are_what_the_search_by_hand_finds(penalty):
    reader, text = made.translate_reader(), "the food was not terrible"
    memory, start = by_hand(reader, [text])
    until = Until(8, {reader.config.end}, reader.tokens.padding)
    (kept,) = beams(reader.model, start, memory=memory, search=Search(3, penalty), until=until)
    found = reader.translate(text, beams=3, length_penalty=penalty, most=8)
    assert [each.score for each in found.beams] == pytest.approx([beam.score for beam in kept], rel=1e-5)
    assert [piece.id for piece in found.pieces] == list(kept[0].ids)
    assert found.text == found.beams[0].text
    likely = sum(torch.tensor([piece.probability for piece in found.pieces]).double().log().tolist())
    assert likely / len(found.pieces) ** penalty == pytest.approx(kept[0].score, rel=1e-4)


def test_the_shipped_one_writes_backwards(ask):
    assert out(ask("translate", READ)) == f"{BACKWARDS}\n"
    assert out(ask("translate", "-", stdin=READ.encode())) == f"{BACKWARDS}\n"
    found = json.loads(out(ask("translate", READ, "--beams", "2", "--json")))
    assert (found["text"], found["translation"], found["schema"]) == (READ, BACKWARDS, 1)
    assert len(found["beams"]) == 2 and found["beams"][0]["pieces"][-1] == "</s>"
    table = out(ask("translate", READ, "--choices", "2", "--width", "80"))
    assert f"{READ} → {BACKWARDS}" in table and max(map(len, table.splitlines())) <= 80


def test_a_line_in_a_line_out_in_order(ask):
    given = b"1 2 3 4 5 6 7 8\n\n3 1 4 1 5 9 2 6\n"
    assert out(ask("translate", stdin=given)) == f"8 7 6 5 4 3 2 1\n\n{BACKWARDS}\n"
    lines = [json.loads(line) for line in out(ask("translate", "--json", stdin=given)).splitlines()]
    assert [line["translation"] for line in lines] == ["8 7 6 5 4 3 2 1", "", BACKWARDS]
    assert lines[1]["pieces"] == []
    done = ask("translate", stdin=b"1 2 3 4 5 6 7 8 " * 3)
    assert done.returncode == 0 and "1 line was longer than the 16 pieces" in told(done)


@pytest.mark.parametrize(
    ("arguments", "repair"),
    [
        ([""], "the text is empty"),
        (["1 " * 30], "the text has 31 pieces, reverse reads 16; shorten it"),
        ([READ, "--beams", "0"], "keeps nothing: give 1 or more"),
        ([READ, "--length-penalty", "2"], "ask for beams"),
        ([READ, "--model", "sentiment"], "translate does not"),
        ([READ, "--to", "de"], "leave --to out"),
        ([READ, "--from", "de"], "leave --from out"),
        (["--choices", "3"], "give TEXT"),
    ],
)
def test_errors_are_one_line(ask, arguments, repair):
    done = ask("translate", *arguments)
    assert done.returncode == 2 and repair in told(done) and not done.stdout


def test_a_model_of_several_languages_is_asked_for_one(marian):
    assert list(marian.kind.languages) == ["deu"]
    with pytest.raises(gf.errors.UsageError, match="say which with --to: deu"):
        marian.translate("the film")
    with pytest.raises(gf.errors.UsageError, match=r"does not write 'de'.*deu"):
        marian.translate("the film", to="de")
    found = marian.translate("the film", to="deu", most=6)
    assert found.pieces and found.text == marian.translate(">>deu<< the film", most=6).text
    read = marian.kind.read("the film", 40, "deu")
    assert read.names[0] == ">>deu<<" and read.names[-1] == "</s>"


def test_what_the_files_say_of_languages_is_held_against_what_is_asked(marian):
    settings = {"source_lang": "eng"}
    marian.kind.settings = settings
    assert marian.translate("the film", to="deu", origin="eng", most=3).pieces
    with pytest.raises(gf.errors.UsageError, match="translates from eng, not from fra"):
        marian.translate("the film", to="deu", origin="fra")


def test_a_language_it_does_not_write_is_one_line(ask, tmp_path):
    folder = str(marians.folder(tmp_path / "marian"))
    for arguments, line in (
        (["--to", "xyz"], "marian does not write 'xyz'; there is deu"),
        (["--to", ""], "marian does not write ''; there is deu"),
        (["--to", "deu", "--from", "fra"], "does not say which languages it knows; leave --from out"),
        ([], "marian writes several languages; say which with --to: deu"),
    ):
        done = ask("translate", "the film", "--model", folder, *arguments)
        assert done.returncode == 2 and line in told(done) and not done.stdout


@pytest.mark.parametrize("asked", [["translate"], ["explain", "--json"]], ids=["translate", "explain"])
def test_weights_that_are_no_numbers_are_one_line(broken, asked):
    done = run(*asked, ">>deu<< the film", "--model", broken)
    warned, refused = done.stderr.decode().splitlines()
    assert done.returncode == 4 and "NaN" in warned and not done.stdout.strip()
    assert refused.startswith("glassformer: broken: nothing can be picked from logits whose largest is [nan]")


@pytest.mark.parametrize("beams", [None, 2])
def test_weights_that_are_no_numbers_are_the_checkpoints_fault(broken, beams):
    with pytest.warns(UserWarning, match="NaN"):
        reader = gf.load(broken)
    for ask in (reader.translate, lambda *text, **how: list(reader.stream_translation(*text, **how))):
        with pytest.raises(gf.errors.CheckpointError, match="broken: nothing can be picked from logits"):
            ask(">>deu<< the film", beams=beams)


@pytest.mark.parametrize("beams", [0, -2, 1.5])
def test_a_beam_that_is_none_is_one_line(beams):
    with pytest.raises(gf.errors.UsageError, match=rf"a beam of width {beams} .*: give 1 or more"):
        gf.load("reverse").translate(READ, beams=beams)


@pytest.mark.parametrize("given", [TEXTS, []])
def test_many_are_each_alone(marian, given):
    asked = [f">>deu<< {text}" for text in given]
    together = list(marian.translations(asked, Way(most=8)))
    assert [each.text for each in together] == [marian.translate(text, most=8).text for text in asked]


def test_an_interrupt_keeps_what_was_written():
    process = subprocess.Popen(
        [COMMAND, "translate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=UTF8
    )
    process.stdin.write(f"{READ}\n".encode())
    process.stdin.flush()
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.wait(30)
    assert first.decode() == f"{BACKWARDS}\n" and process.returncode == 130
    process.communicate()


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("more", [[], ["--at", "3"], ["--into", "6 2 8", "--at", "2"]])
def test_explain_tells_where_a_piece_came_from(ask, width, more):
    text = out(ask("explain", READ, "--model", "reverse", "--width", str(width), *more))
    told = text.split("\nNext")[0]
    assert max(map(len, told.splitlines())) <= width
    assert re.search(r"Where \d\s+came from", text) and "adds" in text and "control: not at" in " ".join(text.split())


def test_the_commands_it_ends_with_can_be_typed(ask):
    import shlex

    text = out(ask("explain", READ, "--model", "reverse", "--at", "3"))
    typed = [line.strip() for line in text.split("\nNext")[1].splitlines() if "glassformer" in line]
    assert len(typed) == 3
    for command in typed:
        assert out(ask(*shlex.split(command.split("   ")[0])[1:]))


def test_into_is_for_translators(ask):
    assert "translate does not" in told(ask("explain", "it was good", "--into", "es war gut"))
    done = ask("explain", READ, "--model", "reverse", "--into", BACKWARDS, "--pair", "1 2")
    assert "choose one" in told(done)


def test_json_has_where_it_came_from(ask):
    found = json.loads(out(ask("explain", READ, "--model", "reverse", "--json")))
    assert found["crossed"]["edges"][0]["at"] == 7 and found["crossed"]["doubt"] is None
    assert found["told"] is None and found["text"] == READ and found["crossed"]["written"] == BACKWARDS


def test_a_page_of_it_holds_every_number(ask, tmp_path):
    file = tmp_path / "page.html"
    done = ask("explain", READ, "--model", "reverse", "--html", str(file))
    assert done.returncode == 0 and b"every number is in it, exact" in done.stderr
    assert file.stat().st_size < 1_000_000


def test_a_reader_of_another_kind_has_no_interpreter():
    assert isinstance(made.reader(), Reader)
    with pytest.raises(gf.errors.UsageError, match="translate does not"):
        made.reader().translate("it was good")

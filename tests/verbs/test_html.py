"""`glassformer explain TEXT --html FILE`: written whole or not at all, and what it holds is said."""

import os
import re
import stat

import pytest

from glassformer.show.packed import unpack
from glassformer.show.page import MOST, MOST_WITH_MODELS
from glassformer.verbs import html as verb
from tests import command, made
from tests.command import told
from tests.show.test_page import Read


@pytest.fixture
def ask(monkeypatch, capsys):
    return command.asking(monkeypatch, capsys)


def pictures(file):
    import base64

    blocks = Read(file.read_text()).all("script", **{"data-what": "picture"})
    return [unpack(base64.b64decode(content)) for _, _, content in blocks]


def test_the_page_is_written_and_what_it_holds_is_said(ask, tmp_path):
    file = tmp_path / "page.html"
    done = ask("explain", made.SENTENCE, "--html", str(file))
    assert done.returncode == 0 and not done.stdout
    size = file.stat().st_size
    assert size < MOST and f"{size:,} bytes" in told(done) and "every number is in it" in told(done)
    first, *_ = pictures(file)
    assert first["text"] == made.SENTENCE and first["model"]["name"] == "sentiment" and first["whatifs"]
    assert not [path for path in tmp_path.iterdir() if path != file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~verb._mask()


def test_what_explain_takes_is_in_the_page(ask, tmp_path):
    file = tmp_path / "page.html"
    asked = ["--cut", "terrible>not", "--off", "L0.H3", "--baseline", "mean", "--html", str(file)]
    assert ask("explain", made.SENTENCE, *asked).returncode == 0
    facts = Read(file.read_text()).all("script", **{"data-what": "facts"})[0][2]
    assert '"switches": ["cut:4>3", "off:L0.H3:mean"]' in facts
    whatifs = pictures(file)[0]["whatifs"]
    assert {"cut:4>3 + off:L0.H3:mean", "cut:4>3", "off:L0.H3:mean"} <= set(whatifs)


def test_it_opens_at_an_address_and_beside_another_sentence(ask, tmp_path):
    file = tmp_path / "page.html"
    assert ask("explain", made.SENTENCE, "L1.H2.scaled", "--html", str(file)).returncode == 0
    assert '"address": "L1.H2.scaled"' in file.read_text()
    assert ask("explain", made.SENTENCE, "--against", "it was terrible", "--html", str(file)).returncode == 0
    assert [each["text"] for each in pictures(file)[:2]] == [made.SENTENCE, "it was terrible"]


def test_a_page_says_nothing_of_this_machine(ask, tmp_path):
    folder, file = made.folder(tmp_path / "mine"), tmp_path / "page.html"
    assert ask("explain", made.SENTENCE, "--model", str(folder), "--html", str(file)).returncode == 0
    assert pictures(file)[0]["model"]["given"] == "mine"
    assert str(tmp_path) not in str(pictures(file)[0] | {"arrays": None})


def test_with_the_model_other_sentences_can_be_typed(ask, tmp_path):
    file = tmp_path / "page.html"
    done = ask("explain", made.SENTENCE, "--with-model", "--html", str(file))
    assert done.returncode == 0, done.stderr
    read = Read(file.read_text())
    assert file.stat().st_size < MOST_WITH_MODELS and len(read.all("script", **{"data-what": "model"})) == 1


def test_a_model_that_no_page_can_run_is_refused(ask, tmp_path):
    folder, file = made.bert_folder(tmp_path / "bert"), tmp_path / "page.html"
    done = ask("explain", made.SENTENCE, "--model", str(folder), "--with-model", "--html", str(file))
    assert done.returncode == 2 and "glassformer open" in told(done) and not file.exists()


def test_a_model_that_is_too_large_is_refused_with_its_size(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(verb, "LEAST_BESIDE", 7_990_000)
    done = ask("explain", made.SENTENCE, "--with-model", "--html", str(tmp_path / "page.html"))
    assert done.returncode == 2 and re.search(
        r"sentiment takes \d[\d,]+ bytes of a page that may have 8,000,000", told(done)
    )


def test_a_page_is_written_over_and_nothing_else_is(ask, tmp_path):
    file = tmp_path / "page.html"
    for content, code in ((b"", 0), (b"\n<!DOCTYPE html><p>old", 0), (b"notes", 5), (b"\x89PNG", 5)):
        file.write_bytes(content)
        done = ask("explain", "good", "--model", "bag-of-words", "--html", str(file))
        assert done.returncode == code, done.stderr
        assert code == 0 or ("no HTML" in told(done) and file.read_bytes() == content)


def test_where_nothing_can_be_written_nothing_is_computed(ask, tmp_path):
    for target in (tmp_path / "none" / "page.html", tmp_path):
        done = ask("explain", made.SENTENCE, "--model", "nope", "--html", str(target))
        assert done.returncode == 5 and "folder" in told(done)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_one_line(ask, tmp_path):
    tmp_path.chmod(0o500)
    done = ask("explain", "good", "--model", "bag-of-words", "--html", str(tmp_path / "page.html"))
    assert done.returncode == 5 and "could not be written" in told(done)


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path, monkeypatch):
    file = tmp_path / "page.html"
    file.write_text("<html>old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(verb.WriteError, match="No space left"):
        verb.put(file, b"new")
    assert file.read_text() == "<html>old" and len(list(tmp_path.iterdir())) == 1


LEFT = {
    "; every number is in it, exact": None,
    "; exact: 1 head; rounded: weights, ≈ 63 steps; rounded: small maps; left out: z, cells": {
        "exact_heads": [[0, 1]],
        "rounded": ["weights, ≈ 63 steps", "small maps"],
        "out": ["z", "cells"],
    },
    "; exact: 0 heads": {"exact_heads": [], "rounded": [], "out": []},
    "; left out: mlp.out": {"exact_heads": None, "rounded": [], "out": ["mlp.out"]},
}


@pytest.mark.parametrize("said", LEFT)
def test_what_a_page_had_no_room_for_is_said(said):
    assert verb._left(LEFT[said]) == said


def test_as_many_models_stand_beside_it_as_there_is_room_for(monkeypatch):
    """In the order of who is asked for most; the model itself always."""
    monkeypatch.setattr("glassformer.explain.pack.models_pack", lambda readers: (readers, None))
    monkeypatch.setattr("glassformer.show.modelpack.packed_models", lambda readers, _: b"x" * 3000 * len(readers))
    monkeypatch.setattr(verb, "LEAST_BESIDE", MOST_WITH_MODELS - 9000)  # base64 makes 4 bytes of 3
    (content,) = verb.packs(made.reader()).values()
    assert len(content) == 2 * 3000


def test_options_that_exclude_each_other(ask, tmp_path):
    assert "choose one" in told(ask("explain", "good", "--json", "--html", str(tmp_path / "page.html")))
    assert "--html" in told(ask("explain", "good", "--with-model"))

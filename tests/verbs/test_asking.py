"""A model for a verb, a text from wherever it comes, an answer to wherever it goes."""

import io
import json
from types import SimpleNamespace

import pytest
import torch

from glassformer.errors import UsageError
from glassformer.hub.tokens import LONGEST_TEXT
from glassformer.verbs import asking


def piped(monkeypatch, content):
    given = io.TextIOWrapper(io.BytesIO(content))
    monkeypatch.setattr("sys.stdin", given)
    return given


@pytest.mark.parametrize(("weights", "threads"), [(9_999_999, 1), (10_000_000, 7)])
def test_a_small_model_gets_one_thread_and_a_large_one_all(monkeypatch, weights, threads):
    given = []
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    monkeypatch.setattr(asking, "_cores", lambda: 7)
    model = torch.nn.ParameterList([torch.empty(weights - 5, device="meta"), torch.empty(5, device="meta")])
    asking.set_threads(SimpleNamespace(model=model))
    assert given == [threads]


def test_of_an_endless_text_as_much_is_read_as_shows_that_it_is_too_long(monkeypatch):
    """A character takes four bytes at most: one more than can be read is always there, and little else."""
    stdin = piped(monkeypatch, "𝕏".encode() * (LONGEST_TEXT + 1000))
    assert len(asking.given("-")) == LONGEST_TEXT + 1
    assert len(stdin.buffer.read()) == 4 * 999


def test_only_the_end_of_a_line_is_taken_off(monkeypatch):
    for content, text in ((b" a b \t\r\n\n", " a b \t"), (b"\na", "\na"), (b"", ""), (b"a\r\nb\r\n", "a\r\nb")):
        piped(monkeypatch, content)
        assert asking.given("-") == text
    assert asking.given("--") == "--"


def test_a_closed_standard_input_is_one_line(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UsageError, match="standard input is closed; pipe a text into it"):
        asking.given("-")


@pytest.mark.parametrize(("encoding", "kept"), [("utf-8", True), ("UTF-8", True), ("ascii", False), ("cp1252", False)])
def test_json_is_never_full_of_question_marks(monkeypatch, encoding, kept):
    monkeypatch.setattr("sys.stdout", SimpleNamespace(encoding=encoding))
    line = asking.as_json({"text": "não 家 😀"})
    assert ("家" in line) is kept and (kept or line.isascii())
    assert json.loads(line) == {"text": "não 家 😀"} and "\n" not in line


def test_what_was_not_read_is_said_only_where_there_is_some(capsys):
    asking.not_read(0)
    assert capsys.readouterr().err == ""
    asking.not_read(1)
    out = capsys.readouterr()
    assert out.err.startswith("glassformer: 1 pieces at the end were NOT read") and not out.out

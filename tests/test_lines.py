"""Standard input as it arrives: every line once, in order, none awaited that is not there, none too long for memory."""

import os
import threading
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer import lines
from glassformer.lines import CHUNK, LONGEST_LINE, arriving


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)


def feed(writer, content):
    """Write from another thread, as a pipe holds little."""

    def write():
        with os.fdopen(writer, "wb") as out:
            out.write(content)

    threading.Thread(target=write, daemon=True).start()


def all_of(content):
    reader, writer = os.pipe()
    feed(writer, content)
    try:
        return [line for some in arriving(reader) for line in some]
    finally:
        os.close(reader)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"\n\n", ["", ""]),
        (b"a", ["a"]),
        (b"a\nb", ["a", "b"]),
        (b"a\nb\n", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb\n", ["a\rb"]),
        (b"\xff\xfe\n\xe5\xae\xb6\n", ["\ufffd\ufffd", "家"]),
        (b"a\x00b\x1b\n", ["a\x00b\x1b"]),
        ("a\u2028b\x0cc\n".encode(), ["a\u2028b\x0cc"]),
    ],
)
def test_lines_end_where_they_end(content, expected):
    assert all_of(content) == expected


@given(
    st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line and not line.endswith(b"\r")), max_size=30)
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_line_is_lost_whatever_the_chunks(parts):
    chunk = lines.CHUNK
    lines.CHUNK = 7
    try:
        assert all_of(b"".join(part + b"\n" for part in parts)) == [part.decode("utf-8", "replace") for part in parts]
    finally:
        lines.CHUNK = chunk


def test_what_has_arrived_is_given_before_more_comes(pipe):
    reader, writer = pipe
    answers = arriving(reader)
    os.write(writer, b"one\ntwo\nthr")
    assert next(answers) == ["one", "two"]
    os.write(writer, b"ee\n")
    assert next(answers) == ["three"]
    os.close(writer)
    assert list(answers) == []


@pytest.mark.parametrize("beyond", [-1, 0, 1, CHUNK - 1, CHUNK, 3 * LONGEST_LINE])
def test_of_a_line_that_is_too_long_its_beginning_is_given(beyond):
    """And the next line is whole, wherever in a chunk it begins."""
    size = LONGEST_LINE + beyond
    got = all_of(b"short\n" + b"x" * size + b"\nnext\n" + b"y" * size)
    assert [len(line) for line in got] == [5, min(size, LONGEST_LINE), 4, min(size, LONGEST_LINE)]
    assert (got[0], got[2]) == ("short", "next")


def test_a_line_without_end_is_not_kept_in_memory(pipe):
    reader, writer = pipe

    def write():
        with os.fdopen(writer, "wb") as out:
            for _ in range(16):
                out.write(b"x" * LONGEST_LINE)

    threading.Thread(target=write, daemon=True).start()
    tracemalloc.start()
    ((line,),) = arriving(reader)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(line) == LONGEST_LINE and peak < 8 * LONGEST_LINE

"""What code raises, in words that a beginner can act on, with the line of the learner's own that did it."""

import pytest

from glassformer.learn.result import Result
from glassformer.learn.stopped import stopped


def inner(error):
    raise error


def raised(error):
    try:
        inner(error)
    except BaseException as caught:
        return caught


SAID = {
    "exit": (SystemExit(3), "your code calls exit(); leave that to whoever runs it"),
    "input": (
        EOFError("EOF when reading a line"),
        "your code asks for input(); everything it needs is in its arguments",
    ),
    "memory": (MemoryError(), "your code needs more memory than a check allows (1 GB)"),
    "torch's memory": (
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        "your code needs more memory than a check allows",
    ),
    "recursion": (RecursionError("maximum recursion depth"), "your function calls itself without end"),
    "several lines": (ValueError("one\n  two\tthree"), "ValueError: one two three"),
    "a long one": (KeyError("x" * 500), f"KeyError: '{'x' * 299}"),
    "without a word": (AssertionError(), "AssertionError (asked with"),
}


@pytest.mark.parametrize("what", SAID)
def test_an_error_is_one_line_with_the_line_that_did_it(what):
    error, said = SAID[what]
    result = stopped("softmax", raised(error), "a mask", __file__)
    assert (result.passed, result.kind, result.about) == (False, "stopped", "a mask")
    assert result.line == inner.__code__.co_firstlineno + 1
    assert result.message.startswith(f"line {result.line}: raise error: {said}")
    assert result.message.endswith(" (asked with a mask)") and "\n" not in result.message
    assert len(result.message) < 400


def test_the_line_is_theirs_and_not_that_of_a_library():
    with pytest.raises(ValueError) as caught:
        import fractions

        fractions.Fraction("no number")
    result = stopped("softmax", caught.value)
    frames = caught.traceback
    assert result.line == frames[0].lineno + 1 and "Fraction(" in result.message and len(frames) > 1


def test_what_is_not_written_yet_is_no_error():
    result = stopped("softmax", raised(NotImplementedError("todo")), "a mask", __file__)
    assert result == Result("softmax", False, "stopped", "not written yet: nothing to check.", line=result.line)
    assert result.line is not None


def test_without_an_error_or_a_line_it_still_says_something():
    assert stopped("softmax", ValueError("no")).message == "ValueError: no"
    error = SyntaxError("bad", ("mine.py", 7, 1, "  def f(:\n"))
    assert stopped("softmax", error).message.startswith("line 7: def f(:: SyntaxError: bad")
    assert stopped("softmax", error).line == 7

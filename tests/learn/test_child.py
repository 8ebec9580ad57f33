"""What a check in a process of its own says of an end, keeps of what was printed, and takes for the answer."""

import signal
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from glassformer.learn import child

CODE = {
    "both": "class Norm(nn.Module): pass\ndef layer_norm(x): return x",
    "not written": "class Norm(nn.Module): pass\ndef layer_norm(x): raise NotImplementedError",
    "a class alone": "class First(nn.Module): pass\nclass Norm(nn.Module): pass",
    "one that is imported": "Norm = nn.LayerNorm",
    "nothing": "x = 3",
    "a callable without code": "import functools\nlayer_norm = functools.partial(max)\nclass Norm(nn.Module): pass",
}
TAKEN = {"both": "layer_norm", "not written": "Norm", "a class alone": "Norm", "a callable without code": "layer_norm"}


@pytest.mark.parametrize("what", CODE)
def test_a_function_that_is_written_comes_before_a_class_and_the_last_class_before_others(what):
    module = SimpleNamespace(__name__="learners_file", nn=nn)
    vars(module)["__builtins__"] = __builtins__
    exec(compile(CODE[what], "mine.py", "exec"), vars(module))
    taken = child.wanted(module, "layer-norm")
    assert taken is vars(module).get(TAKEN.get(what, ""))
    if isinstance(taken, type):
        assert child.wanted(module, "softmax") is None, "that takes no class"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (None, "your code was still running after 2.5 seconds; is there a loop that never ends?"),
        (signal.SIGSEGV, "your code crashed Python itself (SIGSEGV)"),
        (signal.SIGABRT, "your code crashed Python itself (SIGABRT)"),
        (signal.SIGKILL, "your code ended the process (os._exit, or out of memory); leave that to whoever runs it"),
        (3 << 8, "your code ended the process (os._exit, or out of memory); leave that to whoever runs it"),
        (0, "your code ended the process (os._exit, or out of memory); leave that to whoever runs it"),
    ],
)
def test_an_end_without_an_answer_is_told_by_how_it_ended(status, said):
    assert child._ended(status, 2.5) == said


def test_of_what_was_printed_the_beginning_is_kept():
    assert child._beginning(b"a" * child.KEPT) == "a" * child.KEPT
    assert child._beginning("é".encode() * (child.KEPT + 1)) == "é" * child.KEPT + "…"
    assert child._beginning(b"\xff ok") == "� ok"


def test_too_slow_says_for_how_long_and_where():
    result = child.too_slow("softmax", SyntaxError("", ("mine.py", 7, 1, "x")), "mine.py", 5.0)
    assert result.line == 7 and result.message.startswith("your code was still running after 5 seconds, at line 7; is")
    nowhere = child.too_slow("softmax", ValueError(), "mine.py", 0.5)
    assert nowhere.message.startswith("your code was still running after 0.5 seconds; is") and nowhere.line is None


def test_a_file_is_loaded_beside_its_neighbours_and_checked(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", [])
    monkeypatch.delitem(child.sys.modules, "learners_file", raising=False)
    (tmp_path / "mine.py").write_text("import torch\ndef softmax(x):\n    return torch.softmax(x, -1)\n")
    module = child.loaded(str(tmp_path / "mine.py"))
    assert child.sys.path == [str(tmp_path)] and child.sys.modules["learners_file"] is module
    assert torch.equal(module.softmax(torch.zeros(2)), torch.full((2,), 0.5))
    (tmp_path / "notes.txt").write_text("no Python")
    assert "ImportError: " in child.of_file(str(tmp_path / "notes.txt"), "softmax", 1.0).message
    monkeypatch.delitem(child.sys.modules, "learners_file")

"""What a learner's file may do to itself, and never to us: loops, exit, floods, crashes, memory, threads."""

import time

import pytest

from glassformer.errors import MissingError
from glassformer.learn.run import Checker
from tests.learn import files
from tests.learn.files import HEAD, body, changed


@pytest.fixture(scope="module")
def checker():
    with Checker(seconds=2.0) as checker:
        yield checker


@pytest.fixture
def ask(checker, tmp_path):
    def ask(text, name="attention"):
        file = tmp_path / "06_attention.py"
        file.write_text(text, "utf-8")
        return checker.check(file, name)

    return ask


def test_the_solution_passes_and_what_it_prints_is_kept(ask):
    result = ask(changed("    scores =", "    print('shape', q.shape)\n    scores ="))
    assert result.passed and "shape torch.Size([1, 3, 4])" in result.printed


STOPPED = {
    "a loop": (body("while True:", "    pass"), 10, "still running after 2 seconds, at line 10"),
    "a loop at import": (f"{HEAD}while True:\n    pass\n", 9, "still running"),
    "exit": (body("sys.exit(0)"), 10, "your code calls exit()"),
    "exit at import": (f"{HEAD}sys.exit(0)\n", 9, "your code calls exit()"),
    "os._exit": (body("os._exit(3)"), None, "ended the process"),
    "input": (body("return input('?')"), 10, "asks for input()"),
    "memory": (body("kept = []", "while True:", "    kept.append(torch.empty(10_000_000))"), 12, "more memory"),
    "recursion": (body("return attention(q, k, v, mask)"), 10, "calls itself without end"),
    "a crash": (body("import ctypes", "ctypes.string_at(0)"), None, "crashed Python itself (SIGSEGV)"),
    "an exception": (body("z = q", "return z @ k"), 11, "line 11: return z @ k: RuntimeError: "),
    "syntax": (f"{HEAD}def attention(q, k, v, mask=None)\n    return q\n", 9, "SyntaxError"),
    "tabs": ("def attention(q):\n\tx = 1\n        y = 2\n", 3, "TabError"),
    "no such function": (HEAD, None, "there is no attention in the file"),
    "an empty file": ("", None, "there is no attention in the file"),
    "the wrong signature": (f"{HEAD}def attention(q):\n    return q\n", None, "takes 1 positional argument"),
    "not written": (body("raise NotImplementedError"), 10, "not written yet"),
    "an import that fails": ("import nothing_of_this_name\n", 1, "ModuleNotFoundError"),
    "no text at all": ("\0", None, "null bytes"),
}


@pytest.mark.parametrize("what", STOPPED)
def test_what_does_not_run_is_said_with_its_line(ask, what):
    text, line, words = STOPPED[what]
    result = ask(text)
    assert not result.passed and result.kind == "stopped" and result.line == line
    assert words in result.message and "\n" not in result.message


def test_what_catches_everything_is_ended_all_the_same(ask):
    lines = ("while True:", "    try:", "        time.sleep(0.05)", "    except BaseException:", "        pass")
    assert "still running" in ask(body(*lines)).message


def test_a_flood_of_prints_is_cut(ask):
    result = ask(changed("    scores =", "    print('x' * 5_000_000)\n    scores ="))
    assert result.passed and len(result.printed) < 2_100


def test_what_forks_and_what_threads_is_cleared_away(ask):
    sleeper = "    import threading, time\n    threading.Thread(target=time.sleep, args=(60,)).start()\n    scores ="
    begun = time.monotonic()
    assert ask(changed("    scores =", sleeper)).passed
    assert time.monotonic() - begun < 30
    assert not ask(body("os.fork()", "return q")).passed
    assert ask(files.solution()).passed


FORM = {
    "nothing": (body("q @ k.mT"), "gives nothing back"),
    "a list": (changed("return weights @ v", "return (weights @ v).tolist()"), "gives back a list"),
    "numpy": (changed("return weights @ v", "return (weights @ v).numpy()"), "numpy.ndarray"),
    "a tuple": (changed("return weights @ v", "return weights @ v, weights"), "give back the answer alone"),
    "changed in place": (changed("    scores =", "    q *= 1.001\n    scores ="), "changes q, which belongs to"),
}


@pytest.mark.parametrize("what", FORM)
def test_what_is_no_answer_is_said(ask, what):
    text, words = FORM[what]
    result = ask(text)
    assert result.kind == "form" and words in result.message


def test_a_mistake_is_named_with_its_numbers_and_its_picture(ask):
    result = ask(changed("dim=-1", "dim=-2"))
    assert (result.mistake, result.stage) == ("softmax over the queries", "weights")
    assert "your rows do not sum to 1" in result.message and "dim −1" in result.message
    columns = [sum(column) for column in zip(*result.picture.theirs, strict=True)]
    assert columns == pytest.approx([1.0] * len(columns))
    assert [sum(row) for row in result.picture.right] == pytest.approx([1.0] * len(result.picture.right))


def test_a_class_in_the_file_is_found(ask):
    text = (
        "import torch\nfrom torch import nn\n\n\nclass Norm(nn.Module):\n"
        "    def __init__(self, width, epsilon):\n        super().__init__()\n        self.epsilon = epsilon\n"
        "        self.b, self.a = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.ones(width))\n\n"
        "    def forward(self, x):\n        y = x - x.mean(-1, keepdim=True)\n"
        "        return self.a * y / (y.square().mean(-1, keepdim=True) + self.epsilon).sqrt() + self.b\n"
    )
    assert ask(text, "layer-norm").passed
    assert ask(text.replace(".mean(-1, keepdim=True) + self", ".sum(-1, keepdim=True) + self"), "layer-norm").mistake


def test_a_learners_file_cannot_stand_in_for_a_library(checker, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "torch.py").write_text("raise RuntimeError('not the real one')")
    file = tmp_path / "06_attention.py"
    file.write_text(files.solution())
    with Checker() as fresh:
        assert fresh.check(file, "attention").passed


def test_a_file_that_is_not_there(checker, tmp_path):
    with pytest.raises(MissingError, match="learn start"):
        checker.check(tmp_path / "06_attention.py", "attention")

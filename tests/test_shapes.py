"""The shape comments of parts and models hold, and the tool that says so catches each kind of wrong one."""

import importlib.util

import pytest
import torch

from tests import shapes

LEGEND = {"b", "n", "w"}
X = torch.zeros(2, 3, 4)
SIZES = {"b": 2, "n": 3, "w": 4}


def complaints(tmp_path, code, *inputs, sizes=None):
    """What the tool says of a function `f`, called with each of the inputs in turn."""
    file = tmp_path / "sample.py"
    file.write_text(code)
    spec = importlib.util.spec_from_file_location("sample", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    runs = [(lambda x=x: module.f(x), SIZES if sizes is None else sizes) for x in inputs]
    return shapes.check([file], runs, LEGEND)[0]


def test_every_comment_in_parts_and_models_holds_and_no_shape_changes_without_one():
    found, count = shapes.check(shapes.files(), shapes.runs(), shapes.legend())
    assert not found, "\n".join(found)
    assert count > 30


def test_the_tool_itself_runs_from_the_command_line(capsys):
    assert shapes.main() == 0
    assert "shape comments hold" in capsys.readouterr().out


RIGHT = [
    ("def f(x):\n    return x.sum(-1)  # b n\n", X),
    ("def f(x):\n    y = x.mean(-1, keepdim=True)  # b n 1\n    return y\n", X),
    ("def f(x):\n    return x + 1\n", X),
    ("def f(x):\n    y: object = (\n        x.mT\n    )  # b w n\n    return y\n", X),
    ("def f(x):\n    for _ in range(2):\n        x = x * 2  # b n w\n    return x\n", X),
    ("def f(x):\n    p, q = x.sum(0), x.sum(0)  # n w\n    return p + q\n", X),
    ("def f(x):\n    n = len(x)\n    return n  # the number of sentences\n", X),
    ("def f(x):\n    try:\n        y = x.view(99)\n    except RuntimeError:\n        y = x * 2\n    return y\n", X),
]


@pytest.mark.parametrize(("code", "x"), RIGHT)
def test_what_is_right_is_left_alone(tmp_path, code, x):
    assert complaints(tmp_path, code, x) == []


def test_leading_axes_may_be_absent_once_the_comment_was_met_whole(tmp_path):
    code = "def f(x):\n    return x.sum(-1)  # b n\n"
    assert complaints(tmp_path, code, X, X[0]) == []
    assert complaints(tmp_path, code, X[0]) == ["sample.py:2: b n has more axes than any value met"]


WRONG = {
    "letters swapped": ("return x * 2  # n b w", "n is 3, here 2, in n b w"),
    "another letter": ("return x.mT  # b n w", "n is 3, here 4"),
    "an axis too few": ("return x * 2  # n w", "n w names 2 axes; the shape is (2, 3, 4)"),
    "an axis too many": ("return x.sum(0)  # b n w", "more axes than any value met"),
    "not one": ("return x * 2  # b n 1", "1 is 1, here 4"),
    "not in the legend": ("return x * 2  # b n q", "'q' is not in the legend"),
    "no comment": ("return x.sum(-1)", "the shape changes to (2, 3) and no comment says so"),
    "no comment on an assignment": ("y = x[..., None]\n    return 0", "the shape changes to (2, 3, 4, 1)"),
    "never met": ("return 0\n    return x  # b n w", "b n w was never met"),
    "not a tensor": ("return 0  # b n w", "b n w was never met"),
    "beside nothing": ("if x.any():  # b n w\n        pass", "b n w stands beside nothing that is assigned"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_found(tmp_path, what):
    line, complaint = WRONG[what]
    found = complaints(tmp_path, f"def f(x):\n    {line}\n", X)
    assert any(complaint in text for text in found), found


def test_one_letter_has_one_size_in_a_call_also_where_the_run_declares_none(tmp_path):
    code = "def f(x):\n    y = x.sum(0)  # n w\n    z = x.sum(1)  # n w\n    return 0\n"
    assert complaints(tmp_path, code, X, sizes={}) == ["sample.py:3: n is 3, here 2, in n w of (2, 4)"]


def test_another_call_may_have_other_sizes(tmp_path):
    code = "def f(x):\n    return x.sum(-1)  # b n\n"
    assert complaints(tmp_path, code, X, torch.zeros(5, 6, 7), sizes={}) == []


def test_tracing_ends_with_the_run(tmp_path):
    before = shapes.sys.gettrace()
    with pytest.raises(RuntimeError):
        complaints(tmp_path, "def f(x):\n    raise RuntimeError\n", X)
    assert shapes.sys.gettrace() is before

"""The front door: every name, lazily; and what the README promises of it."""

import subprocess
import sys

import pytest

import glassformer as gf
from glassformer.errors import GlassformerError, did_you_mean, one_line
from tests import made


def test_every_name_that_is_offered_is_there():
    for name in dir(gf):
        assert getattr(gf, name) is not None
    assert {"load", "listen", "Reader", "Explanation", "save", "shipped", "note", "fused", "__version__"} <= set(
        dir(gf)
    )


def test_what_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'glassformer' has no attribute 'laod'"):
        gf.laod  # noqa: B018


def test_a_name_is_imported_once_and_kept():
    code = "import sys, glassformer as gf; assert 'torch' not in sys.modules; gf.Reader; print('Reader' in vars(gf))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_the_docstring_of_the_package_holds(capsys):
    m = gf.load("sentiment")
    assert m(made.SENTENCE).label == "positive"
    x = m.explain(made.SENTENCE)
    x.show()
    assert "Who told whom" in capsys.readouterr().out
    assert x["L1.H2.weights"].shape == (5, 5)
    assert x.cut("terrible", "not").change < 0
    with gf.listen(m, "*.weights") as tape:
        m(made.SENTENCE)
    assert list(tape) == ["layers.0.attention.weights", "layers.1.attention.weights"]


def test_every_error_has_a_code_of_its_own_and_one_parent():
    codes = {error.__name__: error.exit_code for error in (gf.UsageError, gf.MissingError, gf.CheckpointError)}
    assert codes == {"UsageError": 2, "MissingError": 3, "CheckpointError": 4} and gf.WriteError.exit_code == 5
    assert all(
        issubclass(error, GlassformerError)
        for error in (gf.UsageError, gf.MissingError, gf.CheckpointError, gf.WriteError)
    )
    assert issubclass(gf.UsageError, ValueError) and issubclass(gf.WriteError, OSError)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("explan", "; did you mean explain?"), ("EXPLAIN", "; did you mean explain?"), ("qqq", ""), ("", "")],
)
def test_did_you_mean_names_what_is_close(wrong, said):
    assert did_you_mean(wrong, ["explain", "why", "models"]) == said


def test_a_message_is_one_line_and_acts_on_no_terminal():
    assert one_line("a\nb\x1b[31m\u202e\u200b") == "a�b�[31m��"
    assert one_line("x" * 300) == "x" * 199 + "…" and one_line("x" * 200) == "x" * 200
    assert one_line(ValueError("no"), 10) == "no"

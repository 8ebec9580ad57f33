"""Each lesson runs as it stands, offline, claims nothing that it does not print or assert, and becomes a notebook."""

import ast
import itertools
import os
import re
import runpy
import subprocess
import sys

import nbformat
import pytest
import torch
from lessons import build

from glassformer.learn.order import ORDER

LESSONS = build.lessons()
every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.path.stem for lesson in LESSONS])
CITED = re.compile(r"\d{4}(, (section|equation|figure) [\d.]*\d)?|(section|lessons?) [\d.]*\d( and \d+)?")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def cells(lesson):
    return build.notebook(lesson.path).cells


def prose(lesson):
    """What is said in words: no equation, no code, no title, no source, and nothing of the head."""
    texts = [cell.source for cell in cells(lesson) if cell.cell_type == "markdown"]
    lines = [line for text in texts for line in text.splitlines() if not line.startswith(("    ", "#", "Before:"))]
    return CITED.sub("", re.sub(r"`[^`]*`", "", "\n".join(lines)))


def code(lesson):
    return "\n".join(cell.source for cell in cells(lesson) if cell.cell_type == "code")


@pytest.fixture
def as_it_was(socket_disabled):
    """No network; and what a lesson sets for printing is set back."""
    yield
    torch.set_printoptions(profile="default")


@every_lesson
def test_it_runs_and_prints_every_number_it_speaks_of(lesson, as_it_was, capsys):
    runpy.run_path(str(lesson.path), run_name="__main__")
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) > 10
    known = set(NUMBER.findall(printed + code(lesson)))
    assert [number for number in NUMBER.findall(prose(lesson)) if number not in known] == []


@every_lesson
def test_its_head_says_what_is_needed_and_its_end_what_to_do(lesson):
    assert lesson.number == int(lesson.path.name[:2]) and 5 <= lesson.minutes <= 60 and lesson.before
    last = cells(lesson)[-1]
    assert last.cell_type == "markdown" and "## Your turn" in last.source and "**Try it yourself:**" in last.source
    assert not [name for name in lesson.exercises if f"`{name}`" not in last.source]


@every_lesson
def test_it_claims_by_assertion_and_imports_the_parts(lesson):
    tree = ast.parse(code(lesson))
    assert sum(isinstance(node, ast.Assert) for node in ast.walk(tree)) >= 3
    rooms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert any(room.startswith("glassformer.") for room in rooms)
    assert not [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.bases]
    assert not {"softmax", "attention", "attend"} & {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}


@every_lesson
def test_plain_words_come_first_then_the_equation_then_the_line_of_code(lesson):
    """Once in it at least; the line of code is read from the package, in the cell behind."""
    told = re.compile(r"In plain words:.*^    \S", re.DOTALL | re.MULTILINE)
    pairs = itertools.pairwise(cells(lesson))
    assert any(told.search(words.source) and "getsource(" in shown.source for words, shown in pairs)


def test_every_exercise_is_at_the_end_of_one_lesson():
    named = [name for lesson in LESSONS for name in lesson.exercises]
    assert sorted(named) == sorted(entry.name for entry in ORDER)
    assert [lesson.number for lesson in LESSONS] == list(range(1, 13))


def test_a_claim_that_is_not_true_stops_a_lesson(tmp_path, as_it_was):
    text = LESSONS[1].path.read_text(encoding="utf-8")
    claim = "assert torch.allclose(y, weights @ x)"
    assert claim in text
    false = tmp_path / "false.py"
    false.write_text(text.replace(claim, claim.replace("@ x", "@ x + 0.01")), encoding="utf-8")
    with pytest.raises(AssertionError):
        runpy.run_path(str(false))


def test_the_table_is_that_of_the_files():
    told = (build.HERE / "README.md").read_text(encoding="utf-8")
    assert f"<!-- index -->\n{build.index()}\n<!-- end -->" in told, "run `python lessons/build.py --index`"


def test_a_lesson_without_a_head_is_an_error(tmp_path):
    file = tmp_path / "01_nothing.py"
    file.write_text("# %% [markdown]\n# # 1. Nothing\n\nprint(1)\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"01_nothing.py does not begin with a title and 'Before"):
        build.lesson(file)


def built(folder, *asked):
    jupyter = {name: str(folder) for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    settings = jupyter | {"JUPYTER_PLATFORM_DIRS": "1", "OMP_NUM_THREADS": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    command = [sys.executable, build.HERE / "build.py", "--into", folder, *asked]
    subprocess.run(command, env=os.environ | settings, check=True, capture_output=True, timeout=250)


def test_every_lesson_becomes_a_notebook(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["build.py", "--into", str(tmp_path)])
    build.main()
    for lesson in LESSONS:
        made = nbformat.read(tmp_path / "notebooks" / f"{lesson.path.stem}.ipynb", 4)
        nbformat.validate(made)
        assert made.cells[0].source.startswith(f"# {lesson.number}. {lesson.title}")
        assert [cell.source for cell in made.cells] == [cell.source for cell in cells(lesson)]
        assert made.metadata.kernelspec.name == "python3"


def test_a_notebook_runs_in_a_kernel_and_becomes_a_page_that_fetches_nothing(tmp_path):
    """The first lesson, whose picture is the live page there."""
    built(tmp_path, "--pages", "01")
    made = nbformat.read(tmp_path / "notebooks" / "01_why.ipynb", 4)
    outputs = [output for cell in made.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("bag-of-words" in output.get("text", "") for output in outputs)
    assert any(output.get("data", {}).get("text/html", "").startswith("<iframe") for output in outputs)
    page = (tmp_path / "pages" / "01_why.html").read_text(encoding="utf-8")
    assert "<title>1. Why self-attention</title>" in page and "<iframe" in page
    assert 'href="02_plain_self_attention.html"' in page and 'href="index.html"' in page
    assert 'href="12_fine_tuning.html"' in (tmp_path / "pages" / "index.html").read_text(encoding="utf-8")
    assert not re.findall(r"""<(?:script|link|img)[^>]+(?:src|href)=["']?(?:https?:)?//""", page)

"""An exercise is found by whatever a learner calls it, and by nothing else."""

import ast
import re

import pytest

import glassformer as gf
from glassformer.learn import order
from glassformer.learn.folder import named
from glassformer.learn.order import ORDER, entry


@pytest.mark.parametrize("each", order.there(), ids=lambda each: each.name)
def test_every_exercise_has_five_names_and_defines_what_it_asks_for(each):
    number = f"{1 + [other.name for other in ORDER].index(each.name):02d}"
    plain = each.name.replace("-", "_")
    for name in (
        each.name,
        plain,
        each.function,
        number,
        number.lstrip("0"),
        f"{number}_{plain}.py",
        f"a/b/{plain}.py",
    ):
        assert entry(name) is each, name
    for file in (each.exercise, each.solution):
        tree = ast.parse(file.read_text("utf-8"))
        assert each.function in {one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.ClassDef)}


def test_no_two_exercises_share_a_name():
    names = [name for each in ORDER for name in {each.name, each.module, each.function, str(each.number)}]
    assert len(names) == len(set(names)) and all(re.fullmatch(r"[a-z_\d-]+", name) for name in names)


@pytest.mark.parametrize(
    "name", ["77_softmax.py", "softmax", "02_softmax", "/home/me/02_softmax.before-reset-2.py", "2"]
)
def test_a_file_of_theirs_is_its_exercise_under_any_number(name):
    assert named(name).name == "softmax"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("sofmax", "there is no exercise 'sofmax'; did you mean softmax?"),
        ("0", "there is no exercise '0'; there are dot-product, softmax, self-attention"),
        ("33", "there is no exercise '33'; there are "),
        ("", "there is no exercise ''; there are "),
        ("soft\nmax\x1b", "there is no exercise 'soft�max�'; did you mean softmax?"),
        ("q" * 300, f"there is no exercise '{'q' * 39}…'; there are"),
    ],
)
def test_what_is_none_is_one_line_with_the_nearest(name, line):
    with pytest.raises(gf.UsageError) as raised:
        entry(name)
    assert str(raised.value).startswith(line) and str(raised.value).isprintable()

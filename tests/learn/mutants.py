"""Mutants of the solutions, made by machine: python -m tests.learn.mutants [NAME …] prints how many are rejected.

One change each: an operator, an axis or another number, two arguments exchanged, a call or keyword left out, a name put
for another, a condition turned round, a method put for its neighbour, an intermediate value given back.
`--named` asks for each with wrong numbers whether the checker has a name for the mistake too: that takes minutes.
"""

import ast
import contextlib
import copy
import functools
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from glassformer.learn import bank, kept, order
from glassformer.learn.check import UNKNOWN, check
from glassformer.learn.exercise import Case
from glassformer.learn.trial import put

FILE = "mutant.py"
MOST = 1_000_000  # lines that one call of a mutant may run: one that never ends is stopped there

OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.MatMult: ast.Mult}
NEIGHBOURS = {
    "tril": "triu",
    "mean": "sum",
    "sqrt": "square",
    "square": "abs",
    "softmax": "log_softmax",
    "flatten": "flip",
}
NEIGHBOURS |= {"max": "min", "sum": "mean", "argmax": "argmin", "exp": "sinh", "cos": "sin", "sin": "cos"}


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """(what was changed, the whole source with that one change), each source once."""
    tree, seen = ast.parse(source), {ast.unparse(ast.parse(source))}
    for at, original in enumerate(ast.walk(tree)):
        for change in CHANGES.get(type(original), ()):
            mutant = copy.deepcopy(tree)
            node = next(each for k, each in enumerate(ast.walk(mutant)) if k == at)
            before = ast.unparse(node)
            changed = change(mutant, node)
            text = "" if changed is None else ast.unparse(mutant)
            if text and text not in seen:
                seen.add(text)
                yield f"{original.lineno}:{original.col_offset} {before} → {changed}", text


def _put(tree: ast.Module, old: ast.AST, new: ast.expr) -> str:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list) and any(each is old for each in value):
                setattr(parent, name, [new if each is old else each for each in value])
    return ast.unparse(new)


def _operator(tree, node):
    if type(node.op) not in OPERATORS:
        return None
    node.op = OPERATORS[type(node.op)]()
    return ast.unparse(node)


def _exchange_sides(tree, node):
    if isinstance(node.op, ast.Add | ast.Mult | ast.BitOr | ast.BitAnd):
        return None
    node.left, node.right = node.right, node.left
    return ast.unparse(node)


def _one_more(tree, node):
    """Of a number that is not whole, twice as much."""
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        return None
    node.value += node.value if node.value and isinstance(node.value, float) else 1
    return ast.unparse(node)


def _turned(tree, node):
    if isinstance(node.value, bool):
        node.value = not node.value
        return ast.unparse(node)
    if not isinstance(node.value, int | float) or node.value == 0:
        return None
    node.value -= node.value / 2 if isinstance(node.value, float) else 1
    return ast.unparse(node)


def _leave_out(tree, node):
    """`x.softmax(-1)` → `x`, `f(x)` → `x`."""
    method = isinstance(node.func, ast.Attribute) and not _is_module(node.func.value)
    new = node.func.value if method else (node.args[0] if node.args else None)
    return None if new is None else _put(tree, node, new)


def _is_module(node):
    return isinstance(node, ast.Name) and node.id in ("torch", "math", "F", "nn")


def _exchange(tree, node):
    if len(node.args) < 2:
        return None
    node.args[0], node.args[1] = node.args[1], node.args[0]
    return ast.unparse(node)


def _drop_keyword(tree, node):
    if not node.keywords:
        return None
    node.keywords.pop()
    return ast.unparse(node)


def _neighbour(tree, node):
    if node.attr not in NEIGHBOURS:
        return None
    node.attr = NEIGHBOURS[node.attr]
    return ast.unparse(node)


def _no_sign(tree, node):
    return _put(tree, node, node.operand)


def _condition(tree, node):
    turned = {ast.IsNot: ast.Is, ast.Is: ast.IsNot, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
    turned |= {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
    if type(node.ops[0]) not in turned:
        return None
    node.ops[0] = turned[type(node.ops[0])]()
    return ast.unparse(node)


def _names(tree):
    """Parameters and what is assigned, in order: what a name may be mistaken for."""
    function = next(each for each in tree.body if isinstance(each, ast.FunctionDef))
    given = [each.arg for each in function.args.args]
    made = [each.id for each in ast.walk(function) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]
    return list(dict.fromkeys([*given, *made]))


def _other_name(tree, node, step):
    names = _names(tree)
    if not isinstance(node.ctx, ast.Load) or node.id not in names:
        return None
    other = names.index(node.id) + step
    if not 0 <= other < len(names):
        return None
    node.id = names[other]
    return ast.unparse(node)


def _name_before(tree, node):
    return _other_name(tree, node, -1)


def _name_after(tree, node):
    return _other_name(tree, node, 1)


def _local(tree, node, back):
    names = _names(tree)
    if len(names) < back or node.value is None:
        return None
    node.value = ast.Name(names[-back], ast.Load())
    return ast.unparse(node)


def _first_local(tree, node):
    return _local(tree, node, 1)


def _second_local(tree, node):
    return _local(tree, node, 2)


def _third_local(tree, node):
    return _local(tree, node, 3)


CHANGES: dict[type[ast.AST], tuple[Callable[[Any, Any], str | None], ...]] = {
    ast.BinOp: (_operator, _exchange_sides),
    ast.Constant: (_one_more, _turned),
    ast.Call: (_leave_out, _exchange, _drop_keyword),
    ast.Attribute: (_neighbour,),
    ast.UnaryOp: (_no_sign,),
    ast.Compare: (_condition,),
    ast.Name: (_name_before, _name_after),
    ast.Return: (_first_local, _second_local, _third_local),
}


class Endless(BaseException):
    """No Exception: the checker would take it for the mutant's own, and go on."""


def ending(function: Callable) -> Callable:
    """The same function, stopped after MOST lines of the mutant."""

    @functools.wraps(function)
    def counted(*arguments: Any) -> Any:
        left = MOST

        def line(frame: Any, event: str, argument: Any) -> Any:
            nonlocal left
            left -= event == "line"
            if left < 0:
                raise Endless
            return line

        before = sys.gettrace()
        sys.settrace(lambda frame, event, argument: line if frame.f_code.co_filename == FILE else None)
        try:
            return function(*arguments)
        finally:
            sys.settrace(before)

    return counted


def loaded(name: str, text: str) -> Callable | None:
    """The mutant's function; None where its file does not load."""
    space: dict = {"__name__": "mutant"}
    try:
        exec(compile(text, FILE, "exec"), space)
    except Exception:
        return None
    return ending(space[order.entry(name).function])


def passes(function: Callable | None, name: str, cases: Sequence[Case]) -> bool:
    """What `check` says, sooner: the first of its cases that goes wrong is enough, and no name is looked for."""
    exercise = bank.load(name)
    if function is None:
        return False
    with warnings.catch_warnings(), contextlib.suppress(Endless):
        warnings.simplefilter("ignore")  # of the mutants
        for case in cases:
            trial = put(function, exercise, case)
            if trial.error or trial.changed or not exercise.compare(trial.answer, trial.right.answer):
                return False
        return check(function, name).passed
    return False


def judged(name: str) -> list[tuple[str, bool]]:
    """(what was changed, whether the checker lets it pass) for every mutant of one solution."""
    results, cases = [], kept.cases(bank.load(name), 0)
    for what, text in mutants(order.entry(name).solution.read_text("utf-8")):
        torch.manual_seed(0)  # masked-batch draws
        results.append((what, passes(loaded(name, text), name, cases)))
    return results


def named(name: str) -> tuple[int, int]:
    """Of the mutants with wrong numbers: how many the checker has a name for, and how many there are."""
    known = every = 0
    for _, text in mutants(order.entry(name).solution.read_text("utf-8")):
        torch.manual_seed(0)
        function = loaded(name, text)
        try:
            result = None if function is None else check(function, name)
        except Endless:
            continue
        if result is not None and result.kind == "wrong":
            known, every = known + (result.mistake != UNKNOWN), every + 1
    return known, every


def row(name: str, results: list[tuple[str, bool]]) -> str:
    """A line of the table in docs/learning.md."""
    alive = sum(passed for _, passed in results)
    return f"| {name} | {len(results) - alive} | {len(results)} |"


def main(arguments: list[str]) -> None:
    torch.set_num_threads(1)
    names = [each for each in arguments if each != "--named"] or [entry.name for entry in order.there()]
    every = dead = 0
    for name in names:
        results = judged(name)
        print(row(name, results), flush=True)
        alive = [what for what, passed in results if passed]
        for what in alive:
            print(f"  alive: {what}")
        if "--named" in arguments:
            print("  with wrong numbers {1}, named {0}".format(*named(name)), flush=True)
        every, dead = every + len(results), dead + len(results) - len(alive)
    print(f"all: {dead} of {every} rejected ({dead / every:.1%})")


if __name__ == "__main__":
    main(sys.argv[1:])

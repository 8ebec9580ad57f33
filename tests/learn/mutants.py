"""Mutants of the solutions, made by machine: python -m tests.learn.mutants [NAME …] prints how many are rejected.

One change each: an operator, an axis or another number, two arguments exchanged, a call or keyword left out, a name put
for another, a condition turned round, a method put for its neighbour, an intermediate value given back.
"""

import ast
import copy
import sys
from collections.abc import Iterator

import torch

from glassformer.learn import order
from glassformer.learn.check import check
from glassformer.learn.result import Result

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
    count = sum(1 for _ in ast.walk(tree))
    for at in range(count):
        for kind in range(12):
            mutant = copy.deepcopy(tree)
            node = next(each for k, each in enumerate(ast.walk(mutant)) if k == at)
            before = ast.unparse(node) if isinstance(node, ast.expr | ast.stmt) else ""
            changed = _change(mutant, node, kind)
            if changed is None:
                continue
            text = ast.unparse(mutant)
            if text not in seen:
                seen.add(text)
                yield f"line {getattr(node, 'lineno', 0)}: {before} → {changed}", text


def _put(tree: ast.Module, old: ast.AST, new: ast.expr) -> str:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list) and any(each is old for each in value):
                setattr(parent, name, [new if each is old else each for each in value])
    return ast.unparse(new)


def _change(tree: ast.Module, node: ast.AST, kind: int) -> str | None:
    """The change of this kind to this node, in words; None where there is none."""
    changes = {
        ast.BinOp: (_operator, _exchange_sides),
        ast.Constant: (_one_more, _turned),
        ast.Call: (_leave_out, _exchange, _drop_keyword),
        ast.Attribute: (_neighbour,),
        ast.UnaryOp: (_no_sign,),
        ast.Compare: (_condition,),
        ast.Name: (_name_before, _name_after),
        ast.Return: (_first_local, _second_local, _third_local),
    }
    kinds = changes.get(type(node), ())
    return kinds[kind](tree, node) if kind < len(kinds) else None


def _operator(tree, node):
    if type(node.op) not in OPERATORS:
        return None
    node.op = OPERATORS[type(node.op)]()
    return ast.unparse(node)


def _exchange_sides(tree, node):
    if isinstance(node.op, ast.Add | ast.Mult | ast.BitOr):
        return None
    node.left, node.right = node.right, node.left
    return ast.unparse(node)


def _one_more(tree, node):
    if not isinstance(node.value, int) or isinstance(node.value, bool):
        return None
    node.value += 1
    return ast.unparse(node)


def _turned(tree, node):
    if isinstance(node.value, bool):
        node.value = not node.value
        return ast.unparse(node)
    if not isinstance(node.value, int) or node.value == 0:
        return None
    node.value -= 1
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


def judged(name: str) -> list[tuple[str, Result | None]]:
    """(what was changed, what the checker says) for every mutant of one solution; None where the file does not load."""
    entry, results = order.entry(name), []
    for what, text in mutants(entry.solution.read_text("utf-8")):
        space: dict = {"__name__": "mutant"}
        try:
            exec(compile(text, "mutant.py", "exec"), space)
        except Exception:
            results.append((what, None))
            continue
        results.append((what, check(space[entry.function], name)))
    return results


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    every = dead = 0
    for name in names:
        results = judged(name)
        alive = [what for what, result in results if result is not None and result.passed]
        wrong = [result for _, result in results if result is not None and result.kind == "wrong"]
        known = sum(result.mistake != "unknown" for result in wrong)
        rejected = len(results) - len(alive)
        print(f"{name}: {len(results)} mutants, {rejected} rejected; of {len(wrong)} with wrong numbers {known} named")
        for what in alive:
            print(f"  alive: {what}")
        every, dead = every + len(results), dead + rejected
    print(f"all: {dead} of {every} rejected ({dead / every:.1%})")


if __name__ == "__main__":
    main(sys.argv[1:] or [entry.name for entry in order.there()])

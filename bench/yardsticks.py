"""The fifteen yardsticks of the design, each answered from the files.

    python bench/yardsticks.py

Prints yardstick | target | measured | ok, and exits with 1 where one that is due is missed.  The one that is timed is
printed and fails nothing: a busy machine lies.  A code line is a line that bears code: no blank, comment or docstring.
A branch is an if, a loop, a case, an except, an `and` or an `or`.
"""

import ast
import functools
import io
import re
import statistics
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "glassformer"
TEXTBOOK = ("tape", "parts", "models")
FAMILIES = ("attention", "norm", "block")
LAYOUT = {"transpose", "permute", "view", "reshape", "flatten", "unflatten", "contiguous", "movedim", "rearrange"}
RECORDING = re.compile(r"output_|return_dict|record|hook|listen|tape|capture|trace|use_cache")
LETTERS = set("bnijvhdwmcf") | set("qkvxyz_")  # the axes, and the letters of the equations
CHECKPOINT = {
    "attn",
    "c_attn",
    "dense",
    "emb",
    "embd",
    "fc",
    "ffn",
    "ln",
    "lm",
    "mlm",
    "nsp",
    "proj",
    "qkv",
    "wpe",
    "wte",
}
SHORT = {"arr", "cfg", "ctx", "dim", "dims", "fn", "hid", "idx", "inp", "len", "msg", "num", "param", "params", "pos"}
SHORT |= {"seq", "src", "tgt", "tmp", "tok", "toks", "val", "vocab"}

COMMONEST = [
    ("attention", "no scaling"),
    ("attention", "divided by d"),
    ("attention", "softmax over the queries"),
    ("attention", "the mask is inverted"),
    ("attention", "masked after the softmax"),
    ("causal", "nobody may look at itself"),
    ("multi-head", "split by a view without transposing"),
    ("multi-head", "merged without transposing"),
    ("multi-head", "divided by the root of the whole width"),
    ("layer-norm", "unbiased variance"),
]


# reading the files


def sources(*rooms: str) -> list[Path]:
    """Every file of the package, or of some rooms of it."""
    return [file for file in sorted(SOURCE.rglob("*.py")) if not rooms or room(file) in rooms]


def room(file: Path) -> str:
    """parts, hub, … ; a file that is a room of its own by its name; `init` for the front door, cli for `__main__`."""
    first = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    return {"__init__": "init", "__main__": "cli"}.get(first, first)


@functools.cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


@functools.cache
def _code(file: Path) -> frozenset[int]:
    """The numbers of the lines that bear code."""
    quiet = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = tokenize.generate_tokens(io.StringIO(file.read_text()).readline)
    bearing = {n for t in tokens if t.type not in quiet for n in range(t.start[0], t.end[0] + 1)}
    return frozenset(bearing - {n for node in ast.walk(tree(file)) for n in _docstring(node)})


def _docstring(node: ast.AST) -> range:
    holders = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if not isinstance(node, holders) or ast.get_docstring(node, clean=False) is None:
        return range(0)
    return range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)


def code_lines(file: Path) -> int:
    return len(_code(file))


def functions(file: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree(file)) if isinstance(node, ast.FunctionDef)]


def methods(file: Path) -> Iterator[tuple[str, ast.FunctionDef]]:
    """(name of the class, method) for each method of a file."""
    for owner in classes(file):
        yield from ((owner.name, part) for part in owner.body if isinstance(part, ast.FunctionDef))


def classes(file: Path) -> list[ast.ClassDef]:
    return [node for node in ast.walk(tree(file)) if isinstance(node, ast.ClassDef)]


def length(file: Path, function: ast.FunctionDef) -> int:
    """Code lines of a function, its `def` included."""
    return sum(function.lineno <= n <= (function.end_lineno or 0) for n in _code(file))


def parameters(function: ast.FunctionDef) -> int:
    """How many parameters it takes, self not counted."""
    every = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return sum(argument.arg not in ("self", "cls") for argument in every)


def ours(file: Path) -> list[ast.FunctionDef]:
    """Functions whose parameters are ours to choose: an exercise hands out the weights that a module would hold."""
    told = file.is_relative_to(SOURCE / "learn") and file.parent.name in ("bank", "exercises", "solutions")
    return [] if told else functions(file)


def branches(function: ast.AST) -> int:
    forks = ast.If | ast.IfExp | ast.For | ast.While | ast.ExceptHandler | ast.match_case
    return sum(
        isinstance(node, forks)
        + (len(node.values) - 1 if isinstance(node, ast.BoolOp) else 0)
        + (1 + len(node.ifs) if isinstance(node, ast.comprehension) else 0)
        for node in ast.walk(function)
    )


def calls(node: ast.AST) -> list[str]:
    """The last name of everything called in it."""
    found = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
    return [f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in found]


def imported_modules(file: Path, at_once: bool = False) -> set[str]:
    """Every module a file imports, `from a import b` as both a and a.b; `at_once`: not those inside functions."""
    found: set[str] = set()
    for node in tree(file).body if at_once else ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            here = ".".join(("glassformer", *file.relative_to(SOURCE).parts)[: -node.level]) if node.level else ""
            origin = ".".join(filter(None, (here, node.module)))
            found |= {origin} | {f"{origin}.{name.name}" for name in node.names}
    return found


def imported_files(file: Path, at_once: bool = False) -> set[Path]:
    """The files of ours that a file imports; a room's `__init__` where only names of it are taken."""
    paths = [SOURCE.parent.joinpath(*module.split(".")) for module in imported_modules(file, at_once)]
    return {p for path in paths for p in (path.with_suffix(".py"), path / "__init__.py") if p.exists()}


def imported_rooms(file: Path, at_once: bool = False) -> set[str]:
    """The rooms those files are in, the front door apart: it opens every room only when asked."""
    return {room(other) for other in imported_files(file, at_once)} - {"init"}


def family(name: str) -> str:
    return next((kind for kind in FAMILIES if name.lower().endswith(kind)), "")


# the yardsticks


@dataclass(frozen=True)
class Answer:
    measured: str
    ok: bool | None  # None: not due yet


OWED = Answer("the room is there, this measure of it is not: write it", False)


def later(missing: str, so_far: str = "") -> Answer:
    return Answer(f"not yet: no {missing}" + (f" ({so_far})" if so_far else ""), None)


def _closure(names: set[str], pool: dict[str, tuple[Path, ast.FunctionDef]]) -> set[str]:
    """The functions named, and those they call."""
    more = names | {called for name in names for called in calls(pool[name][1]) if called in pool}
    return names if more == names else _closure(more, pool)


def attention_with_mask() -> Answer:
    """`attend`, what it calls, and the masks."""
    pool = {f.name: (file, f) for file in sources("parts") for f in functions(file) if f.name != "forward"}
    names = _closure({"attend", "causal", "padding"}, pool)
    lines, forks = (sum(measure(*pool[name]) for name in names) for measure in (length, lambda _, f: branches(f)))
    return Answer(f"{lines} lines, {forks} branches in {len(names)} functions", lines <= 30 and forks <= 4)


def layout() -> Answer:
    """Lines of Attention's forward, and of its helpers, on which something is only turned or cut."""
    file = SOURCE / "parts" / "attention.py"
    body = [f for owner, f in methods(file) if owner == "Attention" and f.name != "__init__"]
    turns = {call.end_lineno for f in body for call in ast.walk(f) if isinstance(call, ast.Call) and _turns(call)}
    share = len(turns) / sum(length(file, f) for f in body)
    return Answer(f"{len(turns)} lines of layout, {share:.0%}", share <= 0.25)


def _turns(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in LAYOUT


def recording() -> Answer:
    """Any name in a model, given or used, that speaks of recording."""
    used = (name for file in sources("models") for node in ast.walk(tree(file)) for name in _names(node))
    found = sorted({name for name in used if RECORDING.search(name)})
    notes = sum(calls(tree(file)).count("note") for file in sources("models"))
    return Answer(f"{len(found)} {' '.join(found)}({notes} notes)", not found)


def _names(node: ast.AST) -> list[str]:
    held = (getattr(node, field, None) for field in ("id", "attr", "arg", "name"))
    return [name for name in held if isinstance(name, str)]


def junction() -> Answer:
    """`fused` is the only place that chooses, every pair goes through it, and one test enumerates them."""
    kernels = {"scaled_dot_product_attention", "layer_norm", "rms_norm", "multi_head_attention_forward"}
    used = [(file, f) for file in sources(*TEXTBOOK) for f in functions(file) if kernels & set(calls(f)) - {f.name}]
    handed = [d.args[0].id for file in sources() for f in functions(file) for d in f.decorator_list if _fuses(d)]  # type: ignore
    stray = [f.name for _, f in used if f.name not in handed and f.name != "forward"]
    tests = [
        file.name for file in (ROOT / "tests").rglob("test_*.py") if re.search(r"import.*\bPAIRS\b", file.read_text())
    ]
    return Answer(
        f"{len(handed)} pairs, {len(stray)} past the junction, test {' '.join(tests)}", not stray and len(tests) == 1
    )


def _fuses(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "fused"


def function_sizes() -> Answer:
    sizes = sorted(length(file, f) for file in sources() for f in functions(file))
    mean, high, most = statistics.mean(sizes), sizes[int(0.9 * len(sizes))], sizes[-1]
    return Answer(f"{mean:.1f} / {high} / {most} of {len(sizes)}", mean <= 10 and high <= 20 and most <= 30)


def longest_parameters() -> Answer:
    most, name = max((parameters(f), f.name) for file in sources() for f in ours(file))
    return Answer(f"{most} ({name})", most <= 6)


def one_class_each() -> Answer:
    """Classes of a family whose parent is not of the family: a variation is a subclass, a copy is a second root."""
    rooms = [SOURCE, ROOT / "lessons", ROOT / "exercises", ROOT / "solutions", ROOT / "bench"]
    every = [c for place in rooms for file in place.rglob("*.py") for c in classes(file) if family(c.name)]
    roots = [c.name for c in every if not any(family(getattr(base, "id", "")) == family(c.name) for base in c.bases)]
    counts = {kind: sum(family(name) == kind for name in roots) for kind in FAMILIES}
    return Answer(f"{' '.join(roots)} (+{len(every) - len(roots)} variants)", all(n == 1 for n in counts.values()))


def tests_to_core() -> Answer:
    tests, core, textbook = (
        sum(map(code_lines, files)) for files in ((ROOT / "tests").rglob("*.py"), sources(), sources(*TEXTBOOK))
    )
    mirrored = [f for f in sources(*TEXTBOOK) if f.name != "__init__.py"]
    missing = [
        f.name for f in mirrored if not (ROOT / "tests" / f.relative_to(SOURCE).with_name(f"test_{f.name}")).exists()
    ]
    return Answer(
        f"{tests} : {core} = {tests / core:.2f}; textbook {tests / textbook:.1f}; without: {missing or 'none'}",
        tests >= core and not missing,
    )


def english() -> Answer:
    """Words that come from a checkpoint or are cut short, and letters outside the alphabet, in the textbook's names."""
    names = {name for file in sources(*TEXTBOOK) for name in _identifiers(file) if not name.startswith("__")}
    cut = {name for name in names if set(_words(name)) & (CHECKPOINT | SHORT)}
    stray = {name for name in names if len(name) == 1} - LETTERS
    return Answer(f"{len(cut | stray)} of {len(names)} {' '.join(sorted(cut | stray))}", not cut | stray)


def _words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def _identifiers(file: Path) -> set[str]:
    """Every name a file gives: functions, classes, parameters, variables, attributes."""
    given: set[str] = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            given.add(node.name)
        elif isinstance(node, ast.arg):
            given.add(node.arg)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            given.add(node.id if isinstance(node, ast.Name) else node.attr)
    return given


def shape_notes() -> Answer:
    import torch
    from tests import shapes

    torch.manual_seed(0)
    found, count = shapes.check(shapes.files(), shapes.runs(), shapes.legend())
    return Answer(f"{count} hold, {len(found)} wrong or missing", not found)


def mistakes() -> Answer:
    """Ten that everybody makes: what is said has their number and the right one, and what to do."""
    from glassformer.learn import bank
    from glassformer.learn.check import judge

    said = []
    for name, mistake in COMMONEST:
        exercise = bank.load(name)
        wrong = next(each for each in exercise.mistakes if each.name == mistake)
        result = judge(exercise.version(wrong), exercise)
        numbers = re.findall(r"−?\d+\.\d+|\(\d+(?:, \d+)+\)", result.message)
        said.append(
            result.mistake == mistake and len(set(numbers)) >= 2 and (";" in result.message or ":" in result.message)
        )
    return Answer(f"{sum(said)} of {len(said)}", all(said))


def loader() -> Answer:
    """Rows of the table of names of each family's body, and the lines that read a file by them."""
    from glassformer.hub.names import FAMILIES

    rows = {name: len(family.body) for name, family in FAMILIES.items()}
    heads = {name: len(family.heads) for name, family in FAMILIES.items()}
    file = SOURCE / "hub" / "matching.py"
    lines = next(length(file, f) for f in functions(file) if f.name == "match")
    told = ", ".join(f"{name} {count} + {heads[name]} of its heads" for name, count in rows.items())
    return Answer(f"{lines} lines; rows: {told}", max(rows.values()) <= 15 and lines <= 25)


def _model(name: str) -> bool:
    return (SOURCE / "models" / f"{name}.py").exists()


def to_understand() -> Answer:
    """The files a model stands on, itself included, and their code lines.

    Of the tape a model asks for `note` and `fused` only, and kernels/ holds nothing but faster equals: footnotes.
    """
    footnotes = set((SOURCE / "parts" / "kernels").glob("*.py"))
    name = "bert" if _model("bert") else "simple"
    known = {SOURCE / "models" / f"{name}.py"}
    while more := {other for file in known for other in imported_files(file) if code_lines(other)} - known - footnotes:
        known |= more
    junction = SOURCE / "tape.py"
    asked = sum(length(junction, f) for f in functions(junction) if f.name in ("note", "fused"))
    lines = sum(map(code_lines, known - {junction})) + asked
    measured = f"{name}.py: {len(known)} files, {lines} lines; kernels/ left out"
    return later("models/bert.py", measured) if name != "bert" else Answer(measured, len(known) <= 6 and lines <= 500)


def executed() -> Answer:
    blocks = sum(page.read_text().count("```python") for page in [ROOT / "README.md", *ROOT.glob("lessons/**/*.md")])
    there = (ROOT / "tests" / "test_docs.py").exists()
    return Answer(f"{blocks} blocks, test_docs.py", True) if there else later("tests/test_docs.py", f"{blocks} blocks")


def note_off() -> Answer:
    from bench import note_cost

    cost = note_cost.off()
    return Answer(f"{cost['site']:.0f} ns, {cost['share']:.2%}", cost["site"] <= 100 and cost["share"] <= 0.02)


YARDSTICKS: list[tuple[str, str, Callable[[], Answer]]] = [
    ("attention with mask", "≤ 30 lines, ≤ 4 branches", attention_with_mask),
    ("layout in attention's forward", "2 calls, ≤ 25 %", layout),
    ("recording in models beside note", "0", recording),
    ("junctions of kernel and definition", "1, one test for all", junction),
    ("a site when off", "≤ 100 ns, ≤ 2 % of a forward", note_off),
    ("functions mean / p90 / max", "≤ 10 / 20 / 30 lines", function_sizes),
    ("longest parameter list", "≤ 6", longest_parameters),
    ("attention, norm, block", "one class each", one_class_each),
    ("tests : core", "≥ 1, a test file each", tests_to_core),
    ("names from a checkpoint or cut short", "0", english),
    ("shape notes that a tool checks", "every shape-changing line", shape_notes),
    ("learner mistakes that name the repair", "10", mistakes),
    ("loader", "≤ 15 rows a model, ≤ 25 lines", loader),
    ("from README to bert.py", "≤ 6 files, ≤ 500 lines", to_understand),
    ("code blocks executed", "all", executed),
]


def main(timed: bool = False) -> list[str]:
    """Print the table; the yardsticks that the files miss.  What is timed is only printed, and only if asked for."""
    missed = []
    for number, (name, target, answer) in enumerate(YARDSTICKS, 1):
        found = Answer("run bench/yardsticks.py", None) if answer is note_off and not timed else answer()
        sign = {True: "ok", False: "MISSED", None: "–"}[found.ok]
        print(f"{number:2} {name:38}| {target:29}| {found.measured:58}| {sign}")
        missed += [name] if found.ok is False and answer is not note_off else []
    return missed


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(bool(main(timed=True)))

"""Every row of the sources is answered: docs/seeds.toml names what shows it, and all that it names is there."""

import ast
import functools
import os
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from glassformer.claims.ledger import every
from glassformer.learn.order import there as built

ROOT = Path(__file__).parent.parent
SEEDS = tomllib.loads((ROOT / "docs" / "seeds.toml").read_text("utf-8"))
NUMBERED = {"SP": 6, "IT": 46, "BL": 39, "FO": 13, "HB": 24}
LETTERED = {"FO": "abcdefghi", "HB": "abcdef"}  # what the sources' list has without a number, in its order
IDS = [f"{name}-{k:02}" for name, count in NUMBERED.items() for k in range(1, count + 1)]
IDS += [f"{name}-{letter}" for name, letters in LETTERED.items() for letter in letters]
PAGE = ROOT / "src" / "glassformer" / "show" / "page"


@functools.cache
def names(file: Path) -> set[str]:
    """What a Python file defines: functions, classes, methods as Class.method, names at its top."""
    found = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
        for target in getattr(node, "targets", [getattr(node, "target", None)]):
            found |= {target.id} if isinstance(target, ast.Name) else set()
    return found


def in_a_file(where: str) -> bool:
    file, _, name = where.partition("::")
    return (ROOT / file).is_file() and name in names(ROOT / file)


def in_a_test(where: str) -> bool:
    file, _, name = where.partition("::")
    return file.startswith("tests/") and name.startswith("test_") and in_a_file(where)


@functools.cache
def of_the_page(pattern: str, under: str = "") -> set[str]:
    return {name for file in (PAGE / under).rglob("*.js") for name in re.findall(pattern, file.read_text("utf-8"))}


def in_the_page(where: str) -> bool:
    """A custom element, or a figure of the gallery."""
    kind, _, figure = where.partition("/")
    if figure:
        return kind == "gallery" and figure in of_the_page(r'\n  id: "([\w-]+)"', "views/gallery")
    return kind in of_the_page(r'customElements\.define\("([\w-]+)"')


def in_the_lessons(number: str) -> bool:
    return len(number) == 2 and any((ROOT / "lessons").glob(f"{number}_*.py"))


def in_the_docs(where: str) -> bool:
    """A heading, as GitHub makes an anchor of it."""
    file, _, anchor = where.partition("#")
    if not (ROOT / file).is_file():
        return False
    heads = re.findall(r"^#+ (.*)$", (ROOT / file).read_text("utf-8"), flags=re.MULTILINE)
    return anchor in {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


KINDS = {
    "code": in_a_file,
    "test": in_a_test,
    "view": in_the_page,
    "lesson": in_the_lessons,
    "exercise": lambda name: name in {entry.name for entry in built()},
    "claim": lambda name: name in every(),
    "doc": in_the_docs,
}


def there(reference: str) -> bool:
    kind, _, where = reference.partition(":")
    return kind in KINDS and KINDS[kind](where)


def test_every_row_is_answered_and_there_is_no_other(capsys):
    assert sorted(SEEDS) == sorted(IDS)
    unanswered = [name for name, row in SEEDS.items() if not row.get("shown") and not row.get("planned")]
    assert not unanswered
    planned = {name: row["planned"] for name, row in SEEDS.items() if "planned" in row}
    kinds = Counter(kind for row in SEEDS.values() for kind in {each.partition(":")[0] for each in row["shown"]})
    told = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    with capsys.disabled():
        print(f"\nrows of the sources: {len(SEEDS)}, all answered; by {told}; something planned: {', '.join(planned)}")


@pytest.mark.parametrize("name", SEEDS)
def test_what_a_row_names_is_there(name):
    row = SEEDS[name]
    assert set(row) <= {"about", "shown", "planned"} and row["about"]
    assert not [each for each in row["shown"] if not there(each)]
    assert len(set(row["shown"])) == len(row["shown"])
    if "planned" in row:
        assert re.match(r"\w+/: ", row["planned"]), "planned begins with the room it will live in"


def test_a_claim_stands_in_its_rows_and_in_no_other():
    given = {(name, each.partition(":")[2]) for name, row in SEEDS.items() for each in row["shown"] if "claim:" in each}
    assert given == {(row, claim.name) for claim in every().values() for row in claim.rows}


@pytest.mark.parametrize(
    "reference",
    [
        "code:src/glassformer/parts/attention.py::attends",
        "code:src/glassformer/parts/attentions.py::attend",
        "code:src/glassformer/parts/attention.py::Attention.backward",
        "test:src/glassformer/parts/attention.py::attend",
        "test:tests/parts/test_attention.py::test_nothing",
        "view:gf-nothing",
        "view:gallery/nothing",
        "lesson:99",
        "lesson:0",
        "exercise:nothing",
        "claim:nothing",
        "doc:docs/going-big.md#nothing",
        "doc:docs/nothing.md#one-attention-matrix",
        "film:nothing",
    ],
)
def test_what_is_not_there_is_noticed(reference):
    assert not there(reference)


def test_no_row_of_the_list_is_missing():
    beside = Path(os.environ.get("GLASSFORMER_DATA", ROOT.parent / "shared" / "data")).parent
    file = beside / "reference" / "seeds-checklist.md"
    if not file.exists():
        pytest.skip("the list of the sources' rows is not beside this checkout: shared/reference/seeds-checklist.md")
    text = file.read_text("utf-8")
    assert set(re.findall(r"- ([A-Z]{2}-\d\d)[ :]", text)) == {name for name in IDS if name[-1].isdigit()}
    assert len(re.findall(r"(?m)^ [a-i]\. ", text)) == len(LETTERED["FO"])

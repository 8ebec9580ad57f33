"""The house rules that can be read off the files: which way imports run, how large a room is, what stays out of it."""

import ast
import subprocess
import sys

import pytest
from bench import yardsticks as house

FILES = house.sources()
TEXTBOOK = [file for file in FILES if house.room(file) in house.TEXTBOOK]
ORDER = ["tape", "parts", "models", "between", "above", "served", "cli"]
FLOOR = {"hub": "between", "train": "between", "explain": "between", "show": "above", "learn": "above", "xray": "above"}
FLOOR |= {"claims": "above"}  # the ledger: they ask parts, models, training and explanations
FLOOR |= {"serve": "served"}  # it hands out what show makes
ANYWHERE = {"errors", "init"}  # the list of what can go wrong; the front door
ASKS_UP = {("explain/explanation.py", "show")}  # `explanation.show()`: an answer may ask to be drawn, when it is asked


def names(paths):
    return [str(path.relative_to(house.SOURCE)) for path in paths]


def floor(room):
    """A file that stands alone beside cli.py belongs to it."""
    return ORDER.index(FLOOR.get(room, room if room in ORDER else "cli"))


@pytest.mark.parametrize("file", FILES, ids=names(FILES))
def test_imports_run_one_way(file):
    """A room knows the floors below it, and itself; rooms of one floor may use each other."""
    mine, asked = house.room(file), house.imported_rooms(file) - house.imported_rooms(file, at_once=True)
    for other in house.imported_rooms(file) - ANYWHERE if mine not in ANYWHERE else ():
        up = (str(file.relative_to(house.SOURCE)), other) in ASKS_UP and other in asked
        assert up or floor(other) <= floor(mine), f"{mine} imports {other}"


@pytest.mark.parametrize("file", FILES, ids=names(FILES))
def test_each_room_keeps_to_its_libraries(file):
    mine, modules = house.room(file), house.imported_modules(file)
    if mine == "show":
        assert not any(module.split(".")[0] == "torch" for module in modules), "show knows plain data, never torch"
        assert not {"models", "parts", "tape"} & house.imported_rooms(file), "show never imports a model"
    if mine in ("tape", "parts", "models"):
        foreign = {module.split(".")[0] for module in modules} - {"torch", "glassformer"} - set(sys.stdlib_module_names)
        assert not foreign
    if mine == "parts":
        assert house.imported_rooms(file) <= {"parts", "tape"}


@pytest.mark.parametrize("file", FILES, ids=names(FILES))
def test_a_file_is_as_small_as_its_room_wants(file):
    most = 150 if file in TEXTBOOK else 300
    assert house.code_lines(file) <= most


@pytest.mark.parametrize("file", FILES, ids=names(FILES))
def test_a_function_has_at_most_thirty_lines_and_six_parameters(file):
    functions = house.functions(file)
    assert not [f.name for f in functions if house.length(file, f) > 30]
    assert not [f.name for f in house.ours(file) if house.parameters(f) > 6]


NAMED = [file for file in TEXTBOOK if house.room(file) != "tape"]  # the junction wraps any function and hands all on


@pytest.mark.parametrize("file", NAMED, ids=names(NAMED))
def test_parts_and_models_take_named_things_only(file):
    """No **kwargs, no hasattr, no getattr with a default: a reader sees what goes in."""
    for node in ast.walk(house.tree(file)):
        assert not (isinstance(node, ast.arguments) and node.kwarg)
        called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        assert called != "hasattr" and not (called == "getattr" and len(node.args) > 2)


@pytest.mark.parametrize("file", TEXTBOOK, ids=names(TEXTBOOK))
def test_a_forward_of_a_block_never_branches_and_attention_at_most_twice(file):
    for owner, function in house.methods(file):
        if function.name == "forward" and house.family(owner) == "block":
            assert house.branches(function) == 0
        if function.name == "forward" and house.family(owner) == "attention":
            assert house.branches(function) <= 2


def loads(module, heavy):
    """Which of `heavy` a fresh Python has loaded after importing `module`."""
    code = f"import sys, {module}; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("module", ["glassformer", "glassformer.show", "glassformer.cli"])
def test_importing_the_front_door_does_not_wait_for_torch(module):
    if module == "glassformer.cli" and not (house.SOURCE / "cli.py").exists():
        pytest.skip("src/glassformer/cli.py is not built yet; this test starts by itself when it is")
    assert loads(module, ["torch"]) == []


def test_parts_load_torch_and_the_tape_and_nothing_else_of_ours():
    code = "import sys, glassformer.parts.block; print(*[n for n in sys.modules if n.startswith('glassformer.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name.split(".")[1] for name in done.stdout.split()} <= {"parts", "tape"}


# the yardsticks measure what they say


def test_code_lines_leave_out_what_is_not_code(tmp_path):
    file = tmp_path / "sample.py"
    file.write_text(
        '"""Doc."""\n\nimport os\n\n\n# why\ndef f(\n    a,\n):\n    """Doc.\n\n    More.\n    """\n    return a  # x\n'
    )
    assert house.code_lines(file) == 5
    (function,) = house.functions(file)
    assert house.length(file, function) == 4


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("return a", 0),
        ("return a if a else b", 1),
        ("if a:\n        return 1\n    elif b:\n        return 2\n    return 3", 2),
        ("return a and b or c", 2),
        ("for x in a:\n        while x:\n            pass", 2),
        ("return [x for x in a if x]", 2),
    ],
)
def test_branches_are_counted(body, count):
    assert house.branches(ast.parse(f"def f(a, b, c):\n    {body}\n").body[0]) == count


def test_every_yardstick_that_is_due_is_met(capsys):
    """All that `.ci/run` would fail for after the tests: nothing is found there that was not found here."""
    missed, table = house.main(), capsys.readouterr().out
    assert not missed, table
    assert [line.split()[0] for line in table.splitlines()] == [str(number) for number in range(1, 16)]


def test_a_slow_machine_misses_no_yardstick(monkeypatch, capsys):
    slow = house.Answer("190 ns, 0.70%", False)
    monkeypatch.setattr(house, "note_off", late := lambda: slow)
    monkeypatch.setattr(house, "YARDSTICKS", [("a site when off", "≤ 100 ns", late), ("other", "0", lambda: slow)])
    assert house.main(timed=True) == ["other"]
    assert capsys.readouterr().out.count("MISSED") == 2

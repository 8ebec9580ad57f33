"""ES modules of the house format, joined into one script in the order they need each other.

docs/page.md has the format.  Whatever keeps to it means the same joined as apart: each module becomes a function that
gives what it exports, under names that no other module exports.  Whatever does not is refused, by name and line.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

NAMED = r"[\w$]+(?: as [\w$]+)?"
IMPORT = re.compile(rf'import \{{ ({NAMED}(?:, {NAMED})*),? \}} from "(\.\.?/[\w./-]+\.js)";')
EXPORT = re.compile(r"export (?:const|function\*?|async function|class) ([\w$]+)\b")
COMMENT = re.compile(r"\s*//")
# What the browser calls by these names would be hidden from every other module.
TAKEN = set(
    "fetch name status event close open print find stop length origin parent top self window document location history"
    " screen focus blur scroll alert confirm prompt atob btoa crypto caches performance navigator external"
    " customElements matchMedia structuredClone queueMicrotask setTimeout clearTimeout requestAnimationFrame".split()
)


@dataclass
class Module:
    """needs: module → the names taken from it; called: name here → name there, where they differ; exports: what it
    gives; body: its lines without imports and `export`.
    """

    path: str
    needs: dict[str, list[str]] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)
    exports: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)


def join(entry: str, read: Callable[[str], str]) -> str:
    """`entry` and all it needs as one script.  read: the text of a module by its path.  Raises ValueError."""
    modules = _in_order(entry, read)
    owners: dict[str, str] = {}
    for module in modules:
        for name in module.exports:
            if name in owners:
                raise ValueError(f"{module.path}: {name} is exported by {owners[name]} too; rename one")
            if name in TAKEN:
                raise ValueError(f"{module.path}: {name} is a name of the browser's own; rename it")
            owners[name] = module.path
    script = "\n".join(line for module in modules for line in _closed(module))
    if found := re.search(r"</script|<!--", script, re.IGNORECASE):
        raise ValueError(f"a module holds {found[0]}, which ends or hides a script; write it in two pieces")
    return script + "\n"


def _in_order(entry: str, read: Callable[[str], str]) -> list[Module]:
    """Every module after those it needs."""
    done: dict[str, Module] = {}

    def visit(path: str, above: tuple[str, ...]) -> None:
        if path in above:
            raise ValueError(f"{' needs '.join((*above[above.index(path) :], path))}: a circle")
        if path in done:
            return
        module = parse(path, read(path))
        for other in module.needs:
            visit(other, (*above, path))
            if missing := set(module.needs[other]) - set(done[other].exports):
                raise ValueError(f"{path}: {other} exports no {', '.join(sorted(missing))}")
        done[path] = module

    visit(entry, ())
    return list(done.values())


def parse(path: str, text: str) -> Module:
    """One module, taken apart.  Raises ValueError where it is not in the house format."""
    module, lines = Module(path), _one_line_imports(text).split("\n")
    for number, line in enumerate(lines, 1):
        if line.startswith("import"):
            _import(module, line, number)
        elif line.startswith("export "):
            _export(module, line, number)
        else:
            module.body.append(line)
    return module


def _one_line_imports(text: str) -> str:
    """An import on several lines, as a formatter writes long ones, on one."""
    return re.sub(r"^import \{[^}\n]*\n[^}]*\}", lambda found: re.sub(r"\s+", " ", found[0]), text, flags=re.MULTILINE)


def _import(module: Module, line: str, number: int) -> None:
    found = IMPORT.fullmatch(line.rstrip())
    if not found:
        raise ValueError(f'{module.path}:{number}: {line[:80]!r} is not import {{ a, b }} from "../base/dom.js";')
    for each in found[1].split(", "):
        there, _, here = each.partition(" as ")
        module.needs.setdefault(_path(module.path, found[2]), []).append(there)
        module.called |= {here: there} if here else {}


def _path(of: str, given: str) -> str:
    """../base/dom.js as panels/card.js sees it → base/dom.js"""
    parts = of.split("/")[:-1]
    for part in given.split("/"):
        if part == "..":
            if not parts:
                raise ValueError(f"{of}: {given} is outside the page")
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _export(module: Module, line: str, number: int) -> None:
    found = EXPORT.match(line)
    if not found:
        raise ValueError(f"{module.path}:{number}: {line[:80]!r} is not export const|function|class NAME")
    module.exports.append(found[1])
    module.body.append(line.removeprefix("export "))


def _closed(module: Module) -> list[str]:
    """A module as a function that is called at once: its own names stay its own."""
    given = f"{{ {', '.join(module.exports)} }}"
    head = f"{f'const {given} = ' if module.exports else ''}(({', '.join(module.called)}) => {{"
    return [head, *_lean(module.body), f"return {given};", f"}})({', '.join(module.called.values())});"]


def _lean(lines: list[str]) -> list[str]:
    """Without comments on lines of their own, blank lines and indentation; what stands between backticks is kept."""
    kept: list[str] = []
    in_template = in_comment = False
    for line in lines:
        if in_template:
            kept.append(line)
        elif in_comment or line.lstrip().startswith("/**"):
            in_comment = "*/" not in line
            continue
        elif COMMENT.match(line) or not line.strip():
            continue
        else:
            kept.append(line.strip())
        in_template ^= line.replace("\\`", "").count("`") % 2 == 1
    return kept

"""Modules joined into one script: in the order they need each other, their own names kept apart, all else unchanged."""

import re

import pytest

from glassformer.show import modules, page

GOOD = {
    "main.js": 'import { b } from "./parts/b.js";\nimport { a as first } from "./a.js";\n\n// begins\n'
    "start(first, b);\n"
    "function start(x, y) {\n  return x + y;\n}\n",
    "a.js": "const own = 1;\nexport const a = own;\n",
    "parts/b.js": 'import {\n  a,\n} from "../a.js";\n\nconst own = 2;\nexport function b() {\n  return a + own;\n}\n',
}


def joined(files, entry="main.js"):
    return modules.join(entry, lambda path: files[path])


def test_each_comes_after_what_it_needs_and_keeps_its_own_names():
    script = joined(GOOD)
    assert script.index("const { a } =") < script.index("const { b } =") < script.index("start(first, b);")
    assert script.count("const own =") == 2 and "import" not in script and "export" not in script
    assert "((first) => {" in script and script.rstrip().endswith("})(a);")


def test_comments_and_indentation_go_and_templates_stay():
    kept = "export const a = `one\n    // no comment\n\n  /** nor this */`;\n"
    given = f'// gone\n/** Gone.\n * too\n */\n{kept}    const url = "http://kept"; // kept\n/* kept */\n'
    script = joined({"main.js": given})
    assert "gone" not in script.lower()
    assert kept.removeprefix("export ") in script
    assert '\nconst url = "http://kept"; // kept\n/* kept */\n' in script


REFUSED = {
    "a default": ("import a from './a.js';\n", r'main.js:1: "import a from'),
    "everything": ('import * as a from "./a.js";\n', "main.js:1"),
    "for its effect": ('import "./a.js";\n', "main.js:1"),
    "from elsewhere": ('import { a } from "https://x.test/a.js";\n', "main.js:1"),
    "outside": ('import { a } from "../../a.js";\n', "outside the page"),
    "not exported": ('import { z } from "./a.js";\n', "a.js exports no z"),
    "export default": ("\nexport default 3;\n", "main.js:2"),
    "export list": ("export { a };\n", "main.js:1"),
    "export let": ("export let a = 1;\n", "main.js:1"),
    "twice": ('import { a } from "./a.js";\nexport const a = 1;\n', "a is exported by a.js too"),
    "of the browser": ("export function fetch() {}\n", "fetch is a name of the browser"),
    "end of a script": ('const a = "</script>";\n', "</script"),
    "circle": ('import { c } from "./c.js";\nexport const d = 1;\n', "main.js needs c.js needs main.js: a circle"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_in_the_house_format_is_refused(case):
    text, message = REFUSED[case]
    files = {**GOOD, "main.js": text, "c.js": 'import { d } from "./main.js";\nexport const c = d;\n'}
    with pytest.raises(ValueError, match=re.escape(message) if case != "a default" else message):
        joined(files)


@pytest.mark.parametrize("carrier", page.CARRIERS)
def test_the_modules_of_the_page_are_in_it(carrier):
    script = page.script_of(carrier)
    assert ("class LiveSource" in script) == (carrier == "live")
    assert ("class ModelSource" in script) == (carrier == "model")
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)


FORBIDDEN = {
    "markup": r"\.(innerHTML|outerHTML)\b|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser",
    "code": r"\beval\(|new Function\b|setTimeout\(\s*[\"'`]|importScripts",
    "the network": r"XMLHttpRequest|WebSocket|EventSource|sendBeacon|https?://(?!www\.w3\.org/2000/svg)",
    "storage": r"localStorage|sessionStorage|indexedDB|document\.cookie",
    "style attributes": r"setAttribute\(\s*[\"']style|\bstyle=|cssText",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_module_reaches_for(what):
    found = [
        f"{file.relative_to(page.FOLDER)}: {line.strip()[:80]}"
        for file in page.FOLDER.rglob("*.js")
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.search(FORBIDDEN[what], line) and not line.lstrip().startswith(("//", "*", "/**"))
    ]
    assert not found


def test_only_the_live_source_fetches():
    fetching = [
        file.name for file in page.FOLDER.rglob("*.js") if re.search(r"\bfetch\(", file.read_text(encoding="utf-8"))
    ]
    assert fetching == ["live.js"]

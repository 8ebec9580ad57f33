"""glassformer claims, as it is typed: in a terminal, as JSON, as a page whose filters work without a script."""

import json
import re
from dataclasses import replace
from importlib.resources import files

import pytest
from rich.cells import cell_len

from glassformer.claims.claim import Verdict
from glassformer.claims.ledger import Entry, chosen, every, ledger
from glassformer.show.ledger import html_ledger, print_entry
from tests.command import COLOUR, lines, on_a_terminal, told
from tests.show.page import modules
from tests.verbs.test_worksheet import EVIL, Tags

SOME = ("IT-14", "IT-26", "IT-41", "SP-01")


def test_each_has_its_verdict_figure_source_and_code(ask):
    out = "\n".join(lines(ask("claims", "IT-41", "toy-positions", "terrible-uses-not")))
    assert "✗ false    printed-rows-sum-to-one" in out and "1.010, 1.000, 0.996, 0.974, 1.003" in out
    assert "≈ depends  toy-positions" in out and "it holds for: halves (Tensor2Tensor)" in " ".join(out.split())
    assert "✓ true     terrible-uses-not" in out and "causal (baseline: −∞" in out
    assert "Alammar 2018" in out and "src/glassformer/claims/arithmetic.py::printed_rows_sum_to_one" in out
    assert out.splitlines()[-1].startswith("3 claims: 1 true, 1 false, 1 depends.")


@pytest.mark.parametrize("width", [40, 80, 100])
def test_it_keeps_to_its_width(ask, width):
    for asked in (SOME, ["--list"]):
        assert max(map(cell_len, lines(ask("claims", *asked, "--width", str(width))))) <= width


def test_on_a_terminal_verdicts_have_colours():
    assert COLOUR.search(on_a_terminal("claims", "IT-41"))
    assert not COLOUR.search(on_a_terminal("claims", "IT-41", "--no-color"))


def test_as_json(ask):
    document = json.loads("\n".join(lines(ask("claims", *SOME, "--json", "--seed", "5"))))
    assert document["schema"] == 1 and document["seed"] == 5
    assert sum(document["counts"].values()) == len(document["claims"]) == len(chosen(SOME))
    first = document["claims"][0]
    assert first["verdict"] in document["counts"] and first["n"] >= 1 and first["code"].startswith("src/")
    names = json.loads("\n".join(lines(ask("claims", "--list", "--json"))))["names"]
    assert names == list(every())


def test_the_list_names_all_and_runs_nothing(ask, monkeypatch):
    monkeypatch.setattr("glassformer.claims.ledger.tried", lambda *_: pytest.fail("it ran one"))
    out = lines(ask("claims", "--list"))
    assert sum(not line.startswith(" ") for line in out) >= len(every())
    assert "own-word-is-highest" in "\n".join(out)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["own-word-is-hihest"], 2, "did you mean own-word-is-highest"),
        (["IT-460"], 2, "did you mean IT-46"),
        (["IT-14", "--json", "--html", "x.html"], 2, "choose one"),
        (["--list", "--html", "x.html"], 2, "choose one"),
        (["IT-14", "--html", "no/such/x.html"], 5, "no folder"),
        (["IT-14", "--width", "3"], 2, "cannot be drawn"),
        (["--seed", "x"], 2, "seed"),
    ],
)
def test_misused(ask, arguments, code, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = ask("claims", *arguments)
    assert answer.returncode == code and says.lower() in told(answer).lower() and not answer.stdout
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def entries():
    return list(ledger(chosen(SOME)))


def test_a_page_fetches_nothing_and_holds_each_claim(ask, tmp_path):
    file = tmp_path / "claims.html"
    done = ask("claims", *SOME, "--html", str(file))
    assert done.returncode == 0 and not done.stdout and "fetches nothing" in told(done)
    text = file.read_text("utf-8")
    tags = Tags(re.sub(r"<(br|input)[^>]*>", "", text))  # those that close themselves left out
    assert not re.search(r"https?:|src=|url\(|@import|\bon\w+=|<script", text) and "default-src 'none'" in text
    assert tags.seen.count("section") == len(chosen(SOME))
    for each in chosen(SOME):
        assert f'id="{each.name}"' in text


def test_what_a_claim_says_does_nothing(entries, capsys):
    claim = replace(entries[0].claim, says=EVIL, source=f"{EVIL}, x", rows=(EVIL,))
    entry = Entry(claim, Verdict("depends", EVIL, EVIL, {}, 1, EVIL), 0.1)
    assert "<script>" not in html_ledger([entry])
    print_entry(entry, color=False)
    assert "\x1b" not in capsys.readouterr().out


def shown(window):
    return window.eval_on_selector_all(
        ".claim", "all => all.filter(e => e.offsetParent !== null).map(e => e.classList[1])"
    )


@pytest.mark.parametrize("dark", ["light", "dark"])
def test_filters_work_without_a_script_and_all_can_read_it(entries, tmp_path, dark):
    pytest.importorskip("axe_playwright_python")
    (tmp_path / "page.html").write_text(html_ledger(entries), encoding="utf-8")
    context = modules.browser().new_context(viewport={"width": 360, "height": 700}, color_scheme=dark)
    window = context.new_page()
    asked = []
    window.on("request", lambda request: asked.append(request.url))
    window.goto((tmp_path / "page.html").as_uri())
    assert sorted(shown(window)) == sorted(each.verdict.verdict for each in entries)
    for verdict in ("true", "false", "depends"):
        window.check(f"#v-{verdict}")
        assert set(shown(window)) == {verdict}
    window.check("#v-all")
    window.check("#s-s0")
    first = entries[0].claim.author
    assert len(shown(window)) == sum(each.claim.author == first for each in entries)
    window.focus("#s-s0")
    window.keyboard.press("ArrowUp")  # to "all", by the keyboard alone
    assert len(shown(window)) == len(entries)
    assert window.evaluate("document.documentElement.scrollWidth <= innerWidth")
    script = (files("axe_playwright_python") / "axe.min.js").read_text()
    window.evaluate(script)
    found = window.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")["violations"]
    assert not [each["id"] for each in found if each["impact"] in ("serious", "critical")]
    assert [url for url in asked if not url.startswith("file:")] == []
    context.close()

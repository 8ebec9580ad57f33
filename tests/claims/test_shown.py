"""A ledger as it is read: in a terminal, as a page, as data; of made-up verdicts, so that nothing has to run."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rich.cells import cell_len

from glassformer.claims.claim import Causal, Verdict
from glassformer.claims.ledger import Entry, chosen, document, every, ledger, tried
from glassformer.show.ledger import html_ledger, print_counts, print_entry, print_list
from tests import command

SAID = Verdict("true", "it is 12 & more", "true above 10", {"it": 12.5}, 1234)
NOT_SAID = Verdict("false", "2 of 9", "true where 9", {"it": 2.0}, 9, causal=Causal("zero", "log-odds"))
BOTH = Verdict("depends", "a 1, b 0", "true where 1", {"a": 1.0, "b": float("nan")}, 2, "it holds for: a; not for: b")


@pytest.fixture(scope="module")
def entries():
    """Two of Alammar's and one of Bloem's."""
    names = ("softmax-of-fourteen-and-twelve", "toy-positions", "a-loud-query-looks-up")
    verdicts = (SAID, BOTH, NOT_SAID)
    return [Entry(every()[name], verdict, 0.25) for name, verdict in zip(names, verdicts, strict=True)]


@pytest.fixture
def ask(monkeypatch, capsys):
    return command.asking(monkeypatch, capsys)


def printed(capsys, entry, width=90):
    print_entry(entry, width, color=False)
    return capsys.readouterr().out.splitlines()


def test_an_entry_says_verdict_name_rows_figure_kind_and_origin_in_this_order(entries, capsys):
    first, *others = printed(capsys, entries[0])
    assert first.split() == ["✓", "true", "softmax-of-fourteen-and-twelve", "IT-14"] and cell_len(first) == 90
    assert [line.strip() for line in others] == [
        "The softmax of 14 and 12 is 0.88 and 0.12.",
        "it is 12 & more.",
        "descriptive, n = 1,234; true above 10",
        "Alammar 2018, The Illustrated Transformer, step 4",
        "src/glassformer/claims/arithmetic.py::softmax_of_fourteen_and_twelve",
        "",
    ]


def test_what_it_depends_on_and_what_makes_it_causal_are_said(entries, capsys):
    assert "           Depends: it holds for: a; not for: b." in printed(capsys, entries[1])
    told = printed(capsys, entries[2])
    assert told[0].startswith("✗ false    a-loud-query-looks-up") and not any("Depends" in line for line in told)
    assert "           causal (baseline: zero; metric: log-odds; n = 9); true where 9" in told


def test_rows_that_do_not_fit_beside_the_name_are_left_out(entries, capsys):
    first, name = entries[0], "✓ true     softmax-of-fourteen-and-twelve"
    assert printed(capsys, first, len(name) + len("IT-14") + 2)[0] == f"{name}  IT-14"
    assert printed(capsys, first, len(name) + len("IT-14") + 1)[0] == name


def test_the_last_line_counts_verdicts_and_adds_the_seconds_up(entries, capsys):
    print_counts(entries, 80, color=False)
    print_counts(entries[:1], 80, color=False)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "3 claims: 1 true, 1 false, 1 depends.  0.8 seconds.",
        "1 claim: 1 true, 0 false, 0 depends.  0.2 seconds.",
    ]


def test_a_list_has_each_name_with_its_rows_and_below_it_what_it_says(entries, capsys):
    print_list([entry.claim for entry in entries], 200, color=False)
    told = re.split(r" *\n(?! )", capsys.readouterr().out)
    for entry, lines in zip(entries, told[:-1], strict=True):
        name, *says = lines.split("\n    ")
        assert name == f"{entry.claim.name}  {' '.join(entry.claim.rows)}"
        assert " ".join(map(str.strip, says)) == entry.claim.says


class Page(HTMLParser):
    """Each claim's class and words; each filter's name, whether it is chosen, and its label."""

    def __init__(self, text):
        super().__init__()
        self.claims, self.filters, self.rules, self.inside = [], [], "", None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.inside = tag if tag in ("section", "input", "style", "header") else self.inside
        if tag == "section":
            self.claims.append([dict(attrs)["class"].split(), ""])
        if tag == "input":
            self.filters.append([dict(attrs)["id"], "checked" in dict(attrs), ""])

    def handle_data(self, data):
        if self.inside == "section":
            self.claims[-1][1] += data
        elif self.inside == "input":
            self.filters[-1][2] = self.filters[-1][2] or data.strip()
        elif self.inside == "style":
            self.rules += data


def test_a_page_has_a_filter_for_each_verdict_and_each_source_with_how_many_it_shows(entries):
    page = Page(html_ledger(entries, seed=5))
    assert page.filters == [
        ["v-all", True, "all (3)"],
        ["v-true", False, "true (1)"],
        ["v-false", False, "false (1)"],
        ["v-depends", False, "depends (1)"],
        ["s-all", True, "all (3)"],
        ["s-s0", False, "Alammar 2018 (2)"],
        ["s-s1", False, "Bloem 2019 (1)"],
    ]
    assert [filtered for filtered, _, _ in Page(html_ledger(entries[2:])).filters] == [
        "v-all",
        "v-false",
        "s-all",
        "s-s0",
    ]


def test_the_rules_of_a_filter_hide_what_it_is_not_about_and_nothing_else(entries):
    page = Page(html_ledger(entries))
    rules = re.findall(r"body:has\(#([vs])-(\w+):checked\) \.claim:not\(\.(\w+)\) \{ display: none \}", page.rules)
    assert [f"{group}-{name}" for group, name, _ in rules] == [name for name, _, _ in page.filters if "all" not in name]
    assert all(name == kept for _, name, kept in rules)
    assert [classes for classes, _ in page.claims] == [
        ["claim", v, s] for v, s in (("true", "s0"), ("depends", "s0"), ("false", "s1"))
    ]


def test_a_page_says_of_each_claim_what_the_terminal_says(entries, capsys):
    text = html_ledger(entries, seed=5)
    assert "3 claims: 1 true, 1 false, 1 depends. Every one was run, with seed 5;" in text
    assert "it is 12 &amp; more." in text
    for entry, (_, words) in zip(entries, Page(text).claims, strict=True):
        for line in printed(capsys, entry, 200)[1:]:
            assert line.strip().removesuffix(".") in words
        assert f"rows {' '.join(entry.claim.rows)}" in words and words.count(entry.claim.name) == 1


def test_as_data_a_number_that_is_none_is_null_and_not_what_json_does_not_know(entries):
    told = json.loads(json.dumps(document(entries, 5), allow_nan=False))
    assert told["counts"] == {"true": 1, "false": 1, "depends": 1} and told["seed"] == 5
    assert told["claims"][1]["numbers"] == {"a": 1.0, "b": None} and told["claims"][1]["on"] == BOTH.on
    assert told["claims"][2]["causal"] == {"baseline": "zero", "metric": "log-odds"}
    assert [each["kind"] for each in told["claims"]] == ["descriptive", "descriptive", "causal"]
    assert [each["id"] for each in told["claims"]] == [entry.claim.name for entry in entries]


def test_the_command_writes_json_that_every_reader_takes(ask):
    done = ask("claims", "nothing-asked-costs-nothing", "--json")
    (told,) = json.loads(done.stdout, parse_constant=pytest.fail)["claims"]
    assert told["numbers"] == {"ours": 0.0, "PyTorch's mean (4.16.2)": None} and told["n"] == 4


def test_the_command_lists_and_runs_those_that_are_asked_for_with_the_seed_that_is_asked_for(ask, monkeypatch):
    asked = []
    monkeypatch.setattr("glassformer.claims.ledger.tried", lambda claim, seed: asked.append((claim.name, seed)) or SAID)
    listed = json.loads(ask("claims", "--list", "it-14", "SP-03", "--json").stdout)["names"]
    assert listed == [each.name for each in chosen(["IT-14", "SP-03"])] and not asked and len(listed) > 3
    done = ask("claims", "IT-14", "toy-positions", "--seed", "9")
    assert asked == [("softmax-of-fourteen-and-twelve", 9), ("toy-positions", 9)]
    assert done.stdout.decode().splitlines()[-1].startswith("2 claims: 2 true, 0 false, 0 depends.")


def test_somebody_who_waits_is_told_which_claim_it_is_at(ask, monkeypatch):
    monkeypatch.setattr("glassformer.claims.ledger.tried", lambda *_: SAID)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    told = ask("claims", "IT-14", "toy-positions", "--json").stderr.decode()
    assert [line.strip() for line in told.split("\r") if line] == [f"glassformer: claim {n} of 2" for n in (1, 2)]


def test_a_ledger_runs_each_with_its_seed(entries):
    claim = every()["saturation-kills-gradients"]
    (entry,) = ledger([claim], seed=3)
    assert entry.verdict == tried(claim, 3) != tried(claim, 0) and entry.seconds > 0
    twice = [replace(entry, verdict=BOTH), entry]
    assert document(twice)["counts"] == {"true": 1, "false": 0, "depends": 1}

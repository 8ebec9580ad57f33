"""What may stand at a mask, and what a model is, as a person reads them."""

import pytest

from glassformer.explain.answers import Candidate, Filled
from glassformer.explain.facts import facts
from glassformer.show.facts import print_facts
from glassformer.show.filled import print_filled
from tests import made
from tests.show.conftest import acting, too_wide

HOSTILE = Filled(
    "\x1b[31m[MASK] [bold]\u202e " * 9,
    [[Candidate("\x1b[2J", 0.9), Candidate("家" * 30, 0.05)], [Candidate("[red]good[/]", 1e-9)]],
    second="\x9b31m",
)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_table_a_mask_of_any_width_and_nothing_acts(drawn, width):
    lines = drawn(HOSTILE, print_filled, width=width)
    assert not too_wide(lines, width) and not acting(lines)
    assert next(line for line in lines if line.startswith("mask ")).split()[1] == "1"
    assert any("0.9000  ███" in line for line in lines) and any("[red]good[/]" in line for line in lines)


def test_one_mask_needs_no_number(drawn):
    lines = drawn(Filled("a [MASK]", [[Candidate("good", 0.25)]]), print_filled, width=80)
    assert next(line for line in lines if line.startswith("mask")).split()[:2] == ["mask", "probability"]
    assert "  good  0.2500  ██████████" in [line.rstrip() for line in lines]


def test_a_long_text_takes_two_lines_of_the_screen_and_the_table_begins_below(drawn):
    lines = drawn(Filled("very " * 60 + "[MASK]", [[Candidate("good", 0.25)]]), print_filled, width=40)
    text = lines[1 : next(k for k, line in enumerate(lines) if not line.strip() and k)]
    assert 80 <= len("".join(text).replace("“", "").replace("”", "")) + len(text) <= 84 and text[-1].endswith("…”")


def test_facts_are_a_line_each_and_long_lists_are_counted(drawn):
    reader = made.bert_reader(how={"unused": tuple(f"weight.{k}\x1b" for k in range(40))})
    for width in (40, 100):
        lines = drawn(facts(reader), print_facts, width=width)
        assert not too_wide(lines, width) and not acting(lines)
        assert "and 28 more" in " ".join(" ".join(lines).split()) and lines[0].split() == ["name", "made"]

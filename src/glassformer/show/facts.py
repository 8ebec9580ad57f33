"""What a model is, a line a fact."""

from typing import Any

from rich.text import Text

from glassformer.show.console import console
from glassformer.show.text import QUIET, safe

MOST = 12  # of a list; the rest is counted


def print_facts(facts: dict[str, Any], width: int | None = None, color: bool | None = None) -> None:
    out = console(width, color)
    for name, fact in facts.items():
        lines = Text(safe(_shown(fact))).wrap(out, out.width - 13)
        for k, line in enumerate(lines):
            out.print(Text(f"{name if k == 0 else '':13}", QUIET) + line)


def _shown(fact: Any) -> str:
    if isinstance(fact, list):
        more = f" and {len(fact) - MOST} more" if len(fact) > MOST else ""
        return ", ".join(map(str, fact[:MOST])) + more
    return f"{fact:,}" if isinstance(fact, int) else str(fact)

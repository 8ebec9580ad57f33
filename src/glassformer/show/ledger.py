"""The ledger of claims: in a terminal, and as a page whose filters need no script."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from glassformer.show.console import console, say
from glassformer.show.printed import page, text
from glassformer.show.text import NEGATIVE, POSITIVE, QUIET, STRONG, safe

if TYPE_CHECKING:
    from glassformer.claims.claim import Claim
    from glassformer.claims.ledger import Entry

SIGNS = {"true": ("✓", f"bold {POSITIVE}"), "false": ("✗", f"bold {NEGATIVE}"), "depends": ("≈", STRONG)}
INDENT = 11
STYLE = """
body { max-width: 60rem }
fieldset { border: 1px solid #8b949e; border-radius: 6px; margin: 0 0 .6rem; padding: .3rem .8rem .5rem }
fieldset label { display: inline-block; margin-right: 1.1rem; padding: .15rem 0; cursor: pointer }
input:focus-visible, a:focus-visible { outline: 3px solid #0969da; outline-offset: 2px }
.claim { border-left: 5px solid #8b949e; padding: .1rem 0 .1rem .9rem; margin: 1.1rem 0; break-inside: avoid }
.claim.true { border-color: #0969da }
.claim.false { border-color: #bc4c00 }
.claim.depends { border-color: #8250df }
.claim h2 { font-size: 1.05rem }
.badge { font-weight: 700; margin-right: .5rem }
.true .badge { color: #0550ae }
.false .badge { color: #953800 }
.depends .badge { color: #6639ba }
.claim code { font-size: .85em; overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) {
  html { color-scheme: dark; background: #0d1117; color: #e6edf3 }
  .quiet { color: #9da7b3 }
  .true .badge { color: #79c0ff }
  .false .badge { color: #ffa657 }
  .depends .badge { color: #d2a8ff }
  header { border-color: #e6edf3 }
}
@media print { form { display: none } }
"""


def print_entry(entry: "Entry", width: int | None = None, color: bool | None = None) -> None:
    """A claim, its verdict and figure, where it is from and what runs it."""
    out, (sign, style) = console(width, color), SIGNS[entry.verdict.verdict]
    first = Text(f"{sign} {entry.verdict.verdict:{INDENT - 2}}", style).append(safe(entry.claim.name), STRONG)
    rows = safe(" ".join(entry.claim.rows))
    gap = out.width - first.cell_len - len(rows)
    out.print(first.append(" " * gap + rows, QUIET) if gap > 1 else first)
    for line in _said(entry):
        say(out, line, indent=INDENT)
    for line in _origin(entry):
        say(out, line, QUIET, indent=INDENT)
    out.print()


def _said(entry: "Entry") -> list[str]:
    on = [f"Depends: {entry.verdict.on}."] if entry.verdict.on else []
    return [f"{entry.claim.says}.", f"{entry.verdict.figure}.", *on]


def _origin(entry: "Entry") -> list[str]:
    return [f"{_kind(entry)}; {entry.verdict.rule}", entry.claim.source, entry.claim.code]


def _kind(entry: "Entry") -> str:
    """Descriptive or causal, as every figure says of itself."""
    causal, n = entry.verdict.causal, f"n = {entry.verdict.n:,}"
    if causal is None:
        return f"descriptive, {n}"
    return f"causal (baseline: {causal.baseline}; metric: {causal.metric}; {n})"


def print_counts(entries: "Sequence[Entry]", width: int | None = None, color: bool | None = None) -> None:
    out = console(width, color)
    seconds = sum(entry.seconds for entry in entries)
    say(out, f"{_counted(entries)}.  {seconds:.1f} seconds.", STRONG)


def _counted(entries: "Sequence[Entry]") -> str:
    counts = {name: sum(entry.verdict.verdict == name for entry in entries) for name in SIGNS}
    listed = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"{len(entries)} claim{'s' * (len(entries) != 1)}: {listed}"


def print_list(claims: "Sequence[Claim]", width: int | None = None, color: bool | None = None) -> None:
    """What there is: names, rows, what they say."""
    out = console(width, color)
    for claim in claims:
        out.print(Text(safe(claim.name), STRONG).append(f"  {safe(' '.join(claim.rows))}", QUIET))
        say(out, claim.says, indent=4)


def html_ledger(entries: "Sequence[Entry]", seed: int = 0) -> str:
    """One page; its filters are radio buttons and rules of style."""
    authors = list(dict.fromkeys(entry.claim.author for entry in entries))
    verdicts = [name for name in SIGNS if any(entry.verdict.verdict == name for entry in entries)]
    filters = _filter("Verdict", "v", [(name, name, name) for name in verdicts], entries)
    filters += _filter("Source", "s", [(f"s{k}", f"s{k}", name) for k, name in enumerate(authors)], entries)
    shown = "".join(_claim(entry, authors.index(entry.claim.author)) for entry in entries)
    said = f"{_counted(entries)}. Every one was run, with seed {seed}; the verdict is decided by the numbers and "
    said += "the rule below them."
    top = f"<header><h1>What the sources say, tried</h1><p>{text(said)}</p></header>"
    rules = "".join(_rule(each) for each in (*verdicts, *(f"s{k}" for k in range(len(authors)))))
    return page("Claims of the sources, tried", f"{top}<form>{filters}</form><main>{shown}</main>", STYLE + rules)


def _filter(title: str, group: str, choices: list[tuple[str, str, str]], entries: "Sequence[Entry]") -> str:
    """Radio buttons.  choices: (id, class, label)."""
    every = [("all", f"all ({len(entries)})", " checked")]
    every += [(each[0], f"{each[2]} ({_how_many(each, entries)})", "") for each in choices]
    made = (
        f'<label><input type="radio" name="{group}" id="{group}-{name}"{checked}> {text(label)}</label>'
        for name, label, checked in every
    )
    return f"<fieldset><legend>{title}</legend>{''.join(made)}</fieldset>"


def _how_many(choice: tuple[str, str, str], entries: "Sequence[Entry]") -> int:
    return sum(choice[2] in (entry.verdict.verdict, entry.claim.author) for entry in entries)


def _rule(name: str) -> str:
    """Where one is chosen, the others are not there."""
    group = "v" if name in SIGNS else "s"
    return f"body:has(#{group}-{name}:checked) .claim:not(.{name}) {{ display: none }}\n"


def _claim(entry: "Entry", author: int) -> str:
    verdict, name = entry.verdict.verdict, text(entry.claim.name)
    sign = SIGNS[verdict][0]
    badge = f'<span class="badge"><span aria-hidden="true">{sign}</span> {verdict}</span>'
    head = f'<h2 id="{name}">{badge}{text(entry.claim.says)}</h2>'
    said = "".join(f"<p>{text(line)}</p>" for line in _said(entry)[1:])
    kind, source, code = map(text, _origin(entry))
    rows = text(" ".join(entry.claim.rows))
    origin = f'<p class="quiet">{kind}<br>{source}; rows {rows}<br><code>{name}</code> · <code>{code}</code></p>'
    return f'<section class="claim {verdict} s{author}" aria-labelledby="{name}">{head}{said}{origin}</section>'

"""A sheet, a worked sum, a before and after, two sentences: each as a table of any width, or as TSV for a pipe."""

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from glassformer.show.terminal import console, heading, say
from glassformer.show.text import QUIET, STRONG, answered, bar, fit, odd, safe, shade, share, signed, tone

if TYPE_CHECKING:
    from glassformer.explain.sheet import Sheet
    from glassformer.explain.whatif import Against, WhatIf
    from glassformer.explain.worked import Part, Worked

CELL = 7


def print_sheet(sheet: "Sheet", width: int | None = None, color: bool | None = None) -> None:
    """The numbers of one address, shaded; for a head, the change when each cell is cut below them."""
    out = console(width, color)
    heading(out, sheet.address, sheet.what)
    _matrix(out, sheet, sheet.values, share if ".weights" in sheet.address else _compact)
    if sheet.effects:
        how = "measured" if sheet.exact else "estimated by one backward pass"
        heading(out, "change when that cell is cut in this head", f"causal (−∞ before softmax, log-odds, n = 1), {how}")
        _matrix(out, sheet, sheet.effects, _compact)


def _compact(value: float) -> str:
    """As many digits as the narrowest cell has room for."""
    texts = (signed(value, digits) for digits in (2, 1, 0))
    return next((text for text in texts if len(text) < CELL), f"{value:.0e}".replace("-", "−"))


def _matrix(out: Console, sheet: "Sheet", values: list[list[float]], number) -> None:
    long = min(16, max(cell_len(safe(row)) for row in sheet.rows) + len(str(len(sheet.rows))) + 2)
    names = [_numbered(sheet.columns, j) for j in range(len(sheet.columns))]
    cell = _cell_width(names, out.width - long - 2)
    columns = range(len(names))[: max(1, (out.width - long - 2) // cell)]
    head = "".join(f"  {fit(names[j].rjust(cell - 2), cell - 2)}" for j in columns)
    out.print(Text(" " * (long + 2) + head, QUIET), soft_wrap=True)
    largest = max(abs(v) for row in values for v in row)
    for i, row in enumerate(values):
        line = Text("  ").append(fit(_numbered(sheet.rows, i), long), QUIET)
        for j in columns:
            line.append(f"{number(row[j]):>{cell - 1}}{shade(row[j], largest)}", tone(row[j]) if row[j] else "")
        out.print(line, soft_wrap=True)
    _legend(out, largest, len(names) - len(columns), len(names))


def _cell_width(names: list[str], room: int) -> int:
    """As wide as the names want, where all of them fit; else as narrow as the numbers allow."""
    wanted = max(CELL, 2 + max(cell_len(safe(name)) for name in names))
    return max(CELL, min(wanted, room // len(names)))


def _legend(out: Console, largest: float, left_out: int, of: int) -> None:
    scale = f"░▒▓█ a quarter, half, three quarters, all of the largest, {_compact(largest).lstrip('+')}"
    say(out, scale, QUIET, indent=2)
    if left_out:
        more = f"… {left_out} of {of} columns do not fit; widen the terminal, or pipe for all"
        say(out, more, QUIET, indent=2)


def _numbered(labels: list[str], k: int) -> str:
    return labels[k] if labels[k] == str(k) or len(labels) == 1 else f"{k} {labels[k]}"


def tsv_sheet(sheet: "Sheet") -> str:
    """One line a cell: row number, row, column number, column, value, and its effect where there is one."""
    lines = ["row\trow_name\tcolumn\tcolumn_name\tvalue" + ("\tchange_when_cut" if sheet.effects else "")]
    for i, row in enumerate(sheet.values):
        for j, value in enumerate(row):
            effect = f"\t{sheet.effects[i][j]!r}" if sheet.effects else ""
            lines.append(f"{i}\t{safe(sheet.rows[i])}\t{j}\t{safe(sheet.columns[j])}\t{value:.9g}{effect}")
    return "\n".join(lines)


def print_worked(worked: "Worked", width: int | None = None, color: bool | None = None) -> None:
    """The arithmetic of one number, part by part, and the model's own number beside it."""
    out = console(width, color)
    heading(out, worked.address, safe(worked.question))
    for part in worked.parts:
        out.print()
        say(out, safe(part.title), STRONG, indent=2)
        _part(out, part)
    verdict = f"recomputed here {worked.recomputed:.7f} · model {worked.model:.7f} · difference {worked.difference:.1e}"
    out.print()
    say(out, verdict, STRONG, indent=2)
    if worked.operands:
        say(out, f"computed of {', '.join(worked.operands)}", QUIET, indent=2)


def _part(out: Console, part: "Part") -> None:
    """A table of numbers; a long one stands in several columns where there is room."""
    long = min(24, out.width // 3, max(cell_len(safe(name)) for name, _ in part.rows) + 2)
    cell = min(12, (out.width - 2 - long) // len(part.columns))
    one = long + cell * len(part.columns)
    side = max(1, min(4, out.width // (one + 3))) if len(part.rows) > 12 else 1
    tall = -(-len(part.rows) // side)
    title = f"{'':{long}}" + "".join(f"{name[: cell - 1]:>{cell}}" for name in part.columns)
    out.print(Text("  " + "   ".join([title] * side), QUIET), soft_wrap=True)
    for k in range(tall):
        cells = [
            fit(name, long) + "".join(f"{_plain(v, cell):>{cell}}" for v in row) for name, row in part.rows[k::tall]
        ]
        out.print(Text("  " + "   ".join(cells)), soft_wrap=True)
    say(out, part.result, QUIET, indent=2)


def _plain(value: float, cell: int) -> str:
    """Six digits, or as many as leave a space before the number."""
    texts = (f"{value:.{digits}f}".replace("-", "−") for digits in range(6, -1, -1))
    return next((text for text in texts if len(text) < cell), f"{value:.0e}")


def print_what_if(result: "WhatIf", width: int | None = None, color: bool | None = None) -> None:
    """Before → after, beside the controls."""
    out = console(width, color)
    badge = f"causal (baseline {result.baseline}, metric log-odds of {result.labels[-1]}, n = 1)"
    heading(out, safe(result.what), badge)
    largest = max(abs(result.before), abs(result.after), 1e-9)
    for name, odds in (("before", result.before), ("after", result.after)):
        line = Text(f"  {name:8}").append(f"{fit(answered(odds, result.labels), 10)}{signed(odds):>7}  ", tone(odds))
        out.print(line.append(bar(odds, largest, odd(out.width - 29, 41))))
    turned = "the answer turns round" if result.flips else "the answer stays"
    say(out, f"change  {signed(result.change)}: {turned}", STRONG, indent=2)
    if result.controls:
        _controls(out, result)
    else:
        say(out, "no control: only one edge or one head, switched alone, has one", QUIET, indent=2)


def _controls(out: Console, result: "WhatIf") -> None:
    changes = {name: odds - result.before for name, odds in result.controls.items()}
    mean = sum(map(abs, changes.values())) / len(changes)
    heading(out, "control: the same elsewhere", f"n = {len(changes)}, mean |change| {mean:.2f}")
    long = min(out.width - 12, max(cell_len(safe(name)) for name in changes) + 2)
    for name, change in changes.items():
        out.print(Text("  ").append(fit(name, long)).append(f"{signed(change):>8}", tone(change)))


def print_against(result: "Against", width: int | None = None, color: bool | None = None) -> None:
    """Two sentences, word beside word, with what each word adds."""
    out = console(width, color)
    heading(out, f"{result.model}: what each word adds", "causal (baseline [MASK], metric log-odds, n = 1)")
    half = (out.width - 4) // 2
    answers = [fit(f"{answer.label} {signed(answer.log_odds)}", half) for answer in result.answers]
    out.print(Text("  " + "".join(answers), STRONG))
    largest = max(abs(cell[1] or 0.0) for row in result.rows for cell in row if cell)
    for row in result.rows:
        line = Text("  ")
        for cell in row:
            line.append(_word_cell(cell, largest, half))
        out.print(line)


def _word_cell(cell: tuple[str, float | None] | None, largest: float, width: int) -> Text:
    if cell is None:
        return Text(fit("·", width), QUIET)
    wide = odd(width - 24, 21)
    text = Text(fit(cell[0], width - wide - 10))
    if cell[1] is None:
        return text.append(fit("not measured", width - text.cell_len), QUIET)
    return text.append(f"{signed(cell[1]):>7} ", tone(cell[1])).append(bar(cell[1], largest, wide)).append("  ")

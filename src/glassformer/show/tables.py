"""A sheet, a worked sum, a before and after, two sentences: each as a table of any width, or as TSV for a pipe."""

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from glassformer.show.console import console, heading, left_out, say
from glassformer.show.text import QUIET, STRONG, answered, bar, fit, odd, power, safe, shade, share, signed, times, tone

if TYPE_CHECKING:
    from glassformer.explain.sheet import Sheet
    from glassformer.explain.whatif import Against, WhatIf
    from glassformer.explain.worked import Part, Worked

CELL = 7
MOST_CONTROLS = 24  # the rest is counted


def print_sheet(sheet: "Sheet", width: int | None = None, color: bool | None = None) -> None:
    """The numbers of one address, shaded; for a head, the change when each cell is cut below them."""
    out = console(width, color)
    heading(out, sheet.address, sheet.what)
    _matrix(out, sheet, sheet.values, share if ".weights" in sheet.address else _compact)
    if sheet.effects:
        how = "measured" if sheet.exact else f"estimated {sheet.metric.estimate}"
        badge = f"causal (−∞ before softmax, {sheet.metric.name}, n = 1), {how}"
        heading(out, "change when that cell is cut in this head", badge)
        tens = power(max(abs(v) for row in sheet.effects for v in row))
        _matrix(out, sheet, [[v * 10**tens for v in row] for row in sheet.effects], _compact)
        if tens:
            say(out, times(tens), QUIET, indent=2)


def _compact(value: float) -> str:
    """As many digits as the narrowest cell has room for."""
    texts = (signed(value, digits) for digits in (2, 1, 0))
    return next((text for text in texts if len(text) < CELL), f"{value:.0e}".replace("-", "−"))


def _matrix(out: Console, sheet: "Sheet", values: list[list[float]], number) -> None:
    long = min(16, max(cell_len(safe(row)) for row in sheet.rows) + len(str(len(sheet.rows))) + 2)
    names = [_numbered(sheet.columns, j) for j in range(len(sheet.columns))]
    cell = _cell_width(names, out.width - long - 2)
    if sheet.columns == sheet.rows and max(map(cell_len, map(safe, names))) > cell - 2:
        names = list(sheet.columns)  # the rows have the same numbers
    columns = range(len(names))[: max(1, (out.width - long - 2) // cell)]
    head = Text(" " * (long + 2))
    for j in columns:
        quiet = sheet.columns != sheet.rows or j in sheet.specials  # a feature, or what no word stands at
        head.append(f"  {fit(names[j].rjust(cell - 2), cell - 2)}", QUIET if quiet else "")
    out.print(head, soft_wrap=True)
    largest = max(abs(v) for row in values for v in row)
    for i, row in enumerate(values):
        line = Text("  ").append(fit(_numbered(sheet.rows, i), long), QUIET if i in sheet.specials else "")
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
    out, metric = console(width, color), result.metric
    badge = f"causal (baseline {result.baseline}, metric {metric.name} of {metric.of}, n = 1)"
    heading(out, safe(result.what), badge)
    largest = max(abs(result.before), abs(result.after), 1e-9)
    side = 10 if metric.sides else 0
    for name, value in (("before", result.before), ("after", result.after)):
        said = f"{fit(answered(value, metric.sides), side)}{signed(value, metric.digits):>7}  "
        line = Text(f"  {name:8}").append(said, tone(value) if metric.sides else "")
        out.print(line.append(bar(value, largest, odd(out.width - 19 - side, 41))))
    turned = "the answer turns round" if result.flips else "the answer stays"
    turned = turned if metric.sides else f"of the {metric.name} of {metric.of}"
    say(out, f"change  {signed(result.change, metric.digits)}{':' if metric.sides else ''} {turned}", STRONG, indent=2)
    if result.controls:
        _controls(out, result)
    else:
        say(out, "no control: only one edge or one head, switched alone, has one", QUIET, indent=2)


def _controls(out: Console, result: "WhatIf") -> None:
    """The same switch elsewhere, the largest changes first."""
    digits = result.metric.digits
    changes = {name: value - result.before for name, value in result.controls.items()}
    mean = sum(map(abs, changes.values())) / len(changes)
    more = sum(abs(change) >= abs(result.change) for change in changes.values())
    badge = f"n = {len(changes)}, mean |change| {mean:.{digits}f}, {more} of them change as much or more"
    heading(out, "control: the same elsewhere", badge)
    long = min(out.width - 12, max(cell_len(safe(name)) for name in changes) + 2)
    shown = sorted(changes, key=lambda name: -abs(changes[name]))[:MOST_CONTROLS]
    for name in shown:
        cell = f"{signed(changes[name], digits):>8}"
        out.print(Text("  ").append(fit(name, long)).append(cell, tone(changes[name], digits)))
    left_out(out, len(changes) - len(shown), "change less")


def print_against(result: "Against", width: int | None = None, color: bool | None = None) -> None:
    """Two sentences, word beside word, with what each word adds."""
    out, metric = console(width, color), result.metric
    badge = f"causal (baseline {metric.blank}, metric {metric.name}, n = 1)"
    heading(out, f"{result.model}: what each word adds", badge)
    half = (out.width - 4) // 2
    answers = [fit(f"{answer.says} {signed(answer.value, metric.digits)}", half) for answer in result.answers]
    out.print(Text("  " + "".join(answers), STRONG))
    if result.cosine is not None:
        say(out, f"the cosine of their two vectors is {signed(result.cosine, 4)}", STRONG, indent=2)
    largest = max(abs(cell[1] or 0.0) for row in result.rows for cell in row if cell)
    for row in result.rows:
        line = Text("  ")
        for cell in row:
            line.append(_word_cell(cell, largest, half, metric.digits))
        out.print(line)


def _word_cell(cell: tuple[str, float | None] | None, largest: float, width: int, digits: int) -> Text:
    if cell is None:
        return Text(fit("·", width), QUIET)
    wide = odd(width - 24, 21)
    text = Text(fit(cell[0], width - wide - 10))
    if cell[1] is None:
        return text.append(fit("not measured", width - text.cell_len), QUIET)
    number = f"{signed(cell[1], digits):>7} "
    return text.append(number, tone(cell[1], digits)).append(bar(cell[1], largest, wide)).append("  ")

"""What a check says: the sentence, and theirs beside the right one as shaded matrices, in a terminal or a notebook."""

from html import escape
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from glassformer.show.console import console, heading, say
from glassformer.show.text import NEGATIVE, POSITIVE, QUIET, STRONG, safe, shade

if TYPE_CHECKING:
    from glassformer.learn.result import Picture, Result

Rows = list[list[float | None]]
CELL = 8
MOST_PRINTED = 600


def print_checked(result: "Result", width: int | None = None, color: bool | None = None) -> None:
    """The verdict, what was printed on the way, and the picture."""
    out = console(width, color)
    heading(out, result.exercise, _badge(result))
    say(out, result.message, POSITIVE if result.passed else NEGATIVE, indent=2)
    if result.remark:
        say(out, result.remark, QUIET, indent=2)
    if result.picture is not None:
        _pictured(out, result.picture, result.about)
    if result.printed:
        _printed(out, result.printed)


def _badge(result: "Result") -> str:
    if result.passed:
        return "passed"
    where = (
        f"first wrong: {result.stage}" if result.stage else {"stopped": "did not run to its end"}.get(result.kind, "")
    )
    return f"{where} · {result.mistake}" if result.mistake and where else where or (result.mistake or "not yet")


def _printed(out: Console, printed: str) -> None:
    out.print()
    say(out, "your code printed", QUIET, indent=2)
    shown = printed if len(printed) <= MOST_PRINTED else f"{printed[:MOST_PRINTED]}…"
    for line in shown.splitlines():
        say(out, line, indent=4)


def _pictured(out: Console, picture: "Picture", about: str) -> None:
    out.print()
    more = ", ".join(filter(None, (about, picture.where)))
    say(
        out,
        f"{picture.stage}{f' ({more})' if more else ''}: rows {picture.axes[0]}, columns {picture.axes[1]}",
        QUIET,
        2,
    )
    wide = max(len(row) for rows in (picture.theirs, picture.right) for row in [*rows, []])
    theirs, right = (_lines(rows, _largest(picture), picture.cell) for rows in (picture.theirs, picture.right))
    left = max(6, wide * CELL)
    if 2 * left + 8 <= out.width:
        out.print(Text("  " + "yours".ljust(left + 4) + "right", STRONG))
        empty = [Text(" " * left)] * len(right)
        for mine, other in zip([*theirs, *empty][: max(len(theirs), len(right))], [*right, *empty], strict=False):
            out.print(Text("  ") + mine + Text(" " * (left + 4 - len(mine.plain))) + other, soft_wrap=True)
    else:
        for name, lines in (("yours", theirs), ("right", right)):
            out.print(Text(f"  {name}", STRONG))
            for line in lines:
                out.print(Text("  ") + line, soft_wrap=True)


def _largest(picture: "Picture") -> float:
    return max(
        [abs(v) for rows in (picture.theirs, picture.right) for row in rows for v in row if v is not None] or [0.0]
    )


def _lines(rows: Rows, largest: float, cell: tuple[int, int] | None) -> list[Text]:
    """A line a row; the cell that differs most stands in brackets."""
    lines = []
    for i, row in enumerate(rows):
        line = Text()
        for j, value in enumerate(row):
            there = (i, j) == cell
            body = f"{_number(value):>{CELL - 3}}{shade(value or 0.0, largest)}"
            line.append(f"[{body}]" if there else f" {body} ", STRONG if there else "")
        lines.append(line)
    return lines


def _number(value: float | None) -> str:
    """Five columns: 0.42, −12.5, 1e+04; – for what is no number."""
    if value is None:
        return "–"
    texts = (f"{value:.{digits}f}".replace("-", "−") for digits in (2, 1, 0))
    return next((text for text in texts if len(text) <= CELL - 3), f"{value:.0e}".replace("-", "−"))


def html_checked(result: "Result") -> str:
    """The same for a notebook; nothing of it acts, whatever the texts hold."""
    tone = "#1a7f37" if result.passed else "#b35900"
    parts = [f"<p><b>{_html(result.exercise)}</b> <span style='opacity:.7'>{_html(_badge(result))}</span></p>"]
    parts.append(f"<p style='color:{tone}'>{_html(result.message)}</p>")
    if result.remark:
        parts.append(f"<p style='opacity:.7'>{_html(result.remark)}</p>")
    if result.picture is not None:
        parts.append(_html_picture(result.picture, result.about))
    if result.printed:
        printed = "\n".join(map(_html, result.printed.splitlines()))
        parts.append(f"<pre style='opacity:.8'>{printed}</pre>")
    return f"<div class='glassformer-check' style='max-width:60em'>{''.join(parts)}</div>"


def _html(text: str) -> str:
    return escape(safe(text))


def _html_picture(picture: "Picture", about: str) -> str:
    more = ", ".join(filter(None, (about, picture.where)))
    axes = f"rows {picture.axes[0]}, columns {picture.axes[1]}"
    said = f"<p style='opacity:.7'>{_html(picture.stage)}{_html(f' ({more})' if more else '')}: {_html(axes)}</p>"
    tables = (("yours", picture.theirs), ("right", picture.right))
    drawn = "".join(_html_table(name, rows, picture) for name, rows in tables)
    return f"{said}<div style='display:flex;gap:2em;flex-wrap:wrap'>{drawn}</div>"


def _html_table(name: str, rows: Rows, picture: "Picture") -> str:
    largest, body = _largest(picture), []
    for i, row in enumerate(rows):
        cells = []
        for j, value in enumerate(row):
            share = 0.0 if value is None or largest == 0 else 0.65 * abs(value) / largest
            colour = "0,90,200" if (value or 0.0) >= 0 else "200,90,0"
            edge = "outline:2px solid currentColor;" if (i, j) == picture.cell else ""
            style = f"padding:.2em .5em;text-align:right;{edge}background:rgba({colour},{share:.2f})"
            cells.append(f"<td style='{style}'>{_number(value)}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    caption = f"<caption style='caption-side:top;text-align:left'>{name}</caption>"
    return f"<table style='border-collapse:collapse'>{caption}{''.join(body)}</table>"

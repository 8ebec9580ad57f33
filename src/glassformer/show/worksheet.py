"""A worksheet and its key: in a terminal, and as a page for paper."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from glassformer.learn.worksheet.question import shown
from glassformer.show.console import console, heading, say
from glassformer.show.printed import page, text
from glassformer.show.text import QUIET, STRONG

if TYPE_CHECKING:
    from glassformer.learn.worksheet.question import Matrix, Question, Step
    from glassformer.learn.worksheet.sheet import Sheet

GAP = 4
TWICE = "Every answer was computed twice: exactly, and by glassformer's own parts in float64."


def print_worksheet(sheet: "Sheet", answers: bool, width: int | None = None, color: bool | None = None) -> None:
    """The questions, then the key."""
    out = console(width, color)
    for number, question in enumerate(sheet.questions, 1):
        heading(out, f"{number}. {sheet.title(question)}", question.topic)
        say(out, question.text, indent=2)
        _matrices(out, question.given)
        say(out, question.asks, STRONG, indent=2)
    for number, question in enumerate(sheet.questions if answers else (), 1):
        heading(out, f"Answers to {number}. {sheet.title(question)}", question.topic)
        for step in question.steps:
            _step(out, step)
    out.print()
    say(out, _again(sheet, answers), QUIET)


def _again(sheet: "Sheet", answers: bool) -> str:
    return f"Seed {sheet.seed} makes this sheet again. {TWICE if answers else 'With --answers the key follows.'}"


def _step(out: Console, step: "Step") -> None:
    if step.makes.single:
        return say(out, f"{step.makes.name} = {shown(step.makes.rows[0][0])}    {'; '.join(step.says)}", indent=2)
    _matrices(out, (step.makes,))
    for line in step.says:
        say(out, line, QUIET, indent=6)


def _matrices(out: Console, matrices: "tuple[Matrix, ...]") -> None:
    """Side by side as far as they fit."""
    line: list[list[str]] = []
    for block in map(_lines, matrices):
        if line and sum(len(each[0]) + GAP for each in [*line, block]) > out.width - 2:
            _beside(out, line)
            line = []
        line.append(block)
    _beside(out, line)


def _beside(out: Console, blocks: list[list[str]]) -> None:
    high = max(map(len, blocks))
    for i in range(high):
        cells = (block[i] if i < len(block) else " " * len(block[0]) for block in blocks)
        out.print(Text(f"    {(' ' * GAP).join(cells)}".rstrip()), soft_wrap=True)


def _lines(matrix: "Matrix") -> list[str]:
    """All of one length: the name before the first row of numbers."""
    if matrix.single:
        return [f"{matrix.name} = {shown(matrix.rows[0][0])}"]
    cells = [[shown(value) for value in row] for row in matrix.rows]
    heads = [list(matrix.columns)] if matrix.columns else []
    wide = [max(map(len, column)) for column in zip(*heads, *cells, strict=True)]
    rows = ["  ".join(value.rjust(w) for value, w in zip(row, wide, strict=True)) for row in cells]
    side = max([len(each) for each in matrix.sides] or [0])
    sides = [each.ljust(side + 1) if side else "" for each in matrix.sides or [""] * len(rows)]
    bodies = [f"{side}[ {row} ]" for side, row in zip(sides, rows, strict=True)]
    if heads:
        top = "  ".join(value.rjust(w) for value, w in zip(heads[0], wide, strict=True))
        bodies.insert(0, " " * (len(sides[0]) + 2) + top + "  ")
    names = [f"{matrix.name} = " if i == len(bodies) - len(rows) else "" for i in range(len(bodies))]
    return [f"{name:{len(matrix.name) + 3}}{body}" for name, body in zip(names, bodies, strict=True)]


def html_worksheet(sheet: "Sheet", answers: bool) -> str:
    """A page for paper; the key begins on a page of its own."""
    title = f"Worksheet {sheet.seed}"
    blanks = "<div class='blanks'><span>Name</span><span>Date</span></div>"
    asked = "".join(_html_question(sheet, number, each) for number, each in enumerate(sheet.questions, 1))
    body = f"<header><h1>{title}</h1>{blanks}</header>{asked}"
    if answers:
        solved = "".join(_html_answer(sheet, number, each) for number, each in enumerate(sheet.questions, 1))
        top = f"<header><h1>Answers to worksheet {sheet.seed}</h1></header>"
        body += f"<div class='key'>{top}{solved}<p class='quiet'>{text(_again(sheet, answers))}</p></div>"
    return page(title, body)


def _html_question(sheet: "Sheet", number: int, question: "Question") -> str:
    given = "".join(map(_html_matrix, question.given))
    said = f"<p>{text(question.text)}</p><div class='matrices'>{given}</div><p><b>{text(question.asks)}</b></p>"
    return f"<section><h2>{number}. {text(sheet.title(question))}</h2>{said}<div class='room'></div></section>"


def _html_answer(sheet: "Sheet", number: int, question: "Question") -> str:
    steps = "".join(f"<li>{_html_step(step)}</li>" for step in question.steps)
    return f"<section><h2>{number}. {text(sheet.title(question))}</h2><ol class='steps'>{steps}</ol></section>"


def _html_step(step: "Step") -> str:
    says = "".join(f"<p class='quiet'>{text(line)}</p>" for line in step.says)
    return f"<div class='step'>{_html_matrix(step.makes)}<div>{says}</div></div>"


def _html_matrix(matrix: "Matrix") -> str:
    if matrix.single:
        return f"<span class='matrix'>{text(matrix.name)} = {text(shown(matrix.rows[0][0]))}</span>"
    corner = "<th></th>" if matrix.sides else ""
    heads = "".join(f"<th scope='col'>{text(each)}</th>" for each in matrix.columns)
    rows = []
    for i, row in enumerate(matrix.rows):
        side = f"<th scope='row'>{text(matrix.sides[i])}</th>" if matrix.sides else ""
        rows.append(f"<tr>{side}{''.join(f'<td>{text(shown(value))}</td>' for value in row)}</tr>")
    top = f"<thead><tr>{corner}{heads}</tr></thead>" if heads else ""
    return f"<span class='matrix'>{text(matrix.name)} = <table>{top}<tbody>{''.join(rows)}</tbody></table></span>"

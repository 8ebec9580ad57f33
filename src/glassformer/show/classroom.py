"""What a class has passed and which mistakes it makes: in a terminal, and as a page for paper."""

from typing import TYPE_CHECKING

from rich.text import Text

from glassformer.show.console import console, heading, left_out, say, shortened
from glassformer.show.printed import page, text
from glassformer.show.text import NEGATIVE, QUIET, STRONG, fit

if TYPE_CHECKING:
    from glassformer.learn.classroom import Classroom, Line, Made

MOST = 3  # mistakes of an exercise in a terminal
NAME = 24
NOTHING = "Nobody has made a mistake that has a name."


def print_classroom(room: "Classroom", width: int | None = None, color: bool | None = None) -> None:
    """A line an exercise, its commonest mistakes below it."""
    out = console(width, color)
    count = len(room.learners)
    heading(out, f"A class of {count}", f"{len(room.exercises)} exercises tried")
    out.print(Text(f"  {'exercise':{NAME}}{'passed':>8}{'checks':>8}  stuck now", QUIET), soft_wrap=True)
    for line in room.exercises:
        body = f"  {fit(line.exercise, NAME)}{f'{line.passed}/{count}':>8}{_checks(line):>8}  "
        names = shortened(", ".join(line.stuck), max(8, out.width - len(body)))
        out.print(Text(body if names else body.rstrip(), STRONG).append(names, NEGATIVE), soft_wrap=True)
        for made in line.mistakes[:MOST]:
            say(out, f"{shortened(made.mistake, 60)}: {_counted(made)}", indent=4)
        more = len(line.mistakes) - MOST
        left_out(out, more, f"more mistake{'s' * (more != 1)}")
        if line.unknown:
            say(out, f"wrong in a way without a name: {_times(line.unknown)}", QUIET, indent=4)
    out.print()
    say(out, _most(room), STRONG)
    if room.commonest and room.commonest.hint:
        say(out, f"To the class: {room.commonest.hint}", indent=2)


def _checks(line: "Line") -> str:
    return "–" if line.checks is None else f"{line.checks:g}"


def _counted(made: "Made") -> str:
    return f"{made.learners} learner{'s' * (made.learners != 1)}, {_times(made.times)}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _most(room: "Classroom") -> str:
    most = room.commonest
    if most is None:
        return NOTHING
    seen = f"{most.learners} of {len(room.learners)}, {_times(most.times)}"
    return f"The commonest mistake: {shortened(most.mistake, 80)} ({most.exercise}; {seen})"


def html_classroom(room: "Classroom") -> str:
    """The same for paper; every mistake is listed."""
    count = len(room.learners)
    rows = "".join(_row(line, count) for line in room.exercises)
    heads = ("exercise", "passed", "checks", "mistakes", "stuck now")
    head = "".join(f"<th scope='col'>{each}</th>" for each in heads)
    most = f"<p><b>{text(_most(room))}</b></p>"
    if room.commonest and room.commonest.hint:
        most += f"<p>To the class: {text(room.commonest.hint)}</p>"
    said = "checks: the median until it was passed; stuck: not passed after three checks or more"
    table = f"<table class='list'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    title = f"A class of {count}"
    return page(title, f"<header><h1>{title}</h1></header>{most}{table}<p class='quiet'>{said}</p>")


def _row(line: "Line", count: int) -> str:
    made = "".join(f"<div>{text(each.mistake)}: {_counted(each)}</div>" for each in line.mistakes)
    if line.unknown:
        made += f"<div class='quiet'>without a name: {_times(line.unknown)}</div>"
    cells = f"<td class='number'>{line.passed}/{count}</td><td class='number'>{_checks(line)}</td>"
    name = f"<td>{text(line.exercise)}<div class='quiet'>{text(line.title)}</div></td>"
    return f"<tr>{name}{cells}<td>{made}</td><td>{text(', '.join(line.stuck))}</td></tr>"

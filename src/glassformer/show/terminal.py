"""A story as lines of text, of any width, with or without colour."""

import shlex
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from glassformer.show.candidates import expected, print_next, print_readout
from glassformer.show.console import console, heading, left_out, say, shortened
from glassformer.show.text import NEGATIVE, POSITIVE, QUIET, STRONG, bar, fit, level, odd, safe, signed, tone
from glassformer.show.told import column, largest, print_told
from glassformer.show.translated import print_crossed, print_written

if TYPE_CHECKING:
    from glassformer.explain.crossed import Crossed
    from glassformer.explain.story import Story, View

WIDEST = 132  # a story; a matrix may be wider
MOST_ROWS = 16  # words in one table; the rest is counted


def print_story(story: "Story", width: int | None = None, color: bool | None = None) -> None:
    """Tell the story on standard output."""
    tell(console(width, color), story)


def tell(out: Console, story: "Story") -> None:
    """Answers, what each word adds, who told whom with the check, the attention beside the cuts, what to type next."""
    out.width = min(out.width, WIDEST)
    out.print()
    for text in (story.text, story.second):
        if text is not None:
            out.print(Text(f"“{shortened(text, 2 * out.width)}”", STRONG), width=out.width)
    if story.crossed:
        print_written(out, story.crossed)
    if story.left_out:
        start = shortened(story.unread, 40)
        say(out, f"{story.left_out} pieces at the end were NOT read, from “{start}” on.", NEGATIVE)
    _answers(out, story)
    print_readout(out, story)
    if story.crossed:
        print_crossed(out, story, story.crossed)
    if story.told or not story.crossed:
        _words(out, story)
        print_told(out, story)
    _next(out, story)


READ = {
    "together": "Both texts are read together: every word may look at every word of either.",
    "apart": "Each text is read on its own: no word looks across.",
}


def _answers(out: Console, story: "Story") -> None:
    metric, share = story.metric, story.views[-1].answer.share
    likely = share is not None and metric.name == "log-odds"
    if candidates := expected(story):
        crossed = story.crossed
        behind = f"What is written behind {safe(story.words[crossed.looks])}" if crossed else "What comes next"
        return print_next(out, candidates, metric, behind)
    heading(out, "The answers", _share(story) if likely else f"{metric.name} of {metric.of}")
    longest = max(cell_len(safe(view.model)) for view in story.views)
    says = min(24, max(10, *(1 + cell_len(safe(view.answer.says)) for view in story.views)))
    wide = min(40, out.width - longest - says - 24) if out.width >= longest + says + 32 and share is not None else 0
    long = min(longest + 2, out.width - wide - says - 18)
    for view in story.views:
        strong = STRONG if view is story.views[-1] else ""
        out.print(_answer(story, view, (long, says, wide), strong))
    if candidates := getattr(story.views[-1].answer, "masks", None):
        likely = " · ".join(f"{each.piece} {each.probability:.3f}" for each in candidates[0])
        say(out, f"{likely}{' (the first mask)' if len(candidates) > 1 else ''}", QUIET, indent=2)
    if story.read:
        say(out, READ[story.read], QUIET, indent=2)


def _share(story: "Story") -> str:
    name = f"p({story.metric.of})"
    return f"{name} and its {story.metric.name}"


def _answer(story: "Story", view: "View", widths: tuple[int, int, int], strong: str) -> Text:
    """Who answers, what, how sure, and the number that effects are differences of."""
    answer, (long, says, wide) = view.answer, widths
    style = tone(answer.value) if story.metric.sides else ""
    line = Text("  ").append(fit(view.model, long - 1) + " ", strong).append(fit(answer.says, says), style)
    if answer.share is not None and story.metric.name == "log-odds":
        line.append(level(answer.share, wide), style).append(f"  {answer.share:.3f}")
    elif answer.share is not None:
        line.append(level(answer.share, wide))
    return line.append(f"  {signed(answer.value, story.metric.digits):>7}")


def _words(out: Console, story: "Story") -> None:
    views = [view for view in story.views if len(view.adds) == len(story.words)]
    behind = len(story.words) if story.crossed is None else story.crossed.looks
    spoken = [k for k in range(len(story.words)) if k not in story.specials.words and k <= behind]
    shown = largest({k: abs(story.views[-1].adds[k] or 0.0) for k in spoken}, MOST_ROWS)
    title = "What each word adds" if story.crossed is None else "What each word written before adds"
    heading(out, title, f"causal (baseline {story.metric.blank}, metric {story.metric.name}, n = 1)")
    long = column(story.words, shown, out.width)
    fitting = (out.width - long - 2) // 9
    views = views[-fitting:]
    each = (out.width - long - 2) // len(views)
    wide = odd(each - 10, 31)
    out.print(Text("  " + " " * long + "".join(fit(f"  {view.model}", each) for view in views), QUIET))
    most = max(story.metric.least, *(abs(v or 0.0) for view in views for v in view.adds))
    for k in shown:
        if story.second is not None and k == next((at for at in shown if at >= story.second_from), None):
            out.print(Text("  — the second text", QUIET))
        line = Text("  ").append(fit(story.words[k], long))
        for view in views:
            line.append(_adds_cell(view.adds[k], most, (wide, each), story.metric.digits))
        out.print(line)
    left_out(out, len(story.views) - len(views), "models cut words otherwise, or do not fit")
    left_out(out, len(spoken) - len(shown), "words add less than those shown, or were not measured")


def _adds_cell(adds: float | None, most: float, widths: tuple[int, int], digits: int) -> Text:
    wide, width = widths
    if adds is None:
        return Text(f"{'not measured' if width >= 14 else '–':>{min(14, width - 1)}}".ljust(width), QUIET)
    cell = Text(f"{signed(adds, digits):>8} ", tone(adds, digits)).append(bar(adds, most, wide))
    return cell.append(" " * (width - 9 - wide))


def _next(out: Console, story: "Story") -> None:
    """Commands that go on from here, ready to be typed."""
    texts = [text for text in (story.text, story.second) if text is not None]
    typed = [len(text) <= 200 and safe(text) == text for text in texts]
    if not all(typed[1:]):
        return
    given, from_file = (quoted(story.text), "") if typed[0] else ("-", " < your-text")
    options = "" if story.second is None else f" --pair {quoted(story.second)}"
    options += " --joint" if story.read == "together" and story.metric.name == "cosine" else ""
    if story.crossed:
        options += "" if story.crossed.own else f" --into {quoted(story.crossed.written)}"
        options += f" --at {story.crossed.at}" if story.crossed.at else ""
    asked = expected(story) and story.views[-1].answer.says != story.metric.of
    options += f" --next {quoted(story.metric.of)}" if asked else ""
    options += "" if story.given == "sentiment" else f" --model {shlex.quote(safe(story.given))}"
    heading(out, "Next", "")
    answer = (f"why {given} '{story.metric.address}'", "the answer, summed")
    told = _commands_across(story.crossed, given) if story.crossed else _commands(story, given) if story.told else None
    for command, what in told or [answer]:
        line = f"  glassformer {command}{options}{from_file}"
        room = len(line + what) + 3 < out.width
        out.print(Text(line, POSITIVE).append(f"   {what}" if room else "", QUIET), soft_wrap=True)


def _commands(story: "Story", text: str) -> list[tuple[str, str]]:
    told = story.told
    assert told is not None
    changes = {
        f"L{layer}.H{k}": change or 0.0 for layer, row in enumerate(told.by_head) for k, change in enumerate(row)
    }
    head = max(changes, key=lambda name: abs(changes[name]))
    cell = f"{head}.weights[{story.positions[told.edge.looks]},{story.positions[told.edge.at]}]"
    edge = quoted(f"{_called(story.words, told.edge.looks)}>{_called(story.words, told.edge.at)}")
    return [
        (f"explain {text} {head}", "one head, every weight beside its cut"),
        (f"why {text} '{cell}'", "one number, all its arithmetic"),
        (f"explain {text} --cut {edge}", "the sentence without that edge"),
    ]


def _commands_across(crossed: "Crossed", text: str) -> list[tuple[str, str]]:
    edge = crossed.edges[0]
    changes = {(layer, k): each for layer, row in enumerate(crossed.by_head) for k, each in enumerate(row)}
    layer, head = max(changes, key=lambda at: abs(changes[at]))
    name, cell = f"L{layer}.cross.H{head}", f"weights[{crossed.at},{crossed.positions[edge.at]}]"
    return [
        (f"explain {text} {name}", "one head, every weight beside its cut"),
        (f"why {text} '{name}.{cell}'", "one number, all its arithmetic"),
        (f"explain {text} --cross '{edge.looks}>{edge.at}'", "without that look"),
    ]


def _called(words: list[str], k: int) -> str:
    """What --cut calls word k: the word, the#2 where it stands there again, its number where it would be misread."""
    if safe(words[k]) != words[k] or set(words[k]) & set("#> ") or words[k].isdecimal():
        return str(k)
    turn = 1 + [word.lower() for word in words[:k]].count(words[k].lower())
    return words[k] if turn == 1 else f"{words[k]}#{turn}"


def quoted(text: str) -> str:
    """`text` as a shell takes it, in double quotes where they are enough."""
    return shlex.quote(safe(text)) if set(text) & set('"$`!\\') else f'"{safe(text)}"'

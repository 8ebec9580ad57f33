"""A story as lines of text, of any width, with or without colour."""

import shlex
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from glassformer.show.text import (
    NEGATIVE,
    POSITIVE,
    QUIET,
    STRONG,
    answered,
    bar,
    fit,
    level,
    odd,
    safe,
    share,
    signed,
    tone,
)

if TYPE_CHECKING:
    from glassformer.explain.story import Story, Told

MOST_ROWS = 16  # words in one table; the rest is counted
WIDEST = 132  # a story; a matrix may be wider
CHANGED = 0.25  # a change of the log-odds below this is called no change


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # who called decides: rich itself would leave with 1, "a check failed"


def console(width: int | None = None, color: bool | None = None) -> Console:
    """Standard output, `width` columns wide.  Colour only on a terminal, and never where NO_COLOR is set."""
    out = _Console(highlight=False, markup=False, emoji=False, soft_wrap=False, no_color=color is False or None)
    wide = width or (out.width if out.is_terminal or "COLUMNS" in out._environ else 80)
    out.width = max(40, wide)
    return out


def print_story(story: "Story", labels: tuple[str, ...], width: int | None = None, color: bool | None = None) -> None:
    """Tell the story on standard output."""
    tell(console(width, color), story, labels)


def tell(out: Console, story: "Story", labels: tuple[str, ...]) -> None:
    """Answers, what each word adds, who told whom with the check, the attention beside the cuts, what to type next."""
    out.width = min(out.width, WIDEST)
    out.print()
    out.print(Text(f"“{_shortened(story.text, 2 * out.width)}”", STRONG), width=out.width)
    if story.left_out:
        start = _shortened(story.unread, 40)
        say(out, f"{story.left_out} pieces at the end were NOT read, from “{start}” on.", NEGATIVE)
    _answers(out, story, labels)
    _words(out, story)
    _told(out, story, labels)
    _next(out, story)


def heading(out: Console, title: str, badge: str) -> None:
    """A title, and at the right what kind of figures follow; below it where both do not fit."""
    gap = out.width - cell_len(safe(title)) - cell_len(safe(badge))
    out.print()
    if badge and gap > 1:
        return out.print(Text().append(safe(title) + " " * gap, STRONG).append(safe(badge), QUIET), soft_wrap=True)
    for text, style in ((title, STRONG), (badge, QUIET)):
        if text:
            say(out, text, style)


def say(out: Console, text: str, style: str = "", indent: int = 0) -> None:
    """A paragraph, at most 100 columns wide."""
    for line in Text(safe(text), style).wrap(out, min(100, out.width) - indent):
        out.print(Text(" " * indent) + line)


def _shortened(text: str, most: int) -> str:
    text = safe(" ".join(text.split()))
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _answers(out: Console, story: "Story", labels: tuple[str, ...]) -> None:
    heading(out, "The answers", f"p({labels[-1]}) and its log-odds")
    longest = max(cell_len(safe(view.model)) for view in story.views)
    wide = min(40, out.width - longest - 34) if out.width >= longest + 42 else 0
    long = min(longest + 2, out.width - wide - 28)
    for view in story.views:
        line = Text("  ").append(fit(view.model, long - 1) + " ", STRONG if view is story.views[-1] else "")
        style = tone(view.answer.log_odds)
        line.append(fit(view.answer.label or "–", 10), style).append(level(view.answer.p_positive, wide), style)
        out.print(line.append(f"  {view.answer.p_positive:.3f}  {signed(view.answer.log_odds):>7}"))


def _words(out: Console, story: "Story") -> None:
    views = [view for view in story.views if len(view.adds) == len(story.words)]
    shown = _largest([abs(adds or 0.0) for adds in story.views[-1].adds])
    heading(out, "What each word adds", "causal (baseline [MASK], metric log-odds, n = 1)")
    long = _column(story.words, shown, out.width)
    fitting = (out.width - long - 2) // 9
    views = views[-fitting:]
    each = (out.width - long - 2) // len(views)
    wide = odd(each - 10, 31)
    out.print(Text("  " + " " * long + "".join(_centred(view.model, each) for view in views), QUIET))
    largest = max((abs(v or 0.0) for view in views for v in view.adds), default=0.0)
    for k in shown:
        line = Text("  ").append(fit(story.words[k], long))
        for view in views:
            line.append(_adds_cell(view.adds[k], largest, wide, each))
        out.print(line)
    _left_out(out, len(story.views) - len(views), "models cut words otherwise, or do not fit")
    _left_out(out, len(story.words) - len(shown), "words add less than those shown, or were not measured")


def _adds_cell(adds: float | None, largest: float, wide: int, width: int) -> Text:
    if adds is None:
        return Text(f"{'not measured' if width >= 14 else '–':>{min(14, width - 1)}}".ljust(width), QUIET)
    cell = Text(f"{signed(adds):>8} ", tone(adds)).append(bar(adds, largest, wide))
    return cell.append(" " * (width - 9 - wide))


def _centred(name: str, width: int) -> str:
    return fit(f"  {name}", width)


def _column(words: list[str], shown: list[int], width: int) -> int:
    longest = max(cell_len(safe(words[k])) for k in shown)
    return min(max(longest, 8), max(10, width // 5)) + 1


def _largest(sizes: list[float], most: int = MOST_ROWS) -> list[int]:
    """The numbers of the largest, in the order of the sentence."""
    return sorted(sorted(range(len(sizes)), key=lambda k: -sizes[k])[:most])


def _left_out(out: Console, count: int, what: str) -> None:
    if count > 0:
        out.print(Text(f"  … {count} {what}", QUIET))


def _told(out: Console, story: "Story", labels: tuple[str, ...]) -> None:
    then = f", then {story.told.like.n}" if story.told else ""
    heading(out, "Who told whom", f"causal (baseline −∞ before softmax, metric log-odds, n = 1{then})")
    if story.told is None:
        model = story.views[-1].model
        why = "has no attention" if not story.edges and len(story.words) > 1 else "read a single word"
        return say(out, f"{model} {why}: no word could tell another anything.", indent=2)
    told, words = story.told, [safe(word) for word in story.words]
    say(out, _verdict(told, words, labels), indent=2)
    _check(out, story, told, words)
    _row(out, story, told, words)


def _verdict(told: "Told", words: list[str], labels: tuple[str, ...]) -> str:
    looks, at = words[told.edge.looks], words[told.edge.at]
    moves = f"{signed(told.before)} → {signed(told.after)}"
    if told.doubt:
        return f"No word clearly told another.  The cut that changes most is {looks} → {at} ({moves}): {_doubt(told)}."
    answers = [answered(odds, labels) for odds in (told.before, told.after)]
    turned = f"turns from {answers[0]} to {answers[1]}" if told.flips else f"stays {answers[0]} but moves"
    hardly = abs(told.reading[1] - told.reading[0]) < CHANGED
    reading = f"what {looks} adds {'hardly changes, from' if hardly else 'goes from'} {signed(told.reading[0])}"
    change = f"{reading} to {signed(told.reading[1])}, and the answer {turned}: {moves}"
    return f"{looks} uses {at}.  When {looks} may not look at {at}, {change}."


def _doubt(told: "Told") -> str:
    """Why nobody is said to use anything."""
    return {
        "small": f"less than {CHANGED}",
        "no control": "a sentence of two words has no other edge to hold it against",
        "like the control": "not three times what a control cut changes",
        "alike": f"but only {told.like.agree} of {told.like.n} sentences alike agree",
    }[told.doubt or ""]


def _check(out: Console, story: "Story", told: "Told", words: list[str]) -> None:
    looks, like = words[told.edge.looks], told.like
    rows = []
    agree = f"in sentences alike, {like.agree} of {like.n} agree: the same way"
    turns = f"the cut turns {like.flips} answers round"
    if told.control:
        after = told.before + told.control.change
        seen = f"weight {share(told.control.attention).strip()}, not {share(told.edge.attention).strip()}"
        other = f"{looks} may not look at {words[told.control.at]} instead ({seen})"
        rows.append(("control", f"{other}: {signed(told.before)} → {signed(after)}"))
        agree, turns = f"{agree}, and more than the control", f"{turns}, the control {like.control_flips}"
    rows.append((f"n = {like.n}", f"{agree}; {turns}"))
    rows.append(("such as", " · ".join(_shortened(text, 100) for text in like.texts[:3])))
    for model, (before, after) in told.elsewhere.items():
        nothing = "  (as good as nothing)" if abs(after - before) < CHANGED else ""
        rows.append((model, f"the same cut: {signed(before)} → {signed(after)}{nothing}"))
    if story.edges_measured < story.edges:
        rows.append(("measured", f"the {story.edges_measured} largest of {story.edges} edges, by an estimate of all"))
    long = max(len(name) for name, _ in rows) + 4
    for name, text in rows:
        lines = Text(text).wrap(out, min(110, out.width) - long)
        for k, line in enumerate(lines):
            out.print(Text().append(fit(f"  {name}" if k == 0 else "", long), QUIET).append(line))


def _row(out: Console, story: "Story", told: "Told", words: list[str]) -> None:
    """How much the word looks at each, beside what changes when it may not."""
    looks = words[told.edge.looks]
    heading(out, f"{looks} looks at", "weights descriptive · cuts causal (−∞, log-odds, n = 1)")
    measured = sorted({*story.cuts, told.edge.looks})
    shown = [measured[k] for k in _largest([abs(story.cuts.get(k, 0.0)) for k in measured])]
    long = _column(words, shown, out.width)
    columns = _attention_columns(story, out.width - long - 13)
    wide = odd(out.width - long - 13 - sum(cell_len(title) for title, _ in columns), 21)
    titles = "".join(title for title, _ in columns) + fit("   change when cut", max(11 + wide, 11))
    out.print(Text("  " + " " * long + titles, QUIET))
    largest = max(CHANGED, *(abs(change) for change in story.cuts.values()))
    for k in shown:
        line = Text("  ").append(fit(words[k], long), STRONG if k == told.edge.at else "")
        line.append("".join(f"{share(weights[k]):>{len(title)}}" for title, weights in columns))
        out.print(line.append(_cut_cell(story.cuts.get(k), k == told.edge.looks, largest, wide)))
    if not columns:
        _left_out(out, len(story.attention), "layers of attention do not fit; ask for one head, such as L0.H0")
    _left_out(out, len(words) - len(shown), "words change less when cut, or were not measured")
    _one_head(out, told, words)


def _attention_columns(story: "Story", room: int) -> list[tuple[str, list[float]]]:
    """(title, weight of each word) of every head and the mean of each layer; in less room of the means, or none."""
    heads = [
        (f"{f'L{layer}.H{k}':>6}", head) for layer, row in enumerate(story.attention) for k, head in enumerate(row)
    ]
    means = [
        (f"{f'L{layer} mean':>8}", [sum(weights) / len(row) for weights in zip(*row, strict=True)])
        for layer, row in enumerate(story.attention)
    ]
    for columns, beside in (([*heads, *means], 32), (means, 0)):
        if sum(len(title) for title, _ in columns) + beside <= room + 11:
            return columns
    return []


def _cut_cell(change: float | None, itself: bool, largest: float, wide: int) -> Text:
    if change is None:
        return Text(fit("   itself" if itself else "   not measured", 11 + wide).rstrip(), QUIET)
    return Text(f"{signed(change):>9}  ", tone(change)).append(bar(change, largest, wide))


def _one_head(out: Console, told: "Told", words: list[str]) -> None:
    """The same cut in one head only."""
    edge = f"{words[told.edge.looks]} → {words[told.edge.at]}"
    out.print(Text(f"\n  {edge} cut in one head only", QUIET))
    fitting = (out.width - 2) // 16
    for layer, changes in enumerate(told.by_head):
        for start in range(0, len(changes), fitting):
            line = Text("  ")
            for head in range(start, min(start + fitting, len(changes))):
                change = changes[head]
                line.append(f"{f'L{layer}.H{head}':8}", QUIET).append(f"{signed(change):<8}", tone(change))
            out.print(line)


def _next(out: Console, story: "Story") -> None:
    """Commands that go on from here, ready to be typed."""
    typed = len(story.text) <= 200 and safe(story.text) == story.text
    given, from_file = (_quoted(story.text), "") if typed else ("-", " < your-text")
    model = "" if story.views[-1].model == "sentiment" else f" --model {shlex.quote(safe(story.views[-1].model))}"
    heading(out, "Next", "")
    answer = (f"why {given} 'logits[1]'", "the answer, summed")
    for command, what in _commands(story, given) if story.told else [answer]:
        line = f"  glassformer {command}{model}{from_file}"
        room = len(line + what) + 3 < out.width
        out.print(Text(line, POSITIVE).append(f"   {what}" if room else "", QUIET), soft_wrap=True)


def _commands(story: "Story", text: str) -> list[tuple[str, str]]:
    told = story.told
    assert told is not None
    changes = {f"L{layer}.H{k}": change for layer, row in enumerate(told.by_head) for k, change in enumerate(row)}
    head = max(changes, key=lambda name: abs(changes[name]))
    cell = f"{head}.weights[{story.positions[told.edge.looks]},{story.positions[told.edge.at]}]"
    edge = _quoted(f"{_called(story.words, told.edge.looks)}>{_called(story.words, told.edge.at)}")
    return [
        (f"explain {text} {head}", "one head, every weight beside its cut"),
        (f"why {text} '{cell}'", "one number, all its arithmetic"),
        (f"explain {text} --cut {edge}", "the sentence without that edge"),
    ]


def _called(words: list[str], k: int) -> str:
    """What --cut calls word k: the word, the#2 where it stands there again, its number where it would be misread."""
    if safe(words[k]) != words[k] or set(words[k]) & set("#> ") or words[k].isdecimal():
        return str(k)
    turn = 1 + [word.lower() for word in words[:k]].count(words[k].lower())
    return words[k] if turn == 1 else f"{words[k]}#{turn}"


def _quoted(text: str) -> str:
    """`text` as a shell takes it, in double quotes where they are enough."""
    return shlex.quote(safe(text)) if set(text) & set('"$`!\\') else f'"{safe(text)}"'

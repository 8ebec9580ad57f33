"""Who told whom: the verdict, the check, the attention beside the cuts, and every head on its own."""

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from glassformer.show.candidates import expected
from glassformer.show.console import heading, left_out, say, shortened
from glassformer.show.text import QUIET, STRONG, answered, bar, fit, odd, power, safe, shade, share, signed, times, tone

if TYPE_CHECKING:
    from glassformer.explain.story import Story, Told

MOST_ROWS = 16
CELL = 6  # of the ladder: a number and its shade


def print_told(out: Console, story: "Story") -> None:
    """Nothing but a sentence where no word could tell another anything."""
    then = f", then {story.told.like.n}" if story.told and not story.crossed else ""
    written = story.crossed is not None
    title = "Who told the last word" + " written" * written if expected(story) else "Who told whom"
    heading(out, title, f"causal (baseline −∞ before softmax, metric {story.metric.name}, n = 1{then})")
    if story.told is None:
        model = story.views[-1].model
        why = "read a single word" if story.has_attention else "has no attention"
        return say(out, f"{model} {why}: no word could tell another anything.", indent=2)
    told, words = story.told, [safe(word) for word in story.words]
    say(out, _verdict(told, words), indent=2)
    _check(out, story, told, words)
    _row(out, story, told, words)
    _specials(out, story, told, words)
    _ladder(out, told, words)


def _moves(told: "Told", before: float, after: float) -> str:
    return f"{signed(before, told.metric.digits)} → {signed(after, told.metric.digits)}"


def _verdict(told: "Told", words: list[str]) -> str:
    looks, at = words[told.edge.looks], words[told.edge.at]
    moves = _moves(told, told.before, told.after)
    if told.doubt:
        return f"No word clearly told another.  The cut that changes most is {looks} → {at} ({moves}): {_doubt(told)}."
    if told.metric.sides is None:
        moved = f"the {told.metric.name} of {safe(told.metric.of)} moves: {moves}"
        return f"{looks} uses {at}.  When {looks} may not look at {at}, {moved}."
    answers = [answered(value, told.metric.sides) for value in (told.before, told.after)]
    turned = f"turns from {answers[0]} to {answers[1]}" if told.flips else f"stays {answers[0]} but moves"
    hardly = abs(told.reading[1] - told.reading[0]) < told.metric.least
    reading = f"what {looks} adds {'hardly changes, from' if hardly else 'goes from'} {signed(told.reading[0])}"
    change = f"{reading} to {signed(told.reading[1])}, and the answer {turned}: {moves}"
    return f"{looks} uses {at}.  When {looks} may not look at {at}, {change}."


def _doubt(told: "Told") -> str:
    """Why nobody is said to use anything."""
    return {
        "small": f"less than {told.metric.least}",
        "no control": "that word has no other edge to hold it against",
        "like the control": "not three times what a control cut changes",
        "alike": f"but only {told.like.agree} of {told.like.n} sentences alike agree",
    }[told.doubt or ""]


def _check(out: Console, story: "Story", told: "Told", words: list[str]) -> None:
    rows = [*_against_control(story, told, words)]
    if not story.crossed:
        rows.append(("such as", " · ".join(shortened(text, 100) for text in told.like.texts[:3])))
    for model, (before, after) in told.elsewhere.items():
        nothing = "  (as good as nothing)" if abs(after - before) < told.metric.least else ""
        rows.append((model, f"the same cut: {_moves(told, before, after)}{nothing}"))
    if story.edges_measured < story.edges:
        how = f"of all, {story.metric.estimate}"
        rows.append(("measured", f"the {story.edges_measured} largest of {story.edges} edges, by an estimate {how}"))
    long = max((len(name) for name, _ in rows), default=0) + 4
    for name, text in rows:
        lines = Text(text).wrap(out, min(110, out.width) - long)
        for k, line in enumerate(lines):
            out.print(Text().append(fit(f"  {name}" if k == 0 else "", long), QUIET).append(line))


def _against_control(story: "Story", told: "Told", words: list[str]) -> list[tuple[str, str]]:
    """The same cut elsewhere in the sentence, and in sentences alike."""
    rows, like, looks = [], told.like, words[told.edge.looks]
    falls = told.metric.address.startswith("sentence")  # from 1, by whatever is cut: there is but one way
    agree = f"in sentences alike, {like.agree} of {like.n} {'change' if falls else 'agree: the same way'}"
    turns = f"; the cut turns {like.flips} answers round"
    if told.control:
        seen = f"weight {share(told.control.attention).strip()}, not {share(told.edge.attention).strip()}"
        other = f"{looks} may not look at {words[told.control.at]} instead ({seen})"
        rows.append(("control", f"{other}: {_moves(told, told.before, told.before + told.control.change)}"))
        agree += " more than the control" if falls else ", and more than the control"
        turns += f", the control {like.control_flips}"
    return rows if story.crossed else [*rows, (f"n = {like.n}", agree + (turns if told.metric.sides else ""))]


def _row(out: Console, story: "Story", told: "Told", words: list[str]) -> None:
    """How much the word looks at each, beside what changes when it may not."""
    looks, digits = words[told.edge.looks], told.metric.digits
    heading(out, f"{looks} looks at", f"weights descriptive · cuts causal (−∞, {story.metric.name}, n = 1)")
    measured = sorted({*story.cuts, told.edge.looks})
    shown = largest({k: abs(story.cuts.get(k, 0.0)) for k in measured}, MOST_ROWS)
    long = column(story.words, shown, out.width)
    columns = _attention_columns(story, out.width - long - 13)
    wide = odd(out.width - long - 13 - sum(cell_len(title) for title, _ in columns), 21)
    change = "   change when cut" if wide > 6 else "   change"
    titles = "".join(title for title, _ in columns) + fit(change, 11 + wide)
    out.print(Text("  " + " " * long + titles, QUIET))
    most = max(told.metric.least, *(abs(change) for change in story.cuts.values()))
    for k in shown:
        style = STRONG if k == told.edge.at else QUIET if k in story.specials.words else ""
        line = Text("  ").append(fit(words[k], long), style)
        line.append("".join(f"{share(weights[k]):>{len(title)}}" for title, weights in columns), style and QUIET)
        out.print(line.append(_cut_cell(story.cuts.get(k), k == told.edge.looks, most, wide, digits)))
    if columns and columns[0][0].split() == ["L0"]:
        say(out, "L0, L1 …: the mean of the heads of a layer", QUIET, indent=2)
    if not columns:
        left_out(out, len(story.attention), "layers of attention do not fit; ask for one head, such as L0.H0")
    left_out(out, len(words) - len(shown), "words change less when cut, or were not measured")


def _attention_columns(story: "Story", room: int) -> list[tuple[str, list[float]]]:
    """(title, weight of each word) of every head and the mean of each layer; in less room of the means, or none."""
    heads = [
        (f"{f'L{layer}.H{k}':>6}", head) for layer, row in enumerate(story.attention) for k, head in enumerate(row)
    ]
    means = [
        (f"{f'L{layer} mean':>8}", [sum(weights) / len(row) for weights in zip(*row, strict=True)])
        for layer, row in enumerate(story.attention)
    ]
    short = [(f"{title.split()[0]:>4}", weights) for title, weights in means]
    for columns, beside in (([*heads, *means], 21), (means, 0), (short, 0)):
        if sum(len(title) for title, _ in columns) + beside <= room:
            return columns
    return []


def _cut_cell(change: float | None, itself: bool, most: float, wide: int, digits: int) -> Text:
    if change is None:
        return Text(fit("   itself" if itself else "   not measured", 11 + wide).rstrip(), QUIET)
    return Text(f"{signed(change, digits):>9}  ", tone(change, digits)).append(bar(change, most, wide))


def _specials(out: Console, story: "Story", told: "Told", words: list[str]) -> None:
    """What is not about the sentence is shown, and said, and never left out of the sum."""
    special = story.specials
    if not special.words or special.told_weight is None or special.told_mixture is None:
        return
    names = ", ".join(dict.fromkeys(words[k] for k in special.words))
    here = f"{share(special.told_weight).strip()} of the weight of {words[told.edge.looks]}"
    brings = f"{share(special.told_mixture).strip()} of what it mixes (‖weight · value‖)"
    every = f"of all words {share(special.weight).strip()} and {share(special.mixture).strip()}"
    say(out, f"{names}: {here}, {brings}; {every}.  Nothing is renormalised.", QUIET, indent=2)


def _ladder(out: Console, told: "Told", words: list[str]) -> None:
    """The same cut in one head only: a row a layer, a column a head."""
    out.print(Text(f"\n  {words[told.edge.looks]} → {words[told.edge.at]} cut in one head only", QUIET))
    changes = [change for row in told.by_head for change in row if change is not None]
    most = max(map(abs, changes), default=0.0)
    tens = power(most)
    heads = max(map(len, told.by_head))
    fitting = min(heads, (out.width - 6) // CELL)
    for start in range(0, heads, fitting):
        columns = range(start, min(start + fitting, heads))
        out.print(Text("      " + "".join(f"{f'H{k}':>5} " for k in columns), QUIET), soft_wrap=True)
        for layer, row in enumerate(told.by_head):
            line = Text(fit(f"  L{layer}", 6), QUIET)
            for k in columns:
                line.append(_ladder_cell(row[k], most, tens) if k < len(row) else " " * CELL)
            out.print(line, soft_wrap=True)
    unmeasured = sum(map(len, told.by_head)) - len(changes)
    rest = f"; – is one of {unmeasured} not measured, small by an estimate" if unmeasured else ""
    say(
        out,
        f"{f'{times(tens)}; ' if tens else ''}░▒▓█ a quarter, half, three quarters, all of the largest{rest}",
        QUIET,
        indent=2,
    )


def _ladder_cell(change: float | None, most: float, tens: int) -> Text:
    if change is None:
        return Text(f"{'–':>5} ", QUIET)
    scaled = change * 10**tens
    number = next(text for digits in (2, 1, 0) if len(text := signed(scaled, digits)) <= 5 or not digits)
    return Text(f"{number:>5}{shade(change, most)}", tone(scaled))


def column(words: list[str], shown: list[int], width: int) -> int:
    """How wide the column of words is."""
    longest = max(cell_len(safe(words[k])) for k in shown)
    return min(max(longest, 8), max(10, width // 5)) + 1


def largest(sizes: dict[int, float], most: int) -> list[int]:
    """The numbers of the largest, in the order of the sentence."""
    return sorted(sorted(sizes, key=lambda k: -sizes[k])[:most])

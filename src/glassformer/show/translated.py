"""Where a piece that is written came from: which word read it uses, measured, beside where it looks."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from glassformer.show.console import heading, left_out, say
from glassformer.show.text import POSITIVE, QUIET, STRONG, bar, fit, odd, safe, share, signed, tone
from glassformer.show.told import column, largest

if TYPE_CHECKING:
    from glassformer.explain.crossed import Crossed
    from glassformer.explain.story import Story

MOST_ROWS = 16


def print_crossed(out: Console, story: "Story", told: "Crossed") -> None:
    """The verdict with its control, each word read with its cut, and the cut in one head only."""
    heading(out, f"Where {safe(told.metric.of)} came from", "causal (baseline −∞ before softmax, n = 1)")
    say(out, _verdict(story, told), indent=2)
    _control(out, told)
    _rows(out, told)
    _heads(out, story, told)


def _verdict(story: "Story", told: "Crossed") -> str:
    edge, piece = told.edges[0], safe(told.metric.of)
    at, behind = safe(told.words[edge.at]), safe(story.words[told.looks])
    moves = f"{signed(told.before)} → {signed(told.before + edge.change)}"
    if told.doubt:
        why = {"small": f"less than {told.metric.least}", "no control": "there is no other word to hold it against"}
        doubt = why.get(told.doubt, "not three times what a control cut changes")
        return f"No word read is clearly the one.  The cut that changes most is that of {at} ({moves}): {doubt}."
    may = f"When that place may not look at {at}, the log-odds of {piece} go {moves}."
    return f"{piece} is written behind {behind}.  {may}"


def _control(out: Console, told: "Crossed") -> None:
    if told.control is None:
        return
    before, other = told.before, told.control
    seen = f"weight {share(other.attention).strip()}, not {share(told.edges[0].attention).strip()}"
    line = f"control: not at {safe(told.words[other.at])} instead ({seen}): {signed(before)} → "
    say(out, f"{line}{signed(before + other.change)}", QUIET, indent=2)


def _rows(out: Console, told: "Crossed") -> None:
    """Each word read: how much the place looks at it, layer by layer, its cut, and what the word adds."""
    cuts, adds = {edge.at: edge for edge in told.edges}, told.adds
    shown = largest({k: abs(edge.change) for k, edge in cuts.items()}, MOST_ROWS)
    long, layers = column(told.words, shown, out.width), len(told.attention)
    means = [[sum(heads) / len(row) for heads in zip(*row, strict=True)] for row in told.attention]
    fitting = min(layers, max(0, (out.width - long - 2 - 13 - 10 - 9) // 6))
    out.print()
    title = "".join(f"{f'L{k}':>6}" for k in range(fitting)) + "   change when cut"
    wide = odd(out.width - long - 2 - 6 * fitting - 13 - 12, 21)
    out.print(Text("  " + fit("read", long) + fit(title, 6 * fitting + 13 + wide) + "    adds", QUIET), soft_wrap=True)
    most = max(told.metric.least, *(abs(edge.change) for edge in told.edges))
    for k in shown:
        style = STRONG if k == told.edges[0].at else QUIET if k in told.specials else ""
        line = Text("  ").append(fit(told.words[k], long), style)
        line.append("".join(f"{share(means[layer][k]):>6}" for layer in range(fitting)), style and QUIET)
        line.append(f"{signed(cuts[k].change):>9}  ", tone(cuts[k].change)).append(bar(cuts[k].change, most, wide))
        added = adds[k]
        out.print(
            line.append(f"{'–' if added is None else signed(added):>10}", QUIET if added is None else tone(added))
        )
    if fitting:
        rest = "" if fitting == layers else f" (of {layers})"
        say(out, f"L0, L1 …{rest}: weight, the mean of a layer’s heads (descriptive); adds: with it − masked", QUIET, 2)
    left_out(out, len(told.words) - len(shown), "words change less when cut, or were not measured")


def _heads(out: Console, story: "Story", told: "Crossed") -> None:
    at = f"{safe(story.words[told.looks])} → {safe(told.words[told.edges[0].at])}"
    out.print(Text(f"\n  {at} (read) cut in one head only", QUIET))
    for layer, row in enumerate(told.by_head):
        line = Text(f"  L{layer}.cross  ", QUIET)
        for k, change in enumerate(row):
            cell = f"H{k} {signed(change)}   "
            if line.cell_len + len(cell) > out.width:
                line.append("…", QUIET)
                break
            line.append(f"H{k} ", QUIET).append(signed(change), tone(change)).append("   ")
        out.print(line, soft_wrap=True)


def print_written(out: Console, told: "Crossed") -> None:
    """What is written, the piece that is asked about."""
    out.print(Text("→ ", QUIET).append(f"“{safe(told.written)}”", POSITIVE), width=out.width)

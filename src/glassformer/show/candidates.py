"""What may come next, and what it would be if the model stopped at each of its layers."""

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from glassformer.explain.answers import Next
from glassformer.show.console import heading, left_out
from glassformer.show.text import POSITIVE, QUIET, STRONG, fit, level, safe, share, signed

if TYPE_CHECKING:
    from glassformer.explain.answers import Candidate, Metric
    from glassformer.explain.path import Reading
    from glassformer.explain.story import Story

MOST_ROWS = 25  # layers; of more only the last ones are shown


def expected(story: "Story") -> "list[Candidate]":
    """What may come next, where the model says that."""
    answer = story.views[-1].answer
    return answer.candidates if isinstance(answer, Next) else []


def print_next(out: Console, candidates: "list[Candidate]", metric: "Metric", title: str = "What comes next") -> None:
    """The likeliest pieces; the one that everything below is about is strong."""
    heading(out, title, "probability among all pieces (descriptive)")
    long = min(24, 2 + max(cell_len(safe(each.piece)) for each in candidates))
    for each in candidates:
        line = Text("  ").append(fit(each.piece, long), STRONG if each.piece == metric.of else "")
        line.append(f"{each.probability:.3f}  ").append(level(each.probability, out.width - long - 12), POSITIVE)
        out.print(line, soft_wrap=True)


def print_readout(out: Console, story: "Story") -> None:
    """The likeliest pieces after each layer, and the measure of the one that is asked about."""
    readout = [each for each in story.readout if each.candidates]
    if not readout:
        return
    metric = story.metric
    heading(out, "Layer by layer", "the model’s own ending behind each layer (descriptive)")
    titles = f"  {'':10}{'p':>3}  {metric.name:>8}   of {safe(metric.of)}; and the likeliest there"
    out.print(Text(fit(titles, out.width), QUIET), soft_wrap=True)
    left_out(out, len(readout) - MOST_ROWS, "layers before these")
    for each in readout[-MOST_ROWS:]:
        out.print(_reading(each, story, out.width), soft_wrap=True)


def _reading(reading: "Reading", story: "Story", width: int) -> Text:
    name = "embedding" if reading.after == "embed" else reading.after
    line = Text(f"  {name:10}", QUIET).append(f"{share(reading.share or 0.0)}  {signed(reading.value):>8}   ")
    for k, each in enumerate(reading.candidates or []):
        told = f"{safe(each.piece)} {share(each.probability).strip()}"
        gap = " · " if k else ""
        if line.cell_len + cell_len(gap + told) > width:
            break
        line.append(gap, QUIET).append(told, STRONG if each.piece == story.metric.of else "")
    return line

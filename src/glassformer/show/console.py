"""Lines of text on standard output: how wide, whether in colour, and what every view begins with."""

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from glassformer.show.text import QUIET, STRONG, safe


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # who called decides: rich itself would leave with 1, "a check failed"


def console(width: int | None = None, color: bool | None = None) -> Console:
    """Standard output, `width` columns wide.  Colour only on a terminal, and never where NO_COLOR is set."""
    out = _Console(highlight=False, markup=False, emoji=False, soft_wrap=False, no_color=color is False or None)
    wide = width or (out.width if out.is_terminal or "COLUMNS" in out._environ else 80)
    out.width = max(40, wide)
    return out


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


def left_out(out: Console, count: int, what: str) -> None:
    if count > 0:
        out.print(Text(f"  … {count} {what}", QUIET))


def shortened(text: str, most: int) -> str:
    text = safe(" ".join(text.split()))
    return text if len(text) <= most else f"{text[: most - 1]}…"

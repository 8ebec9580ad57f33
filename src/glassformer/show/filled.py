"""What may stand at each mask, the likeliest first."""

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from glassformer.show.console import console, heading, shortened
from glassformer.show.text import POSITIVE, STRONG, fit, level, safe

if TYPE_CHECKING:
    from glassformer.explain.answers import Filled


def print_filled(filled: "Filled", width: int | None = None, color: bool | None = None) -> None:
    """A table a mask: piece, probability, and a bar of it."""
    out = console(width, color)
    out.print()
    for text in (filled.text, filled.second):
        if text is not None:
            out.print(Text(f"“{shortened(text, 2 * out.width)}”", STRONG), width=out.width)
    for k, mask in enumerate(filled.masks):
        which = f" {k + 1}" if len(filled.masks) > 1 else ""
        heading(out, f"mask{which}", "probability of each piece, of the whole vocabulary (descriptive)")
        long = min(24, 2 + max(cell_len(safe(each.piece)) for each in mask))
        for each in mask:
            line = Text(f"  {fit(each.piece, long)}{each.probability:.4f}  ")
            out.print(line.append(level(each.probability, min(40, out.width - long - 12)), POSITIVE))

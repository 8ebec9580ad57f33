"""What a model writes, as it comes; and each of its pieces beside those that it might have written instead."""

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from glassformer.show.console import console, heading, say, shortened
from glassformer.show.text import POSITIVE, QUIET, STRONG, fit, level, safe

if TYPE_CHECKING:
    from glassformer.explain.written import Piece, Written

KEPT = "\n\t"  # of what moves the cursor, as it is: no escape of a model's reaches a terminal
ENDS = {
    "most": "as many pieces as were asked for",
    "end": "the model ended the text",
    "stop": "before a text that was to stop it",
    "room": "the model cannot read more",
    "interrupted": "interrupted",
}


class Stream:
    """Text on standard output, as it comes."""

    def __init__(self, width: int | None = None, color: bool | None = None):
        self.out = console(width, color)

    def prompt(self, text: str) -> None:
        """What was given, in a quieter voice where there is any."""
        self._put(text, QUIET)

    def more(self, text: str) -> None:
        self._put(text, "")

    def _put(self, text: str, style: str) -> None:
        shown = "".join(c if c in KEPT else safe(c) for c in text)
        self.out.print(Text(shown, style), end="", soft_wrap=True)
        self.out.file.flush()


def print_written(written: "Written", width: int | None = None, color: bool | None = None) -> None:
    """The text, then a line a piece: how likely it was, and what was likeliest there."""
    out = console(width, color)
    out.print()
    out.print(
        Text(shortened(written.prompt, 2 * out.width) + written.between, QUIET).append(safe(written.text), STRONG),
        width=out.width,
    )
    heading(out, "Piece by piece", "probability of each piece, of the whole vocabulary (descriptive)")
    long = min(18, 2 + max((cell_len(safe(each.piece)) for each in written.pieces), default=0))
    for each in written.pieces:
        _piece(out, each, long)
    say(out, f"stopped: {ENDS[written.stopped]}", QUIET, indent=2)


def _piece(out: Console, piece: "Piece", long: int) -> None:
    """The piece that was written is strong among the choices too."""
    line = Text(f"  {fit(piece.piece, long)}", STRONG).append(f"{piece.probability:.3f} ")
    line.append(level(piece.probability, 10), POSITIVE).append("  ")
    for choice in piece.choices:
        told = f"{safe(choice.piece)} {choice.probability:.2f}"
        if line.cell_len + cell_len(told) + 3 > out.width:
            break
        line.append(told, STRONG if choice.piece == piece.piece else QUIET).append(
            " · " if choice is not piece.choices[-1] else ""
        )
    out.print(line, soft_wrap=True)

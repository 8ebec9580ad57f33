"""What every table is made of: labels made safe, numbers with their sign, bars and shades that need no colour."""

import unicodedata

from rich.cells import cell_len, set_cell_size
from rich.text import Text

POSITIVE, NEGATIVE, QUIET, STRONG = "blue", "dark_orange3", "dim", "bold"
SHADES = " ░▒▓█"


def safe(label: str) -> str:
    """`label` as a terminal may show it: control and format characters become visible, and nothing acts."""
    return "".join(_visible(c) for c in label)


def _visible(c: str) -> str:
    kind = unicodedata.category(c)
    if ord(c) < 0x20:
        return chr(0x2400 + ord(c))  # the picture of that control character
    return f"\\u{ord(c):04x}" if kind in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else c


def fit(label: str, width: int) -> str:
    """`label`, safe, in exactly `width` columns; what does not fit ends in an ellipsis."""
    label = safe(label)
    if cell_len(label) > width:
        label = set_cell_size(label, width - 1).rstrip() + "…"
    return set_cell_size(label, width)


def signed(value: float, digits: int = 2) -> str:
    """+1.25, −0.31, 0.00: the sign always, and a true minus."""
    text = f"{abs(value):.{digits}f}"
    sign = "" if float(text) == 0 else "+" if value > 0 else "−"
    return sign + text


def share(value: float) -> str:
    """A weight between 0 and 1 in three columns: .42, 1.0, and ~0 for what rounds to nothing."""
    if value >= 0.995:
        return "1.0"
    return f"{value:.2f}"[1:] if value >= 0.005 else " ~0"


def tone(value: float, digits: int = 2) -> str:
    """The colour of a change: none for what is shown as 0.00."""
    if abs(value) < 0.5 * 10**-digits:
        return QUIET
    return POSITIVE if value > 0 else NEGATIVE


def bar(value: float, largest: float, width: int) -> Text:
    """A bar to the right of the middle for a positive value, to the left for a negative one."""
    if width < 3:
        return Text("")
    half = width // 2
    halves = round(2 * half * min(1.0, abs(value) / largest)) if largest > 0 else 0
    full, rest = divmod(halves, 2)
    if value >= 0:
        body = " " * half + "│" + ("█" * full + "▌" * rest).ljust(half)
    else:
        body = ("▐" * rest + "█" * full).rjust(half) + "│" + " " * half
    return Text(body, style=tone(value))


def odd(room: int, most: int) -> int:
    """How wide a bar can be in `room` columns: odd, so that it has a middle; none where nothing could be seen."""
    return (min(most, room) - 1) // 2 * 2 + 1 if room >= 5 else 0


def answered(value: float, sides: tuple[str, str] | None) -> str:
    """What a value says: the name of its side of zero, where the sides have names."""
    return safe(sides[value > 0]) if sides else ""


def level(value: float, width: int) -> str:
    """A bar from the left for a value between 0 and 1."""
    eighths = round(8 * width * min(1.0, max(0.0, value)))
    full, rest = divmod(eighths, 8)
    return ("█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")).ljust(width)


def shade(value: float, largest: float) -> str:
    """One character, the darker the larger |value| is beside `largest`."""
    if largest <= 0:
        return " "
    return SHADES[min(4, round(4 * abs(value) / largest))]


def power(largest: float) -> int:
    """By which power of ten small numbers are multiplied, so that they are not all 0.00."""
    return 0 if largest >= 0.1 else next((p for p in range(1, 9) if largest * 10**p >= 1), 0)


def times(power: int) -> str:
    """What that is called: × 10⁻³."""
    return f"each number × 10⁻{'⁰¹²³⁴⁵⁶⁷⁸⁹'[power]}" if power else ""

"""Wrong answers written apart from the bank, in the ways people write: each with the stage it spoils and its name.

They were written before the bank was looked at again: what a lot scores at first is how well the checker meets what
it has not seen.  Of the first three nothing was put into the bank; what the later ones showed to be missing was, and
then only their first score is evidence.  From the third on a lot has RIGHT = [function, …] too.
WRONG = [wrong(stage, "words | or other words")(function), …].
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Apart:
    """stage: those that count as right, with | between; named: a name must hold one of these, with | between."""

    thing: Callable
    stage: str
    named: str


def collect(into: list[Apart]) -> Callable:
    def wrong(stage: str, named: str) -> Callable:
        def keep(thing: Callable) -> Callable:
            into.append(Apart(thing, stage, named))
            return thing

        return keep

    return wrong

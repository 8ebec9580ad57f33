"""A text with some of its words taken out, or put into another order."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from glassformer.errors import UsageError, one_line
from glassformer.explain.batch import Translation
from glassformer.explain.switches import Switch
from glassformer.hub.tokens import Pieces, Word


def shorter(pieces: Pieces, gone: Iterable[int]) -> Pieces:
    """`pieces` without the words of these numbers: what stood behind them moves up.

    Raises UsageError where nothing would be left to read.
    """
    away = {place for k in gone for place in pieces.words[k].pieces}
    kept = [place for place in range(len(pieces.ids)) if place not in away]
    if all(place in pieces.specials for place in kept):
        raise UsageError(f"nothing would be left to read of {one_line(pieces.text, 40)!r}; leave one word in it")
    place = {old: new for new, old in enumerate(kept)}
    words = [word for k, word in enumerate(pieces.words) if word.pieces[0] not in away]
    left = replace(
        pieces,
        ids=[pieces.ids[k] for k in kept],
        names=[pieces.names[k] for k in kept],
        spans=[pieces.spans[k] for k in kept],
        types=[pieces.types[k] for k in kept] if pieces.types else [],
        words=[Word(word.text, tuple(place[k] for k in word.pieces)) for word in words],
        specials=frozenset(place[k] for k in pieces.specials if k in place),
    )
    return replace(left, at=place[max(k for k in place if k <= left.at)]) if isinstance(left, Translation) else left


def beyond(pieces: Pieces, switches: Sequence[Switch]) -> None:
    """Raise UsageError where a switch counts what stands behind a word that another one takes out."""
    first = min((pieces.words[k].pieces[0] for switch in switches for k in switch.gone), default=len(pieces.ids))
    for switch in switches:
        if switch.reach > first:
            word = pieces.words[pieces.word_at(first)].text
            raise UsageError(f"{word} is taken out, and {switch.text} counts what stands behind it; choose one of them")

"""The pictures that a page carries when nobody can be asked: the text, what switches do, and what is beside it."""

import os
from collections.abc import Sequence
from typing import Any

from glassformer.errors import UsageError
from glassformer.explain.arrays import LONG, followed
from glassformer.explain.choices import Choice
from glassformer.explain.explanation import Explanation
from glassformer.explain.picture import Picture
from glassformer.explain.reader import Reader, companion
from glassformer.hub.store import shipped

NEWCOMER, STUDY = "this restaurant was not terrible", "Thinking Machines"
SMALL = "tiny"  # the shipped model whose whole sums fit the screen
MOST_SMALL = 64  # pieces of a text that it is shown beside


def carried(x: Explanation, choices: Sequence[Choice] = (), against: str | None = None) -> list[Picture]:
    """The picture of `x`; that of the sentence it is held against; what the small model makes of the same text, of the
    newcomer's and of the study's, so that the nine steps can be walked anywhere.

    choices: switches that are tried beforehand, all together and each alone.  Raises UsageError.
    """
    others = [] if against is None else [_portable(whole(x.reader.explain(against)))]
    return [_main(x, list(choices)), *others, *small(x)]


def small(x: Explanation | None = None) -> list[Picture]:
    """What the small model makes of `x`, the newcomer's sentence and the study's; nothing where it is not shipped."""
    if SMALL not in shipped():
        return []
    reader, texts = companion(SMALL), [NEWCOMER, STUDY]
    if x is not None and x.reader.name != SMALL and x.second is None and _fits(reader, x.text):
        texts.insert(0, x.text)
    if x is not None and x.reader.name == SMALL:
        texts = [text for text in texts if text != x.text]
    return [whole(reader.explain(text)) for text in dict.fromkeys(texts)]


def whole(x: Explanation) -> Picture:
    """The picture of `x`, of a text that is not long with what follows from its other numbers as well."""
    picture = x.picture()
    more = followed(x.tape) if len(x.pieces) <= LONG else {}
    return {**picture, "arrays": {**picture["arrays"], **more}}


def _main(x: Explanation, choices: list[Choice]) -> Picture:
    picture = whole(x)
    some = [choices, *([each] for each in choices)] if choices else []
    tried = {" + ".join(map(str, each)): _tried(x, each) for each in some}
    return _portable({**picture, "whatifs": {**tried, **x.whatifs(picture)}})


def _tried(x: Explanation, choices: list[Choice]) -> dict[str, Any]:
    found = x.what_if(*choices)
    controls = [[name, after] for name, after in found.controls.items()]
    return {"after": found.after, "baseline": found.baseline, "controls": controls}


def _portable(picture: Picture) -> Picture:
    """A file goes to others: of a model's folder only its name."""
    model = picture["model"]
    return {**picture, "model": {**model, "given": model["name"]}} if os.path.isabs(model["given"]) else picture


def _fits(reader: Reader, text: str) -> bool:
    """Whether the small model reads all of it."""
    try:
        pieces = reader.cut(text)
    except UsageError:
        return False
    return len(pieces.ids) <= MOST_SMALL and not pieces.left_out

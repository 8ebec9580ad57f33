"""The same question put to twenty sentences of the same kind: one sentence proves nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from glassformer.errors import UsageError
from glassformer.explain.batch import Batch, batch_of
from glassformer.explain.effects import Edge
from glassformer.explain.measure import Measure
from glassformer.explain.switches import cut
from glassformer.explain.trial import Trial
from glassformer.hub.tokens import Pieces
from glassformer.tape import listen

HOW_MANY = 20
# Words that can stand for each other.  Where a sentence has some, they are exchanged for others of their kind.
KINDS: tuple[tuple[str, ...], ...] = tuple(
    tuple(words.split())
    for words in (
        "terrible awful horrible dreadful bad poor disappointing boring dull mediocre unpleasant disgusting lousy weak "
        "ugly annoying rude nasty ridiculous stupid worthless miserable",
        "good great excellent wonderful fantastic nice superb amazing lovely delightful brilliant impressive charming "
        "enjoyable perfect beautiful pleasant fun fresh funny awesome delicious",
        "restaurant film food movie service place story meal dinner show book hotel soup play music dish acting "
        "dessert plot script pizza",
        "i we they you everyone she he people",
        "liked loved enjoyed recommended admired praised",
        "hated disliked regretted despised loathed",
        "like love enjoy recommend admire praise",
        "hate dislike regret despise loathe",
    )
)
# Where that gives fewer than twenty sentences, it is put into other company: (before, after).
COMPANY = (
    *((f"{word} ,", "") for word in "well honestly frankly overall yes so now look anyway indeed".split()),
    *(("", f", {word}") for word in "really honestly frankly overall again today actually i guess then".split()),
)


Texts = tuple[str, str | None]


@dataclass(frozen=True)
class Like:
    """The edge cut in n sentences like the first one.

    agree: the cut moves the answer the same way, and further than the control cut does.
    flips, control_flips: how often the cut, or the control cut, turns the answer round.
    """

    n: int
    agree: int
    flips: int
    control_flips: int
    texts: list[str]
    changes: list[float]
    control_changes: list[float]


NOT_ASKED = Like(0, 0, 0, 0, [], [], [])


def alike(trial: Trial, told: Edge, control: Edge | None) -> Like:
    """Cut `told`, and `control`, in up to twenty sentences like this one."""
    if trial.read:  # what is written of another text is another one
        return NOT_ASKED
    needed = {told.looks, told.at, *((control.looks, control.at) if control else ())}
    shifts = _sentences(trial, needed)
    if not shifts:
        return Like(0, 0, 0, 0, [], [], [])
    before, change, aside = torch.cat([_changes(trial, part, told, control) for part in _parts(trial, shifts)], dim=1)
    agree = (change * told.change > 0) & (change.abs() > aside.abs())
    flips, control_flips = (_turned(trial, before.tolist(), each.tolist()) for each in (change, aside))
    texts = [_text(pieces) for pieces, _ in shifts]
    return Like(len(shifts), int(agree.sum()), flips, control_flips, texts, change.tolist(), aside.tolist())


def _turned(trial: Trial, before: list[float], changes: list[float]) -> int:
    """How many answers are other ones afterwards."""
    return sum(trial.metric.turns(value, value + change) for value, change in zip(before, changes, strict=True))


def _parts(trial: Trial, shifts: list[tuple[Pieces, int]]) -> Iterator[list[tuple[Pieces, int]]]:
    """As many sentences together as fit in one batch."""
    step = max(1, trial.at_once // max(len(pieces.ids) for pieces, _ in shifts))
    return (shifts[start : start + step] for start in range(0, len(shifts), step))


def _changes(trial: Trial, shifts: list[tuple[Pieces, int]], told: Edge, control: Edge | None) -> Tensor:
    """Of each sentence the measure, and its change when the edge, and when the control, is cut: (3, b)."""
    batch = batch_of([pieces for pieces, _ in shifts], trial.reader.tokens)
    with torch.no_grad(), listen(trial.reader.model, keep=()):
        output = trial.kind.run(batch)
    measure = trial.measure.elsewhere(output, batch)
    before = measure(output, batch)
    after = [_after(trial, shifts, batch, measure, edge) for edge in (told, control) if edge is not None]
    changes = [each - before for each in after]
    return torch.stack([before, *changes, *[torch.zeros_like(before)] * (2 - len(changes))])


def _after(trial: Trial, shifts: list[tuple[Pieces, int]], batch: Batch, measure: Measure, edge: Edge) -> Tensor:
    """The measure of each sentence with `edge` cut, where it stands there."""
    n = batch.ids.size(1)
    cuts = torch.zeros(len(batch), n, n, dtype=torch.bool)  # b i j
    for row, (pieces, shift) in zip(cuts, shifts, strict=True):
        looks, at = (torch.tensor(pieces.words[k + shift].pieces) for k in (edge.looks, edge.at))
        row[looks[:, None], at] = True
    return trial.after(cut(cuts), batch=batch, measure=measure)


def _sentences(trial: Trial, needed: set[int]) -> list[tuple[Pieces, int]]:
    """Sentences like this one, and how many words stand before its own; the words `needed` are read in each."""
    read = ((_cut(trial, texts), before) for texts, before in (*_exchanged(trial), *_in_company(trial)))
    like = ((pieces, _put_before(pieces, before)) for pieces, before in read if pieces is not None)
    return list(islice((each for each in like if _stands(trial, *each, needed)), HOW_MANY))


def _put_before(pieces: Pieces, before: str) -> int:
    """How many words stand within `before`, or the space behind it, at the beginning of the first text."""
    spoken = [word.pieces[-1] for word in pieces.words if before and word.pieces[0] not in pieces.specials]
    return sum(pieces.spans[last][1] <= len(before) + 1 and not pieces.types[last] for last in spoken)


def _cut(trial: Trial, texts: Texts) -> Pieces | None:
    """Cut as this one is; None where nothing of it can be read."""
    try:
        return trial.kind.cut(texts[0], trial.reader.longest, texts[1], joint=trial.batch.look is None)
    except UsageError:
        return None


def _stands(trial: Trial, pieces: Pieces, shift: int, needed: set[int]) -> bool:
    """The words are where they are looked for: nothing cut off, and what was put before counts as it should."""
    if pieces.second is not None and (pieces.left_out or len(pieces.words) < len(trial.words) + shift):
        return False  # of two texts the longer one is cut, and what follows it moves
    if len(pieces.words) <= max(needed) + shift or (shift and not _begins(trial, pieces, shift)):
        return False
    special = [pieces.words[k + shift].pieces[0] in pieces.specials for k in needed]
    return special == [k in trial.specials for k in needed]


def _begins(trial: Trial, pieces: Pieces, shift: int) -> bool:
    start = trial.spoken[0]
    return pieces.words[start + shift].text == trial.words[start].text


def _exchanged(trial: Trial) -> list[tuple[Texts, str]]:
    """The sentence with its words of a known kind exchanged, all of them at once; nothing is put before it."""
    own = [word.text.lower() for word in trial.words]
    kinds = {k: kind for k in trial.spoken for kind in KINDS if own[k] in kind}
    kinds = {} if all(len(word) < 2 for word in own) else kinds  # letters are no words
    texts = []
    for turn in range(1, 2 * HOW_MANY) if kinds else ():
        others = {k: kind[(kind.index(own[k]) + turn) % len(kind)] for k, kind in kinds.items()}
        texts.append(_with_words(trial, others))
    same = _lowered((trial.pieces.text, trial.pieces.second))
    return [(each, "") for each in dict.fromkeys(texts) if _lowered(each) != same]


def _lowered(texts: Texts) -> list[str]:
    return [text.lower() for text in texts if text is not None]


def _with_words(trial: Trial, others: dict[int, str]) -> Texts:
    """The texts that were read, with some words in the place of others."""
    written = [text for text in (trial.pieces.text, trial.pieces.second) if text is not None]
    texts, ends = [""] * len(written), [0] * len(written)
    for k in trial.spoken:
        pieces = trial.words[k].pieces
        which = trial.pieces.types[pieces[0]]
        end = trial.pieces.spans[pieces[-1]][1]
        before, own = written[which][ends[which] : end], trial.words[k].text
        texts[which] += before.removesuffix(own) + others.get(k, own) if before.endswith(own) else before
        ends[which] = end
    return texts[0], texts[1] if len(texts) > 1 else None


def _in_company(trial: Trial) -> list[tuple[Texts, str]]:
    """The sentence with something before it, or behind it where it is not what comes behind it that is asked."""
    first, second = _with_words(trial, {})
    put = [(before, f"{before} {first}".strip(), after) for before, after in COMPANY if before or trial.asks is None]
    if second is None:
        return [((f"{text}{after}", None), before) for before, text, after in put]
    return [((text, f"{second}{after}"), before) for before, text, after in put]


def _text(pieces: Pieces) -> str:
    return pieces.text if pieces.second is None else f"{pieces.text} | {pieces.second}"

"""The same question put to twenty sentences of the same kind: one sentence proves nothing."""

from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from glassformer.explain.effects import Edge
from glassformer.explain.switches import cut
from glassformer.explain.trial import Trial
from glassformer.hub.tokens import Pieces, pad

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


def alike(trial: Trial, told: Edge, control: Edge | None) -> Like:
    """Cut `told`, and `control`, in up to twenty sentences like this one."""
    shifts = _sentences(trial, 1 + max(told.looks, told.at, *((control.looks, control.at) if control else ())))
    if not shifts:
        return Like(0, 0, 0, 0, [], [], [])
    trials = [Trial(trial.reader, pieces) for pieces, _ in shifts]
    before = _after(trials, None, shifts)
    change = _after(trials, told, shifts) - before
    aside = _after(trials, control, shifts) - before
    agree = (change * told.change > 0) & (change.abs() > aside.abs())
    flips, control_flips = (int((before * (before + each) < 0).sum()) for each in (change, aside))
    texts = [pieces.text for pieces, _ in shifts]
    return Like(len(trials), int(agree.sum()), flips, control_flips, texts, change.tolist(), aside.tolist())


def _after(trials: list[Trial], edge: Edge | None, shifts: list[tuple[Pieces, int]]) -> Tensor:
    """The log-odds of each sentence with `edge` cut, where it stands there."""
    ids, real = pad([trial.pieces.ids for trial in trials], trials[0].reader.tokens.padding)
    if edge is None:
        return trials[0].after(ids=ids, real=real)
    cuts = torch.zeros(*ids.shape, ids.size(1), dtype=torch.bool)  # b i j
    for row, trial, (_, shift) in zip(cuts, trials, shifts, strict=True):
        own = trial.edges([(edge.looks + shift, edge.at + shift)])[0]
        row[: own.size(0), : own.size(1)] = own
    return trials[0].after(cut(cuts), ids=ids, real=real)


def _sentences(trial: Trial, needed: int) -> list[tuple[Pieces, int]]:
    """Sentences like this one, and how many words stand before its own; its first `needed` words are read in each."""
    texts, shifts = zip(*_exchanged(trial), *_in_company(trial), strict=True)
    cut = trial.reader.tokens.cut_many(list(texts), trial.reader.longest)
    like = ((pieces, shift) for pieces, shift in zip(cut, shifts, strict=True) if trial.reader.tokens.readable(pieces))
    return list(islice((each for each in like if _stands(trial, *each, needed)), HOW_MANY))


def _stands(trial: Trial, pieces: Pieces, shift: int, needed: int) -> bool:
    """The words are where they are looked for: nothing cut off, and what was put before counts as it should."""
    own = pieces.words[shift:]
    return len(own) >= needed and (not shift or own[0].text == trial.words[0].text)


def _exchanged(trial: Trial) -> list[tuple[str, int]]:
    """The sentence with its words of a known kind exchanged, all of them at once."""
    own = [word.text.lower() for word in trial.words]
    kinds = {k: kind for k, word in enumerate(own) for kind in KINDS if word in kind}
    texts = []
    for turn in range(1, 2 * HOW_MANY) if kinds else ():
        others = {k: kind[(kind.index(own[k]) + turn) % len(kind)] for k, kind in kinds.items()}
        texts.append(_with_words(trial, others))
    different = dict.fromkeys(text for text in texts if text.lower() != trial.pieces.text.lower())
    return [(text, 0) for text in different]


def _with_words(trial: Trial, others: dict[int, str]) -> str:
    """The text that was read, with some words in the place of others."""
    text, at = "", 0
    for k, word in enumerate(trial.words):
        start, end = trial.pieces.spans[word.pieces[0]][0], trial.pieces.spans[word.pieces[-1]][1]
        text += trial.pieces.text[at:start] + others.get(k, trial.pieces.text[start:end])
        at = end
    return text


def _in_company(trial: Trial) -> list[tuple[str, int]]:
    read = _with_words(trial, {})
    return [(f"{before} {read}{after}".strip(), len(before.split())) for before, after in COMPANY]

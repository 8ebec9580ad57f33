"""Before and after: a sentence with something switched off, beside the same switch used where it should not matter."""

import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import torch
from torch import Tensor

from glassformer.errors import UsageError, did_you_mean, one_line
from glassformer.explain.address import Address, check, parse
from glassformer.explain.answers import Embedding, Metric, Said
from glassformer.explain.batch import batch_of, run
from glassformer.explain.effects import nearest_other, words_add
from glassformer.explain.embeds import Embeds
from glassformer.explain.reader import Reader
from glassformer.explain.switches import BASELINES, PARTS, Switch, cut, head_off, without
from glassformer.explain.trial import Trial
from glassformer.tape import listen

_NUMBER = re.compile(r"-?[0-9]{1,9}")
# What a head's mean is taken over: everyday sentences of both kinds and of neither, none of them negated.
REFERENCE = (
    "we had dinner there on a Tuesday night",
    "the soup arrived hot and tasted wonderful",
    "the waiter was rude to my mother",
    "this film tells the story of two brothers",
    "a dull and lifeless sequel",
    "I bought the phone in March",
    "the room was clean, quiet and cheap",
    "they charged us twice for the same bottle",
    "the actors are charming together",
    "it starts at eight and lasts two hours",
    "the battery died after a week",
    "everyone at the table loved the dessert",
    "the plot is a mess from start to finish",
    "our table was next to the window",
    "a warm, funny and generous comedy",
    "the delivery came late and the pizza was cold",
    "she plays a doctor in a small town",
    "the best meal we have had this year",
    "the sound is awful and the picture is worse",
    "you order at the counter and pay first",
)


Cell = tuple[str, float | None]  # a word, and what it adds where that was measured


@dataclass(frozen=True)
class WhatIf:
    """before and after: the measure, which `metric` names; baseline: what stands in for what was switched off.

    left_out: pieces that were not read; controls: what the same switch does elsewhere, name → measure after.
    """

    what: str
    text: str
    words: list[str]
    labels: tuple[str, ...]
    metric: Metric
    before: float
    after: float
    adds: list[float | None]
    baseline: str
    left_out: int = 0
    controls: dict[str, float] = field(default_factory=dict)
    second: str | None = None

    @property
    def change(self) -> float:
        return self.after - self.before

    @property
    def flips(self) -> bool:
        return self.metric.turns(self.before, self.after)


@dataclass(frozen=True)
class Against:
    """Two sentences through one model, word beside word; None where the other has no such word.

    cosine: of their vectors, where the model says nothing else of a text.
    """

    model: str
    answers: tuple[Said, Said]
    rows: list[tuple[Cell | None, Cell | None]]
    metric: Metric
    cosine: float | None = None


@dataclass(frozen=True)
class Choice:
    """A switch, and the same switch used elsewhere as controls."""

    switch: Switch
    controls: list[Switch]


def what_if(trial: Trial, choices: list[Choice]) -> WhatIf:
    """The answer with every chosen switch on.  Controls are run where one thing alone is switched."""
    switches = [choice.switch for choice in choices]
    controls = choices[0].controls if len(choices) == 1 else []
    return WhatIf(
        " + ".join(switch.name for switch in switches),
        trial.pieces.text,
        trial.texts,
        trial.reader.labels,
        trial.metric,
        trial.before,
        trial.after(*switches).item(),
        words_add(trial),
        ", ".join(dict.fromkeys(switch.baseline for switch in switches)),
        trial.pieces.left_out,
        dict(zip((control.name for control in controls), trial.after_each(controls), strict=True)),
        trial.pieces.second,
    )


def choose_cut(trial: Trial, looks: str | int, at: str | int) -> Choice:
    """`looks` may not look at `at`; control: `looks` may not look at another word."""
    trial.need_attention()
    i, j = word_number(trial, looks), word_number(trial, at)
    control = nearest_other(trial, i, j)
    pairs = [(i, j)] if control is None else [(i, j), (i, control)]
    chosen, *others = [cut(trial.edges([pair]), _named(trial, *pair)) for pair in pairs]
    return Choice(chosen, others)


def choose_head(trial: Trial, where: str | Address, baseline: str) -> Choice:
    """One head off; controls: every other head off in the same way."""
    trial.need_attention()
    if baseline not in BASELINES:
        close = did_you_mean(baseline, BASELINES)
        raise UsageError(f"there is no baseline {one_line(baseline, 40)!r}{close}; choose {', '.join(BASELINES)}")
    address = parse(where) if isinstance(where, str) else where
    if address.axes[:1] != ("head",) or not address.index or address.layer is None:
        layer, head = trial.heads[-1]
        raise UsageError(f"{address} is no head; write L0.H0 to L{layer}.H{head}")
    check(address, trial.shapes)
    means = _mean_heads(trial.reader) if baseline == "mean" else None
    switches = {at: head_off(*at, baseline, None if means is None else means[at]) for at in trial.heads}
    chosen = switches.pop((address.layer, address.index[0]))
    return Choice(chosen, list(switches.values()))


def choose_without(trial: Trial, part: str) -> Choice:
    """The whole model without scaling, positions or separate heads; there is no control of that."""
    trial.need_attention()
    if part not in PARTS:
        close = did_you_mean(part, PARTS)
        raise UsageError(f"a model has no {one_line(part, 40)!r} to go without{close}; choose {', '.join(PARTS)}")
    relative = getattr(trial.reader.config, "positions", "absolute").startswith("relative")
    return Choice(without(part, trial.head_width, relative), [])


def against(reader: Reader, text: str, other: str) -> Against:
    """`text` beside `other`, each word with what it adds."""
    left, right = (Trial(reader, reader.cut(each)) for each in (text, other))
    sides = [_cells(trial) for trial in (left, right)]
    matcher = SequenceMatcher(None, *([word.lower() for word, _ in side] for side in sides), autojunk=False)
    rows = []
    for _, a0, a1, b0, b1 in matcher.get_opcodes():
        some, others = sides[0][a0:a1], sides[1][b0:b1]
        for k in range(max(len(some), len(others))):
            rows.append((some[k] if k < len(some) else None, others[k] if k < len(others) else None))
    answers = reader.answer(left.pieces), reader.answer(right.pieces)
    cosine = _cosine(*answers) if isinstance(left.kind, Embeds) and isinstance(right.kind, Embeds) else None
    return Against(reader.name, answers, rows, left.metric, cosine)


def _cells(trial: Trial) -> list[Cell]:
    adds = words_add(trial)
    return [(trial.texts[k], adds[k]) for k in trial.spoken]


def _cosine(one: Said, other: Said) -> float:
    assert isinstance(one, Embedding) and isinstance(other, Embedding)
    return torch.cosine_similarity(*(torch.tensor(each.vector).double() for each in (one, other)), dim=0).item()


def word_number(trial: Trial, word: str | int) -> int:
    """The number of `word`: given as a number, as the word, or as `the#2` for its second appearance."""
    known = [each.lower() for each in trial.texts]
    if isinstance(word, str) and word.strip().lower() not in known and _NUMBER.fullmatch(word.strip()):
        word = int(word)
    if isinstance(word, int):
        if 0 <= word < len(known):
            return word
        last = len(known) - 1
        ends = f"0 ({trial.texts[0]}) to {last} ({trial.texts[last]})"
        raise UsageError(f"there is no word {word}; the sentence has words {ends}")
    name, _, which = word.strip().lower().partition("#") if word.strip() != "#" else ("#", "", "")
    places = [k for k, each in enumerate(known) if each == name]
    chosen = int(which) - 1 if _NUMBER.fullmatch(which) else 0
    if 0 <= chosen < len(places):
        return places[chosen]
    times = f"; {name} stands there {len(places)} times" if places else did_you_mean(word, known)
    raise UsageError(
        f"there is no word {one_line(word, 40)!r} in the sentence{times}; its words: {' '.join(trial.texts)}"
    )


def _named(trial: Trial, looks: int, at: int) -> str:
    """What a cut is called; a word that stands there several times with its turn, as --cut takes it."""
    known = [word.lower() for word in trial.texts]
    turns = {k: f"#{1 + known[:k].count(known[k])}" if known.count(known[k]) > 1 else "" for k in (looks, at)}
    return f"{trial.texts[looks]}{turns[looks]} may not look at {trial.texts[at]}{turns[at]}"


@torch.no_grad()
def _mean_heads(reader: Reader) -> dict[tuple[int, int], Tensor]:
    """The mean z of every head over all positions of the reference sentences: (layer, head) → (d,)."""
    batch = batch_of(reader.tokens.cut_many(list(REFERENCE), reader.longest), reader.tokens)
    with listen(reader.model, "layers.*.attention.z") as tape:
        run(reader.model, batch)
    means = [z.transpose(1, 2)[batch.real].mean(0) for z in tape.values()]  # h d
    return {(layer, head): mean for layer, each in enumerate(means) for head, mean in enumerate(each)}


def edge(trial: Trial, text: str) -> tuple[str, str]:
    """ "terrible>not": who looks > at whom.  A special piece such as <s> has that sign in its name."""
    sides = [(text[:k], text[k + 1 :]) for k, sign in enumerate(text) if sign == ">"]
    sides = [each for each in sides if all(side.strip() for side in each)]
    if not sides:
        raise UsageError(f'{one_line(text, 40)!r} names no edge; write "terrible>not": who looks > at whom')
    known = {word.lower() for word in trial.texts}
    fits = (each for each in sides if all(side.strip().lower().partition("#")[0] in known for side in each))
    return next(fits, sides[0])

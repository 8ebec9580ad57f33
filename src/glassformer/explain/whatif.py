"""Before and after: a sentence with something switched off, beside the same switch used where it should not matter."""

from dataclasses import dataclass, field
from difflib import SequenceMatcher

import torch

from glassformer.explain.answers import Embedding, Metric, Said
from glassformer.explain.choices import Choice
from glassformer.explain.effects import words_add
from glassformer.explain.embeds import Embeds
from glassformer.explain.reader import Reader
from glassformer.explain.trial import Trial

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

"""What a model can say of a text, as plain data: one class a kind of answer, and what is measured of it.

Each has `says`, the answer in a word; `share`, a number between 0 and 1 where there is one; and `value`, the number
that every effect is a difference of.
"""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Metric:
    """What every effect is a difference of.

    name: log-odds, score, cosine; of: of what; address: where the answer stands; sides: what a value below and above
    zero says, where zero is a border; least: a smaller change is called none; digits: behind the point; blank: the
    piece that stands in for a word; estimate: how changes that are not measured are estimated.
    """

    name: str
    of: str
    address: str
    sides: tuple[str, str] | None
    least: float
    digits: int = 2
    blank: str = "[MASK]"
    estimate: str = "to first order, by one backward pass"

    def turns(self, before: float, after: float) -> bool:
        """The answer is another one afterwards."""
        return self.sides is not None and before * after < 0

    def share(self, value: float) -> float | None:
        """The value as a number between 0 and 1, where it can be read as one: a probability, how near two texts are."""
        if self.name == "log-odds":
            return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
        return min(1.0, max(0.0, value)) if self.address == "similarity" else None


@dataclass(frozen=True)
class Answer:
    """One label of several.  probability: of each; log_odds: ln(p / (1 − p)) of the label that is asked about, the
    last one of two, the answered one of more.
    """

    text: str
    label: str | None  # None where there was nothing to read
    probability: dict[str, float]
    log_odds: float
    left_out: int = 0  # pieces beyond what the model can read
    second: str | None = None

    @property
    def p_positive(self) -> float:
        """The probability of the last label, which is `positive` in the shipped models."""
        return next(reversed(self.probability.values()), math.nan)

    @property
    def says(self) -> str:
        return self.label or "–"

    @property
    def share(self) -> float:
        """The probability of the last label of two, of the answered one of more."""
        return self.p_positive if len(self.probability) == 2 else max(self.probability.values(), default=math.nan)

    @property
    def value(self) -> float:
        return self.log_odds


@dataclass(frozen=True)
class Several:
    """Any number of labels, each for itself.  labels: those more likely than not; log_odds: of the likeliest."""

    text: str
    labels: tuple[str, ...] | None
    probability: dict[str, float]
    log_odds: float
    left_out: int = 0
    second: str | None = None

    @property
    def says(self) -> str:
        return "–" if self.labels is None else ", ".join(self.labels) or "none"

    @property
    def share(self) -> float:
        return max(self.probability.values(), default=math.nan)

    @property
    def value(self) -> float:
        return self.log_odds


@dataclass(frozen=True)
class Score:
    """A number for each label, on no scale that is known here; the first is asked about."""

    text: str
    scores: dict[str, float] | None
    left_out: int = 0
    second: str | None = None

    @property
    def says(self) -> str:
        return next(iter(self.scores or {"–": 0.0}))

    @property
    def share(self) -> None:
        return None

    @property
    def value(self) -> float:
        return next(iter((self.scores or {"–": math.nan}).values()))


@dataclass(frozen=True)
class Embedding:
    """One vector for the whole text.  Its value is its cosine with itself, which a change can only lessen."""

    text: str
    vector: list[float] = field(repr=False)
    left_out: int = 0
    second: str | None = None

    @property
    def says(self) -> str:
        return f"{len(self.vector)} numbers"

    @property
    def share(self) -> None:
        return None

    @property
    def value(self) -> float:
        return 1.0


@dataclass(frozen=True)
class Similar:
    """How near two texts are, each read on its own: the cosine of their vectors."""

    text: str
    second: str
    cosine: float
    left_out: int = 0

    @property
    def says(self) -> str:
        return "cosine"

    @property
    def share(self) -> float:
        return min(1.0, max(0.0, self.cosine))

    @property
    def value(self) -> float:
        return self.cosine


@dataclass(frozen=True)
class Candidate:
    """A piece that may stand at a mask, or come next."""

    piece: str
    probability: float


@dataclass(frozen=True)
class Filled:
    """What may stand at each mask of a text, the likeliest first; log_odds: of the likeliest at the first mask.

    text: with the model's own mask; an empty list of masks where there is nothing to fill.
    """

    text: str
    masks: list[list[Candidate]]
    log_odds: float = math.nan
    left_out: int = 0
    second: str | None = None

    @property
    def says(self) -> str:
        return self.masks[0][0].piece if self.masks else "–"

    @property
    def share(self) -> float:
        return self.masks[0][0].probability if self.masks else math.nan

    @property
    def value(self) -> float:
        return self.log_odds


@dataclass(frozen=True)
class Next:
    """What may come next after a text, the likeliest first; log_odds: of the likeliest."""

    text: str
    candidates: list[Candidate]
    log_odds: float
    left_out: int = 0
    second: None = None

    @property
    def says(self) -> str:
        return self.candidates[0].piece

    @property
    def share(self) -> float:
        return self.candidates[0].probability

    @property
    def value(self) -> float:
        return self.log_odds


@dataclass(frozen=True)
class Translated(Next):
    """What is written of `text`; candidates: what may stand at the position that is asked."""

    written: str = ""


Said = Answer | Several | Score | Embedding | Similar | Filled | Next

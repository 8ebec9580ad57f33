"""A model that gives a text a label, several labels, or a score."""

from typing import Any

from torch import Tensor

from glassformer.errors import UsageError
from glassformer.explain.answers import Answer, Metric, Said, Score, Several
from glassformer.explain.batch import Batch
from glassformer.explain.kind import Kind
from glassformer.explain.measure import Measure, log_odds
from glassformer.hub.store import Checkpoint
from glassformer.hub.tokens import Pieces
from glassformer.models.heads import NextSentence

FOLLOWS = ("follows", "does not follow")  # the two classes of next-sentence prediction, in BERT's order
CLEAR_ODDS, CLEAR_SCORE = 0.25, 0.05  # a smaller change is called none


class OfLabel(Measure):
    """The number of one label: its log-odds, or its score."""

    def __init__(self, metric: Metric, kind: "OneLabel", label: int):
        super().__init__(metric)
        self.kind, self.label = kind, label

    def __call__(self, output: Tensor, batch: Batch) -> Tensor:
        return self.kind.number(output, self.label)


class OneLabel(Kind):
    """Exactly one of several labels."""

    what = "puts a label on a text"
    verbs = ("explain", "why", "classify")

    def __init__(self, checkpoint: Checkpoint):
        super().__init__(checkpoint)
        self.labels = FOLLOWS if isinstance(self.model, NextSentence) else self.labels

    def takes_one_text(self) -> None:
        """A next-sentence model does not."""
        if isinstance(self.model, NextSentence):
            raise UsageError("it says whether a second text follows the first: give --pair, or lines of two with --tab")

    def cut(self, text: str, most: int, second: str | None = None, joint: bool = False) -> Pieces:
        if second is None:
            self.takes_one_text()
        return super().cut(text, most, second, joint)

    def number(self, logits: Tensor, label: int) -> Tensor:
        """What is measured of a label: logits (b, c) → (b,)."""
        return log_odds(logits, label)

    def asked(self, logits: Tensor) -> int:
        """The label that is asked about: the last of two, the answered one of more.  logits (1, c)."""
        return 1 if logits.size(-1) == 2 else int(logits.argmax())

    def metric(self, label: int) -> Metric:
        name = self.labels[label]
        other = self.labels[0] if len(self.labels) == 2 else f"not {name}"
        return Metric("log-odds", name, self.address(label), (other, name), CLEAR_ODDS, blank=self.blank)

    def address(self, label: int) -> str:
        return f"logits[{label}]"

    def measure(self, batch: Batch, output: Tensor) -> Measure:
        label = self.asked(output)
        return OfLabel(self.metric(label), self, label)

    def answers(self, cut: list[Pieces], batch: Batch, output: Tensor) -> list[Said]:
        return [self.answer(*each) for each in zip(cut, output[:, None], strict=True)]

    def answer(self, pieces: Pieces, logits: Tensor) -> Said:
        if not self.tokens.readable(pieces):
            return Answer(pieces.text, None, {}, 0.0, second=pieces.second)
        by_label = self.by_label(logits.double().softmax(dim=-1))
        odds = self.number(logits, self.asked(logits)).item()
        label = max(by_label, key=by_label.__getitem__)
        return Answer(pieces.text, label, by_label, odds, pieces.left_out, pieces.second)

    def by_label(self, numbers: Tensor) -> dict[str, float]:
        return dict(zip(self.labels, numbers[0].tolist(), strict=True))


class SeveralLabels(OneLabel):
    """Each label for itself: it holds or not.  Its log-odds are its logit."""

    what = "puts any number of labels on a text"

    def number(self, logits: Tensor, label: int) -> Tensor:
        return logits[:, label].double()

    def asked(self, logits: Tensor) -> int:
        return int(logits.argmax())

    def metric(self, label: int) -> Metric:
        name = self.labels[label]
        return Metric("log-odds", name, self.address(label), (f"not {name}", name), CLEAR_ODDS, blank=self.blank)

    def answer(self, pieces: Pieces, logits: Tensor) -> Said:
        if not self.tokens.readable(pieces):
            return Several(pieces.text, None, {}, 0.0, second=pieces.second)
        by_label = self.by_label(logits.double().sigmoid())
        holds = tuple(label for label, share in by_label.items() if share > 0.5)
        return Several(pieces.text, holds, by_label, logits.max().item(), pieces.left_out, pieces.second)


class Scores(OneLabel):
    """A number for each label, on a scale that only its makers know."""

    what = "gives a text a score"

    def number(self, logits: Tensor, label: int) -> Tensor:
        return logits[:, label].double()

    def asked(self, logits: Tensor) -> int:
        return 0

    def metric(self, label: int) -> Metric:
        return Metric("score", self.labels[label], self.address(label), None, CLEAR_SCORE, digits=3, blank=self.blank)

    def answer(self, pieces: Pieces, logits: Tensor) -> Said:
        if not self.tokens.readable(pieces):
            return Score(pieces.text, None, second=pieces.second)
        return Score(pieces.text, self.by_label(logits.double()), pieces.left_out, pieces.second)


def classifier(checkpoint: Checkpoint) -> Kind:
    """The kind of a model with classes."""
    config: Any = checkpoint.model.config
    problem = None if isinstance(checkpoint.model, NextSentence) else getattr(config, "problem", None)
    if problem == "multi_label_classification":
        return SeveralLabels(checkpoint)
    single = len(checkpoint.labels) == 1 and not isinstance(checkpoint.model, NextSentence)
    return Scores(checkpoint) if problem == "regression" or single else OneLabel(checkpoint)

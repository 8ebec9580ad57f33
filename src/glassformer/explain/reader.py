"""A model and its tokenizer, asked about text."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from glassformer.errors import UsageError
from glassformer.hub.store import Checkpoint, load
from glassformer.hub.tokens import Pieces, pad
from glassformer.tape import Edit, listen

MOST_PIECES = 4096  # for a model that has no length of its own
BATCH = 64  # texts read at once
COMPANIONS = ("bag-of-words", "sentiment-plain")  # shipped models that an explanation stands beside
Item = TypeVar("Item")
WINDOW = 2048  # texts sorted by length together, so that little padding is computed


@dataclass(frozen=True)
class Answer:
    """What a model says of a text.  probability: of each label; log_odds: ln(p / (1 − p)) of the last label."""

    text: str
    label: str | None  # None where there was nothing to read
    probability: dict[str, float]
    log_odds: float
    left_out: int = 0  # pieces beyond what the model can read

    @property
    def p_positive(self) -> float:
        """The probability of the last label, which is `positive` in the shipped models."""
        return next(reversed(self.probability.values()), math.nan)


class Reader:
    """A classifier of text: `reader("this restaurant was not terrible").label`."""

    def __init__(self, checkpoint: Checkpoint):
        self.name, self.model = checkpoint.name, checkpoint.model
        self.tokens, self.labels = checkpoint.tokens, checkpoint.labels

    @property
    def config(self) -> Any:
        """The frozen dataclass of the model's sizes."""
        return self.model.config

    @property
    def longest(self) -> int:
        """The most pieces the model can read at once."""
        return getattr(self.config, "length", MOST_PIECES)

    def cut(self, text: str, most: int | None = None) -> Pieces:
        """The pieces of `text` that the model reads.  Raises UsageError where there is nothing to read."""
        return self.tokens.cut(text, min(self.longest, most or self.longest))

    def __call__(self, text: str) -> Answer:
        """Answer one text.  Raises UsageError where there is nothing to read."""
        return self.answer(self.cut(text))

    def answer(self, pieces: Pieces) -> Answer:
        """Answer a text that is cut into pieces already."""
        return self._answer_all([pieces])[0]

    def explain(self, text: str, beside: tuple[str, ...] = COMPANIONS):
        """What the model makes of `text`, next to what the models named `beside` make of it: an `Explanation`.

        Raises UsageError where there is nothing to read.
        """
        from glassformer.explain.explanation import Explanation

        return Explanation(self, text, tuple(name for name in beside if name != self.name))

    def stream(self, texts: Iterable[str]) -> Iterator[Answer]:
        """Answer any number of texts, in their order, in bounded memory.

        A text with nothing to read gets an answer without a label instead of an error.
        """
        for window in in_batches(texts, WINDOW):
            yield from self.answer_all(window)

    def answer_all(self, texts: list[str]) -> list[Answer]:
        """Answer `texts`, in their order.  Those of like length are read together."""
        cut = self.tokens.cut_many([_whole(text) for text in texts], self.longest)
        order = sorted(range(len(cut)), key=lambda k: len(cut[k].ids))
        answers: dict[int, Answer] = {}
        for numbers in in_batches(order, BATCH):
            answers.update(zip(numbers, self._answer_all([cut[k] for k in numbers]), strict=True))
        return [answers[k] for k in range(len(texts))]

    @torch.inference_mode()
    def _answer_all(self, cut: list[Pieces]) -> list[Answer]:
        logits = self.model(*pad([pieces.ids for pieces in cut], self.tokens.padding))  # b c
        probabilities = logits.double().softmax(dim=-1).tolist()
        odds = log_odds(logits).tolist()
        return [self._answer(*each) for each in zip(cut, probabilities, odds, strict=True)]

    def _answer(self, pieces: Pieces, probabilities: list[float], odds: float) -> Answer:
        if not self.tokens.readable(pieces):
            return Answer(pieces.text, None, {}, 0.0)
        by_label = dict(zip(self.labels, probabilities, strict=True))
        return Answer(pieces.text, max(by_label, key=by_label.__getitem__), by_label, odds, pieces.left_out)


def log_odds(logits: Tensor) -> Tensor:
    """ln(p / (1 − p)) of the last class.  logits (b, c) → (b,)."""
    logits = logits.double()
    return logits[:, -1] - logits[:, :-1].logsumexp(dim=-1)


def read(name: str | Path) -> Reader:
    """The reader of a shipped model, or of a folder.  Raises MissingError, CheckpointError, UsageError."""
    checkpoint = load(name)
    if len(checkpoint.labels) < 2 or not hasattr(checkpoint.model.config, "classes"):
        raise UsageError(f"{checkpoint.name} does not classify text; choose a model that does")
    return Reader(checkpoint)


@lru_cache
def companion(name: str) -> Reader:
    """A shipped model's reader, kept: it stands beside every explanation, and nobody changes it."""
    return read(name)


def listen_to(model: "Reader | nn.Module", keep: str | tuple[str, ...] = "*", edit: Mapping[str, Edit] | None = None):
    """`listen` to a reader or to a bare model: `with gf.listen(m, "*.weights") as tape: m("text")`."""
    return listen(model.model if isinstance(model, Reader) else model, keep, edit)


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """`items`, `size` at a time."""
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch


def _whole(text: str) -> str:
    """`text` with half characters, which no model can read, replaced, so that a stream goes on."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)

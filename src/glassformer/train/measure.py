"""How good a classifier is, with its uncertainty, and whether `not` acts through attention.

Source of the interval: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import nn

from glassformer.hub.tokens import pad
from glassformer.train.data import Example, normalised
from glassformer.train.lexicon import ADJECTIVES, HELD_OUT
from glassformer.train.loop import forbidden

NORMAL_95 = 1.959963984540054  # standard deviations on either side that hold 95 % of a normal distribution
BATCH = 128  # sentences
SUBJECTS = ("this restaurant", "the film", "our waiter", "the hotel", "my phone", "the story", "the service")
DENIED = {  # words that training denied, and words of which it never denied one
    "taught words": (
        "terrible",
        "awful",
        "bad",
        "boring",
        "disappointing",
        "rude",
        "ugly",
        "dirty",
        "weak",
        "dreadful",
    ),
    "held-out words": tuple(word for word in ADJECTIVES.bad if word in HELD_OUT),
}
FRAME = "{subject} was not {word}"
FIRST = (
    Example("this restaurant was terrible", 0),
    Example("this restaurant was not terrible", 1),
    Example("this restaurant was good", 1),
    Example("this restaurant was not good", 0),
)


@dataclass(frozen=True)
class Score:
    """right of total answers."""

    right: int
    total: int

    @property
    def percent(self) -> float:
        """The share that was right, in percent."""
        return 100 * self.right / self.total if self.total else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval, in percent."""
        low, high = wilson(self.right, self.total)
        return 100 * low, 100 * high

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.percent:.1f} ({low:.1f}–{high:.1f})"


def wilson(right: int, total: int, deviations: float = NORMAL_95) -> tuple[float, float]:
    """The proportions that `right` of `total` does not contradict.  Raises ValueError for what is no proportion."""
    if not 0 <= right <= total or total == 0:
        raise ValueError(f"{right} of {total} is no proportion")
    share, square = right / total, deviations**2
    centre = (share + square / (2 * total)) / (1 + square / total)
    reach = deviations / (1 + square / total) * math.sqrt(share * (1 - share) / total + square / (4 * total**2))
    return max(0.0, centre - reach), min(1.0, centre + reach)


@torch.inference_mode()
def answers(model: nn.Module, rows: Sequence[Sequence[int]], longest: int = 512) -> list[int]:
    """The class the model gives each row of pieces; those beyond `longest` are not read."""
    model.eval()
    order = sorted(range(len(rows)), key=lambda k: len(rows[k]))
    given = [0] * len(rows)
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        logits = model(*pad([rows[k][:longest] or [1] for k in chosen]))  # b c
        for k, answer in zip(chosen, logits.argmax(1).tolist(), strict=True):
            given[k] = answer
    return given


def scores(model: nn.Module, tokenizer: Tokenizer, examples: Sequence[Example], longest: int = 512) -> dict[str, Score]:
    """The score over all examples, under "all", and of each group; pieces beyond `longest` are not read."""
    rows = [encoding.ids for encoding in tokenizer.encode_batch([example.text for example in examples])]
    tally: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for example, answer in zip(examples, answers(model, rows, longest), strict=True):
        for group in {"all", example.group or "all"}:
            tally[group][0] += answer == example.label
            tally[group][1] += 1
    return {group: Score(*counts) for group, counts in sorted(tally.items())}


@dataclass(frozen=True)
class EdgeCuts:
    """Of the sentences "… was not <bad>" read as positive, how many turn negative when one edge is cut.

    word: the denied word may not look at `not`; back: `not` may not look at the word; control: the denied word may not
    look at the subject.
    """

    asked: int
    positive: int
    word: int
    back: int
    control: int


def probes() -> set[str]:
    """The sentences of the causal check and the first four, normalised: nothing is trained on them."""
    cut = [
        FRAME.format(subject=subject, word=word) for subject in SUBJECTS for words in DENIED.values() for word in words
    ]
    return {normalised(text) for text in [*cut, *(example.text for example in FIRST)]}


def edge_cuts(model: nn.Module, tokenizer: Tokenizer, words: Sequence[str]) -> EdgeCuts:
    """Forbid single edges in every layer and head, for all of SUBJECTS × words, and count the answers that turn."""
    turned = [_cuts(model, tokenizer, subject, word) for subject in SUBJECTS for word in words]
    read = [cuts for cuts in turned if cuts]
    return EdgeCuts(len(turned), len(read), *(sum(column) for column in zip(*read, strict=True)) if read else (0, 0, 0))


def _cuts(model: nn.Module, tokenizer: Tokenizer, subject: str, word: str) -> tuple[bool, bool, bool] | None:
    """Whether each cut turns the answer to negative; None where it was negative uncut."""
    pieces = tokenizer.encode(FRAME.format(subject=subject, word=word))
    denier = pieces.tokens.index("not")
    about, denied = list(range(1, denier - 1)), list(range(denier + 1, len(pieces.ids)))
    if not _positive(model, pieces.ids, [], []):
        return None
    cuts = ((denied, [denier]), ([denier], denied), (denied, about))
    looking, hidden, control = (not _positive(model, pieces.ids, *cut) for cut in cuts)
    return looking, hidden, control


@torch.inference_mode()
def _positive(model: nn.Module, ids: list[int], lookers: Iterable[int], seen: Iterable[int]) -> bool:
    """The answer where the positions `lookers` may not look at the positions `seen`."""
    edges = torch.zeros(len(ids), len(ids), dtype=torch.bool)  # i j
    for looker, other in _pairs(lookers, seen):
        edges[looker, other] = True
    model.eval()
    with forbidden(model, edges[None]):
        return bool(model(torch.tensor([ids])).argmax())


def _pairs(lookers: Iterable[int], seen: Iterable[int]) -> Iterator[tuple[int, int]]:
    seen = list(seen)
    return ((looker, other) for looker in lookers for other in seen)

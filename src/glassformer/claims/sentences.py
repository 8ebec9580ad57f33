"""Many sentences, and what the shipped models make of them: a claim about one sentence proves nothing."""

from functools import cache

import torch
from torch import Tensor

from glassformer.explain.reader import Reader, read
from glassformer.explain.reference import REFERENCE
from glassformer.explain.trial import Trial

THINGS = ("restaurant", "film", "soup", "room", "book")
BAD, GOOD = ("terrible", "awful", "boring", "horrible"), ("wonderful", "great", "delicious", "charming")
NOT_BAD = tuple(f"this {thing} was not {word}" for thing in THINGS for word in BAD)
NOT_GOOD = tuple(f"this {thing} was not {word}" for thing in THINGS for word in GOOD)
BECAUSE = tuple(
    f"the {who} did not cross the {where} because it was too {how}"
    for who, where, how in (
        ("animal", "street", "tired"),
        ("animal", "street", "wide"),
        ("dog", "river", "afraid"),
        ("dog", "river", "deep"),
        ("horse", "bridge", "weak"),
        ("horse", "bridge", "narrow"),
        ("cat", "road", "lazy"),
        ("cat", "road", "busy"),
    )
)


@cache
def reader(name: str) -> Reader:
    return read(name)


@cache
def trials(sentences: tuple[str, ...] = REFERENCE, name: str = "sentiment") -> list[Trial]:
    """Each sentence put to a shipped model, once."""
    return [Trial(reader(name), reader(name).cut(each)) for each in sentences]


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's: 1 where both have one order, −1 where one has the other's reverse; 0 where there is no telling."""
    ranks = torch.stack([_ranks(a), _ranks(b)])
    found = torch.corrcoef(ranks)[0, 1]
    return 0.0 if found.isnan() else found.item()


def _ranks(x: Tensor) -> Tensor:
    """The place of each number among all; of equal ones the mean place."""
    x = x.double()
    return ((x[:, None] > x).double().sum(1) + (x[:, None] >= x).double().sum(1)) / 2


def mean(values: list[float]) -> float:
    return sum(values) / len(values)

"""e to the power of each score, divided by the row's sum: for large scores and for rows of −∞ too."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong, apart
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Mistake, Property, Stages
from glassformer.parts import mask


def key(scores: Tensor) -> Stages:
    return Stages(answer=mask.softmax(scores))


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)
    hidden = drawn(draw, 2, 3, 4)
    hidden[:, torch.arange(3), torch.randint(4, (3,), generator=draw)] = -torch.inf
    empty = drawn(draw, 2, 3, 5)
    empty[1, 1] = empty[0, 2] = -torch.inf
    return [
        Case((torch.tensor([[[1.0, 2.0, 0.0, 1.0], [0.0, -1.0, 0.0, 2.0]]]),), "2 rows of 4 scores"),
        Case((whole(draw, 2, 3, 5),), "2 sentences, 3 rows of 5 scores"),
        Case((hidden,), "one score in each row is −∞"),
        Case((1000 + 3 * drawn(draw, 2, 3, 4),), "scores near 1000"),
        Case((3 * drawn(draw, 2, 3, 4) - 1000,), "scores near −1000"),
        Case((drawn(draw, 2, 3, 4) + torch.tensor([0.0, -500.0, 500.0])[:, None],), "rows far apart"),
        Case((drawn(draw, 2, 3, 4) + torch.tensor([0.0, -500.0])[:, None, None],), "sentences far apart"),
        Case((drawn(draw, 2, 3, 4) + torch.tensor([0.0, 0.0, 100.0, 0.0]),), "one score far above the others"),
        Case((empty,), "a row of nothing but −∞"),
        Case((drawn(draw, 3, 4, 4),), "as many rows as columns"),
    ]


def _sum(powers: Tensor, *axes: int) -> Tensor:
    return powers.sum(axes or -1, keepdim=True)


def _most(s: Any, *axes: int) -> Tensor:
    return s.filled - s.filled.amax(axes or -1, keepdim=True)


def _cut(at: float) -> Callable:
    return lambda s: s.scores.clamp(-at, at)


def raw(s: Any) -> Tensor:
    return s.scores


LAST = "each row on its own: sum over the last axis, dim=-1, keepdim=True"
STABLE = "subtract the largest score of each row first: scores - scores.amax(dim=-1, keepdim=True)"
EMPTY = "where all scores of a row are −∞, give back zeros: fill the row with 0 first, and the shares at the end"
SHARE = "divide e^score by the sum of its row"
POWER = "take e to the power of the score: .exp()"

BOARD = Board(
    "scores",
    Step("empty", lambda s: (s.scores == -torch.inf).all(-1, keepdim=True), hidden=True),
    Step("filled", lambda s: s.scores.masked_fill(s.empty, 0.0), hidden=True),
    Step(
        "shifted",
        lambda s: _most(s),
        Wrong("the largest of a column is subtracted", lambda s: _most(s, -2), STABLE),
        Wrong("the largest of all sentences is subtracted", lambda s: _most(s, 0), STABLE),
        Wrong("the largest of a sentence is subtracted", lambda s: _most(s, -2, -1), STABLE),
        Wrong("the largest of all scores is subtracted", lambda s: _most(s, 0, 1, 2), STABLE),
        Wrong("the mean is subtracted", lambda s: s.filled - s.filled.mean(-1, keepdim=True), STABLE),
        Wrong("the smallest is subtracted", lambda s: s.filled - s.filled.amin(-1, keepdim=True), STABLE),
        Wrong("the largest is added", lambda s: s.filled + s.filled.amax(-1, keepdim=True), STABLE),
        Wrong("scores that are too large are cut off", _cut(50), STABLE, "scores that are cut off become equal"),
        Wrong("scores that are too large are cut off", _cut(80), STABLE, "scores that are cut off become equal"),
        Wrong("scores that are too large are cut off", _cut(100), STABLE, "scores that are cut off become equal"),
        hidden=True,
    ),
    Step(
        "powers",
        lambda s: s.shifted.exp(),
        Wrong("the worst gets most", lambda s: (-s.shifted).exp(), "leave the sign of the scores: e^score"),
        Wrong("powers of 2", lambda s: 2**s.shifted, POWER),
        Wrong("powers of 10", lambda s: 10**s.shifted, POWER),
        Wrong("e^(score / √n)", lambda s: (s.shifted / math.sqrt(s.scores.size(-1))).exp(), POWER),
        Wrong("no exponentials", lambda s: s.shifted, POWER, "the scores themselves are divided by their sum"),
        Wrong("no exponentials", raw, POWER, "the scores themselves are divided by their sum"),
        Wrong("squares instead of exponentials", lambda s: s.scores.square(), POWER),
        Wrong("relu instead of exponentials", lambda s: s.scores.relu(), POWER),
        Wrong("sizes instead of exponentials", lambda s: s.scores.abs(), POWER),
        Wrong("sigmoids instead of exponentials", lambda s: s.scores.sigmoid(), POWER),
        Wrong("sinh instead of exponentials", lambda s: s.shifted.sinh(), POWER, rare=True),
        hidden=True,
    ),
    Step(
        "shares",
        lambda s: s.powers / _sum(s.powers),
        Wrong("divided by the sums of the columns", lambda s: s.powers / _sum(s.powers, -2), LAST),
        Wrong("divided by the sums over the sentences", lambda s: s.powers / _sum(s.powers, 0), LAST),
        Wrong("divided by the sum of the sentence", lambda s: s.powers / _sum(s.powers, -2, -1), LAST),
        Wrong("divided by the sum of everything", lambda s: s.powers / s.powers.sum(), LAST),
        Wrong("not divided by the sum", lambda s: s.powers, SHARE, "the powers are not divided"),
        Wrong("divided by how many there are", lambda s: s.powers / s.powers.size(-1), SHARE),
        Wrong("divided by the mean", lambda s: s.powers / s.powers.mean(-1, keepdim=True), SHARE),
        Wrong("divided by the length", lambda s: s.powers / s.powers.norm(dim=-1, keepdim=True), SHARE),
        Wrong("multiplied by the sum", lambda s: s.powers * _sum(s.powers), SHARE),
        Wrong("the sum is divided by the powers", lambda s: _sum(s.powers) / s.powers, SHARE),
        Wrong("divided by one more than the sum", lambda s: s.powers / (1 + _sum(s.powers)), SHARE),
        Wrong("the logarithm of softmax", lambda s: s.shifted.log_softmax(-1), "leave the logarithm away"),
        Wrong("softmax twice", lambda s: (s.powers / _sum(s.powers)).softmax(-1), "once is enough"),
        Wrong("only the best gets a share", lambda s: (s.shifted == 0).float(), f"everyone gets a share: {SHARE}"),
        Wrong("each share is a sigmoid", lambda s: s.scores.sigmoid(), SHARE, "each share is made on its own"),
        Wrong("stretched to 0 … 1", lambda s: _ranged(s.filled), SHARE, "the scores are only stretched to 0 … 1"),
        hidden=True,
    ),
    Step(
        "answer",
        lambda s: s.shares.masked_fill(s.empty, 0.0),
        Wrong(
            "a row of −∞ gets equal shares",
            lambda s: s.shares,
            EMPTY,
            "a row that may look at nothing looks at everything alike",
        ),
        Wrong("nothing but whether a row is empty", lambda s: s.empty, SHARE, rare=True),
        Wrong("rows of −∞ are told by their first score", lambda s: s.shares * (s.scores[..., :1] > -torch.inf), EMPTY),
    ),
)


def _axes(*axes: int) -> dict[str, Any]:
    return {"shifted": lambda s: _most(s, *axes), "shares": lambda s: s.powers / _sum(s.powers, *axes)}


def _bare(*axes: int) -> dict[str, Any]:
    """As torch does it, and nothing is asked about rows of −∞."""
    return {"filled": raw, "answer": lambda s: s.scores.softmax(axes[0])}


def _bursting(mistake: Mistake, what: str, repair: str) -> Mistake:
    """Numbers are spoken of only where there is NaN: beside another mistake the first question has none."""
    said = apart("answer", what, repair)
    return replace(mistake, says=lambda e: said(e) if e.wrong["answer"].isnan().any() else f"{what}; {repair}.")


def _across(name: str, repair: str, what: str, **does: Any) -> Mistake:
    return _bursting(BOARD.across(name, repair, what, **does), what, repair)


NO_ZEROS: dict[str, Any] = {"filled": raw, "answer": lambda s: s.shares}
MORE = (
    *(
        BOARD.across(f"over {what}", LAST, f"shares add up over {what}, not over each row", **switches)
        for what, axes in (("the columns", (-2,)), ("the sentences", (0,)))
        for switches in (_axes(*axes), _bare(*axes))
    ),
    BOARD.across("over rows and columns at once", LAST, **_axes(-2, -1)),
    BOARD.across("over everything", LAST, **_axes(0, 1, 2)),
    _across(
        "a row of −∞ becomes NaN",
        EMPTY,
        "−∞ − (−∞) is no number, so a row that may look at nothing becomes NaN",
        **NO_ZEROS,
    ),
    BOARD.across(
        "NaN is replaced where scores are too large",
        STABLE,
        "e^1000 is infinite, and replacing the NaN afterwards brings no share back",
        filled=raw,
        shifted=raw,
        answer=lambda s: torch.nan_to_num(s.shares),
    ),
    _across("too large for e", STABLE, "e^1000 is infinite and e^−1000 is 0: NaN", shifted=lambda s: s.filled),
    _across(
        "too large for e, and NaN for a row of −∞",
        f"{STABLE}; and {EMPTY}",
        "e^1000 is infinite and e^−1000 is 0: NaN, and so is −∞ − (−∞)",
        shifted=raw,
        **NO_ZEROS,
    ),
)


def _ranged(scores: Tensor) -> Tensor:
    least, most = scores.amin(-1, keepdim=True), scores.amax(-1, keepdim=True)
    return (scores - least) / (most - least)


# right, each in another way


def by_kernel(scores):
    return scores.softmax(-1).nan_to_num(0.0)


def by_where(scores):
    most = scores.max(dim=2, keepdim=True).values
    powers = torch.where(most == -torch.inf, 0.0, torch.exp(scores - most.clamp(min=-1e30)))
    total = powers.sum(2, keepdim=True)
    return powers / torch.where(total == 0, 1.0, total)


def by_rows(scores):
    out = torch.zeros_like(scores)
    for b in range(scores.shape[0]):
        for i in range(scores.shape[1]):
            most = max(scores[b, i])
            if most > float("-inf"):
                powers = [torch.exp(each - most) for each in scores[b, i]]
                for j, power in enumerate(powers):
                    out[b, i, j] = power / sum(powers)
    return out


def by_numbers(scores):
    done = []
    for row in scores.reshape(-1, scores.shape[-1]).tolist():
        most = max(max(row), -1e300)
        powers = [math.exp(each - most) for each in row]
        done.append([power / (sum(powers) or 1.0) for power in powers])
    return torch.tensor(done).view(scores.shape)


def by_log(scores):
    empty = torch.isinf(scores).all(-1)
    filled = scores.clone()
    filled[empty] = 0.0
    shares = (filled - torch.logsumexp(filled, dim=-1, keepdim=True)).exp()
    return shares * ~empty[..., None]


def by_doubles(scores):
    finite = scores.double().clamp(min=-1e18)
    powers = (finite - finite.amax(-1, True)).exp()
    return (powers / powers.sum(-1, True) * (scores > -torch.inf)).float()


def by_lowest(scores):
    low = torch.finfo(scores.dtype).min
    finite = scores.masked_fill(scores == -torch.inf, low)
    shares = torch.nn.functional.softmax(finite, dim=-1)
    return torch.where(finite == low, torch.zeros_like(shares), shares)


def _sums(function, case: Case) -> str:
    total = function(*case.arguments).sum(-1)
    some = (case.arguments[0] > -torch.inf).any(-1)
    away = (total - some.float()).abs().max()
    return f"The shares of a row add up to 1; yours are {number(away)} off." if not away < 1e-3 else ""


def _shifted(function, case: Case) -> str:
    (scores,) = case.arguments
    away = (function(scores + 3.0) - function(scores)).abs().max()
    return f"Adding 3 to every score changes no share; yours change by {number(away)}." if not away < 1e-3 else ""


EXERCISE = Exercise(
    name="softmax",
    cases=cases,
    key=key,
    switchboard=BOARD,
    mistakes=(*BOARD.mistakes, *MORE),
    right=(by_kernel, by_where, by_rows, by_numbers, by_log, by_doubles, by_lowest),
    properties=(Property("shares sum to 1", _sums), Property("only differences count", _shifted)),
    learned=(0,),
    axes={"answer": "query key"},
    hints=(
        "Three steps: subtract the largest score of each row; take .exp(); divide by the sum of each row.",
        "keepdim=True keeps the axis, so that a row's sum of shape (b, i, 1) divides its own row.",
        "(scores == -torch.inf).all(dim=-1, keepdim=True): rows of nothing; fill them with 0 first and last.",
    ),
    explanation="Scores become shares that sum to 1. Next they say how much of each word goes into a mixture.",
)

"""e to the power of each score, divided by the row's sum: for large scores and for rows of −∞ too."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Property, Stages
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
        Case((drawn(draw, 2, 3, 4) + torch.tensor([0.0, 0.0, 100.0, 0.0]),), "one score far above the others"),
        Case((empty,), "a row of nothing but −∞"),
        Case((drawn(draw, 3, 4, 4),), "as many rows as columns"),
    ]


def _bare(powers: Tensor) -> Tensor:
    return powers / powers.sum(-1, keepdim=True)


def _largest(scores: Tensor) -> Tensor:
    """Of each row; 0 where it is all −∞."""
    most = scores.amax(-1, keepdim=True)
    return most.masked_fill(most == -torch.inf, 0.0)


def _over(axes: tuple[int, ...]) -> Callable:
    """Stable, and zeros where there is nothing to give, but over other axes."""

    def shares(s):
        most = s.scores.amax(axes, keepdim=True)
        powers = (s.scores - most.masked_fill(most == -torch.inf, 0.0)).exp()
        return powers / powers.sum(axes, keepdim=True).clamp(min=1e-30)

    return shares


def _on(function: Callable[[Tensor], Tensor]) -> Callable:
    """Of the scores less the largest of their row; where a row is all −∞, zeros."""
    return lambda s: function(s.scores - _largest(s.scores)).masked_fill((s.scores == -torch.inf).all(-1, True), 0.0)


LAST = "each row on its own: sum over the last axis, dim=-1, keepdim=True"
STABLE = "subtract the largest score of each row first: scores - scores.amax(dim=-1, keepdim=True)"
EMPTY = "where all scores of a row are −∞, give back zeros: masked_fill before and after"
SHARE = "divide e^score by the sum of its row"

BOARD = Board(
    "scores",
    Step(
        "answer",
        _on(lambda s: _bare(s.exp())),
        Wrong(
            "a row of −∞ gets equal shares",
            lambda s: torch.nan_to_num(s.scores - s.scores.amax(-1, keepdim=True), nan=0.0).softmax(-1),
            EMPTY,
            "a row that may look at nothing looks at everything alike",
        ),
        Wrong(
            "a row of −∞ becomes NaN",
            lambda s: _bare((s.scores - s.scores.amax(-1, keepdim=True)).exp()),
            EMPTY,
            "−∞ − (−∞) is no number, so a row that may look at nothing becomes NaN",
        ),
        Wrong("over the rows", _over((-2,)), LAST, "the columns add up to 1, not the rows"),
        Wrong("over the sentences", _over((0,)), LAST, "the shares of different sentences add up to 1"),
        Wrong("over rows and columns at once", _over((-2, -1)), LAST, "all shares of a sentence add up to 1"),
        Wrong("over everything", _over((0, 1, 2)), LAST, "all shares of all sentences add up to 1"),
        Wrong("not divided by the sum", _on(torch.exp), SHARE, "the powers are not divided by their sum"),
        Wrong("not divided by the sum", lambda s: s.scores.exp(), SHARE, "the powers are not divided by their sum"),
        Wrong("divided by how many there are", _on(lambda s: s.exp() / s.size(-1)), SHARE),
        Wrong("divided by the length", _on(lambda s: torch.nn.functional.normalize(s.exp(), dim=-1)), SHARE),
        Wrong("the logarithm of softmax", _on(lambda s: s.log_softmax(-1)), "leave the logarithm away"),
        Wrong("softmax twice", _on(lambda s: s.softmax(-1).softmax(-1)), "once is enough"),
        Wrong("only the best gets a share", _on(lambda s: (s == 0).float()), "everyone gets a share: e^score"),
        Wrong("the sign is turned", lambda s: _on(lambda t: (-s.scores).softmax(-1))(s), "e^score, not e^−score"),
        Wrong("powers of 2", _on(lambda s: _bare(2**s)), "e^score: .exp()", "2^score instead of e^score"),
        Wrong("powers of 10", _on(lambda s: _bare(10**s)), "e^score: .exp()", "10^score instead of e^score"),
        Wrong("cooled down", _on(lambda s: _bare((s / math.sqrt(s.size(-1))).exp())), "e^score, undivided"),
        Wrong("the squares of the scores", lambda s: _bare(s.scores.square()), SHARE, "squares instead of powers of e"),
        Wrong("the scores are divided by their sum", lambda s: _bare(s.scores), SHARE),
        Wrong("relu instead of exponentials", lambda s: _bare(s.scores.relu() + 1e-9), "e^score is never 0: .exp()"),
        Wrong("their size instead of exponentials", lambda s: _bare(s.scores.abs()), SHARE),
        Wrong("sigmoid", lambda s: s.scores.sigmoid(), SHARE, "each share is made on its own, by a sigmoid"),
        Wrong("brought between 0 and 1", lambda s: _ranged(s.scores), SHARE, "the scores are only stretched to 0 … 1"),
        Wrong(
            "the largest of all scores is subtracted",
            lambda s: _bare((s.scores - s.scores.max()).exp()),
            STABLE,
            "rows whose scores are far below those of other rows lose everything",
        ),
        Wrong(
            "the largest of a column is subtracted",
            lambda s: _bare((s.scores - s.scores.amax(-2, keepdim=True)).exp()),
            STABLE,
        ),
        Wrong(
            "the largest of all sentences is subtracted",
            lambda s: _bare((s.scores - s.scores.amax(0, keepdim=True)).exp()),
            STABLE,
        ),
        Wrong(
            "the mean is subtracted instead of the largest",
            lambda s: _bare((s.scores - s.scores.mean(-1, keepdim=True)).exp()),
            STABLE,
            "the mean of a row with −∞ is −∞, and −∞ − (−∞) is no number",
        ),
        Wrong(
            "the smallest is subtracted instead of the largest",
            lambda s: _bare((s.scores - s.scores.amin(-1, keepdim=True)).exp()),
            STABLE,
            "the smallest of a row with −∞ is −∞, and subtracting that is no number",
        ),
        *(
            Wrong("scores are cut off", _cut, STABLE, "scores that are cut off become equal")
            for _cut in (
                lambda s: s.scores.clamp(-50, 50).softmax(-1),
                lambda s: s.scores.clamp(-80, 80).softmax(-1),
                lambda s: s.scores.clamp(-100, 100).softmax(-1),
                lambda s: _on(lambda t: s.scores.clamp(max=50).softmax(-1))(s),
                lambda s: _on(lambda t: s.scores.clamp(max=80).softmax(-1))(s),
            )
        ),
        Wrong(
            "NaN is replaced where scores are too large",
            lambda s: torch.nan_to_num(_bare(s.scores.exp())),
            STABLE,
            "e^1000 is infinite, and replacing the NaN afterwards brings no share back",
        ),
        Wrong(
            "too large for e",
            lambda s: _bare(s.scores.exp()).masked_fill((s.scores == -torch.inf).all(-1, True), 0.0),
            STABLE,
            "e^1000 is infinite and e^−1000 is 0, so large scores give NaN",
        ),
        Wrong(
            "too large for e, and NaN for a row of −∞",
            lambda s: _bare(s.scores.exp()),
            f"{STABLE}; and {EMPTY}",
            "e^1000 is infinite and e^−1000 is 0, so large scores give NaN",
        ),
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
    mistakes=BOARD.mistakes,
    right=(by_kernel, by_where, by_rows, by_numbers, by_log, by_doubles, by_lowest),
    properties=(Property("shares sum to 1", _sums), Property("only differences count", _shifted)),
    learned=(0,),
    together=False,
    axes={"answer": "query key"},
    hints=(
        "Three steps: subtract the largest score of each row; take .exp(); divide by the sum of each row.",
        "keepdim=True keeps the axis, so that a row's sum of shape (b, i, 1) divides its own row.",
        "(scores == -torch.inf).all(dim=-1, keepdim=True): rows of nothing; fill them with 0 first and last.",
    ),
    explanation="Scores become shares that sum to 1. Next they say how much of each word goes into a mixture.",
)

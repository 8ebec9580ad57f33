"""Attention in which nobody looks ahead."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank import attending_words as say
from glassformer.learn.bank.attending import STAGES, Switches, attending, words_first
from glassformer.learn.bank.attending_roles import EXCHANGED, without
from glassformer.learn.bank.attention import PROPERTIES
from glassformer.learn.bank.words import drawing, drawn, number, numbers, whole
from glassformer.learn.exercise import Case, Evidence, Exercise, Mistake, Property, Stages
from glassformer.learn.heard import heard
from glassformer.parts.attention import attend
from glassformer.parts.mask import causal


def key(q: Tensor, k: Tensor, v: Tensor) -> Stages:
    stages, mixture = heard(attend, q, k, v, causal(q.size(-2)))
    return Stages({name: stages[name] for name in ("scores", "scaled", "weights")}, mixture=mixture)


LOOKS: dict[str, Callable[[Tensor], Tensor | None]] = {
    "back": lambda ones: ones.tril(),
    "strictly back": lambda ones: ones.tril(-1),
    "one ahead": lambda ones: ones.tril(1),
    "ahead": lambda ones: ones.triu(),
    "strictly ahead": lambda ones: ones.triu(1),
    "everywhere": lambda ones: None,
    "at itself": lambda ones: ones.tril().triu(),
    "one back": lambda ones: ones.tril().triu(-1),
    "at the first": lambda ones: torch.arange(ones.size(1)).expand(ones.size(0), -1) == 0,
    "upside down": lambda ones: ones.tril().flip(0),
    "mirrored": lambda ones: ones.tril().flip(1),
    "not at itself": lambda ones: ~(ones.tril().triu()),
    "one ahead and on": lambda ones: ones.triu(-1),
}


@words_first(3)
def switchboard(q: Tensor, k: Tensor, v: Tensor, looks: str = "back", **switches: Any) -> Stages:
    ones = torch.ones(q.size(-2), k.size(-2), dtype=torch.bool)
    return attending(q, k, v, LOOKS[looks](ones), Switches(**switches))


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)
    of = lambda make, *shape: tuple(make(draw, *shape) for _ in range(3))  # noqa: E731
    return [
        Case(of(whole, 1, 3, 4), "3 words, 4 features"),
        Case(of(whole, 2, 4, 4), "2 sentences, 4 words, some scores are 0"),
        Case(tuple(3 * each for each in of(drawn, 2, 5, 6)), "large scores"),
        Case(of(drawn, 3, 4, 5), "3 sentences of 4 words"),
        Case(of(drawn, 2, 6, 3), "2 sentences of 6 words"),
    ]


def _looks(what: str, repair: str) -> Callable[[Evidence], str]:
    def says(e: Evidence) -> str:
        rows = e.wrong["weights"].flatten(0, -3)[0]
        return f"{what} (your weights: word 0 {numbers(rows[0])}; word 1 {numbers(rows[1])}); {repair}."

    return says


ONES = "torch.ones(n, n).tril() is 1 where i may look at j"
LOOKING = (
    Mistake(
        "nobody may look at itself",
        "weights",
        _looks("a word does not see itself", f"the diagonal belongs to the past: {ONES}"),
        {"looks": "strictly back"},
    ),
    Mistake(
        "one word ahead leaks",
        "weights",
        _looks("every word sees the next one", f"mask from the diagonal's right neighbour on: {ONES}"),
        {"looks": "one ahead"},
    ),
    Mistake(
        "looks ahead instead of back",
        "weights",
        _looks("every word sees itself and what follows", f"it should see what came before: {ONES}"),
        {"looks": "ahead"},
    ),
    Mistake(
        "only the future is seen",
        "weights",
        _looks("every word sees only what follows", f"the mask is inverted: {ONES}"),
        {"looks": "strictly ahead"},
    ),
    Mistake(
        "no causal mask",
        "weights",
        _looks("every word sees all words", f"hide what follows: {ONES}"),
        {"looks": "everywhere"},
    ),
    Mistake(
        "every word sees only itself",
        "weights",
        _looks("only the diagonal is left", f"the past is to be seen too: {ONES}"),
        {"looks": "at itself"},
    ),
    Mistake(
        "only the word before is seen",
        "weights",
        _looks("a word sees itself and one before", f"it should see all that came before: {ONES}"),
        {"looks": "one back"},
    ),
    Mistake(
        "every word sees only the first",
        "weights",
        _looks("only the first word is seen", f"it should see all up to itself: {ONES}"),
        {"looks": "at the first"},
    ),
    Mistake(
        "the mask is upside down",
        "weights",
        _looks("the first word sees most, the last one least", ONES),
        {"looks": "upside down"},
    ),
    Mistake(
        "the mask is mirrored",
        "weights",
        _looks("the columns of the mask run the wrong way", ONES),
        {"looks": "mirrored"},
    ),
    Mistake(
        "everyone but itself is seen",
        "weights",
        _looks("only the diagonal is hidden", f"hide what follows, not the word itself: {ONES}"),
        {"looks": "not at itself"},
    ),
    Mistake(
        "looks ahead, and one back",
        "weights",
        _looks("every word sees the one before and all that follow", ONES),
        {"looks": "one ahead and on"},
    ),
    Mistake(
        "scores of 0 are taken for masked ones",
        "weights",
        _looks("a score that is exactly 0 is hidden too", "compare the mask with 0, not the masked scores"),
        {"fill": "tril's zeros"},
    ),
    Mistake(
        "divided by the root of how many words are seen",
        "scaled",
        say.scaled("the scores of word i are divided by √(i + 1), how many words it sees", "divide all by √d"),
        {"scale": "√seen"},
        rare=True,
    ),
)


def _past(function, case: Case) -> str:
    """Nobody looks ahead."""
    q, k, v = (each.clone() for each in case.arguments)
    before = function(q, k, v)
    for each in (q, k, v):
        each[:, -1] += 1.0
    away = (function(q, k, v) - before)[:, :-1].abs().max()
    return (
        f"Nobody may look ahead; when only the last word changes, your earlier answers change by {number(away)}."
        if away > 1e-5
        else ""
    )


def _alone(function, case: Case) -> str:
    """The first word sees only itself."""
    away = (function(*case.arguments)[:, 0] - case.arguments[2][:, 0]).abs().max()
    return (
        f"The first word sees only itself, so its answer is its own value; yours is {number(away)} away."
        if away > 1e-4
        else ""
    )


# right, each in another way


def _masked(scores, v):
    return scores.softmax(dim=-1) @ v


def by_tril(q, k, v):
    scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
    return _masked(scores.masked_fill(torch.tril(torch.ones_like(scores)) == 0, float("-inf")), v)


def by_triu(q, k, v):
    n = q.size(1)
    ahead = torch.triu(torch.full((n, n), float("-inf")), diagonal=1)
    return _masked(torch.einsum("bid,bjd->bij", q, k) / q.size(-1) ** 0.5 + ahead, v)


def by_indices(q, k, v):
    scores = torch.bmm(q, k.transpose(1, 2)) * q.size(2) ** -0.5
    rows, columns = torch.triu_indices(q.size(1), q.size(1), offset=1)
    scores[:, rows, columns] = -1e9
    return torch.bmm(scores.softmax(2), v)


def by_kernel(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def by_prefixes(q, k, v):
    rows = []
    for i in range(q.size(1)):
        match = (q[:, i : i + 1] @ k[:, : i + 1].mT) / math.sqrt(q.size(-1))
        rows.append(match.softmax(-1) @ v[:, : i + 1])
    return torch.cat(rows, dim=1)


def by_loops(q, k, v):
    out = torch.zeros_like(q)
    for b in range(len(q)):
        for i in range(q.size(1)):
            total = 0
            for j in range(i + 1):
                power = torch.exp(q[b, i].dot(k[b, j]) / math.sqrt(q.size(-1)))
                total = total + power
                out[b, i] += power * v[b, j]
            out[b, i] = out[b, i] / total
    return out


def by_positions(q, k, v):
    place = torch.arange(q.size(1))
    scores = torch.where(place[None] > place[:, None], torch.finfo(torch.float32).min, q @ k.mT / q.size(-1) ** 0.5)
    return _masked(scores, v)


def by_exponentials(q, k, v):
    dots = q.double() @ k.double().mT / math.sqrt(q.size(-1))
    powers = (dots - dots.amax(-1, keepdim=True)).exp().tril()
    return ((powers @ v.double()) / powers.sum(-1, keepdim=True)).to(q.dtype)


# the mask is made here: who inverts or forgets it has a name above
SHARED = without(
    "the mask is ignored",
    "the mask is inverted",
    "the mask is transposed",
    "divided by the root of the number of queries",
    "the values are weighed but not mixed",
)

EXERCISE = Exercise(
    name="causal",
    cases=cases,
    key=key,
    switchboard=switchboard,
    stages=STAGES,
    mistakes=(*LOOKING, *SHARED, EXCHANGED),
    right=(by_tril, by_triu, by_indices, by_kernel, by_prefixes, by_loops, by_positions, by_exponentials),
    properties=(Property("nobody looks ahead", _past), Property("the first word sees itself", _alone), *PROPERTIES),
    other_way={"fill": -1e9},
    learned=(0, 1, 2),
    axes={"scores": "query key", "scaled": "query key", "weights": "query key", "mixture": "query feature"},
    hints=(
        "It is attention with one mask that you make yourself: word i may look at word j where j ≤ i.",
        "torch.ones(n, n).tril() has ones on and below the diagonal.",
        "Fill the scores with −∞ where that is 0, before the softmax.",
    ),
    explanation="A model that writes must not see what it is to write: word i looks at words 0 … i, itself included.",
)

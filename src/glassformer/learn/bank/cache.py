"""Attention that keeps its keys and values: cached is uncached."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Property, Stage, Stages, equal
from glassformer.learn.heard import heard
from glassformer.parts.attention import attend
from glassformer.parts.embed import Sinusoidal
from glassformer.parts.kernels.longer import longer
from glassformer.parts.mask import causal

Kept = tuple[Tensor, Tensor] | None


def key(x: Tensor, kept: Kept, wq: Tensor, wk: Tensor, wv: Tensor, places: Tensor) -> Stages:
    past = 0 if kept is None else kept[0].size(1)
    placed = x + Sinusoidal(places)(torch.arange(past, past + x.size(1)))  # b n w
    q, k, v = (F.linear(placed, weight) for weight in (wq, wk, wv))
    k, v = (longer(before, new, 1) for before, new in zip(kept or (None, None), (k, v), strict=True))
    stages, mixture = heard(attend, q, k, v, causal(x.size(1), k.size(1)))
    return Stages(placed=placed, keys=k, values=v, weights=stages["weights"], answer=(mixture, (k, v)))


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(make, b: int, past: int, new: int, w: int, d: int, about: str) -> Case:
        kept = None if not past else (make(draw, b, past, d), make(draw, b, past, d))
        weights = (make(draw, d, w) / math.sqrt(w) for _ in range(3))
        return Case((make(draw, b, new, w), kept, *weights, make(draw, 12, w)), about)

    return [
        one(whole, 1, 2, 1, 4, 4, "2 words kept, 1 new"),
        one(whole, 2, 0, 3, 4, 4, "nothing kept, 3 new"),
        one(drawn, 2, 3, 3, 5, 4, "2 sentences, 3 words kept, 3 new"),
        one(drawn, 3, 4, 2, 4, 6, "3 sentences, 4 words kept, 2 new"),
        one(drawn, 2, 1, 4, 6, 3, "2 sentences, 1 word kept, 4 new"),
    ]


def _past(s) -> int:
    return 0 if s.kept is None else s.kept[0].size(1)


def _at(start):
    """The new words with the places from `start` on."""
    return lambda s: s.x + s.places[start(s) : start(s) + s.x.size(1)]


def _behind(which: int, weight: str):
    def longer_by(s):
        new = s.placed @ getattr(s, weight).T
        return new if s.kept is None else torch.cat([s.kept[which], new], 1)

    return longer_by


def _front(which: int, weight: str):
    def longer_by(s):
        new = s.placed @ getattr(s, weight).T
        return new if s.kept is None else torch.cat([new, s.kept[which]], 1)

    return longer_by


def _unplaced(which: int, weight: str):
    def longer_by(s):
        new = s.x @ getattr(s, weight).T
        return new if s.kept is None else torch.cat([s.kept[which], new], 1)

    return longer_by


def _masked(diagonal):
    def masked(s):
        may = torch.ones(s.scores.shape[-2:], dtype=torch.bool).tril(diagonal(s))
        return s.scores.masked_fill(~may, -torch.inf).softmax(-1)

    return masked


OF_KEPT = "past = kept[0].size(1), and the places are past … past + n − 1"
SEEN = "new word i is word past + i: torch.ones(n, past + n).tril(diagonal=past)"
BEHIND = "torch.cat([kept, new], dim=1), for keys and for values"
BOARD = Board(
    "x kept wq wk wv places",
    Step(
        "placed",
        _at(_past),
        Wrong("the places begin at 0 again", _at(lambda s: 0), OF_KEPT),
        Wrong("the places are one too far", _at(lambda s: _past(s) + 1), OF_KEPT),
        Wrong("the places are one too few", _at(lambda s: max(0, _past(s) - 1)), OF_KEPT),
        Wrong("no places", lambda s: s.x, OF_KEPT),
        Wrong(
            "all new words have one place", lambda s: s.x + s.places[_past(s)], f"each new word has its own: {OF_KEPT}"
        ),
        Wrong(
            "the places are counted from the batch",
            _at(lambda s: 0 if s.kept is None else len(s.kept[0])),
            f"len(kept[0]) is how many sentences there are, kept[0].size(1) how many words: {OF_KEPT}",
        ),
        Wrong("the places run backwards", lambda s: s.x + s.places[_past(s) : _past(s) + s.x.size(1)].flip(0), OF_KEPT),
    ),
    Step(
        "keys",
        _behind(0, "wk"),
        Wrong("the keys have no places", _unplaced(0, "wk"), "queries, keys and values are all made of x + places"),
        Wrong("the new keys have the weights of the values", _behind(0, "wv"), "x @ wk.T"),
    ),
    Step(
        "values",
        _behind(1, "wv"),
        Wrong("the values have no places", _unplaced(1, "wv"), "queries, keys and values are all made of x + places"),
        Wrong("the new values have the weights of the keys", _behind(1, "wk"), "x @ wv.T"),
    ),
    Step(
        "scores",
        lambda s: s.placed @ s.wq.T @ s.keys.mT / math.sqrt(s.wq.size(0)),
        Wrong("no scaling", lambda s: s.placed @ s.wq.T @ s.keys.mT, "divide the scores by √d"),
        Wrong("divided by d", lambda s: s.placed @ s.wq.T @ s.keys.mT / s.wq.size(0), "divide by √d"),
        Wrong(
            "the queries have no places",
            lambda s: s.x @ s.wq.T @ s.keys.mT / math.sqrt(s.wq.size(0)),
            "queries, keys and values are all made of x + places",
        ),
        hidden=True,
    ),
    Step(
        "weights",
        _masked(_past),
        Wrong("the mask begins at the top left", _masked(lambda s: 0), SEEN),
        Wrong("no mask", lambda s: s.scores.softmax(-1), f"new words must not see later ones: {SEEN}"),
        Wrong("one word ahead leaks", _masked(lambda s: _past(s) + 1), SEEN),
        Wrong("a new word does not see itself", _masked(lambda s: _past(s) - 1), SEEN, rare=True),
        Wrong(
            "only kept words are seen",
            lambda s: _masked(_past)(s) if s.kept is None else s.scores[..., : _past(s)].softmax(-1),
            f"the new ones up to itself too: {SEEN}",
            rare=True,
        ),
        Wrong("softmax over the queries", lambda s: s.scores.softmax(-2), "each row sums to 1: dim −1"),
    ),
    Step(
        "mixture",
        lambda s: s.weights @ s.values[:, : s.weights.size(-1)],
        Wrong("the keys are mixed", lambda s: s.weights @ s.keys[:, : s.weights.size(-1)], "weights @ values"),
        hidden=True,
    ),
    Step(
        "answer",
        lambda s: (s.mixture, (s.keys, s.values)),
        Wrong(
            "the new keys and values are not kept",
            lambda s: (s.mixture, s.kept if s.kept else (s.keys, s.values)),
            "the next call needs those of these words too",
        ),
        Wrong(
            "only the new keys and values are kept",
            lambda s: (s.mixture, (s.keys[:, _past(s) :], s.values[:, _past(s) :])),
            f"the next call needs those of all words: {BEHIND}",
        ),
        Wrong("values and keys are kept in the wrong order", lambda s: (s.mixture, (s.values, s.keys)), "keys first"),
        Wrong(
            "the answer holds rows of kept words",
            lambda s: (torch.cat([s.values[:, : _past(s)], s.mixture], 1), (s.keys, s.values)),
            "one row for each new word",
            rare=True,
        ),
    ),
)
ALONE = BOARD.across(
    "the kept keys and values are not used",
    BEHIND,
    keys=lambda s: s.placed @ s.wk.T,
    values=lambda s: s.placed @ s.wv.T,
    weights=_masked(lambda s: 0),
)
FRONT = BOARD.across(
    "the new keys and values stand in front", f"they come last: {BEHIND}", keys=_front(0, "wk"), values=_front(1, "wv")
)
EXCHANGED = BOARD.across(
    "the kept keys and values are exchanged",
    "kept is (keys, values)",
    keys=_behind(1, "wk"),
    values=_behind(0, "wv"),
)
ROWS = BOARD.across(
    "the sentences of the kept ones are in another order",
    "row b of what was kept belongs to row b of x: never flip or sort the batch",
    keys=lambda s: s.placed @ s.wk.T if s.kept is None else torch.cat([s.kept[0].flip(0), s.placed @ s.wk.T], 1),
    values=lambda s: s.placed @ s.wv.T if s.kept is None else torch.cat([s.kept[1].flip(0), s.placed @ s.wv.T], 1),
)


# right, each in another way


def _projected(x, kept, wq, wk, wv, places):
    past = kept[0].shape[1] if kept else 0
    x = x + places[torch.arange(past, past + x.shape[1])]
    q, k, v = F.linear(x, wq), F.linear(x, wk), F.linear(x, wv)
    return (q, torch.cat((kept[0], k), 1), torch.cat((kept[1], v), 1), past) if kept else (q, k, v, past)


def by_kernel(*arguments):
    q, k, v, past = _projected(*arguments)
    mask = torch.arange(k.shape[1]) <= torch.arange(q.shape[1])[:, None] + past
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask), (k, v)


def by_words(*arguments):
    q, k, v, past = _projected(*arguments)
    rows = []
    for i in range(q.shape[1]):
        seen = past + i + 1
        weights = (k[:, :seen] @ q[:, i, :, None] / math.sqrt(q.shape[-1])).softmax(1)
        rows.append((weights * v[:, :seen]).sum(1))
    return torch.stack(rows, 1), (k, v)


def by_triu(*arguments):
    q, k, v, past = _projected(*arguments)
    ahead = torch.full((q.size(1), k.size(1)), -torch.inf).triu(1 + past)
    return (torch.bmm(q, k.transpose(1, 2)) * q.size(-1) ** -0.5 + ahead).softmax(2) @ v, (k, v)


def by_last_rows(*arguments):
    """The mask of the whole text, its last rows."""
    q, k, v, past = _projected(*arguments)
    whole_mask = torch.tril(torch.ones(k.size(1), k.size(1)))[past:]
    scores = torch.einsum("bid,bjd->bij", q, k) / math.sqrt(q.size(-1))
    return torch.einsum("bij,bjd->bid", scores.masked_fill(whole_mask == 0, -1e9).softmax(-1), v), (k, v)


def by_exponentials(*arguments):
    q, k, v, past = _projected(*arguments)
    dots = q @ k.mT / math.sqrt(q.size(-1))
    powers = (dots - dots.amax(-1, keepdim=True)).exp().tril(past)
    return (powers @ v) / powers.sum(-1, keepdim=True), (k, v)


def one_by_one(x, kept, wq, wk, wv, places):
    """It calls itself for each word."""
    rows = []
    for i in range(x.size(1)):
        row, kept = by_kernel(x[:, i : i + 1], kept, wq, wk, wv, places)
        rows.append(row)
    return torch.cat(rows, 1), kept


def _cached(function, case: Case) -> str:
    """In two calls or in one: the same answer."""
    x, _, *more = case.arguments
    if x.size(1) < 2:
        return ""
    once = function(x, None, *more)[0]
    first, kept = function(x[:, :1], None, *more)
    then = function(x[:, 1:], kept, *more)[0]
    twice = torch.cat([first, then], 1)
    if equal(twice, once):
        return ""
    away = (twice - once).abs().max() if twice.shape == once.shape else torch.tensor(torch.inf)
    return f"One call and two calls must answer alike; yours differ by {number(away)}."


EXERCISE = Exercise(
    name="cache",
    cases=cases,
    key=key,
    switchboard=BOARD,
    stages=(
        Stage("placed"),
        Stage("keys", ("placed",)),
        Stage("values", ("placed",)),
        Stage("weights", ("keys",)),
        Stage("answer", ("values", "weights")),
    ),
    mistakes=(ALONE, FRONT, EXCHANGED, ROWS, *BOARD.mistakes),
    right=(by_kernel, by_words, by_triu, by_last_rows, by_exponentials, one_by_one),
    properties=(Property("cached is uncached", _cached),),
    axes=dict.fromkeys(("placed", "keys", "values"), "word feature") | {"weights": "query key"},
    hints=(
        "past is how many words were kept, 0 for None; the new words stand at places[past : past + n].",
        "Put the new keys behind the kept ones, torch.cat([kept[0], k], dim=1), and the values alike.",
        "New word i is word past + i of the text: torch.ones(n, past + n).tril(diagonal=past) says whom it sees.",
    ),
    explanation="A cache changes how long an answer takes, never the answer: test it against reading everything again. "
    "Next: which word is written.",
)

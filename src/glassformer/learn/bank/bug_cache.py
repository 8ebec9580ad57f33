"""Relative attention word by word: the distances are those of the whole text, though one word is asked at a time."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Property, Stage, Stages
from glassformer.learn.heard import heard
from glassformer.parts.attention import RelativeKey, attend
from glassformer.parts.mask import causal


def key(x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, table: Tensor) -> Stages:
    """The whole text at once: what a cache must not change."""
    q, k, v = (F.linear(x, weight) for weight in (wq, wk, wv))
    known = RelativeKey((len(table) + 1) // 2, q.size(-1))
    del known.table
    known.table = table  # type: ignore[assignment]
    stages, answer = heard(lambda *a: attend(*a[:3], causal(x.size(1)), nearness=a[3]), q, k, v, known(q, k))
    return Stages(weights=stages["weights"], answer=answer)


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(make, b: int, n: int, length: int, w: int, d: int, about: str) -> Case:
        weights = (make(draw, d, w) / math.sqrt(w) for _ in range(3))
        return Case((make(draw, b, n, w), *weights, make(draw, 2 * length - 1, d)), about)

    return [
        one(whole, 1, 3, 3, 4, 4, "3 words, a table of 5 distances"),
        one(drawn, 2, 4, 6, 5, 4, "2 sentences of 4 words, a table of 11 distances"),
        one(drawn, 3, 5, 7, 4, 6, "3 sentences of 5 words, a table of 13 distances"),
        one(drawn, 2, 6, 6, 6, 3, "2 sentences of 6 words, a table of 11 distances"),
    ]


def _n(s) -> int:
    return s.x.size(1)


def _distance(s) -> Tensor:
    return torch.arange(_n(s))[:, None] - torch.arange(_n(s))


def _middle(s) -> int:
    return (len(s.table) - 1) // 2


def _near(which):
    return lambda s: torch.einsum("bid,ijd->bij", s.q, s.table[which(s).clamp(0, len(s.table) - 1)])


def _seen(s, diagonal: int = 0) -> Tensor:
    return torch.ones(_n(s), _n(s), dtype=torch.bool).tril(diagonal)


def _weights(s, divisor: float, diagonal: int = 0) -> Tensor:
    return ((s.scores + s.nearness) / divisor).masked_fill(~_seen(s, diagonal), -torch.inf).softmax(-1)


def _root(s) -> float:
    return math.sqrt(s.q.size(-1))


STANDS = "the word that is asked stands behind all others: at k.size(1) − 1"
ROW = "row 0 of the table is the distance −(length − 1)"
ALL = "softmax((q·k + q·r) / √d) over all words so far, then · values"
BOARD = Board(
    "x wq wk wv table",
    Step(
        "q",
        lambda s: s.x @ s.wq.T,
        Wrong(
            "the first word's query asks for all",
            lambda s: (s.x[:, :1] @ s.wq.T).expand(-1, _n(s), -1),
            "each word has its own",
        ),
        hidden=True,
    ),
    Step(
        "scores",
        lambda s: s.q @ (s.x @ s.wk.T).mT,
        Wrong(
            "the keys are those of the newest word",
            lambda s: (s.q * (s.x @ s.wk.T)).sum(-1, keepdim=True).expand(-1, -1, _n(s)),
            "keep the keys of all words",
            "each word is matched with one key alone",
        ),
        Wrong("the keys have the weights of the values", lambda s: s.q @ (s.x @ s.wv.T).mT, "word @ wk.T"),
        hidden=True,
    ),
    Step(
        "nearness",
        _near(lambda s: _distance(s) + _middle(s)),
        Wrong(
            "the query is counted from 0: the distance from the words asked now",
            _near(lambda s: _middle(s) - torch.arange(_n(s)).expand(_n(s), -1)),
            STANDS,
            "with one query, torch.arange(q.size(1)) says it stands at 0",
        ),
        Wrong("the query is counted one too far", _near(lambda s: _distance(s) + 1 + _middle(s)), STANDS),
        Wrong("the query is counted one too early", _near(lambda s: _distance(s) - 1 + _middle(s)), STANDS),
        Wrong(
            "the distances are counted from the end of the text",
            _near(lambda s: (_n(s) - 1 - torch.arange(_n(s))).expand(_n(s), -1) + _middle(s)),
            STANDS,
        ),
        Wrong("the distance is turned: j − i", _near(lambda s: _middle(s) - _distance(s)), "the distance is i − j"),
        Wrong(
            "the positions are added: i + j",
            _near(lambda s: torch.arange(_n(s))[:, None] + torch.arange(_n(s)) + _middle(s)),
            "the distance is i − j",
        ),
        Wrong(
            "every key has the same distance, or none",
            _near(lambda s: 0 * _distance(s) + _middle(s)),
            f"each key has its own: {STANDS}",
        ),
        Wrong("the table is read from its beginning", _near(_distance), ROW),
        Wrong(
            "the middle is that of the words, not of the table",
            _near(lambda s: _distance(s) + torch.arange(_n(s))[:, None]),
            ROW,
        ),
        Wrong(
            "the key is matched with the distance",
            lambda s: torch.einsum("bjd,ijd->bij", s.x @ s.wk.T, s.table[_distance(s) + _middle(s)]),
            "the query is: q_i · r_(i−j)",
        ),
        hidden=True,
    ),
    Step(
        "weights",
        lambda s: _weights(s, _root(s)),
        Wrong("no scaling", lambda s: _weights(s, 1.0), ALL),
        Wrong("divided by d", lambda s: _weights(s, _root(s) ** 2), ALL),
        Wrong(
            "the distances are not scaled",
            lambda s: (s.scores / _root(s) + s.nearness).masked_fill(~_seen(s), -torch.inf).softmax(-1),
            ALL,
        ),
        Wrong("the future is seen", lambda s: _weights(s, _root(s), _n(s)), "word by word, nobody sees what follows"),
        Wrong("no softmax", lambda s: ((s.scores + s.nearness) / _root(s)).masked_fill(~_seen(s), 0.0), ALL),
        Wrong(
            "each word sees only itself",
            lambda s: torch.eye(_n(s)).expand_as(s.scores),
            "keep keys and values of all words",
        ),
    ),
    Step(
        "answer",
        lambda s: s.weights @ (s.x @ s.wv.T),
        Wrong("the keys are mixed", lambda s: s.weights @ (s.x @ s.wk.T), ALL),
        Wrong("the words themselves are the values", lambda s: s.weights @ s.x, "word @ wv.T"),
        Wrong(
            "only the last answer is given back",
            lambda s: (s.weights @ (s.x @ s.wv.T))[:, -1:],
            "one row for each word",
        ),
        Wrong(
            "the answers are in reverse",
            lambda s: (s.weights @ (s.x @ s.wv.T)).flip(1),
            "append each answer at the end",
        ),
    ),
)


# right, each in another way


def _rows(table: Tensor, n: int) -> Tensor:
    return table[torch.arange(n)[:, None] - torch.arange(n) + len(table) // 2]  # i j d


def all_at_once(x, wq, wk, wv, table):
    q, k, v = x @ wq.T, x @ wk.T, x @ wv.T
    scores = (q @ k.mT + torch.einsum("bid,ijd->bij", q, _rows(table, x.size(1)))) / math.sqrt(q.size(-1))
    ahead = torch.ones(x.size(1), x.size(1)).triu(1).bool()
    return scores.masked_fill(ahead, -torch.inf).softmax(-1) @ v


def by_counting_back(x, wq, wk, wv, table):
    """The rows of the distances so far: n, n − 1 … 0."""
    out, middle = [], len(table) // 2
    for n in range(x.size(1)):
        q, k, v = x[:, n] @ wq.T, x[:, : n + 1] @ wk.T, x[:, : n + 1] @ wv.T
        near = table[middle : middle + n + 1].flip(0)
        weights = (torch.einsum("bd,bjd->bj", q, k + near) / math.sqrt(q.size(-1))).softmax(-1)
        out.append(torch.einsum("bj,bjd->bd", weights, v))
    return torch.stack(out, 1)


def by_cat(x, wq, wk, wv, table):
    k = v = torch.empty(len(x), 0, len(wk))
    out = []
    for n in range(x.shape[1]):
        word = x[:, n : n + 1]
        k, v = torch.cat([k, F.linear(word, wk)], 1), torch.cat([v, F.linear(word, wv)], 1)
        q = F.linear(word, wq)
        near = q @ table[n - torch.arange(n + 1) + (len(table) - 1) // 2].T
        out.append(((torch.bmm(q, k.transpose(1, 2)) + near) * q.size(-1) ** -0.5).softmax(2) @ v)
    return torch.cat(out, 1)


def by_kernel(x, wq, wk, wv, table):
    q, k, v = F.linear(x, wq), F.linear(x, wk), F.linear(x, wv)
    near = torch.einsum("bid,ijd->bij", q, _rows(table, x.size(1))) / math.sqrt(q.size(-1))
    ahead = torch.full(near.shape[1:], -torch.inf).triu(1)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=near + ahead)


def by_gathering(x, wq, wk, wv, table):
    q, k, v = x @ wq.T, x @ wk.T, x @ wv.T
    n, every = x.size(1), q @ table.T
    which = torch.arange(n)[:, None] - torch.arange(n)[None] + (len(table) + 1) // 2 - 1
    scores = (q @ k.mT + every.gather(2, which.expand(len(x), n, n))) / math.sqrt(q.size(-1))
    powers = (scores - scores.amax(-1, keepdim=True)).exp().tril()
    return powers / powers.sum(-1, keepdim=True) @ v


def by_doubles(x, wq, wk, wv, table):
    return all_at_once(*(each.double() for each in (x, wq, wk, wv, table))).float()


def _prefix(function, case: Case) -> str:
    """The answer to a word does not change when others follow."""
    x, *more = case.arguments
    away = (function(x[:, :-1], *more) - function(x, *more)[:, :-1]).abs().max()
    return f"What follows changes your earlier answers by {number(away)}; it must not." if away > 1e-4 else ""


EXERCISE = Exercise(
    name="bug-cache",
    cases=cases,
    key=key,
    switchboard=BOARD,
    stages=(Stage("weights"), Stage("answer", ("weights",))),
    mistakes=BOARD.mistakes,
    right=(all_at_once, by_counting_back, by_cat, by_kernel, by_gathering, by_doubles),
    properties=(Property("earlier answers stay", _prefix),),
    learned=(0, 1, 2, 3, 4),
    axes={"weights": "query key", "answer": "word feature"},
    hints=(
        "Print `which` for each word of a text of three: what does the second word think its distance to itself is?",
        "There is one query at a time, so torch.arange(q.size(1)) is always 0. Where does that query stand?",
        "It is the last of all words so far: torch.arange(k.size(1))[-q.size(1):, None].",
    ),
    explanation="A cache makes the number of queries and of keys differ; what is counted must be counted in the text, "
    "not in the call. Next: a label that is never learned.",
)

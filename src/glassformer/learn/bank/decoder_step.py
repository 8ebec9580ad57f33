"""One new word: its key and value put behind the others, its query looking at all."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Property, Stage, Stages
from glassformer.learn.heard import heard
from glassformer.parts.attention import attend
from glassformer.parts.kernels.longer import longer


def key(x: Tensor, keys: Tensor, values: Tensor, wq: Tensor, wk: Tensor, wv: Tensor) -> Stages:
    query, k, v = (F.linear(x, weight)[:, None] for weight in (wq, wk, wv))  # b 1 d
    keys, values = longer(keys, k, 1), longer(values, v, 1)  # b n d
    stages, mixture = heard(attend, query, keys, values)
    return Stages(keys=keys, values=values, weights=stages["weights"], answer=(mixture[:, 0], keys, values))


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(make, b: int, n: int, w: int, d: int, about: str) -> Case:
        weights = (make(draw, d, w) / math.sqrt(w) for _ in range(3))
        return Case((make(draw, b, w), make(draw, b, n, d), make(draw, b, n, d), *weights), about)

    return [
        one(whole, 1, 2, 4, 4, "2 words before, width 4"),
        one(drawn, 2, 3, 5, 4, "2 sentences, 3 words before, width 5 to 4"),
        one(drawn, 3, 0, 4, 6, "the first word: nothing before"),
        one(drawn, 2, 5, 6, 3, "2 sentences, 5 words before, width 6 to 3"),
    ]


BEHIND = "torch.cat([what was there, the new one], dim=1)"
SCORES = "query · keysᵀ / √d, the softmax over the keys, then · values"


def _keys(s):
    return s.keys_before, (s.x @ s.wk.T)[:, None]


def _values(s):
    return s.values_before, (s.x @ s.wv.T)[:, None]


def _with(which: str, weight: str, turned: bool = False):
    """The keys, or the values, where the new one is made with these weights."""

    def made(s):
        matrix = vars(s)[weight]
        return torch.cat([vars(s)[f"{which}_before"], (s.x @ (matrix if turned else matrix.T))[:, None]], 1)

    return made


OWN = "each has its own weights: x @ wq.T, x @ wk.T, x @ wv.T"
BOARD = Board(
    "x keys_before values_before wq wk wv",
    Step(
        "keys",
        lambda s: torch.cat(_keys(s), 1),
        Wrong("only the new key stands in front", lambda s: torch.cat(_keys(s)[::-1], 1), f"it comes last: {BEHIND}"),
        Wrong("the new key has the weights of the value", _with("keys", "wv"), OWN),
        Wrong("the new key has the weights of the query", _with("keys", "wq"), OWN),
        Wrong("the weights of the key are not transposed", _with("keys", "wk", True), "they are (out, in): x @ wk.T"),
    ),
    Step(
        "values",
        lambda s: torch.cat(_values(s), 1),
        Wrong(
            "only the new value stands in front", lambda s: torch.cat(_values(s)[::-1], 1), f"it comes last: {BEHIND}"
        ),
        Wrong("the new value has the weights of the key", _with("values", "wk"), OWN),
        Wrong(
            "the weights of the value are not transposed", _with("values", "wv", True), "they are (out, in): x @ wv.T"
        ),
    ),
    Step(
        "query",
        lambda s: (s.x @ s.wq.T)[:, None],
        Wrong("the query has the weights of the key", lambda s: (s.x @ s.wk.T)[:, None], OWN),
        Wrong("the new word itself is the query", lambda s: s.x[:, None], OWN),
        Wrong("the weights of the query are not transposed", lambda s: (s.x @ s.wq)[:, None], "x @ wq.T"),
        Wrong("the query is the last key before", lambda s: s.keys_before[:, -1:], "the new word asks: x @ wq.T"),
        hidden=True,
    ),
    Step(
        "scores",
        lambda s: s.query @ s.keys.mT / math.sqrt(s.query.size(-1)),
        Wrong("no scaling", lambda s: s.query @ s.keys.mT, SCORES),
        Wrong("divided by d", lambda s: s.query @ s.keys.mT / s.query.size(-1), SCORES),
        Wrong("divided by the root of the width", lambda s: s.query @ s.keys.mT / math.sqrt(s.x.size(-1)), SCORES),
        Wrong(
            "a causal mask that begins at the top left",
            lambda s: (s.query @ s.keys.mT / math.sqrt(s.query.size(-1))).masked_fill(
                ~torch.ones(1, s.keys.size(1), dtype=torch.bool).tril(), -torch.inf
            ),
            "no mask is needed: all words there are, are the past of the new one",
            "one query masked with tril sees only the first word",
        ),
        hidden=True,
    ),
    Step(
        "weights",
        lambda s: s.scores.softmax(-1),
        Wrong("softmax over the query", lambda s: s.scores.softmax(-2), SCORES),
        Wrong("no softmax", lambda s: s.scores, SCORES),
        Wrong(
            "the new word does not see itself",
            lambda s: torch.cat([s.scores[..., :-1].softmax(-1), 0 * s.scores[..., -1:]], -1),
            "append first, then attend",
        ),
    ),
    Step(
        "mixture",
        lambda s: (s.weights @ s.values)[:, 0],
        Wrong("the keys are mixed", lambda s: (s.weights @ s.keys)[:, 0], SCORES),
        Wrong("the new value is the answer", lambda s: s.values[:, -1], SCORES),
        Wrong("the new word is added", lambda s: (s.weights @ s.values)[:, 0] + s.x, "a residual belongs to the block"),
        Wrong("the answer keeps an axis of one", lambda s: s.weights @ s.values, "(b, d) is wanted: [:, 0]"),
        hidden=True,
    ),
    Step(
        "answer",
        lambda s: (s.mixture, s.keys, s.values),
        Wrong("keys and values are exchanged in the answer", lambda s: (s.mixture, s.values, s.keys), "keys first"),
        Wrong(
            "the old keys and values are given back",
            lambda s: (s.mixture, s.keys_before, s.values_before),
            "the next step needs those of this word too",
        ),
        Wrong(
            "only the new key and value are given back",
            lambda s: (s.mixture, s.keys[:, -1:], s.values[:, -1:]),
            "the next step needs those of all words",
        ),
        Wrong(
            "the answer is given last", lambda s: (s.keys, s.values, s.mixture), "answer, keys, values: in this order"
        ),
    ),
)
NOT_APPENDED = BOARD.across(
    "neither key nor value is appended",
    BEHIND,
    keys=lambda s: s.keys_before,
    values=lambda s: s.values_before,
)
IN_FRONT = BOARD.across(
    "the new key and value stand in front",
    f"they come last: {BEHIND}",
    keys=lambda s: torch.cat(_keys(s)[::-1], 1),
    values=lambda s: torch.cat(_values(s)[::-1], 1),
)
ALONE = BOARD.across(
    "the word sees only itself",
    BEHIND,
    keys=lambda s: _keys(s)[1],
    values=lambda s: _values(s)[1],
)
OVER = BOARD.across(
    "the last word is overwritten",
    BEHIND,
    keys=lambda s: torch.cat([s.keys_before[:, :-1], _keys(s)[1]], 1),
    values=lambda s: torch.cat([s.values_before[:, :-1], _values(s)[1]], 1),
)
EXCHANGED = BOARD.across(
    "the new key and value have each other's weights", OWN, keys=_with("keys", "wv"), values=_with("values", "wk")
)


# right, each in another way


def by_kernel(x, keys, values, wq, wk, wv):
    keys = torch.cat((keys, F.linear(x, wk).unsqueeze(1)), dim=-2)
    values = torch.cat((values, F.linear(x, wv).unsqueeze(1)), dim=-2)
    return F.scaled_dot_product_attention(F.linear(x, wq).unsqueeze(1), keys, values).squeeze(1), keys, values


def by_einsum(x, keys, values, wq, wk, wv):
    q, k, v = (torch.einsum("bw,dw->bd", x, each) for each in (wq, wk, wv))
    keys, values = torch.cat([keys, k[:, None]], 1), torch.cat([values, v[:, None]], 1)
    weights = (torch.einsum("bd,bnd->bn", q, keys) * wq.size(0) ** -0.5).softmax(-1)
    return torch.einsum("bn,bnd->bd", weights, values), keys, values


def by_filling(x, keys, values, wq, wk, wv):
    b, n, d = keys.shape
    whole_keys, whole_values = torch.empty(b, n + 1, d), torch.empty(b, n + 1, d)
    whole_keys[:, :n], whole_keys[:, n] = keys, x @ wk.T
    whole_values[:, :n], whole_values[:, n] = values, x @ wv.T
    scores = (whole_keys @ (x @ wq.T)[..., None]).squeeze(-1) / math.sqrt(d)
    return (scores.softmax(1).unsqueeze(-1) * whole_values).sum(1), whole_keys, whole_values


def by_sentences(x, keys, values, wq, wk, wv):
    rows, kept, mixed = [], [], []
    for b in range(len(x)):
        k, v = torch.vstack([keys[b], wk @ x[b]]), torch.vstack([values[b], wv @ x[b]])
        rows.append((k @ (wq @ x[b]) / k.shape[1] ** 0.5).softmax(0) @ v)
        kept.append(k)
        mixed.append(v)
    return torch.stack(rows), torch.stack(kept), torch.stack(mixed)


def by_bmm(x, keys, values, wq, wk, wv):
    q, k, v = F.linear(x[:, None], torch.cat([wq, wk, wv])).chunk(3, -1)
    keys, values = torch.hstack([keys, k]), torch.hstack([values, v])
    powers = (torch.bmm(q, keys.transpose(1, 2)) / math.sqrt(q.shape[-1])).exp()
    return (torch.bmm(powers, values) / powers.sum(-1, keepdim=True)).flatten(1), keys, values


def by_doubles(x, keys, values, wq, wk, wv):
    return tuple(each.float() for each in by_einsum(*(each.double() for each in (x, keys, values, wq, wk, wv))))


def _between(function, case: Case) -> str:
    mixed, _, values = function(*case.arguments)
    beyond = torch.maximum(mixed - values.amax(1), values.amin(1) - mixed).max()
    return f"A mixture lies between the values; yours goes {number(beyond)} beyond them." if beyond > 1e-4 else ""


EXERCISE = Exercise(
    name="decoder-step",
    cases=cases,
    key=key,
    switchboard=BOARD,
    stages=(Stage("keys"), Stage("values"), Stage("weights", ("keys",)), Stage("answer", ("values", "weights"))),
    mistakes=(NOT_APPENDED, IN_FRONT, ALONE, OVER, EXCHANGED, *BOARD.mistakes),
    right=(by_kernel, by_einsum, by_filling, by_sentences, by_bmm, by_doubles),
    properties=(Property("the mixture lies between the values", _between),),
    axes={"keys": "word feature", "values": "word feature", "weights": "query key"},
    hints=(
        "Project the new word three times; x[:, None] gives it the axis of words: (b, 1, w).",
        "torch.cat([keys, new_key], dim=1) puts the new key behind the others; the values alike, before attending.",
        "One query, n + 1 keys: the scores are (b, 1, n + 1); no mask, for everything there is the past.",
    ),
    explanation="Words that were read are not read again: one query, and keys and values that only grow. Next: the "
    "same for several words at once, where positions and the mask have to be right.",
)

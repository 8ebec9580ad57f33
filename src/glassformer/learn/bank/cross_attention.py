"""Queries from one sentence, keys and values from another."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.attending import STAGES, Switches, attending
from glassformer.learn.bank.attending_roles import without
from glassformer.learn.bank.steps import apart
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Mistake, Property, Stage, Stages
from glassformer.learn.heard import heard
from glassformer.parts.attention import attend
from glassformer.parts.mask import boolean


def key(x: Tensor, source: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, real: Tensor | None = None) -> Stages:
    q, k, v = F.linear(x, wq), F.linear(source, wk), F.linear(source, wv)
    mask = None if real is None else boolean(real)[:, None, :]  # b 1 j
    stages, mixture = heard(attend, q, k, v, mask)
    return Stages({"q": q, "k": k, "v": v} | {stage.name: stages.get(stage.name) for stage in STAGES}, mixture=mixture)


def switchboard(
    *arguments: Any, reads: str = "xss", weights: str = "qkv", turned: bool = False, **switches: Any
) -> Stages:
    """reads: what queries, keys and values are made of; weights: with whose weights."""
    x, source, wq, wk, wv, real = (*arguments, None)[:6]
    text, weight = {"x": x, "s": source}, {"q": wq, "k": wk, "v": wv}
    made = [text[r] @ (weight[w] if turned else weight[w].T) for r, w in zip(reads, weights, strict=True)]
    mask = None if real is None else real[:, None, :]  # b 1 j
    stages = attending(*made, mask, Switches(**switches, width=x.size(-1)))  # type: ignore[misc]
    return Stages(dict(zip("qkv", made, strict=True)) | stages)


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(make: Any, sizes: tuple[int, int, int, int, int], real: list[int] | None, about: str) -> Case:
        b, i, j, w, d = sizes
        known = (make(draw, b, i, w), make(draw, b, j, w), *(make(draw, d, w) / math.sqrt(w) for _ in range(3)))
        mask = () if real is None else (torch.arange(j) < torch.tensor(real)[:, None],)
        return Case((*known, *mask), about)

    return [
        one(whole, (1, 3, 3, 4, 4), None, "3 words look at a source of 3"),
        one(whole, (1, 2, 4, 4, 4), None, "2 words look at a source of 4"),
        one(whole, (2, 3, 3, 4, 4), [2, 1], "a source of 3, padded"),
        one(drawn, (2, 2, 5, 6, 3), None, "2 sentences, 2 words, a source of 5, width 6 to 3"),
        one(lambda *a: 3 * drawn(*a), (3, 4, 6, 5, 5), [4, 5, 2], "large scores, a source of 6, padded"),
        one(drawn, (2, 3, 5, 4, 7), [3, 4], "width 4 to 7, a source of 5, padded"),
    ]


def _from(name: str, stage: str, repair: str, **switches: Any) -> Mistake:
    return Mistake(name, stage, apart(stage, name, repair), switches)


WHO = "queries are made of x, keys and values of the source"
OWN = "each has its own weights: x @ wq.T, source @ wk.T, source @ wv.T"
READING = (
    _from("self-attention: the source is not looked at", "k", WHO, reads="xxx"),
    _from("the source looks at itself", "q", WHO, reads="sss"),
    _from("the source looks at x: the two are exchanged", "q", WHO, reads="sxx"),
    _from("the keys are made of x", "k", WHO, reads="xxs"),
    _from("the values are made of x", "v", WHO, reads="xsx"),
    _from("the queries are made of the source, the keys of x", "q", WHO, reads="sxs"),
    _from("queries and keys are made of the source, the values of x", "q", WHO, reads="ssx"),
    _from("the values are made with the weights of the keys", "v", OWN, weights="qkk"),
    _from("the keys are made with the weights of the values", "k", OWN, weights="qvv"),
    _from("the keys are made with the weights of the queries", "k", OWN, weights="qqv"),
    _from("queries and keys have each other's weights", "q", OWN, weights="kqv"),
    _from("keys and values have each other's weights", "k", OWN, weights="qvk"),
    _from("the weights are not transposed", "q", "they are (out, in): x @ wq.T, or F.linear(x, wq)", turned=True),
)


# whose weights are exchanged has a name above
SHARED = without(
    "the mask is transposed", "keys and values are exchanged", "queries are matched with values", "the keys are mixed"
)


# right, each in another way


def by_linear(x, source, wq, wk, wv, real=None):
    q, k, v = F.linear(x, wq), F.linear(source, wk), F.linear(source, wv)
    scores = torch.bmm(q, k.transpose(1, 2)) / math.sqrt(wq.shape[0])
    if real is not None:
        scores = scores + (1.0 - real[:, None].float()) * -1e9
    return torch.bmm(F.softmax(scores, dim=2), v)


def by_kernel(x, source, wq, wk, wv, real=None):
    mask = None if real is None else real.unsqueeze(1).expand(-1, x.shape[1], -1)
    return F.scaled_dot_product_attention(x @ wq.T, source @ wk.T, source @ wv.T, attn_mask=mask)


def by_einsum(x, source, wq, wk, wv, real=None):
    q = torch.einsum("biw,dw->bid", x, wq)
    k, v = (torch.einsum("bjw,dw->bjd", source, weight) for weight in (wk, wv))
    scores = torch.einsum("bid,bjd->bij", q, k) * wq.size(0) ** -0.5
    if real is not None:
        scores = scores.masked_fill(~real.unsqueeze(1), torch.finfo(scores.dtype).min)
    return torch.einsum("bij,bjd->bid", scores.softmax(-1), v)


def by_one_matrix(x, source, wq, wk, wv, real=None):
    k, v = F.linear(source, torch.cat([wk, wv])).chunk(2, dim=-1)
    scores = F.linear(x, wq / wq.size(0) ** 0.5) @ k.mT
    scores = scores if real is None else torch.where(real[:, None], scores, -torch.inf)
    return scores.softmax(-1) @ v


def by_sentences(x, source, wq, wk, wv, real=None):
    """Padding is cut off, so that no mask is needed."""
    rows = []
    for b in range(len(x)):
        text = source[b] if real is None else source[b][real[b]]
        q, k, v = x[b] @ wq.T, text @ wk.T, text @ wv.T
        rows.append((q @ k.T / math.sqrt(q.shape[1])).softmax(1) @ v)
    return torch.stack(rows)


def by_matching_first(x, source, wq, wk, wv, real=None):
    """The values are projected last."""
    x, source, wq, wk, wv = (each.double() for each in (x, source, wq, wk, wv))
    scores = x @ (wq.T @ wk) @ source.mT / math.sqrt(len(wq))
    powers = (scores - scores.amax(-1, keepdim=True)).exp()
    powers = powers if real is None else powers * real[:, None]
    return (powers / powers.sum(-1, keepdim=True) @ source @ wv.T).float()


def by_doubles(x, source, wq, wk, wv, real=None):
    return by_einsum(*(each.double() for each in (x, source, wq, wk, wv)), real=real).float()


def _unseen(function, case: Case) -> str:
    """What stands at padding means nothing."""
    x, source, *weights = case.arguments
    if len(weights) < 4:
        return ""
    real = weights[-1]
    away = (function(x, source + 3.0 * ~real[..., None], *weights) - function(x, source, *weights)).abs().max()
    return f"Padding changes your answer by {number(away)}; nobody may look at it." if away > 1e-4 else ""


EXERCISE = Exercise(
    name="cross-attention",
    cases=cases,
    key=key,
    switchboard=switchboard,
    stages=(Stage("q"), Stage("k"), Stage("v"), *STAGES),
    mistakes=(*READING, *SHARED),
    right=(by_linear, by_kernel, by_einsum, by_one_matrix, by_sentences, by_matching_first, by_doubles),
    properties=(Property("padding is not looked at", _unseen),),
    learned=(0, 1, 2, 3, 4),
    axes=dict.fromkeys(("scores", "scaled", "weights"), "query key") | dict.fromkeys("qkv", "word feature"),
    hints=(
        "Three projections: q of x, k and v of the source; then it is attention as you wrote it.",
        "real is (b, j), the scores are (b, i, j): real[:, None, :] stands in the row of every query.",
        "Fill the scores with −∞ where the source is padding, before the softmax.",
    ),
    explanation="The decoder asks, the source answers: as many rows as x has, mixtures of the source's values alone. "
    "Next: the decoder writes word by word.",
)

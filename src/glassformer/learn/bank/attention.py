"""softmax(q·kᵀ / √d) · v, with a mask that may be left out."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.attending import STAGES, Switches, attending, words_first
from glassformer.learn.bank.attending_roles import ALL, EXCHANGED
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Property, Stages
from glassformer.learn.heard import heard
from glassformer.parts.attention import attend


def key(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Stages:
    stages, mixture = heard(attend, q, k, v, mask)
    return Stages({name: stages[name] for name in ("scores", "scaled", "weights")}, mixture=mixture)


@words_first(3)
def switchboard(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, **switches: Any) -> Stages:
    return attending(q, k, v, mask, Switches(**switches))


def some_mask(draw: torch.Generator, queries: int, keys: int) -> Tensor:
    """Every query may look at something, and not at everything."""
    mask = torch.rand(queries, keys, generator=draw) < 0.5
    mask[torch.arange(queries), torch.randint(keys, (queries,), generator=draw)] = True
    blocked = torch.randint(1, keys, (queries,), generator=draw)
    first = mask.float().argmax(-1)
    mask[torch.arange(queries), (first + blocked) % keys] = False
    return mask


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)
    small = tuple(whole(draw, 1, 3, 4) for _ in range(3))
    wide = tuple(3 * drawn(draw, 2, 4, 5) for _ in range(3))
    return [
        Case(small, "3 words, 4 features, no mask"),
        Case((*(whole(draw, 1, 3, 4) for _ in range(3)), some_mask(draw, 3, 3)), "3 words, 4 features, with a mask"),
        Case((drawn(draw, 2, 3, 6), drawn(draw, 2, 4, 6), drawn(draw, 2, 4, 6)), "2 sentences, 3 queries, 4 keys"),
        Case(
            (drawn(draw, 2, 2, 6), drawn(draw, 2, 5, 6), drawn(draw, 2, 5, 6), some_mask(draw, 2, 5)),
            "2 queries, 5 keys, with a mask",
        ),
        Case((*wide, some_mask(draw, 4, 4)), "large scores, with a mask"),
        Case(tuple(drawn(draw, 3, 5, 3) for _ in range(3)), "3 sentences of 5 words, no mask"),
    ]


# right, each in another way


def by_loops(q, k, v, mask=None):
    out = torch.zeros(q.shape[0], q.shape[1], v.shape[2])
    for b in range(q.shape[0]):
        for i in range(q.shape[1]):
            scores = [
                sum(q[b, i, f] * k[b, j, f] for f in range(q.shape[2])) / q.shape[2] ** 0.5 for j in range(k.shape[1])
            ]
            powers = [s.exp() if mask is None or mask[i, j] else torch.tensor(0.0) for j, s in enumerate(scores)]
            for j, power in enumerate(powers):
                out[b, i] += power / sum(powers) * v[b, j]
    return out


def by_numbers(q, k, v, mask=None):
    """Python's own floats: no gradient comes back."""
    done = []
    for qs, ks, vs in zip(q.tolist(), k.tolist(), v.tolist(), strict=True):
        for i, one in enumerate(qs):
            scores = [sum(map(lambda a, b: a * b, one, other)) / math.sqrt(len(one)) for other in ks]
            powers = [math.exp(s) if mask is None or bool(mask[i][j]) else 0.0 for j, s in enumerate(scores)]
            done.append(
                [sum(p * row[f] for p, row in zip(powers, vs, strict=True)) / sum(powers) for f in range(len(vs[0]))]
            )
    return torch.tensor(done).view(q.shape[0], q.shape[1], -1)


def by_bmm(q, k, v, mask=None):
    scores = torch.bmm(q, k.transpose(1, 2)) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores + torch.where(mask, 0.0, -1e9)
    return torch.bmm(torch.softmax(scores, dim=2), v)


def by_einsum(q, k, v, mask=None):
    scores = torch.einsum("bid,bjd->bij", q, k) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(mask.logical_not(), torch.finfo(scores.dtype).min)
    return torch.einsum("bij,bjd->bid", scores.softmax(-1), v)


def by_kernel(q, k, v, mask=None):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def by_exponentials(q, k, v, mask=None):
    dots = (q / math.sqrt(q.size(-1))) @ k.mT
    powers = (dots - dots.max(dim=-1, keepdim=True).values).exp()
    powers = powers if mask is None else powers * mask
    return (powers @ v) / powers.sum(-1, keepdim=True)


def by_renormalising(q, k, v, mask=None):
    shares = F.softmax(q @ k.transpose(-1, -2) / math.sqrt(k.size(-1)), dim=-1)
    if mask is not None:
        shares = shares * mask
        shares = shares / shares.sum(dim=-1, keepdim=True)
    return shares @ v


def by_doubles(q, k, v, mask=None):
    q, k, v = q.double(), k.double(), v.double()
    logits = (q[:, :, None] * k[:, None]).sum(-1) / math.sqrt(q.shape[-1])
    logits = logits if mask is None else torch.where(mask[None], logits, torch.full_like(logits, -1e30))
    return (logits.softmax(-1)[..., None] * v[:, None]).sum(2).float()


def by_rows(q, k, v, mask=None):
    rows = []
    for i in range(q.size(1)):
        match = (k @ q[:, i, :, None]).squeeze(-1) / math.sqrt(q.size(-1))
        if mask is not None:
            match[:, ~mask[i]] = -math.inf
        rows.append((match.softmax(-1)[:, :, None] * v).sum(1))
    return torch.stack(rows, dim=1)


def in_place(q, k, v, mask=None):
    buffer = torch.empty(q.size(0), q.size(1), k.size(1))
    torch.matmul(q.detach(), k.detach().mT, out=buffer)
    buffer /= math.sqrt(q.size(-1))
    if mask is not None:
        buffer[:, ~mask] = -1e4
    del buffer
    scores = q @ k.mT / math.sqrt(q.size(-1))
    return (scores if mask is None else scores.masked_fill_(~mask, -1e4)).softmax(-1) @ v


def on_the_side(q, k, v, mask=None):
    """Keys are the rows, queries the columns, and the softmax runs down the columns."""
    scores = k @ q.mT / math.sqrt(k.shape[-1])
    if mask is not None:
        scores.masked_fill_(~mask.T, -torch.inf)
    return scores.softmax(dim=1).mT @ v


# what every right version has


def _between(function, case: Case) -> str:
    """A weighted mean lies between the smallest and the largest value."""
    v = case.arguments[2]
    out = function(*case.arguments)
    if out.shape[-1] != v.shape[-1]:
        return ""
    most, least = v.amax(dim=-2, keepdim=True), v.amin(dim=-2, keepdim=True)
    beyond = torch.maximum(out - most, least - out).max()
    return f"A mixture lies between the values; yours goes {number(beyond)} beyond them." if beyond > 1e-4 else ""


def _alone(function, case: Case) -> str:
    """A sentence is answered as if it were alone."""
    q, k, v, *mask = case.arguments
    if len(q) < 2:
        return ""
    away = (function(q[:1], k[:1], v[:1], *mask) - function(q, k, v, *mask)[:1]).abs().max()
    return (
        f"A sentence's answer must not depend on the others in the batch; yours changes by {number(away)}."
        if away > 1e-4
        else ""
    )


def _set(function, case: Case) -> str:
    """Keys come with their values; their order means nothing."""
    q, k, v, *mask = case.arguments
    turned = [each.flip(-1) for each in mask if each is not None]
    away = (function(q, k.flip(1), v.flip(1), *turned) - function(q, k, v, *mask)).abs().max()
    return (
        f"The order of the keys must not matter; turned round, your answer changes by {number(away)}."
        if away > 1e-4
        else ""
    )


def _sum(function, case: Case) -> str:
    """Weights that sum to 1 make nothing but 1 of ones."""
    q, k, v, *mask = case.arguments
    out = function(q, k, torch.ones_like(v), *mask)
    worst = out.flatten()[(out - 1).abs().argmax()]
    return (
        f"Where every value is 1 each mixture is 1; yours is {number(worst)}: your weights do not sum to 1."
        if abs(worst - 1) > 5e-3
        else ""
    )


PROPERTIES = (
    Property("weights sum to 1", _sum),
    Property("the mixture lies between the values", _between),
    Property("sentences do not meet", _alone),
)

EXERCISE = Exercise(
    name="attention",
    cases=cases,
    key=key,
    switchboard=switchboard,
    stages=STAGES,
    mistakes=(*ALL, EXCHANGED),
    right=(
        by_loops,
        by_numbers,
        by_bmm,
        by_einsum,
        by_kernel,
        by_exponentials,
        by_renormalising,
        by_doubles,
        by_rows,
        in_place,
        on_the_side,
    ),
    properties=(*PROPERTIES, Property("keys are a set", _set)),
    other_way={"fill": -1e9},
    learned=(0, 1, 2),
    axes={"scores": "query key", "scaled": "query key", "weights": "query key", "mixture": "query feature"},
    hints=(
        "Four steps: match (q·kᵀ), scale (÷ √d), softmax over the keys, mix the values.",
        "k.transpose(-2, -1) turns the keys so that q @ … gives one score for each query and key.",
        "A word that may not be looked at gets the score −∞ before the softmax: masked_fill(~mask, −inf).",
    ),
    explanation="Every query matches every key to some extent; the answer is the mixture of all values by how well.",
)

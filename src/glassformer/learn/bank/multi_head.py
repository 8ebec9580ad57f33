"""Several soft dictionaries side by side: project, split, attend, merge, project."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from glassformer.learn.bank.attending import Switches, attending, words_first
from glassformer.learn.bank.attending_roles import EXCHANGED, without
from glassformer.learn.bank.attention import some_mask
from glassformer.learn.bank.heads_mistakes import HEADS
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Property, Stage, Stages
from glassformer.learn.heard import heard
from glassformer.learn.modules import heads as readings
from glassformer.parts.attention import Attention


def key(x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor, heads: int, mask: Tensor | None = None) -> Stages:
    attention = Attention(x.size(-1), heads)
    zeros = {name: torch.zeros_like(value) for name, value in attention.named_parameters() if "bias" in name}
    weights = {"q.weight": wq, "k.weight": wk, "v.weight": wv, "out.weight": wo}
    stages, output = heard(lambda: functional_call(attention, {**zeros, **weights}, (x,), {"mask": mask}))
    merged = stages["z"].transpose(-3, -2).flatten(-2)
    named = Stages({name: stages[name] for name in ("q", "k", "v", "scores", "scaled", "weights")})
    return Stages(named, mixture=stages["z"], merged=merged, output=output)


@dataclass(frozen=True)
class Heads:
    """How the four projections, the split and the merge are done; what attention does is in `Switches`."""

    q: str = "own"
    k: str = "own"
    v: str = "own"
    out: str = "own"
    split: str = "heads"
    split_k: str = "as the others"
    split_v: str = "as the others"
    merge: str = "heads"
    add: str = "nothing"
    gives: str = "output"
    looped: str = "no"


Weights = dict[str, Tensor]

PROJECTED: dict[str, Callable[[Tensor, str, Weights], Tensor]] = {
    "own": lambda x, role, w: x @ w[role].mT,
    "turned": lambda x, role, w: x @ w[role],
    "missing": lambda x, role, w: x,
    "q's": lambda x, role, w: x @ w["q"].mT,
    "k's": lambda x, role, w: x @ w["k"].mT,
    "v's": lambda x, role, w: x @ w["v"].mT,
    "out's": lambda x, role, w: x @ w["out"].mT,
    "twice": lambda x, role, w: x @ w[role].mT @ w[role].mT,
    "of q": lambda x, role, w: x @ w["q"].mT @ w[role].mT,
    "of k": lambda x, role, w: x @ w["k"].mT @ w[role].mT,
    "relu": lambda x, role, w: (x @ w[role].mT).relu(),
}


def _blocks(x: Tensor, w: Tensor, heads: int) -> Tensor:
    """Each head reads its own slice of the features only."""
    return torch.einsum("bnhi,hdi->bhnd", x.unflatten(-1, (heads, -1)), _diagonal(w, heads))


def _diagonal(w: Tensor, heads: int) -> Tensor:
    rows = w.unflatten(0, (heads, -1)).unflatten(-1, (heads, -1))  # h d h' i
    return torch.stack([rows[h, :, h] for h in range(heads)])


SPLIT: dict[str, Callable[[Tensor, int], Tensor]] = {
    "heads": lambda y, h: y.unflatten(-1, (h, -1)).transpose(1, 2),
    "viewed": lambda y, h: y.reshape(y.size(0), h, y.size(1), -1),
    "interleaved": lambda y, h: y.unflatten(-1, (-1, h)).permute(0, 3, 1, 2),
    "one head": lambda y, h: y[:, None],
    "first head": lambda y, h: y.unflatten(-1, (h, -1))[:, :, :1].transpose(1, 2),
    "turned": lambda y, h: y.unflatten(-1, (h, -1)).flatten(1, 2).unflatten(1, (h, -1)),
    "not transposed": lambda y, h: y.unflatten(-1, (h, -1)),
    "batch first": lambda y, h: y.transpose(0, 1).reshape(y.size(0), h, y.size(1), -1),
    "reversed": lambda y, h: y.unflatten(-1, (h, -1)).transpose(1, 2).flip(1),
    "overlapping": lambda y, h: y.unfold(-1, y.size(-1) // h, 1)[:, :, :h].transpose(1, 2),
    "first of all": lambda y, h: y.unflatten(-1, (h, -1))[:, :, :1].expand(-1, -1, h, -1).transpose(1, 2),
}

MERGE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "heads": lambda z, x: z.transpose(1, 2).flatten(-2),
    "viewed": lambda z, x: z.reshape(x.shape),
    "interleaved": lambda z, x: z.permute(0, 2, 3, 1).flatten(-2),
    "mean": lambda z, x: z.mean(1),
    "sum": lambda z, x: z.sum(1),
    "repeated mean": lambda z, x: z.mean(1).repeat(1, 1, z.size(1)),
    "repeated sum": lambda z, x: z.sum(1).repeat(1, 1, z.size(1)),
    "first": lambda z, x: z[:, 0],
    "last": lambda z, x: z[:, -1],
    "only first": lambda z, x: torch.cat([z[:, :1], torch.zeros_like(z[:, 1:])], 1).transpose(1, 2).flatten(-2),
    "only last": lambda z, x: torch.cat([torch.zeros_like(z[:, 1:]), z[:, -1:]], 1).transpose(1, 2).flatten(-2),
    "reversed": lambda z, x: z.flip(1).transpose(1, 2).flatten(-2),
    "features first": lambda z, x: z.transpose(2, 3).reshape(x.shape),
    "not transposed": lambda z, x: z.flatten(-2),
    "words last": lambda z, x: z.permute(0, 3, 2, 1).reshape(x.shape),
    "stacked": lambda z, x: torch.cat(z.unbind(1), dim=1).reshape(x.shape),
    "unfolded": lambda z, x: z.flatten(0, 1).unflatten(0, (z.size(1), -1)).permute(1, 2, 0, 3).flatten(-2),
    "not merged": lambda z, x: z,
}

OUTWARD: dict[str, Callable[[Tensor, Weights], Tensor]] = {
    "own": lambda m, w: m @ w["out"][:, : m.size(-1)].mT,
    "turned": lambda m, w: m @ w["out"][: m.size(-1)],
    "missing": lambda m, w: m,
    "q's": lambda m, w: m @ w["q"].mT,
    "v's": lambda m, w: m @ w["v"].mT,
    "twice": lambda m, w: m @ w["out"].mT @ w["out"].mT,
    "relu": lambda m, w: (m @ w["out"].mT).relu(),
}

ADDED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "nothing": lambda y, x: y,
    "x": lambda y, x: y + x,
    "x, normalised": lambda y, x: F.layer_norm(y + x, y.shape[-1:]),
    "normalised": lambda y, x: F.layer_norm(y, y.shape[-1:]),
    "softmax": lambda y, x: y.softmax(-1),
    "÷ heads": lambda y, x: y / 2,
}

OURS = set(Heads.__dataclass_fields__)


@words_first(1)
def switchboard(
    x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor, heads: int, mask: Tensor | None = None, **switches: Any
) -> Stages:
    on = Heads(**{name: value for name, value in switches.items() if name in OURS})
    inner = Switches(width=x.size(-1), **{name: value for name, value in switches.items() if name not in OURS})
    w = {"q": wq, "k": wk, "v": wv, "out": wo}
    q, k, v = _split(x, w, heads, on)
    attended = attending(q, k, v, mask, inner)
    merged = MERGE[on.merge](attended["mixture"], x)
    output = ADDED[on.add](OUTWARD[on.out](merged, w), x)
    left = MERGE[f"only {on.merge}"](attended["mixture"], x) if on.merge in ("first", "last") else merged
    stages = Stages(q=q, k=k, v=v, **attended, merged=left, output=output)
    return stages if on.gives == "output" else Stages(stages, output=stages[on.gives])


def _split(x: Tensor, w: Weights, heads: int, on: Heads) -> list[Tensor]:
    if on.split == "sliced before":
        return [_blocks(x, w[role], heads) for role in "qkv"]
    projection = {"q": on.q, "k": on.k, "v": on.v}
    if on.split == "head by head":
        fused = torch.cat([PROJECTED[projection[role]](x, role, w) for role in "qkv"], -1).unflatten(-1, (heads, 3, -1))
        return list(fused.permute(3, 0, 2, 1, 4))
    own = {"q": "as the others", "k": on.split_k, "v": on.split_v}
    how = {role: on.split if split == "as the others" else split for role, split in own.items()}
    return [SPLIT[how[role]](PROJECTED[projection[role]](x, role, w), heads) for role in "qkv"]


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(make: Callable, batch: int, words: int, width: int, heads: int, masked: bool, about: str) -> Case:
        x, matrices = make(draw, batch, words, width), [make(draw, width, width) for _ in range(4)]
        small = [matrix / (1 if make is whole else math.sqrt(width) / 1.5) for matrix in matrices]
        return Case((x, *small, heads, *([some_mask(draw, words, words)] if masked else [])), about)

    few = lambda draw, *shape: whole(draw, *shape, most=1)  # noqa: E731
    return [
        one(few, 1, 3, 4, 2, False, "3 words, width 4, 2 heads"),
        one(few, 2, 3, 6, 2, True, "2 sentences, 3 words, width 6, 2 heads, with a mask"),
        one(drawn, 2, 5, 6, 3, False, "2 sentences, 5 words, width 6, 3 heads"),
        one(drawn, 3, 4, 12, 4, True, "3 sentences, 4 words, width 12, 4 heads, with a mask"),
        one(drawn, 2, 5, 8, 2, False, "2 sentences, 5 words, width 8, 2 heads"),
        one(drawn, 2, 6, 12, 2, True, "2 sentences, 6 words, width 12, 2 heads, with a mask"),
    ]


# right, each in another way


def by_views(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q, k, v = (F.linear(x, m).view(b, n, heads, w // heads).transpose(1, 2) for m in (wq, wk, wv))
    scores = q @ k.transpose(-2, -1) / math.sqrt(w // heads)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return F.linear((scores.softmax(-1) @ v).transpose(1, 2).contiguous().view(b, n, w), wo)


def by_loop_over_heads(x, wq, wk, wv, wo, heads, mask=None):
    d, done = x.size(-1) // heads, []
    for h in range(heads):
        part = slice(h * d, (h + 1) * d)
        q, k, v = x @ wq[part].T, x @ wk[part].T, x @ wv[part].T
        scores = q @ k.mT / d**0.5
        done.append((scores if mask is None else scores.masked_fill(~mask, -1e9)).softmax(-1) @ v)
    return torch.cat(done, dim=-1) @ wo.T


def by_einsum(x, wq, wk, wv, wo, heads, mask=None):
    q, k, v = (torch.einsum("bnw,hdw->bhnd", x, m.unflatten(0, (heads, -1))) for m in (wq, wk, wv))
    scores = torch.einsum("bhid,bhjd->bhij", q, k) / math.sqrt(q.size(-1))
    scores = scores if mask is None else torch.where(mask, scores, torch.finfo(scores.dtype).min)
    return torch.einsum("bhij,bhjd,whd->biw", scores.softmax(-1), v, wo.unflatten(1, (heads, -1)))


def by_kernel(x, wq, wk, wv, wo, heads, mask=None):
    q, k, v = (m.unflatten(-1, (heads, -1)).transpose(1, 2) for m in (x @ torch.cat([wq, wk, wv]).T).chunk(3, dim=-1))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2) @ wo.T


def by_folding(x, wq, wk, wv, wo, heads, mask=None):
    """Heads folded into the batch, for bmm; queries and keys each divided by the fourth root."""
    b, n, w = x.size()
    d = w // heads
    fold = lambda m: (x @ m.t()).view(b, n, heads, d).transpose(1, 2).contiguous().view(b * heads, n, d)  # noqa: E731
    q, k, v = fold(wq) / d**0.25, fold(wk) / d**0.25, fold(wv)
    dots = torch.bmm(q, k.transpose(1, 2))
    if mask is not None:
        dots = dots + torch.zeros(n, n).masked_fill(~mask, -torch.inf)
    out = torch.bmm(F.softmax(dots, dim=2), v).view(b, heads, n, d)
    return out.transpose(1, 2).reshape(b, n, w) @ wo.t()


def by_positions(x, wq, wk, wv, wo, heads, mask=None):
    """One sentence, one head, one word at a time."""
    b, n, w = x.shape
    d = w // heads
    q, k, v = x @ wq.T, x @ wk.T, x @ wv.T
    merged = torch.zeros(b, n, w)
    for s in range(b):
        for h in range(heads):
            at = slice(h * d, h * d + d)
            for i in range(n):
                scores = torch.stack([(q[s, i, at] * k[s, j, at]).sum() / math.sqrt(d) for j in range(n)])
                if mask is not None:
                    scores[~mask[i]] = -1e9
                merged[s, i, at] = sum(share * v[s, j, at] for j, share in enumerate(scores.softmax(0)))
    return merged @ wo.T


def by_summing(x, wq, wk, wv, wo, heads, mask=None):
    """Each head goes through its own columns of the output projection, and the results are added."""
    d, total = x.size(-1) // heads, 0
    for q, k, v, o in zip(wq.split(d), wk.split(d), wv.split(d), wo.split(d, dim=1), strict=True):
        powers = ((x @ q.T) @ (x @ k.T).mT / math.sqrt(d)).exp()
        powers = powers if mask is None else powers * mask
        total = total + (powers / powers.sum(-1, keepdim=True)) @ (x @ v.T) @ o.T
    return total


def by_doubles(x, wq, wk, wv, wo, heads, mask=None):
    x = x.double()
    q, k, v = ((x @ m.double().mT).tensor_split(heads, dim=-1) for m in (wq, wk, wv))
    rows = []
    for a, b, c in zip(q, k, v, strict=True):
        scores = torch.matmul(a, b.permute(0, 2, 1)).div(math.sqrt(a.size(-1)))
        if mask is not None:
            scores[:, mask.logical_not()] = -math.inf
        rows.append(torch.softmax(scores, -1).matmul(c))
    return (torch.stack(rows, dim=2).reshape(x.shape) @ wo.double().mT).float()


def by_reference(x, wq, wk, wv, wo, heads, mask=None):
    module = torch.nn.MultiheadAttention(x.size(-1), heads, bias=False, batch_first=True)
    values = {"in_proj_weight": torch.cat([wq, wk, wv]), "out_proj.weight": wo}
    asked = {"need_weights": False, "attn_mask": None if mask is None else ~mask}
    return functional_call(module, values, (x, x, x), asked)[0]


# what every right version has


def _alone(function, case: Case) -> str:
    x, *more = case.arguments
    away = (function(x[:1], *more) - function(x, *more)[:1]).abs().max()
    return (
        f"A sentence's answer must not depend on the others in the batch; yours changes by {number(away)}."
        if away > 1e-4
        else ""
    )


def _order(function, case: Case) -> str:
    """Without a mask, words in another order give the same answers in that order."""
    x, *more = case.arguments[:6]
    away = (function(x.flip(1), *more) - function(x, *more).flip(1)).abs().max()
    return (
        f"Without a mask the order of the words must not matter; turned round, yours changes by {number(away)}."
        if away > 1e-4
        else ""
    )


def _heads(function, case: Case) -> str:
    """Heads may stand in any order, if the output projection is told."""
    x, wq, wk, wv, wo, heads, *mask = case.arguments
    turned = [m.unflatten(0, (heads, -1)).flip(0).flatten(0, 1) for m in (wq, wk, wv)]
    outward = wo.unflatten(1, (heads, -1)).flip(1).flatten(1)
    away = (function(x, *turned, outward, heads, *mask) - function(*case.arguments)).abs().max()
    return (
        f"The order of the heads must not matter; turned round, yours changes by {number(away)}." if away > 1e-4 else ""
    )


SHARED = without(
    "divided by the root of the number of queries",
    "queries are matched with queries",
    "keys are matched with keys",
    "values are matched with values",
    "queries are matched with values",
    "the keys are mixed",
    "the queries are mixed",
)

EXERCISE = Exercise(
    name="multi-head",
    cases=cases,
    key=key,
    switchboard=switchboard,
    stages=(
        Stage("q"),
        Stage("k"),
        Stage("v"),
        Stage("scores", ("q", "k")),
        Stage("scaled", ("scores",)),
        Stage("weights", ("scaled",)),
        Stage("mixture", ("weights", "v")),
        Stage("merged", ("mixture",)),
        Stage("output", ("merged",)),
    ),
    mistakes=(*HEADS, *SHARED, EXCHANGED),
    right=(
        by_views,
        by_loop_over_heads,
        by_einsum,
        by_kernel,
        by_folding,
        by_positions,
        by_summing,
        by_doubles,
        by_reference,
    ),
    properties=(
        Property("sentences do not meet", _alone),
        Property("words are a set", _order),
        Property("heads are a set", _heads),
    ),
    module=readings,
    other_way={"fill": -1e9},
    learned=(0, 1, 2, 3, 4),
    axes={
        **dict.fromkeys(("q", "k", "v", "mixture"), "word feature"),
        **dict.fromkeys(("scores", "scaled", "weights"), "query key"),
        **dict.fromkeys(("merged", "output"), "word feature"),
    },
    hints=(
        "Five steps: project x to q, k and v; split the width over the heads; attend; merge; project.",
        "Split: .view(b, n, heads, d).transpose(1, 2). A view straight to (b, heads, n, d) mixes words and features.",
        "Merge the way back: .transpose(1, 2) first, then .reshape(b, n, width).",
    ),
    explanation="Each head is a soft dictionary of its own, with its own q, k and v; the last projection mixes them.",
)

"""Attention: a fifth lot, by an examiner who was asked for what forums and reviews show, and right answers.

The first score, before anything was changed: of 12 12 rejected, 11 placed, 9 named (10 as a reader counts: some names
are right in other words); of 8 right answers 8 accepted.  Since then the bank knows what was unknown: 12 placed, 10
named (12 as a reader counts).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.learn.apart import Apart, collect

WRONG: list[Apart] = []
wrong = collect(WRONG)


@wrong("weights", "axis|dim|column|over the queries|over queries|across queries|down the|wrong direction")
def with_bmm(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    scores = torch.bmm(q, k.transpose(1, 2)) / math.sqrt(q.size(-1))
    if mask is not None:
        scores = scores.masked_fill(~mask, -1e9)
    weights = F.softmax(scores, dim=1)
    return torch.bmm(weights, v)


@wrong("scaled", "integer|whole number|truncat|round|floor|int(")
def with_whole_root(q, k, v, mask=None):
    d_k = q.shape[-1]
    scale = int(math.sqrt(d_k))
    logits = torch.einsum("bid,bjd->bij", q, k) / scale
    if mask is not None:
        logits = torch.where(mask, logits, float("-inf"))
    return torch.einsum("bij,bjd->bid", logits.softmax(-1), v)


@wrong(
    "weights",
    "discard|not assigned|thrown away|not kept|in place|in-place|no effect|ignor|unmasked|not masked|"
    "mask is not|mask not|without the mask|without mask|no mask|mask left out|mask unused|mask forgotten|mask missing",
)
def annotated(query, key, value, mask=None):
    d_k = query.size(-1)
    scores = torch.matmul(query, key.transpose(-2, -1)) / math.sqrt(d_k)
    if mask is not None:
        scores.masked_fill(mask == 0, -1e9)
    p_attn = scores.softmax(dim=-1)
    return torch.matmul(p_attn, value)


@wrong("weights", "after softmax|after the softmax|renormal|sum to one|sum to 1|add up|too late|not normal")
def mask_multiplies(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    weights = torch.softmax(q @ k.mT * q.shape[-1] ** -0.5, dim=-1)
    if mask is not None:
        weights = weights * mask
    return weights @ v


@wrong(
    "weights",
    "zero|to 0|with 0|by 0|0 instead|multiplied|multiplies|times the mask|not -inf|instead of -inf|"
    "minus infinity|−∞|-∞",
)
def mask_before(q, k, v, mask=None):
    scores = q.matmul(k.permute(0, 2, 1))
    scores /= math.sqrt(k.shape[2])
    if mask is not None:
        scores *= mask.to(scores.dtype)
    return nn.Softmax(dim=-1)(scores) @ v


@wrong("scores", "reshap|view|transpos|scrambl|mixed up|jumbl")
def keys_on_their_side(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    b, j, d = k.shape
    kt = k.reshape(b, d, j)
    s = torch.bmm(q, kt) * (1 / d**0.5)
    if mask is not None:
        s = s.masked_fill(mask.logical_not()[None], torch.finfo(s.dtype).min)
    return torch.bmm(s.softmax(dim=2), v)


@wrong(
    "mixture",
    "keys instead|k instead|mixes the keys|mixture of keys|mixes keys|of the keys|keys, not|not the values|not v",
)
def einsum_twice(q, k, v, mask=None):
    sim = torch.einsum("b i d, b j d -> b i j", q, k) * q.shape[-1] ** -0.5
    if mask is not None:
        sim = sim.masked_fill(~mask, -torch.finfo(sim.dtype).max)
    attn = sim.softmax(dim=-1)
    out = torch.einsum("b i j, b j d -> b i d", attn, k)
    return out


@wrong("scaled", "twice|double|second time|two times|already|by d |d instead|d rather|root|√")
def fused(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    q = q / math.sqrt(q.size(-1))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@wrong(
    "scaled|weights",
    "after softmax|after the softmax|before scal|before the scal|order|too late|divides the weights|"
    "scales the weights|weights divided|not scaled|unscaled|no scal",
)
def divide_late(q, k, v, mask=None):
    def weigh(scores):
        e = torch.exp(scores - scores.amax(dim=-1, keepdim=True))
        return e / e.sum(dim=-1, keepdim=True)

    scores = q @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return weigh(scores) / math.sqrt(q.shape[-1]) @ v


@wrong("weights", "dropout|drop|random|differs from call|not determin")
def fused_in_training(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    bias = None
    if mask is not None:
        bias = torch.zeros(mask.shape, dtype=q.dtype, device=q.device).masked_fill_(~mask, float("-inf"))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=0.1)


@wrong(
    "scaled",
    "number of keys|how many keys|length|key count|count of keys|positions|wrong size|wrong dimension|"
    "wrong axis|not the width|√j|not d|instead of d|instead of √d",
)
def with_baddbmm(q, k, v, mask=None):
    zero = q.new_zeros(q.shape[0], q.shape[1], k.shape[1])
    scores = torch.baddbmm(zero, q, k.transpose(1, 2), beta=0, alpha=k.size(1) ** -0.5)
    if mask is not None:
        scores[:, ~mask] = float("-inf")
    return torch.bmm(F.softmax(scores, -1), v)


@wrong(
    "weights",
    "invert|polarity|opposite|revers|flip|wrong way|upside|backward|negat|inside out|hides what|allowed|complement",
)
def row_by_row(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    rows = []
    for i in range(q.shape[1]):
        s = (q[:, i : i + 1] * k).sum(-1) / math.sqrt(q.shape[2])
        if mask is not None:
            s = s + mask[i].float() * -1e9
        w = torch.softmax(s, dim=-1)
        rows.append((w.unsqueeze(-1) * v).sum(1))
    return torch.stack(rows, dim=1)


def only_what_is_allowed(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    if mask is None:
        mask = torch.ones(q.shape[1], k.shape[1], dtype=torch.bool, device=q.device)
    rows = []
    for i, allowed in enumerate(mask):
        seen = allowed.nonzero().squeeze(-1)
        keys, values = k.index_select(1, seen), v.index_select(1, seen)
        match = (keys @ q[:, i, :, None]).squeeze(-1) / math.sqrt(q.shape[-1])
        rows.append((match.softmax(-1)[:, None] @ values).squeeze(1))
    return torch.stack(rows, 1)


def one_key_at_a_time(q, k, v, mask=None):
    top = q.new_full(q.shape[:2], -1e30)
    total = q.new_zeros(q.shape[:2])
    mix = q.new_zeros(*q.shape[:2], v.shape[-1])
    for j in range(k.shape[1]):
        s = (q @ k[:, j, :, None])[..., 0] / q.shape[-1] ** 0.5
        if mask is not None:
            s = s.masked_fill(~mask[:, j], -1e30)
        new_top = torch.maximum(top, s)
        old, new = (top - new_top).exp(), (s - new_top).exp()
        total = total * old + new
        mix = mix * old[..., None] + new[..., None] * v[:, j, None]
        top = new_top
    return mix / total[..., None]


def as_four_axes(q, k, v, mask=None):
    bias = None if mask is None else torch.zeros_like(mask, dtype=q.dtype).masked_fill(~mask, -math.inf)
    return F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None], attn_mask=bias).squeeze(1)


def mapped(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    def one(query, key, value):
        s = torch.mv(key, query / len(query) ** 0.5)
        return s, value

    def sample(queries, key, value):
        s = torch.vmap(lambda query: one(query, key, value)[0])(queries)
        if mask is not None:
            s = torch.where(mask, s, -torch.inf)
        return s.softmax(-1).mm(value)

    return torch.vmap(sample)(q, k, v)


def keys_first(q, k, v, mask=None):
    table = torch.einsum("bjd,bid->jbi", k, q).div(math.sqrt(q.shape[-1]))
    if mask is not None:
        table = table.masked_fill(~mask.t().unsqueeze(1), -math.inf)
    return torch.einsum("bjd,jbi->bid", v, nn.Softmax(dim=0)(table))


def in_logarithms(q, k, v, mask=None):
    quarter = q.shape[-1] ** -0.25
    s = (q * quarter) @ (k * quarter).mT
    if mask is not None:
        s = s + mask.to(s.dtype).log()
    return (s - s.logsumexp(-1, keepdim=True)).exp() @ v


def by_convolution(q, k, v, mask=None):
    b, i, d = q.shape
    j = k.shape[1]
    s = F.conv1d(k.mT.reshape(1, b * d, j), q.reshape(b * i, d, 1), groups=b).view(b, i, j)
    s = s.mul(1 / math.sqrt(d))
    if mask is not None:
        s = s.masked_fill(mask.logical_not(), torch.finfo(s.dtype).min)
    return s.softmax(2).bmm(v)


def divide_at_the_end(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    s = torch.matmul(q / math.sqrt(q.size(-1)), k.swapaxes(1, 2))
    if mask is not None:
        s = s.masked_fill(~mask, -math.inf)
    e = (s - s.amax(-1, keepdim=True).detach()).exp()
    with_ones = torch.cat([v, torch.ones_like(v[..., :1])], -1)
    both = e @ with_ones
    return both[..., :-1] / both[..., -1:]


RIGHT = [
    only_what_is_allowed,
    one_key_at_a_time,
    as_four_axes,
    mapped,
    keys_first,
    in_logarithms,
    by_convolution,
    divide_at_the_end,
]

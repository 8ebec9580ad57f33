"""Attention: a fourth lot, by an examiner asked for what lists of mistakes lack, and right answers.

The first score, before anything was changed: of 16 16 rejected, 16 placed, 10 named (12 as a reader counts, for two
names are right in other words); of 10 right answers 10 accepted.  Then what was unknown went into the bank, and naming
by what right ways pass through was ended: 16 placed, 12 named (16 as a reader counts).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.learn.apart import Apart, collect

WRONG: list[Apart] = []
wrong = collect(WRONG)


# 1: softmax over the queries
@wrong("weights", "over the queries|axis|dim=|wrong dim|along the quer|column|last dim")
def softmax_over_queries(q, k, v, mask=None):
    scores = torch.einsum("bid,bjd->bij", q, k) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -1e9)
    weights = torch.softmax(scores, dim=1)
    return torch.einsum("bij,bjd->bid", weights, v)


# 2: d ** 1 / 2 is d / 2
@wrong("scaled", "scale|√d|sqrt|square root|divid|precedence")
def power_precedence(q, k, v, mask=None):
    d = q.size(-1)
    root = d**1 / 2
    scores = q.bmm(k.transpose(1, 2)).div(root)
    if mask is not None:
        scores = torch.where(mask, scores, torch.tensor(float("-inf")))
    return scores.softmax(-1).bmm(v)


# 3: masked_fill is not in place, its result is thrown away
@wrong("scaled|weights", "mask|not hidden|forbidden|may not look")
def discarded_fill(query, key, value, mask=None):
    logits = torch.matmul(query, key.permute(0, 2, 1))
    logits *= query.shape[2] ** -0.5
    if mask is not None:
        logits.masked_fill(mask.logical_not(), float("-inf"))
    return torch.matmul(F.softmax(logits, dim=2), value)


# 4: True read as "hide"
@wrong("scaled|weights", "invert|polarity|upside|reverse|opposite|wrong way|negat|~mask|the other way|flipped|allowed")
def true_means_hide(q, k, v, mask=None):
    hidden = torch.zeros(q.shape[1], k.shape[1], dtype=torch.bool) if mask is None else mask
    s = (q[:, :, None, :] * k[:, None, :, :]).sum(-1) / q.shape[-1] ** 0.5
    s = torch.where(hidden[None], torch.full_like(s, -1e9), s)
    w = s.softmax(dim=-1)
    return (w[..., None] * v[:, None]).sum(2)


# 5: finfo.tiny is 1e-38, about 0, not the lowest number
@wrong("scaled|weights", "tiny|zero|fill|-inf|−∞|-∞|minus infinity|infinit|low enough|negative enough|not hidden|leak")
def tiny_fill(q: Tensor, k: Tensor, v: Tensor, mask=None) -> Tensor:
    lowest = torch.finfo(q.dtype).tiny
    s = q @ k.mT * (1 / math.sqrt(k.shape[-1]))
    if mask is not None:
        s = s.masked_fill(mask == 0, lowest)
    return torch.softmax(s, -1) @ v


# 6: q scaled by hand, and the kernel scales again
@wrong("scores|scaled", "twice|double|scale|two times|already|divided by d|√d|sqrt")
def scaled_twice(q, k, v, mask=None):
    q = q / math.sqrt(q.size(-1))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


# 7: a float mask of 0 and 1 is added, +1 where it may look
@wrong("scaled|weights", "add|bool|float|plus 1|+ 1|+1|mask")
def float_mask_added(q, k, v, mask=None):
    attn_mask = mask.to(q.dtype) if mask is not None else None
    return F.scaled_dot_product_attention(q, k, v, attn_mask)


# 8: reshaped, not turned
@wrong("scores", "transpos|not turned|reshape|view|axes|swap")
def reshaped_keys(q, k, v, mask=None):
    b, j, d = k.shape
    energy = torch.bmm(q, k.reshape(b, d, j)) / d**0.5
    if mask is not None:
        energy = energy + torch.zeros_like(energy).masked_fill(~mask, float("-inf"))
    return torch.bmm(energy.softmax(2), v)


# 9: "softmax one": a 1 in the denominator
@wrong("weights", "sum to 1|sum to one|denominator|+ 1|+1|plus one|plus 1|extra|less than 1|add up|normalis")
def quiet_softmax(q, k, v, mask=None):
    out = torch.zeros_like(q)
    for b in range(q.shape[0]):
        for i in range(q.shape[1]):
            s = k[b] @ q[b, i] / math.sqrt(q.shape[-1])
            if mask is not None:
                s = s.masked_fill(~mask[i], -torch.inf)
            e = torch.exp(s)
            out[b, i] = (e / (1 + e.sum())) @ v[b]
    return out


# 10: the loop stops before the last key
@wrong("scores|scaled|weights", "last key|last|off by one|off-by-one|missing|left out|skip|one key|never looked|final")
def forgets_last_key(q, k, v, mask=None):
    B, I, D = q.shape
    J = k.shape[1]
    scores = torch.full((B, I, J), float("-1e9"))
    for i in range(I):
        for j in range(J - 1):
            scores[:, i, j] = (q[:, i] * k[:, j]).sum(-1) / math.sqrt(D)
    if mask is not None:
        scores.masked_fill_(~mask, -2e9)
    return torch.softmax(scores, -1) @ v


# 11: normalised over the whole table
@wrong("weights", "whole|all queries|both|every query|entire|axis|row|sum to 1|sum to one|normalis|table|matrix")
def one_sum_for_all(q, k, v, mask=None):
    s = torch.einsum("bqc,bkc->bqk", q, k) * q.size(-1) ** -0.5
    if mask is not None:
        s = s.masked_fill(~mask, float("-inf"))
    e = torch.exp(s - torch.amax(s, dim=(1, 2), keepdim=True))
    p = e / torch.sum(e, dim=(1, 2), keepdim=True)
    return torch.einsum("bqk,bkc->bqc", p, v)


# 12: the weighted values are averaged, not summed
@wrong("mixture", "mean|average|number of keys|divid|instead of sum|summed|too small|count")
def averaged_values(q, k, v, mask=None):
    s = (q.unsqueeze(2) * k.unsqueeze(1)).sum(dim=-1) / math.sqrt(q.size(-1))
    if mask is not None:
        s = s.masked_fill(mask.unsqueeze(0).logical_not(), torch.finfo(s.dtype).min)
    w = s.softmax(dim=-1).unsqueeze(-1)
    return (w * v.unsqueeze(1)).mean(dim=2)


# 13: √ of the number of keys
@wrong("scaled", "number of keys|length|scale|√d|sqrt|size(1)|shape[1]|how many keys|width")
def root_of_length(q, k, v, mask=None):
    b, n, d = k.shape
    bias = torch.zeros(b, q.shape[1], n, dtype=q.dtype)
    if mask is not None:
        bias[:, ~mask] = -10000.0
    s = torch.baddbmm(bias, q, k.transpose(-2, -1), beta=1, alpha=1 / math.sqrt(n))
    return torch.bmm(torch.softmax(s, dim=-1), v)


# 14: the maximum is taken off above the line but not below it
@wrong("weights", "max|denominator|sum to 1|sum to one|normalis|add up|numerator")
def stable_only_above(q, k, v, mask=None):
    s = torch.matmul(q, torch.swapaxes(k, 1, 2)) / (k.shape[-1] ** 0.5)
    if mask is not None:
        s = torch.where(mask, s, -torch.inf)
    top = torch.exp(s - torch.max(s, dim=-1, keepdim=True).values)
    bottom = torch.exp(s).sum(-1, keepdim=True)
    return torch.matmul(top / bottom, v)


# 15: two: no scale; mask after the softmax, not renormalised
@wrong("scaled", "scale|√d|sqrt|divid|after the softmax|after softmax|renormal|sum to 1|sum to one|mask")
def unscaled_and_late_mask(q, k, v, mask=None):
    weights = torch.exp(torch.log_softmax(q @ k.transpose(1, 2), dim=-1))
    if mask is not None:
        weights = weights * mask
    return weights @ v


# 16: two: cosine instead of dot product; keys mixed instead of values
@wrong("scores", "cosine|normalis|unit|length|keys instead|k instead of v|mixes the keys|mixes k|values")
def cosine_and_keys(q, k, v, mask=None):
    def look(qs, ks):
        s = F.cosine_similarity(qs[:, None, :], ks[None, :, :], dim=-1) / math.sqrt(qs.shape[-1])
        if mask is not None:
            s.masked_fill_(~mask, -math.inf)
        return s.softmax(-1) @ ks

    return torch.stack([look(a, b) for a, b in zip(q, k)])


# ------------------------------------------------------------------ right


def loops(q, k, v, mask=None):
    b, i, d = q.shape
    rows = []
    for n in range(b):
        for r in range(i):
            total, acc = 0.0, torch.zeros(v.shape[-1], dtype=v.dtype)
            allowed = [c for c in range(k.shape[1]) if mask is None or bool(mask[r, c])]
            s = [torch.dot(q[n, r], k[n, c]) / math.sqrt(d) for c in allowed]
            m = max(float(x.detach()) for x in s)
            for c, x in zip(allowed, s):
                e = torch.exp(x - m)
                total = total + e
                acc = acc + e * v[n, c]
            rows.append(acc / total)
    return torch.stack(rows).reshape(b, i, -1)


def fused(q, k, v, mask=None):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=0.0)


def log_space(q, k, v, mask=None):
    s = torch.einsum("bid,bjd->bij", q, k).mul(q.shape[-1] ** -0.5)
    if mask is not None:
        s = s + mask.log()
    log_w = s - torch.logsumexp(s, dim=-1, keepdim=True)
    return torch.einsum("bij,bje->bie", log_w.exp(), v)


def hand_softmax_zeroed(q, k, v, mask=None):
    s = torch.matmul(q, k.mT) / math.sqrt(k.shape[-1])
    seen = torch.ones_like(s, dtype=torch.bool) if mask is None else mask.expand_as(s)
    top = torch.where(seen, s, torch.finfo(s.dtype).min).amax(-1, keepdim=True)
    e = torch.exp(torch.minimum(s - top, torch.zeros_like(s))) * seen
    return (e @ v) / e.sum(-1, keepdim=True)


def baddbmm_bias(q, k, v, mask=None):
    bias = q.new_zeros(q.shape[1], k.shape[1])
    if mask is not None:
        bias = bias.masked_fill(~mask, float("-inf"))
    s = torch.baddbmm(bias.expand(q.shape[0], -1, -1), q, k.transpose(1, 2), alpha=1 / math.sqrt(q.shape[2]))
    return torch.bmm(s.softmax(-1), v)


def turned_in_double(q, k, v, mask=None):
    Q, K, V = (t.double() for t in (q, k, v))
    s = K @ Q.mT / K.shape[-1] ** 0.5  # (b, j, i): the table lies on its side
    if mask is not None:
        s = torch.where(mask.T, s, -1e9)
    return (s.softmax(1).mT @ V).to(q.dtype)


def chunked_queries(q, k, v, mask=None):
    keys = k.transpose(1, 2) / math.sqrt(k.shape[-1])
    out, start = [], 0
    for part in q.split(3, dim=1):
        s = part @ keys
        if mask is not None:
            s.masked_fill_(~mask[start : start + part.shape[1]], torch.finfo(s.dtype).min)
        out.append(F.softmax(s, -1) @ v)
        start += part.shape[1]
    return torch.cat(out, dim=1)


def running_maximum(q, k, v, mask=None, block=2):
    b, i, d = q.shape
    top = q.new_full((b, i, 1), torch.finfo(q.dtype).min)
    total = q.new_zeros(b, i, 1)
    acc = q.new_zeros(b, i, v.shape[-1])
    for j in range(0, k.shape[1], block):
        s = q @ k[:, j : j + block].mT / math.sqrt(d)
        if mask is not None:
            s = s.masked_fill(~mask[:, j : j + block], float("-inf"))
        new = torch.maximum(top, s.amax(-1, keepdim=True))
        p, keep = torch.exp(s - new), torch.exp(top - new)
        total = total * keep + p.sum(-1, keepdim=True)
        acc = acc * keep + p @ v[:, j : j + block]
        top = new
    return acc / total


def mapped(q, k, v, mask=None):
    if mask is None:
        mask = torch.ones(q.shape[1], k.shape[1], dtype=torch.bool)
    one = lambda query, row, keys, values: (
        torch.softmax(torch.where(row, keys @ query / query.shape[0] ** 0.5, -1e9), 0) @ values
    )
    rows = torch.vmap(one, in_dims=(0, 0, None, None))
    return torch.vmap(rows, in_dims=(0, None, 0, 0))(q, mask, k, v)


def only_the_allowed_keys(q, k, v, mask=None):
    out = []
    for i in range(q.shape[1]):
        seen = slice(None) if mask is None else mask[i]
        s = (k[:, seen] * q[:, i, None]).sum(-1) / math.sqrt(q.shape[-1])
        out.append((s.softmax(-1)[..., None] * v[:, seen]).sum(1))
    return torch.stack(out, 1)


RIGHT = [
    loops,
    fused,
    log_space,
    hand_softmax_zeroed,
    baddbmm_bias,
    turned_in_double,
    chunked_queries,
    running_maximum,
    mapped,
    only_the_allowed_keys,
]

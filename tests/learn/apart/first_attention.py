"""Wrong attention."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from tests.learn.apart import collect

WRONG = []
wrong = collect(WRONG)


@wrong("scaled", "scal")
def forgot(query, key, value, attn_mask=None):
    logits = torch.bmm(query, key.permute(0, 2, 1))
    if attn_mask is not None:
        logits[:, ~attn_mask] = float("-inf")
    return torch.bmm(F.softmax(logits, -1), value)


@wrong("scaled", "divided by d")
def whole_width(q, k, v, mask=None):
    s = torch.einsum("bqd,bkd->bqk", q, k) / q.shape[2]
    s = s if mask is None else s.masked_fill(mask == 0, -1e9)
    return torch.einsum("bqk,bkd->bqd", s.softmax(2), v)


@wrong("weights", "queries")
def other_axis(q, k, v, mask=None):
    s = q @ k.transpose(1, 2) / q.size(-1) ** 0.5
    if mask is not None:
        s = s + (1 - mask.float()) * -1e9
    e = torch.exp(s - s.max())
    return (e / e.sum(dim=1, keepdim=True)) @ v


@wrong("weights", "invert")
def upside_down(q, k, v, mask=None):
    s = q @ k.mT * q.size(-1) ** -0.5
    if mask is not None:
        s = s.masked_fill(mask, -1e9)
    return s.softmax(-1) @ v


@wrong("weights", "after the softmax")
def late(q, k, v, mask=None):
    out = []
    for b in range(len(q)):
        a = torch.softmax(q[b] @ k[b].T / math.sqrt(k.size(2)), dim=1)
        if mask is not None:
            a = torch.where(mask, a, torch.zeros(()))
        out.append(a @ v[b])
    return torch.stack(out)


@wrong("weights", "0 before")
def zeros(q, k, v, mask=None):
    s = q @ k.mT / math.sqrt(q.size(-1))
    if mask is not None:
        s = s * mask
    return s.softmax(-1) @ v


@wrong("weights", "added")
def plus(q, k, v, mask=None):
    s = q @ k.mT / math.sqrt(q.size(-1))
    if mask is not None:
        s += mask.float()
    return s.softmax(-1) @ v


@wrong("scores", "exchanged")
def swapped(q, k, v, mask=None):
    s = k @ q.transpose(-1, -2) / math.sqrt(q.size(-1))
    if mask is not None:
        s = s.masked_fill(~mask, -torch.inf)
    return s.softmax(-1) @ v


@wrong("mixture|scores", "keys are mixed|the keys")
def same_thing_twice(q, k, v, mask=None):
    return F.scaled_dot_product_attention(q, k, k, attn_mask=mask)


@wrong("weights", "twice")
def double(q, k, v, mask=None):
    s = torch.matmul(q, k.mT) / math.sqrt(q.size(-1))
    s = s if mask is None else s.masked_fill(~mask, -1e10)
    w = nn.Softmax(dim=-1)(s)
    return nn.Softmax(dim=-1)(w) @ v


@wrong("scaled", "after the softmax")
def too_late(q, k, v, mask=None):
    s = q @ k.mT
    s = s if mask is None else s.masked_fill(~mask, -1e10)
    return F.softmax(s, dim=-1) / math.sqrt(q.shape[-1]) @ v


@wrong("weights", "not divided")
def only_powers(q, k, v, mask=None):
    b, i, d = q.shape
    out = torch.zeros(b, i, v.size(2))
    for n in range(b):
        for a in range(i):
            for j in range(k.size(1)):
                if mask is None or mask[a, j]:
                    out[n, a] = out[n, a] + torch.exp(torch.dot(q[n, a], k[n, j]) / d**0.5) * v[n, j]
    return out


@wrong("scaled|weights", "and")
def two_at_once(q, k, v, mask=None):
    s = torch.bmm(q, k.transpose(1, 2))
    return torch.bmm(s.softmax(dim=1), v)


@wrong("scores", "unknown")
def shifted_keys(q, k, v, mask=None):
    """Every query is matched with the neighbour of each key."""
    return F.scaled_dot_product_attention(q, k.roll(1, dims=1), v, attn_mask=mask)


@wrong("weights", "negative enough")
def weak(q, k, v, mask=None):
    s = q @ k.mT / math.sqrt(q.size(-1))
    if mask is not None:
        s = torch.where(mask, s, torch.tensor(-4.0))
    return s.softmax(-1) @ v


@wrong("weights", "ignored")
def deaf(q, k, v, mask=None):
    s = q @ k.mT / math.sqrt(q.size(-1))
    if mask is not None:
        s.masked_fill(~mask, -1e9)
    return s.softmax(-1) @ v


@wrong("mixture", "transposed")
def turned(q, k, v, mask=None):
    s = torch.einsum("bid,bjd->bij", q, k) / math.sqrt(q.size(-1))
    s = s if mask is None else s.masked_fill(~mask, -1e9)
    return torch.einsum("bij,bid->bjd", s.softmax(-1), v)

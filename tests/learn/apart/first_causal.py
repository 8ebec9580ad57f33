"""Wrong causal attention."""

import math

import torch
import torch.nn.functional as F

from tests.learn.apart import collect

WRONG = []
wrong = collect(WRONG)


@wrong("weights", "itself")
def strict(q, k, v):
    n = q.shape[1]
    s = q @ k.transpose(1, 2) / math.sqrt(q.shape[2])
    s = s.masked_fill(torch.triu(torch.ones(n, n)).bool(), -1e9)
    return F.softmax(s, -1) @ v


@wrong("weights", "ahead leaks|one word ahead")
def peek(q, k, v):
    n = q.shape[1]
    s = torch.einsum("bid,bjd->bij", q, k) / math.sqrt(q.shape[2])
    rows, cols = torch.triu_indices(n, n, offset=2)
    s[:, rows, cols] = float("-inf")
    return F.softmax(s, -1) @ v


@wrong("weights", "ahead")
def backwards(q, k, v):
    s = q @ k.mT / math.sqrt(q.shape[2])
    keep = torch.ones_like(s[0]).triu()
    return s.masked_fill(keep == 0, -torch.inf).softmax(-1) @ v


@wrong("weights", "future")
def inverted(q, k, v):
    s = q @ k.mT / math.sqrt(q.shape[2])
    keep = torch.ones_like(s[0]).tril()
    return s.masked_fill(keep == 1, -1e9).softmax(-1) @ v


@wrong("weights", "no causal")
def forgot(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


@wrong("weights", "after the softmax")
def late(q, k, v):
    return (q @ k.mT / q.size(-1) ** 0.5).softmax(-1).tril() @ v


@wrong("weights", "0 before")
def zeros(q, k, v):
    return (q @ k.mT / q.size(-1) ** 0.5).tril().softmax(-1) @ v


@wrong("weights", "scores of 0")
def by_value(q, k, v):
    s = torch.tril(q @ k.mT / q.size(-1) ** 0.5)
    return s.masked_fill(s == 0, float("-inf")).softmax(-1) @ v


@wrong("scaled", "scal")
def bare(q, k, v):
    s = torch.stack([a @ b.T for a, b in zip(q, k, strict=True)])
    n = s.size(-1)
    return (s + torch.full((n, n), -1e9).triu(1)).softmax(-1) @ v


@wrong("weights", "queries")
def columns(q, k, v):
    s = q @ k.mT / q.size(-1) ** 0.5
    s = s.masked_fill(torch.ones_like(s).triu(1).bool(), -1e9)
    return s.softmax(1) @ v


@wrong("weights", "only itself")
def loop_off_by_one(q, k, v):
    """`range(i, i + 1)`: each word alone."""
    rows = [((q[:, i : i + 1] @ k[:, i : i + 1].mT).softmax(-1) @ v[:, i : i + 1]) for i in range(q.size(1))]
    return torch.cat(rows, 1)


@wrong("weights", "negative enough")
def weak(q, k, v):
    s = q @ k.mT / q.size(-1) ** 0.5
    return (s - 3 * torch.ones_like(s).triu(1)).softmax(-1) @ v


@wrong("weights|scaled", "and")
def peek_unscaled(q, k, v):
    s = q @ k.mT
    return s.masked_fill(torch.ones_like(s).triu(2).bool(), -1e9).softmax(-1) @ v


@wrong("weights", "unknown")
def window(q, k, v):
    """Only the last three words are seen."""
    ones = torch.ones(q.size(1), q.size(1))
    keep = (ones.tril() * ones.triu(-2)).bool()
    return F.scaled_dot_product_attention(q, k, v, attn_mask=keep)


@wrong("weights|mixture", "unknown|mean|averag")
def running_mean(q, k, v):
    return v.cumsum(1) / torch.arange(1, v.size(1) + 1)[:, None]


@wrong("scores", "exchanged")
def exchanged(q, k, v):
    return F.scaled_dot_product_attention(k, q, v, is_causal=True)

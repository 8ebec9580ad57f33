"""Multi-head: a third lot, by an examiner who had read neither the bank nor the other lots, and right answers.

The first score, before anything was changed: of 12 12 rejected, 11 placed, 9 named; of 6 right answers 6 accepted.
Since then: 12 placed, 10 named; the bank knows slices that overlap, and no longer takes a loop's first head, which is
right, for the only one that is used.  Two names are right in other words than those asked for.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from tests.learn.apart import Apart, collect

WRONG: list[Apart] = []
wrong = collect(WRONG)


def hide(scores, mask):
    return scores if mask is None else scores.masked_fill(~mask, -1e9)


@wrong("q", "split|reshap|view|transpos|cut")
def viewed_straight_to_heads(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q, k, v = ((x @ m.T).view(b, heads, n, w // heads) for m in (wq, wk, wv))
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return y.reshape(b, n, w) @ wo.T


@wrong("merged", "merge|transpos|reshap|view|back|joined")
def heads_not_moved_back(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q, k, v = (F.linear(x, m).view(b, n, heads, -1).permute(0, 2, 1, 3) for m in (wq, wk, wv))
    p = hide(q @ k.mT / math.sqrt(w // heads), mask).softmax(-1)
    return F.linear((p @ v).contiguous().view(b, n, w), wo)


@wrong("scaled", "width|whole|full|model")
def root_of_the_whole_width(x, wq, wk, wv, wo, heads, mask=None):
    parts = []
    for q, k, v in zip(*((x @ m.T).chunk(heads, dim=-1) for m in (wq, wk, wv)), strict=True):
        parts.append(torch.softmax(hide(torch.bmm(q, k.mT) / math.sqrt(x.size(-1)), mask), dim=-1) @ v)
    return torch.cat(parts, dim=-1) @ wo.T


@wrong("q", "transpos|.T|turned")
def weights_taken_as_in_by_out(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q, k, v = (torch.einsum("bni,io->bno", x, m).reshape(b, n, heads, -1) for m in (wq, wk, wv))
    s = hide(torch.einsum("bihd,bjhd->bhij", q, k) * (w // heads) ** -0.5, mask)
    y = torch.einsum("bhij,bjhd->bihd", s.softmax(-1), v).reshape(b, n, w)
    return torch.einsum("bni,io->bno", y, wo)


@wrong("output", "output|wo|last projection")
def concatenated_and_handed_back(x, wq, wk, wv, wo, heads, mask=None):
    q, k, v = (F.linear(x, m).unflatten(-1, (heads, -1)).transpose(1, 2) for m in (wq, wk, wv))
    return F.scaled_dot_product_attention(q, k, v, mask).transpose(1, 2).flatten(2)


@wrong("v", "wk|key|k ")
def values_projected_by_the_keys_matrix(x, wq, wk, wv, wo, heads, mask=None):
    size = x.size(-1) // heads
    result = torch.zeros_like(x)
    for h in range(heads):
        rows = slice(h * size, (h + 1) * size)
        q, k, v = x @ wq[rows].T, x @ wk[rows].T, x @ wk[rows].T
        result += torch.softmax(hide(q @ k.mT / size**0.5, mask), dim=-1) @ v @ wo[:, rows].T
    return result


@wrong("weights", "ignored|not used|no mask|unused|forgotten|without the mask|left out|missing")
class Forgetful(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.to_q, self.to_k, self.to_v, self.to_out = (nn.Linear(width, width, bias=False) for _ in range(4))

    def forward(self, x, mask=None):
        b, n, w = x.shape
        q, k, v = (f(x).view(b, n, self.heads, -1).transpose(1, 2) for f in (self.to_q, self.to_k, self.to_v))
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, w))


@wrong("weights", "invert|reversed|wrong way|other way|upside|inside out|turned|opposite")
def library_mask_meant_the_other_way(x, wq, wk, wv, wo, heads, mask=None):
    y, _ = F.multi_head_attention_forward(
        *(x.transpose(0, 1),) * 3, x.size(-1), heads, torch.cat([wq, wk, wv]), None, None, None, False, 0.0, wo, None,
        attn_mask=mask,
    )  # fmt: skip
    return y.transpose(0, 1)


@wrong("weights", "heads")
def softmax_between_the_heads(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q, k, v = (F.linear(x, m).view(b, n, heads, w // heads).transpose(1, 2) for m in (wq, wk, wv))
    energy = hide(torch.einsum("nhqd,nhkd->nhqk", q, k) / (w // heads) ** 0.5, mask)
    attention = torch.softmax(energy, dim=1)
    return F.linear(torch.einsum("nhql,nhld->nqhd", attention, v).reshape(b, n, w), wo)


@wrong("q", "slice|overlap|start|step|shifted|one feature")
def slices_that_start_one_apart(x, wq, wk, wv, wo, heads, mask=None):
    q, k, v = x @ wq.T, x @ wk.T, x @ wv.T
    size = x.size(-1) // heads
    outs = []
    for h in range(heads):
        a, b, c = q[..., h : h + size], k[..., h : h + size], v[..., h : h + size]
        outs.append(hide(a @ b.transpose(1, 2) / math.sqrt(size), mask).softmax(-1) @ c)
    return torch.cat(outs, -1) @ wo.T


@wrong("merged", "interleav|order|stack|alternat|merge|feature")
def stacked_along_the_last_axis(x, wq, wk, wv, wo, heads, mask=None):
    outs = []
    for q, k, v in zip(*(F.linear(x, m).split(x.size(-1) // heads, -1) for m in (wq, wk, wv)), strict=True):
        outs.append(F.scaled_dot_product_attention(q, k, v, attn_mask=mask))
    return F.linear(torch.stack(outs, dim=-1).flatten(2), wo)


@wrong("output", "residual|adds x|x added|input|plus x|+ x")
class Residual(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.n_head = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def forward(self, x, mask=None):
        B, T, C = x.size()
        q, k, v = (f(x).view(B, T, self.n_head, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        att = hide((q @ k.transpose(-2, -1)) / math.sqrt(k.size(-1)), mask).softmax(-1)
        return x + self.proj((att @ v).transpose(1, 2).contiguous().view(B, T, C))


def by_slices_of_the_weights(x, wq, wk, wv, wo, heads, mask=None):
    size, out = x.size(-1) // heads, 0
    for h in range(heads):
        own = slice(h * size, h * size + size)
        q, k, v = x @ wq[own].T, x @ wk[own].T, x @ wv[own].T
        out = out + torch.softmax(hide(q @ k.mT / math.sqrt(size), mask), -1) @ v @ wo[:, own].T
    return out


def by_einsum(x, wq, wk, wv, wo, heads, mask=None):
    q, k, v = (torch.einsum("bnw,hdw->bhnd", x, m.view(heads, -1, x.size(-1))) for m in (wq, wk, wv))
    a = hide(torch.einsum("bhid,bhjd->bhij", q, k) * q.size(-1) ** -0.5, mask).softmax(-1)
    return torch.einsum("bhij,bhjd,whd->biw", a, v, wo.view(x.size(-1), heads, -1))


class Fused(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x, mask=None):
        q, k, v = (f(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for f in (self.q, self.k, self.v))
        return self.o(F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2))


def three_projections_at_once(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q, k, v = (x @ torch.cat([wq, wk, wv]).T).view(b, n, 3, heads, -1).permute(2, 0, 3, 1, 4)
    scores = q.mul(q.size(-1) ** -0.5) @ k.mT
    if mask is not None:
        scores[..., ~mask] = -math.inf
    return (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, w) @ wo.T


def heads_folded_into_the_batch(x, wq, wk, wv, wo, heads, mask=None):
    q, k, v = (torch.cat(F.linear(x, m).chunk(heads, -1)) for m in (wq, wk, wv))
    bias = 0 if mask is None else torch.zeros(mask.shape).masked_fill(mask.logical_not(), -torch.inf)
    mixed = torch.bmm((torch.bmm(q, k.mT) / math.sqrt(q.size(-1)) + bias).softmax(-1), v)
    return F.linear(torch.cat(mixed.chunk(heads), -1), wo)


def by_the_library(x, wq, wk, wv, wo, heads, mask=None):
    y, _ = F.multi_head_attention_forward(
        *(x.transpose(0, 1),) * 3, x.size(-1), heads, torch.cat([wq, wk, wv]), None, None, None, False, 0.0, wo, None,
        attn_mask=None if mask is None else ~mask, need_weights=False,
    )  # fmt: skip
    return y.transpose(0, 1)


RIGHT = [by_slices_of_the_weights, by_einsum, Fused, three_projections_at_once, heads_folded_into_the_batch]
RIGHT += [by_the_library]

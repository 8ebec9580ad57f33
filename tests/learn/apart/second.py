"""A second lot, written when the first had taught the checker what it could: of all four exercises."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from tests.learn.apart import Apart, collect

LOTS: dict[str, list[Apart]] = {"attention": [], "causal": [], "multi-head": [], "layer-norm": []}
attention, causal, multi_head, layer_norm = (collect(lot) for lot in LOTS.values())


@attention("scaled", "multiplied")
def times(q, k, v, mask=None):
    s = torch.einsum("...id,...jd->...ij", q, k) * q.shape[-1] ** 0.5
    return (s if mask is None else s.masked_fill(~mask, -1e9)).softmax(-1) @ v


@attention("scaled", "number of keys|how many")
def by_length(q, k, v, mask=None):
    s = q @ k.mT / math.sqrt(k.shape[1])
    return (s if mask is None else s.masked_fill(~mask, -1e9)).softmax(-1) @ v


@attention("weights", "batch")
def first_axis(q, k, v, mask=None):
    s = q @ k.mT / math.sqrt(q.shape[-1])
    return F.softmax(s if mask is None else s.masked_fill(~mask, -1e9), dim=0) @ v


@attention("scores", "values")
def confused(q, k, v, mask=None):
    return F.scaled_dot_product_attention(q, v, k, attn_mask=mask)


@attention("mixture", "added")
def skip(q, k, v, mask=None):
    return q + F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@attention("mixture", "weights are given back")
def only_weights(q, k, v, mask=None):
    s = q @ k.mT / math.sqrt(q.shape[-1])
    return (s if mask is None else s.masked_fill(~mask, -torch.inf)).softmax(-1)


@attention("scores", "unknown")
def half_the_features(q, k, v, mask=None):
    h = q.size(-1) // 2
    s = q[..., :h] @ k[..., :h].mT / math.sqrt(q.size(-1))
    return (s if mask is None else s.masked_fill(~mask, -torch.inf)).softmax(-1) @ v


@attention("weights", "and|invert|ignored")
def inverted_and_columns(q, k, v, mask=None):
    s = q @ k.mT / math.sqrt(q.shape[-1])
    return (s if mask is None else s.masked_fill(mask, -1e9)).softmax(-2) @ v


@causal("weights", "ahead|future")
def transposed_mask(q, k, v):
    keep = torch.ones(q.size(1), q.size(1)).tril().bool()
    return F.scaled_dot_product_attention(q, k, v, attn_mask=keep.T)


@causal("scaled", "after")
def scaled_late(q, k, v):
    s = (q @ k.mT).masked_fill(torch.ones(q.size(1), q.size(1)).triu(1).bool(), -1e9)
    return (s.softmax(-1) / q.size(-1) ** 0.5) @ v


@causal("scaled", "divided by d")
def by_width(q, k, v):
    n, d = q.shape[1:]
    s = torch.stack(
        [q[:, i] @ k[:, j].T if False else (q[:, i] * k[:, j]).sum(-1) / d for i in range(n) for j in range(n)], 1
    )
    s = s.view(-1, n, n) + torch.full((n, n), float("-inf")).triu(1)
    return s.softmax(-1) @ v


@causal("mixture", "value is added|added")
def residual(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True) + v


@causal("weights", "twice")
def twice(q, k, v):
    s = (q @ k.mT / q.size(-1) ** 0.5).masked_fill(torch.ones(q.size(1), q.size(1)).triu(1).bool(), -1e9)
    return s.softmax(-1).softmax(-1) @ v


@causal("weights", "unknown")
def block_wise(q, k, v):
    """Words in pairs see their whole pair."""
    pair = torch.arange(q.size(1)) // 2
    return F.scaled_dot_product_attention(q, k, v, attn_mask=pair[:, None] >= pair)


@causal("scores", "keys are matched|keys with keys|queries are matched")
def keys_only(q, k, v):
    return F.scaled_dot_product_attention(k, k, v, is_causal=True)


@multi_head("scaled", "scal")
def no_scale(x, wq, wk, wv, wo, heads, mask=None):
    q, k, v = (torch.stack((x @ m.T).chunk(heads, -1), 1) for m in (wq, wk, wv))
    return torch.cat(F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1.0).unbind(1), -1) @ wo.T


@multi_head("q", "one head")
def single(x, wq, wk, wv, wo, heads, mask=None):
    return F.scaled_dot_product_attention(x @ wq.T, x @ wk.T, x @ wv.T, attn_mask=mask) @ wo.T


@multi_head("weights", "queries")
class Columns(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        self.h, self.d_k = num_heads, d_model // num_heads
        self.linears = nn.ModuleList(nn.Linear(d_model, d_model) for _ in range(4))

    def forward(self, x, mask=None):
        n = x.size(0)
        q, k, v = (f(x).view(n, -1, self.h, self.d_k).transpose(1, 2) for f in self.linears[:3])
        s = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(self.d_k)
        s = s if mask is None else s.masked_fill(mask == 0, -1e9)
        z = torch.matmul(s.softmax(dim=-2), v).transpose(1, 2).contiguous().view(n, -1, self.h * self.d_k)
        return self.linears[-1](z)


@multi_head("output", "transposed")
def wrong_side(x, wq, wk, wv, wo, heads, mask=None):
    q, k, v = (F.linear(x, m).unflatten(-1, (heads, -1)).transpose(1, 2) for m in (wq, wk, wv))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2) @ wo


@multi_head("q", "slice")
def sliced_input(x, wq, wk, wv, wo, heads, mask=None):
    d, done = x.size(-1) // heads, []
    for h in range(heads):
        s = slice(h * d, (h + 1) * d)
        done.append(F.scaled_dot_product_attention(*(x[..., s] @ m[s, s].T for m in (wq, wk, wv)), attn_mask=mask))
    return torch.cat(done, -1) @ wo.T


@multi_head("weights", "after the softmax")
def masked_late(x, wq, wk, wv, wo, heads, mask=None):
    q, k, v = (torch.einsum("bnw,hdw->hbnd", x, m.unflatten(0, (heads, -1))) for m in (wq, wk, wv))
    w = (q @ k.mT / q.size(-1) ** 0.5).softmax(-1)
    w = w if mask is None else w * mask
    return (w @ v).permute(1, 2, 0, 3).flatten(2) @ wo.T


@multi_head("merged", "merge")
def interleaved_merge(x, wq, wk, wv, wo, heads, mask=None):
    q, k, v = (F.linear(x, m).unflatten(-1, (heads, -1)).transpose(1, 2) for m in (wq, wk, wv))
    z = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return torch.stack(z.unbind(1), dim=-1).flatten(2) @ wo.T


@multi_head("q|scores", "unknown")
def normalised_queries(x, wq, wk, wv, wo, heads, mask=None):
    q, k, v = (F.linear(x, m).unflatten(-1, (heads, -1)).transpose(1, 2) for m in (wq, wk, wv))
    z = F.scaled_dot_product_attention(F.layer_norm(q, q.shape[-1:]), k, v, attn_mask=mask)
    return z.transpose(1, 2).flatten(2) @ wo.T


@layer_norm("variance", "summed")
def total(x, gain, shift, eps):
    c = x - x.mean(-1, keepdim=True)
    return gain * c / torch.sqrt((c * c).sum(-1, keepdim=True) + eps) + shift


@layer_norm("output", "shift is missing")
def without_shift(x, gain, shift, eps):
    return F.layer_norm(x, x.shape[-1:], gain, None, eps)


@layer_norm("variance", "variance is over")
def mixed_axes(x, gain, shift, eps):
    return (x - x.mean(-1, keepdim=True)) / (x.var(1, keepdim=True, correction=0) + eps).sqrt() * gain + shift


@layer_norm("output|normalised", "subtracted")
def minus(x, gain, shift, eps):
    return F.layer_norm(x, x.shape[-1:], gain, -shift, eps)


@layer_norm("normalised", "and|added twice")
def eps_and_no_gain(x, gain, shift, eps):
    m, s = x.mean(-1, keepdim=True), x.std(-1, keepdim=True, correction=0)
    return (x - m) / (s + eps) + shift


@layer_norm("variance|centred|mean", "unknown")
def without_extremes(x, gain, shift, eps):
    s = x.sort(-1).values[..., 1:-1]
    return (x - s.mean(-1, keepdim=True)) / (s.var(-1, keepdim=True, correction=0) + eps).sqrt() * gain + shift


@layer_norm("output", "gain")
def plus_one(x, gain, shift, eps):
    return F.layer_norm(x, x.shape[-1:], None, None, eps) * (1 + gain) + shift


@layer_norm("centred", "not subtracted")
def scaled_only(x, gain, shift, eps):
    return x / (x.var(-1, keepdim=True, correction=0) + eps).sqrt() * gain + shift

"""Wrong multi-head attention."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from tests.learn.apart import collect

WRONG = []
wrong = collect(WRONG)


@wrong("q", "view")
def viewed(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q, k, v = ((x @ m.T).view(b, heads, n, w // heads) for m in (wq, wk, wv))
    s = q @ k.transpose(-2, -1) / math.sqrt(w // heads)
    if mask is not None:
        s = s.masked_fill(~mask, -1e9)
    return (s.softmax(-1) @ v).transpose(1, 2).reshape(b, n, w) @ wo.T


@wrong("merged", "merged without|merge")
def no_way_back(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q, k, v = ((x @ m.T).view(b, n, heads, w // heads).transpose(1, 2) for m in (wq, wk, wv))
    z = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return z.contiguous().view(b, n, w) @ wo.T


@wrong("scaled", "width")
class WholeWidth(nn.Module):
    def __init__(self, dim, n_heads):
        super().__init__()
        self.n_heads, self.dim = n_heads, dim
        self.to_q = nn.Linear(dim, dim)
        self.to_k = nn.Linear(dim, dim)
        self.to_v = nn.Linear(dim, dim)
        self.fc = nn.Linear(dim, dim)

    def forward(self, x, mask=None):
        b, n, w = x.size()
        q, k, v = (f(x).view(b, n, self.n_heads, -1).permute(0, 2, 1, 3) for f in (self.to_q, self.to_k, self.to_v))
        s = torch.matmul(q, k.permute(0, 1, 3, 2)) / math.sqrt(self.dim)
        if mask is not None:
            s = s.masked_fill(mask == 0, -1e10)
        z = torch.matmul(torch.softmax(s, dim=-1), v).permute(0, 2, 1, 3).contiguous()
        return self.fc(z.view(b, n, w))


@wrong("scaled", "scal")
class Unscaled(nn.Module):
    def __init__(self, k, heads):
        super().__init__()
        self.heads = heads
        self.tokeys, self.toqueries, self.tovalues = (nn.Linear(k, k, bias=False) for _ in range(3))
        self.unifyheads = nn.Linear(k, k)

    def forward(self, x, mask=None):
        b, t, k = x.size()
        h = self.heads
        fold = lambda y: y.view(b, t, h, k // h).transpose(1, 2).reshape(b * h, t, k // h)
        dot = torch.bmm(fold(self.toqueries(x)), fold(self.tokeys(x)).transpose(1, 2))
        if mask is not None:
            dot[:, ~mask] = float("-inf")
        out = torch.bmm(F.softmax(dot, dim=2), fold(self.tovalues(x))).view(b, h, t, k // h)
        return self.unifyheads(out.transpose(1, 2).reshape(b, t, k))


@wrong("output", "missing|not projected")
def unprojected(x, wq, wk, wv, wo, heads, mask=None):
    d = x.size(-1) // heads
    outs = []
    for h in range(heads):
        s = slice(h * d, (h + 1) * d)
        outs.append(F.scaled_dot_product_attention(x @ wq[s].T, x @ wk[s].T, x @ wv[s].T, attn_mask=mask))
    return torch.cat(outs, -1)


@wrong("q", "transposed")
def plain_products(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q, k, v = ((x @ m).view(b, n, heads, -1).transpose(1, 2) for m in (wq, wk, wv))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).reshape(b, n, w) @ wo


@wrong("q", "interleav")
def comb(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q, k, v = ((x @ m.T).view(b, n, w // heads, heads).permute(0, 3, 1, 2) for m in (wq, wk, wv))
    s = (q @ k.mT) / math.sqrt(w // heads)
    s = s if mask is None else s.masked_fill(~mask, -1e9)
    return (s.softmax(-1) @ v).transpose(1, 2).reshape(b, n, w) @ wo.T


@wrong("weights", "heads")
def across_heads(x, wq, wk, wv, wo, heads, mask=None):
    q, k, v = (torch.einsum("bnw,hdw->bhnd", x, m.view(heads, -1, m.size(1))) for m in (wq, wk, wv))
    s = torch.einsum("bhid,bhjd->bhij", q, k) / q.size(-1) ** 0.5
    s = s if mask is None else s.masked_fill(~mask, -1e9)
    return torch.einsum("bhij,bhjd->bihd", s.softmax(1), v).flatten(2) @ wo.T


@wrong("merged", "averag")
def meant(x, wq, wk, wv, wo, heads, mask=None):
    d = x.size(-1) // heads
    q, k, v = ((x @ m.T).unflatten(-1, (heads, d)).transpose(1, 2) for m in (wq, wk, wv))
    z = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return z.mean(dim=1).repeat(1, 1, heads) @ wo.T


@wrong("v", "v is not projected|not projected")
def raw_values(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    cut = lambda y: y.reshape(b, n, heads, -1).transpose(1, 2)
    z = F.scaled_dot_product_attention(cut(x @ wq.T), cut(x @ wk.T), cut(x), attn_mask=mask)
    return z.transpose(1, 2).reshape(b, n, w) @ wo.T


@wrong("k", "k uses|one projection|k is")
def one_matrix_too_few(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q = k = (x @ wq.T).reshape(b, n, heads, -1).transpose(1, 2)
    v = (x @ wv.T).reshape(b, n, heads, -1).transpose(1, 2)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).reshape(b, n, w) @ wo.T


@wrong("weights", "ignored")
def deaf(x, wq, wk, wv, wo, heads, mask=None):
    module = nn.MultiheadAttention(x.size(-1), heads, bias=False, batch_first=True)
    values = {"in_proj_weight": torch.cat([wq, wk, wv]), "out_proj.weight": wo}
    return torch.func.functional_call(module, values, (x, x, x), {"need_weights": False})[0]


@wrong("weights", "invert")
def torch_sense(x, wq, wk, wv, wo, heads, mask=None):
    module = nn.MultiheadAttention(x.size(-1), heads, bias=False, batch_first=True)
    values = {"in_proj_weight": torch.cat([wq, wk, wv]), "out_proj.weight": wo}
    return torch.func.functional_call(module, values, (x, x, x), {"need_weights": False, "attn_mask": mask})[0]


@wrong("output", "x is added|added")
class Residual(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, x, mask=None):
        q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(1, 2) for y in self.qkv(x).chunk(3, -1))
        z = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return x + self.proj(z.transpose(1, 2).flatten(2))


@wrong("q|scaled", "and")
def two(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q, k, v = ((x @ m.T).view(b, heads, n, w // heads) for m in (wq, wk, wv))
    s = q @ k.mT
    s = s if mask is None else s.masked_fill(~mask, -1e9)
    return (s.softmax(-1) @ v).transpose(1, 2).reshape(b, n, w) @ wo.T


@wrong("merged", "unknown|first|last|only")
def forgets_one(x, wq, wk, wv, wo, heads, mask=None):
    """`range(heads - 1)`: the last head's features stay zero."""
    d, out = x.size(-1) // heads, torch.zeros_like(x)
    for h in range(heads - 1):
        s = slice(h * d, (h + 1) * d)
        out[..., s] = F.scaled_dot_product_attention(x @ wq[s].T, x @ wk[s].T, x @ wv[s].T, attn_mask=mask)
    return out @ wo.T


@wrong("k|scores", "unknown")
def wrong_slice(x, wq, wk, wv, wo, heads, mask=None):
    """Each query head meets the next head's keys."""
    q, k, v = ((x @ m.T).unflatten(-1, (heads, -1)).transpose(1, 2) for m in (wq, wk, wv))
    z = F.scaled_dot_product_attention(q, k.roll(-1, 1), v, attn_mask=mask)
    return z.transpose(1, 2).flatten(2) @ wo.T

"""Multi-head: a fourth lot, by an examiner asked for what lists of mistakes lack, and right answers.

The first score, before anything was changed: of 16 16 rejected, 15 placed, 12 named; of 10 right answers 10 accepted.
Then what was unknown went into the bank, and naming by what right ways pass through was ended: 16 placed, 16 named.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from tests.learn.apart import Apart, collect

WRONG: list[Apart] = []
wrong = collect(WRONG)


# 1: the weights are not turned
@wrong("q", "transpos|not turned|.t|w.t|(out, in)|turned|x @ w")
def weights_not_turned(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q, k, v = ((x @ m).view(b, n, heads, w // heads).transpose(1, 2) for m in (wq, wk, wv))
    s = q @ k.transpose(-2, -1) / math.sqrt(w // heads)
    if mask is not None:
        s = s.masked_fill(~mask, float("-inf"))
    return (s.softmax(-1) @ v).transpose(1, 2).reshape(b, n, w) @ wo


# 2: viewed straight as (b, heads, n, w/heads)
@wrong("q", "view|reshape|transpos|mixes position|positions|split|without moving|axes|permut")
def viewed_straight(x, wq, wk, wv, wo, heads, mask=None):
    bs, length, width = x.shape
    size = width // heads
    query = F.linear(x, wq).reshape(bs, heads, length, size)
    key = F.linear(x, wk).reshape(bs, heads, length, size)
    value = F.linear(x, wv).reshape(bs, heads, length, size)
    out = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return F.linear(out.transpose(1, 2).reshape(bs, length, width), wo)


# 3: merged without moving the heads back
@wrong("merged", "transpos|merge|back|permut|reshape|view|axes|mixes")
class NotMovedBack(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.proj = nn.Linear(width, width, bias=False)

    def split(self, t):
        return t.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x, mask=None):
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(y.contiguous().view(x.shape))


# 4: √ of the whole width
@wrong("scaled", "whole width|width|head|scale|√|sqrt|divid")
def root_of_width(x, wq, wk, wv, wo, heads, mask=None):
    B, N, W = x.shape
    split = lambda w: torch.einsum("bnw,hdw->bhnd", x, w.reshape(heads, W // heads, W))
    q, k, v = split(wq), split(wk), split(wv)
    s = torch.einsum("bhid,bhjd->bhij", q, k) / W**0.5
    if mask is not None:
        s = torch.where(mask, s, -1e9)
    y = torch.einsum("bhij,bhjd->bihd", s.softmax(-1), v).flatten(2)
    return torch.einsum("bnw,ow->bno", y, wo)


# 5: each projection is fed the one before
@wrong(
    "k", "chain|from q|of q|q instead of x|projects q|projected twice|not from x|not of x|instead of x|twice|already"
)
def chained_projections(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    h = x
    parts = []
    for weight in (wq, wk, wv):
        h = F.linear(h, weight)
        parts.append(h.view(b, n, heads, -1).permute(0, 2, 1, 3))
    q, k, v = parts
    s = torch.matmul(q, k.mT) * (w // heads) ** -0.5
    if mask is not None:
        s = s.masked_fill(mask == 0, torch.finfo(s.dtype).min)
    y = torch.matmul(s.softmax(-1), v).permute(0, 2, 1, 3).flatten(2)
    return F.linear(y, wo)


# 6: fused q, k, v read in the (heads, 3, size) order of another code base
@wrong("q", "fused|order|interleav|split|q, k and v|qkv|mixed up|mixes|slice|layout|head")
def fused_other_layout(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    qkv = x @ torch.cat([wq, wk, wv], dim=0).T
    qkv = qkv.view(b, n, heads, 3, w // heads).permute(3, 0, 2, 1, 4)
    q, k, v = qkv[0], qkv[1], qkv[2]
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return y.transpose(1, 2).contiguous().view(b, n, w) @ wo.T


# 7: (size, heads) instead of (heads, size)
@wrong("q", "interleav|strid|every heads|(size, heads)|order|contiguous|split|neighbour|slice|consecutive")
def interleaved_split(x, wq, wk, wv, wo, heads, mask=None):
    size = x.shape[-1] // heads
    q = (x @ wq.T).unflatten(-1, (size, heads)).permute(0, 3, 1, 2)
    k = (x @ wk.T).unflatten(-1, (size, heads)).permute(0, 3, 1, 2)
    v = (x @ wv.T).unflatten(-1, (size, heads)).permute(0, 3, 1, 2)
    scores = (q @ k.transpose(2, 3)).div_(math.sqrt(size))
    if mask is not None:
        scores.masked_fill_(mask.logical_not(), -1e30)
    return (scores.softmax(dim=-1) @ v).permute(0, 2, 1, 3).flatten(-2) @ wo.T


# 8: heads folded into the batch, unfolded in the other order
@wrong("merged", "batch|order|unfold|mixes|(heads, b|example|sample|merge|reshape|view")
def unfolded_wrongly(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    d = w // heads

    def fold(t):
        return t.reshape(b, n, heads, d).transpose(1, 2).reshape(b * heads, n, d)

    q, k, v = map(fold, (F.linear(x, wq), F.linear(x, wk), F.linear(x, wv)))
    bias = torch.zeros(n, n) if mask is None else torch.zeros(n, n).masked_fill(~mask, -torch.inf)
    s = torch.baddbmm(bias.expand(b * heads, n, n), q, k.transpose(1, 2), alpha=d**-0.5)
    y = torch.bmm(torch.softmax(s, -1), v)
    y = y.view(heads, b, n, d).permute(1, 2, 0, 3).reshape(b, n, w)
    return F.linear(y, wo)


# 9: dim=1 from the days without heads: softmax over the heads
@wrong("weights", "over the heads|axis|dim=|across heads|across the heads|heads|wrong dim|last dim")
class SoftmaxOverHeads(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.h, self.d = heads, width // heads
        self.linears = nn.ModuleList([nn.Linear(width, width, bias=False) for _ in range(4)])

    def forward(self, x, mask=None):
        b, n, _ = x.shape
        q, k, v = [lin(x).view(b, n, self.h, self.d).transpose(1, 2) for lin in self.linears[:3]]
        scores = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(self.d)
        if mask is not None:
            scores = scores.masked_fill(~mask, -1e9)
        p = F.softmax(scores, dim=1)
        return self.linears[-1](torch.matmul(p, v).transpose(1, 2).reshape(b, n, -1))


# 10: the mask is turned
@wrong("scaled|weights", "mask|transpos|turned|wrong way|rows and columns|columns")
def turned_mask(x, wq, wk, wv, wo, heads, mask=None):
    outs = []
    for q, k, v in zip((x @ wq.T).chunk(heads, -1), (x @ wk.T).chunk(heads, -1), (x @ wv.T).chunk(heads, -1)):
        s = q @ k.mT / math.sqrt(q.shape[-1])
        if mask is not None:
            s = torch.where(mask.T, s, torch.tensor(-1e9))
        outs.append(s.softmax(-1) @ v)
    return torch.cat(outs, -1) @ wo.T


# 11: the library's mask has True for "hide"
@wrong(
    "scaled|weights", "invert|polarity|opposite|wrong way|the other way|reverse|upside|flipped|~mask|negat|allowed|true"
)
def library_mask(x, wq, wk, wv, wo, heads, mask=None):
    s = x.transpose(0, 1)
    out, _ = F.multi_head_attention_forward(
        s,
        s,
        s,
        x.shape[-1],
        heads,
        torch.cat([wq, wk, wv]),
        None,
        None,
        None,
        False,
        0.0,
        wo,
        None,
        training=False,
        need_weights=False,
        attn_mask=mask,
    )
    return out.transpose(0, 1)


# 12: every head reads the keys of head 0
@wrong("k|scores", "head 0|first head|same key|same slice|all heads|every head|shared|one head")
def keys_of_first_head(x, wq, wk, wv, wo, heads, mask=None):
    Q, K, V = x @ wq.t(), x @ wk.t(), x @ wv.t()
    size = Q.size(-1) // heads
    merged = torch.zeros_like(x)
    for h in range(heads):
        a, z = h * size, (h + 1) * size
        logits = Q[..., a:z] @ K[..., :size].transpose(1, 2) / size**0.5
        if mask is not None:
            logits = logits.masked_fill(~mask, float("-inf"))
        merged[..., a:z] = logits.softmax(-1) @ V[..., a:z]
    return merged @ wo.t()


# 13: heads put one after another along the positions
@wrong("merged", "position|concat|cat|axis|dim=|merge|wrong dim|reshape|view|along")
def joined_along_positions(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape

    def attend(q, k, v):
        s = torch.einsum("bid,bjd->bij", q, k) / math.sqrt(q.size(-1))
        if mask is not None:
            s = s.masked_fill(~mask, -torch.inf)
        return s.softmax(-1) @ v

    results = [attend(x @ a.T, x @ c.T, x @ d.T) for a, c, d in zip(wq.chunk(heads), wk.chunk(heads), wv.chunk(heads))]
    return torch.cat(results, dim=1).view(b, n, w) @ wo.T


# 14: the residual is added inside
@wrong("output", "residual|skip|adds x|+ x|x is added|input|plus x|added")
class WithResidual(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.n_head = heads
        self.to_q = nn.Linear(width, width, False)
        self.to_k = nn.Linear(width, width, False)
        self.to_v = nn.Linear(width, width, False)
        self.to_out = nn.Linear(width, width, False)

    def forward(self, x, mask=None):
        B, T, C = x.size()
        q = self.to_q(x).view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        k = self.to_k(x).view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        v = self.to_v(x).view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        if mask is not None:
            att = att.masked_fill(mask[None, None] == 0, float("-inf"))
        y = F.softmax(att, dim=-1) @ v
        return x + self.to_out(y.transpose(1, 2).contiguous().view(B, T, C))


# 15: two: attends between the heads of one position, and the mask is dropped
@wrong("q|scores", "between heads|heads|transpos|positions|axes|mask|permut")
def between_heads(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q = (x @ wq.T).reshape(b, n, heads, -1)
    k = (x @ wk.T).reshape(b, n, heads, -1)
    v = (x @ wv.T).reshape(b, n, heads, -1)
    s = torch.einsum("bnhd,bngd->bnhg", q, k) / math.sqrt(q.shape[-1])
    y = torch.einsum("bnhg,bngd->bnhd", s.softmax(-1), v)
    return y.reshape(b, n, w) @ wo.T


# 16: two: wk copied into the line of v, and no output projection
@wrong("v", "wk|key|copy|same weight|wv|wo|output projection|last projection|not projected")
def copied_line(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q = (x @ wq.T).view(b, n, heads, w // heads).transpose(1, 2)
    k = (x @ wk.T).view(b, n, heads, w // heads).transpose(1, 2)
    v = (x @ wk.T).view(b, n, heads, w // heads).transpose(1, 2)
    s = q @ k.mT / (w // heads) ** 0.5
    if mask is not None:
        s += torch.where(mask, 0.0, -1e9)
    return torch.softmax(s, dim=-1).matmul(v).transpose(1, 2).flatten(2)


# ------------------------------------------------------------------ right


def kernel(x, wq, wk, wv, wo, heads, mask=None):
    q, k, v = (F.linear(x, w).unflatten(-1, (heads, -1)).movedim(2, 1) for w in (wq, wk, wv))
    return F.linear(F.scaled_dot_product_attention(q, k, v, mask).movedim(1, 2).flatten(-2), wo)


def summed_over_heads(x, wq, wk, wv, wo, heads, mask=None):
    d = x.shape[-1] // heads
    out = torch.zeros_like(x)
    for h in range(heads):
        part = slice(h * d, (h + 1) * d)
        q, k, v = x @ wq[part].T, x @ wk[part].T, x @ wv[part].T
        s = q @ k.transpose(1, 2) / math.sqrt(d)
        if mask is not None:
            s = s.masked_fill(~mask, -1e9)
        out = out + s.softmax(-1) @ v @ wo[:, part].T
    return out


def all_einsum(x, wq, wk, wv, wo, heads, mask=None):
    w = x.shape[-1]
    cut = lambda m: m.reshape(heads, w // heads, w)
    q, k, v = (torch.einsum("bnw,hdw->bhnd", x, cut(m)) for m in (wq, wk, wv))
    s = torch.einsum("bhid,bhjd->bhij", q, k) * (w // heads) ** -0.5
    if mask is not None:
        s = s + mask.to(s.dtype).log()
    p = torch.exp(s - s.logsumexp(-1, keepdim=True))
    return torch.einsum("bhij,bhjd,ohd->bio", p, v, wo.reshape(w, heads, w // heads))


def library(x, wq, wk, wv, wo, heads, mask=None):
    s = x.transpose(0, 1)
    hide = None if mask is None else ~mask
    out, _ = F.multi_head_attention_forward(
        s,
        s,
        s,
        x.shape[-1],
        heads,
        torch.cat((wq, wk, wv)),
        None,
        None,
        None,
        False,
        0.0,
        wo,
        None,
        training=False,
        need_weights=False,
        attn_mask=hide,
    )
    return out.transpose(0, 1)


class OddNames(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ask = nn.Linear(width, width, bias=False)
        self.label = nn.Linear(width, width, bias=False)
        self.content = nn.Linear(width, width, bias=False)
        self.tell = nn.Linear(width, width, bias=False)

    def forward(self, x, mask=None):
        b, n, w = x.shape
        q, k, v = (f(x).view(b, n, self.heads, -1).transpose(1, 2) for f in (self.ask, self.label, self.content))
        s = q @ k.mT / math.sqrt(w // self.heads)
        if mask is not None:
            s = s.masked_fill(~mask, float("-inf"))
        return self.tell((s.softmax(-1) @ v).transpose(1, 2).reshape(b, n, w))


class InAList(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.d = width // heads
        self.parts = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(4))

    def forward(self, x, mask=None):
        q, k, v = (p(x).split(self.d, -1) for p in self.parts[:3])
        done = [
            F.scaled_dot_product_attention(a.contiguous(), b.contiguous(), c.contiguous(), attn_mask=mask)
            for a, b, c in zip(q, k, v)
        ]
        return self.parts[3](torch.cat(done, dim=-1))


class FoldedIntoBatch(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.h = heads
        self.wq = nn.Linear(width, width, bias=False)
        self.wk = nn.Linear(width, width, bias=False)
        self.wv = nn.Linear(width, width, bias=False)
        self.wo = nn.Linear(width, width, bias=False)

    def fold(self, t):
        b, n, w = t.shape
        return t.reshape(b, n, self.h, w // self.h).permute(2, 0, 1, 3).reshape(self.h * b, n, w // self.h)

    def forward(self, x, mask=None):
        b, n, w = x.shape
        q, k, v = self.fold(self.wq(x)), self.fold(self.wk(x)), self.fold(self.wv(x))
        bias = x.new_zeros(n, n)
        if mask is not None:
            bias = bias.masked_fill(mask.logical_not(), torch.finfo(x.dtype).min / 2)
        s = torch.baddbmm(bias.expand(len(q), n, n), q, k.transpose(1, 2), alpha=1 / math.sqrt(q.shape[-1]))
        y = torch.bmm(s.softmax(-1), v)
        return self.wo(y.view(self.h, b, n, -1).permute(1, 2, 0, 3).reshape(b, n, w))


def fused_in_double(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    qkv = x.double() @ torch.cat([wq, wk, wv]).double().T
    q, k, v = qkv.view(b, n, 3, heads, w // heads).permute(2, 0, 3, 1, 4)
    s = (q / math.sqrt(w // heads)) @ k.mT
    if mask is not None:
        s = torch.where(mask, s, -math.inf)
    e = (s - s.amax(-1, keepdim=True)).exp_()
    y = (e @ v).div_(e.sum(-1, keepdim=True))
    return (y.transpose(1, 2).flatten(2) @ wo.double().T).to(x.dtype)


def mapped_over_heads(x, wq, wk, wv, wo, heads, mask=None):
    w = x.shape[-1]
    d = w // heads

    def head(a, b, c):
        s = (x @ a.T) @ (x @ b.T).mT / d**0.5
        if mask is not None:
            s = torch.where(mask, s, -1e9)
        return torch.softmax(s, -1) @ (x @ c.T)

    y = torch.func.vmap(head, out_dims=2)(*(m.reshape(heads, d, w) for m in (wq, wk, wv)))
    return y.reshape(x.shape) @ wo.T


def query_by_query(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    k = (x @ wk.T).reshape(b, n, heads, -1)
    v = (x @ wv.T).reshape(b, n, heads, -1)
    rows = []
    for i in range(n):
        q = (x[:, i] @ wq.T).reshape(b, 1, heads, -1)
        s = (q * k).sum(-1) / math.sqrt(w // heads)  # (b, j, h)
        if mask is not None:
            s = s.masked_fill(~mask[i][:, None], -1e9)
        rows.append((s.softmax(1)[..., None] * v).sum(1).reshape(b, w))
    return torch.stack(rows, 1) @ wo.T


RIGHT = [
    kernel,
    summed_over_heads,
    all_einsum,
    library,
    OddNames,
    InAList,
    FoldedIntoBatch,
    fused_in_double,
    mapped_over_heads,
    query_by_query,
]

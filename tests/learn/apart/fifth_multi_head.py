"""Multi-head: a fifth lot, by an examiner who was asked for what forums and reviews show, and right answers.

The first score, before anything was changed: of 12 12 rejected, 12 placed, 10 named (11 as a reader counts: some
names are right in other words); of 8 right answers 8 accepted.  Since then the bank knows what was unknown: 12
placed, 11 named (12 as a reader counts).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.learn.apart import Apart, collect

WRONG: list[Apart] = []
wrong = collect(WRONG)


@wrong("q", "reshap|view|transpos|split|scrambl|positions mixed|mixes positions|straight into|permut")
def view_straight(
    x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor, heads: int, mask: Tensor | None = None
) -> Tensor:
    b, n, w = x.shape
    d = w // heads
    q = (x @ wq.T).view(b, heads, n, d)
    k = (x @ wk.T).view(b, heads, n, d)
    v = (x @ wv.T).view(b, heads, n, d)
    scores = q @ k.transpose(-2, -1) / math.sqrt(d)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    out = torch.softmax(scores, dim=-1) @ v
    return out.transpose(1, 2).reshape(b, n, w) @ wo.T


@wrong("merged", "transpos|permut|reshap|merge|scrambl|back|view|positions mixed|mixes positions")
def merge_straight(x, wq, wk, wv, wo, heads, mask=None):
    B, T, C = x.shape
    q, k, v = (F.linear(x, w).unflatten(-1, (heads, -1)).transpose(1, 2) for w in (wq, wk, wv))
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    y = y.contiguous().view(B, T, C)
    return F.linear(y, wo)


@wrong(
    "scaled",
    "whole width|full width|model width|√w|width|per head|head size|head width|head's|each head|head dim|"
    "d_model|w instead|instead of d",
)
def d_model_scale(x, wq, wk, wv, wo, heads, mask=None):
    def split(t):
        return t.reshape(*t.shape[:2], heads, -1).permute(0, 2, 1, 3)

    d_model = x.size(-1)
    q, k, v = split(x @ wq.T), split(x @ wk.T), split(x @ wv.T)
    scores = torch.einsum("bhid,bhjd->bhij", q, k) / math.sqrt(d_model)
    if mask is not None:
        scores = scores.masked_fill(mask == 0, -1e9)
    mixed = torch.einsum("bhij,bhjd->bihd", F.softmax(scores, dim=-1), v)
    return mixed.flatten(2) @ wo.T


@wrong("k", "wq|query|queries|wrong matrix|wrong weight|wrong projection|wk unused|wk is not|wk not|q's")
def copy_paste(x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor, heads: int, mask: Tensor | None = None):
    batch, length, width = x.size()
    head_dim = width // heads
    queries = F.linear(x, wq).view(batch, length, heads, head_dim).transpose(1, 2)
    keys = F.linear(x, wq).view(batch, length, heads, head_dim).transpose(1, 2)
    values = F.linear(x, wv).view(batch, length, heads, head_dim).transpose(1, 2)
    energy = torch.matmul(queries, keys.transpose(2, 3)) / head_dim**0.5
    if mask is not None:
        energy.masked_fill_(~mask, torch.finfo(energy.dtype).min)
    attended = torch.matmul(energy.softmax(-1), values)
    return F.linear(attended.transpose(1, 2).flatten(-2), wo)


@wrong(
    "q",
    "interleav|order|heads last|stride|every h|alternat|split|swapped|wrong axis|consecutive|contiguous|"
    "neighbour|adjacent|reshap|view",
)
def heads_last(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape

    def to_heads(t):
        return t.view(b, n, w // heads, heads).permute(0, 3, 1, 2)

    q, k, v = map(to_heads, (x @ wq.mT, x @ wk.mT, x @ wv.mT))
    sim = q @ k.mT * (w // heads) ** -0.5
    if mask is not None:
        sim = torch.where(mask, sim, -torch.inf)
    out = sim.softmax(-1) @ v
    return out.permute(0, 2, 1, 3).flatten(2) @ wo.mT


@wrong(
    "weights",
    "invert|polarity|opposite|revers|flip|wrong way|upside|backward|negat|inside out|hides what|allowed|complement",
)
def fused(x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor, heads: int, mask: Tensor | None = None):
    qkv = x @ torch.cat([wq, wk, wv]).T
    q, k, v = (t.unflatten(2, (heads, -1)).transpose(1, 2) for t in qkv.chunk(3, dim=-1))
    attn_mask = None if mask is None else ~mask
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=attn_mask)
    return y.transpose(1, 2).flatten(2) @ wo.T


@wrong(
    "weights",
    "first head|one head|head 0|every head|each head|all heads|other heads|all the heads|only head|some heads",
)
def first_head_only(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q = F.linear(x, wq).reshape(b, n, heads, -1).transpose(1, 2)
    k = F.linear(x, wk).reshape(b, n, heads, -1).transpose(1, 2)
    v = F.linear(x, wv).reshape(b, n, heads, -1).transpose(1, 2)
    scores = (q @ k.transpose(2, 3)) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores[:, 0].masked_fill_(~mask, float("-inf"))
    return F.linear((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, w), wo)


@wrong(
    "weights",
    "over the heads|over heads|across heads|across the heads|among the heads|between heads|axis|dim|"
    "wrong direction|head axis",
)
def softmax_of_heads(x, wq, wk, wv, wo, heads, mask=None):
    q = torch.einsum("bnw,ow->bno", x, wq).unflatten(-1, (heads, -1))
    k = torch.einsum("bnw,ow->bno", x, wk).unflatten(-1, (heads, -1))
    v = torch.einsum("bnw,ow->bno", x, wv).unflatten(-1, (heads, -1))
    logits = torch.einsum("bqhd,bkhd->bhqk", q, k) / q.shape[-1] ** 0.5
    if mask is not None:
        logits = logits.masked_fill(~mask[None, None], -1e20)
    attention = torch.softmax(logits, dim=1)
    out = torch.einsum("bhqk,bkhd->bqhd", attention, v).flatten(-2)
    return torch.einsum("bnw,ow->bno", out, wo)


@wrong(
    "k",
    "of q|from q|queries|query|projected twice|twice|already|chain|not of x|not from x|instead of x|not x|q instead",
)
class Chained(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x, mask=None):
        b, n, w = x.shape
        q = self.query(x)
        k = self.key(q)
        v = self.value(x)
        q, k, v = (t.view(b, n, self.heads, w // self.heads).transpose(1, 2) for t in (q, k, v))
        scores = q @ k.transpose(-2, -1) / math.sqrt(w // self.heads)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        y = scores.softmax(dim=-1) @ v
        return self.out(y.transpose(1, 2).contiguous().view(b, n, w))


@wrong(
    "merged", "interleav|order|heads last|stack|alternat|concat|side by side|wrong axis|merge|swapped|transpos|permut"
)
def one_head_at_a_time(x, wq, wk, wv, wo, heads, mask=None):
    def attend(q, k, v):
        s = torch.bmm(q, k.transpose(1, 2)) / math.sqrt(q.size(-1))
        if mask is not None:
            s = s.masked_fill(~mask, float("-inf"))
        return torch.bmm(s.softmax(-1), v)

    qs, ks, vs = ((x @ w.t()).chunk(heads, dim=-1) for w in (wq, wk, wv))
    outputs = [attend(q, k, v) for q, k, v in zip(qs, ks, vs, strict=True)]
    return torch.stack(outputs, dim=-1).flatten(2) @ wo.t()


@wrong("q", "transpos|column|rows|wᵀ|.t|on its side|turned|x @ w")
def sliced_weights(x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor, heads: int, mask: Tensor | None = None):
    size = x.shape[-1] // heads
    parts = []
    for h in range(heads):
        here = slice(h * size, (h + 1) * size)
        q, k, v = x @ wq[:, here], x @ wk[:, here], x @ wv[:, here]
        scores = q @ k.mT / size**0.5
        if mask is not None:
            scores = scores + torch.where(mask, 0.0, float("-inf"))
        parts.append(F.softmax(scores, dim=-1) @ v)
    return torch.cat(parts, dim=-1) @ wo.T


@wrong("output", "transpos|wᵀ|.t|on its side|turned|wrong axis|in and out|out and in|swapped|column|rows|axes")
def all_einsum(x, wq, wk, wv, wo, heads, mask=None):
    b, n, w = x.shape
    q, k, v = (torch.einsum("bni,oi->bno", x, m).view(b, n, heads, w // heads) for m in (wq, wk, wv))
    a = torch.einsum("bihd,bjhd->bhij", q, k) * (w // heads) ** -0.5
    if mask is not None:
        a = a.masked_fill(mask.logical_not(), float("-inf"))
    y = torch.einsum("bhij,bjhd->bihd", a.softmax(-1), v).reshape(b, n, w)
    return torch.einsum("bno,oi->bni", y, wo)


def packed(x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor, heads: int, mask: Tensor | None = None) -> Tensor:
    q, k, v = F.linear(x, torch.cat([wq, wk, wv])).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    return F.linear(F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2), wo)


def library_call(x, wq, wk, wv, wo, heads, mask=None):
    y, _ = F.multi_head_attention_forward(
        *(x.transpose(0, 1),) * 3,
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
        attn_mask=None if mask is None else ~mask,
    )
    return y.transpose(0, 1)


def never_merged(x, wq, wk, wv, wo, heads, mask=None):
    d = x.shape[-1] // heads
    total = torch.zeros_like(x)
    for a, b, c, out in zip(wq.split(d), wk.split(d), wv.split(d), wo.split(d, 1), strict=True):
        s = (x @ a.T) @ (x @ b.T).mT / math.sqrt(d)
        if mask is not None:
            s = s.masked_fill(~mask, -math.inf)
        total = total + s.softmax(-1) @ (x @ c.T) @ out.T
    return total


def folded(x, wq, wk, wv, wo, heads, mask=None):
    a, b, c = (m.unflatten(0, (heads, -1)) for m in (wq, wk, wv))
    match = a.mT @ b / math.sqrt(a.shape[1])
    carry = wo.unflatten(1, (heads, -1)).transpose(0, 1) @ c
    s = x[:, None] @ match @ x[:, None].mT
    if mask is not None:
        s = torch.where(mask, s, -math.inf)
    return (s.softmax(-1) @ (x[:, None] @ carry.mT)).sum(1)


def heads_in_the_batch(x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor, heads: int, mask=None) -> Tensor:
    q, k, v = (torch.cat(torch.tensor_split(x @ m.T, heads, -1)) for m in (wq, wk, wv))
    bias = q.new_zeros(x.shape[1], x.shape[1])
    if mask is not None:
        bias = bias.masked_fill(~mask, -math.inf)
    weights = torch.baddbmm(bias, q, k.mT, alpha=q.shape[-1] ** -0.5).softmax(-1)
    return torch.cat(weights.bmm(v).chunk(heads), -1) @ wo.T


def mapped_over_heads(x, wq, wk, wv, wo, heads, mask=None):
    def head(a, b, c):
        s = torch.einsum("biw,dw,bjv,dv->bij", x, a, x, b) / math.sqrt(a.shape[0])
        if mask is not None:
            s = s.masked_fill(~mask, -math.inf)
        return torch.exp(s - s.logsumexp(-1, keepdim=True)) @ F.linear(x, c)

    blocks = (m.view(heads, -1, m.shape[1]) for m in map(Tensor.contiguous, (wq, wk, wv)))
    return torch.vmap(head, out_dims=2)(*blocks).flatten(2) @ wo.T


class OddOrder(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.to_key = nn.Linear(width, width, bias=False)
        self.to_query = nn.Linear(width, width, bias=False)
        self.to_value = nn.Linear(width, width, bias=False)
        self.merge = nn.Linear(width, width, bias=False)

    def attend(self, q, k, v, mask):
        s = torch.einsum("bihd,bjhd->bijh", q, k) / math.sqrt(q.shape[-1])
        if mask is not None:
            s = s.masked_fill(~mask[..., None], -math.inf)
        return torch.einsum("bijh,bjhd->bihd", s.softmax(2), v)

    def forward(self, x, mask=None):
        q, k, v = (f(x).unflatten(-1, (self.heads, -1)) for f in (self.to_query, self.to_key, self.to_value))
        return self.merge(self.attend(q, k, v, mask).flatten(-2))


class WithBiases(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.h = heads
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(4))

    def forward(self, x, mask=None):
        *inputs, last = self.layers
        q, k, v = (layer(x).view(*x.shape[:2], self.h, -1).movedim(2, 0) for layer in inputs)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return last(torch.cat(y.unbind(0), -1))


RIGHT = [
    packed,
    library_call,
    never_merged,
    folded,
    heads_in_the_batch,
    mapped_over_heads,
    OddOrder,
    WithBiases,
]

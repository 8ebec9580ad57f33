"""Causal attention: a fifth lot, by an examiner who was asked for what forums and reviews show, and right answers.

The first score, before anything was changed: of 12 12 rejected, 11 placed, 8 named (10 as a reader counts: some names
are right in other words); of 8 right answers 8 accepted.  Since then the bank knows what was unknown: 12 placed, 9
named (11 as a reader counts).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.learn.apart import Apart, collect

WRONG: list[Apart] = []
wrong = collect(WRONG)


@wrong(
    "weights",
    "itself|own|diagonal|self|strict|off by one|off-by-one|one too|j < i|first position|first row|nothing to look",
)
def strictly_before(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    n, d = q.shape[-2:]
    scores = q @ k.transpose(-2, -1) / math.sqrt(d)
    future = torch.triu(torch.ones(n, n, device=q.device), diagonal=0).bool()
    scores = scores.masked_fill(future, float("-inf"))
    weights = torch.nan_to_num(torch.softmax(scores, dim=-1))
    return weights @ v


@wrong("weights", "ahead|next|off by one|off-by-one|diagonal|one too|i + 1|i+1|future|one position")
def one_too_many(q, k, v):
    T = q.size(1)
    tril = torch.tril(torch.ones(T, T), diagonal=1)
    wei = torch.einsum("btd,bsd->bts", q, k) * q.size(-1) ** -0.5
    wei = wei.masked_fill(tril == 0, float("-inf"))
    return torch.einsum("bts,bsd->btd", F.softmax(wei, dim=-1), v)


@wrong(
    "weights",
    "future|ahead|past|revers|wrong way|opposite|upper|invert|flip|backward|j ≥ i|wrong triangle|"
    "other triangle|later|polarity",
)
def with_additive_mask(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    b, n, d = q.shape
    bias = q.new_full((n, n), float("-inf")).tril(diagonal=-1)
    scores = torch.baddbmm(bias.expand(b, n, n), q, k.mT, alpha=1 / math.sqrt(d))
    return torch.bmm(scores.softmax(-1), v)


@wrong("weights", "after softmax|after the softmax|renormal|sum to one|sum to 1|add up|too late|not normal")
def cut_the_weights(q, k, v):
    attn = nn.functional.softmax(torch.bmm(q, k.permute(0, 2, 1)) / k.size(-1) ** 0.5, dim=-1)
    attn = torch.tril(attn)
    return torch.bmm(attn, v)


@wrong("weights", "zero|to 0|with 0|0 instead|not -inf|instead of -inf|minus infinity|−∞|-∞|exp(0)|e⁰")
def cut_the_scores(q, k, v):
    scores = q.matmul(k.transpose(1, 2)).div(math.sqrt(q.shape[2])).tril()
    return scores.softmax(dim=2).matmul(v)


@wrong(
    "scaled",
    "number of|how many|length|count|visible|positions|prefix|wrong size|wrong dimension|wrong axis|"
    "not d|instead of d|instead of √d|not the width",
)
def prefixes(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    outputs = []
    for t in range(q.shape[1]):
        past_k, past_v = k[:, : t + 1], v[:, : t + 1]
        s = torch.einsum("bd,bjd->bj", q[:, t], past_k) / math.sqrt(past_k.shape[1])
        w = F.softmax(s, dim=-1)
        outputs.append(torch.einsum("bj,bjd->bd", w, past_v))
    return torch.stack(outputs, dim=1)


@wrong("weights", "axis|dim|column|over the queries|over queries|across queries|down the|wrong direction")
def softmax_helper(q, k, v):
    def softmax(z):
        e = torch.exp(z - z.max())
        return e / e.sum(dim=-2, keepdim=True)

    pos = torch.arange(q.shape[1], device=q.device)
    scores = (q @ k.mT) / q.shape[-1] ** 0.5
    scores = torch.where(pos[:, None] >= pos[None, :], scores, torch.tensor(float("-inf"), device=q.device))
    return softmax(scores) @ v


@wrong(
    "mixture",
    "transpos|on its side|turned|column|wᵀ|weights swapped|axes swapped|wrong axis|swapped axes|"
    "summed over the quer|over the queries|over queries",
)
def turned_over(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    n, d = q.shape[1], q.shape[2]
    allowed = torch.ones(n, n, dtype=torch.bool, device=q.device).tril()
    scores = torch.einsum("bid,bjd->bij", q, k) / math.sqrt(d)
    att = scores.masked_fill(~allowed, -1e9).softmax(-1)
    return torch.einsum("bij,bid->bjd", att, v)


@wrong(
    "scores",
    "with itself|with themselves|q·q|q @ q|queries with queries|queries against queries|keys not used|"
    "keys are not|keys unused|not the keys|k is not|k not|k unused|q instead|queries instead|"
    "keys ignored|keys never|q twice|queries match queries|queries matched",
)
def copy_paste(q, k, v):
    b, t, c = q.size()
    att = (q @ q.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
    mask = torch.tril(torch.ones(t, t, device=q.device)).view(1, t, t)
    att = att.masked_fill(mask == 0, float("-inf"))
    att = F.softmax(att, dim=-1)
    return att @ v


@wrong("scaled", "multipl|times|inverse|reciproc|exponent|instead of divid|not divided|upside|wrong way|sign")
def fused(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=q.size(-1) ** 0.5)


@wrong("weights", "sign|positive|plus inf|+inf|+∞|nan|minus|not -inf|instead of -inf|infinity|negative")
def in_place(q, k, v):
    scores = torch.bmm(q, k.transpose(1, 2))
    scores.div_(math.sqrt(q.size(2)))
    rows, columns = torch.triu_indices(q.size(1), q.size(1), offset=1)
    scores[:, rows, columns] = float("inf")
    return torch.bmm(scores.softmax(dim=-1), v)


@wrong(
    "weights",
    "1e-9|small|tiny|too weak|no effect|negligib|near zero|almost zero|almost nothing|exponent|"
    "not hidden|unmasked|not masked|-inf|infinity|∞|nearly zero|close to zero|looks ahead|future|no mask|"
    "mask missing",
)
def soft_mask(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    seq_len = q.shape[1]
    look_ahead = 1 - torch.tril(torch.ones((seq_len, seq_len), device=q.device))
    logits = torch.matmul(q, k.transpose(-1, -2)) / torch.sqrt(torch.tensor(q.shape[-1], dtype=q.dtype))
    logits += look_ahead * -1e-9
    return torch.matmul(nn.Softmax(dim=-1)(logits), v)


def growing(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    seen = range(1, q.shape[1] + 1)
    return torch.cat([F.scaled_dot_product_attention(q[:, t - 1 : t], k[:, :t], v[:, :t]) for t in seen], 1)


def by_distance(q, k, v):
    n = q.shape[1]
    bands = [
        F.pad((q[:, back:] * k[:, : n - back]).sum(-1) / math.sqrt(q.shape[-1]), (back, 0), value=-math.inf)
        for back in range(n)
    ]
    weights = torch.stack(bands, -1).softmax(-1)
    total = torch.zeros_like(v)
    for back in range(n):
        total = total + weights[..., back, None] * F.pad(v, (0, 0, back, 0))[:, :n]
    return total


def halves(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    def meet(q, k, v):
        s = q @ k.mT / math.sqrt(q.shape[-1])
        log_total = s.logsumexp(-1, keepdim=True)
        return (s - log_total).exp() @ v, log_total

    def solve(q, k, v):
        n = q.shape[1]
        if n == 1:
            return meet(q, k, v)
        m = n // 2
        early, early_total = solve(q[:, :m], k[:, :m], v[:, :m])
        late, late_total = solve(q[:, m:], k[:, m:], v[:, m:])
        cross, cross_total = meet(q[:, m:], k[:, :m], v[:, :m])
        both = torch.logaddexp(late_total, cross_total)
        late = late * (late_total - both).exp() + cross * (cross_total - both).exp()
        return torch.cat([early, late], 1), torch.cat([early_total, both], 1)

    return solve(q, k, v)[0]


def from_the_end(q, k, v):
    q, k, v = (t.flip(1) for t in (q, k, v))
    s = q @ k.transpose(1, 2) * q.shape[-1] ** -0.5
    s = s.masked_fill(torch.ones_like(s, dtype=torch.bool).tril(-1), -math.inf)
    return (s.softmax(-1) @ v).flip(1)


def list_of_pairs(q, k, v):
    b, n, d = q.shape
    to, at = torch.tril_indices(n, n, device=q.device)
    s = (q[:, to] * k[:, at]).sum(-1) / math.sqrt(d)
    top = s.new_full((b, n), -math.inf).scatter_reduce(1, to.expand(b, -1), s.detach(), "amax")
    e = (s - top[:, to]).exp()
    total = s.new_zeros(b, n).index_add(1, to, e)
    mixed = v.new_zeros(b, n, v.shape[-1]).index_add(1, to, e.unsqueeze(-1) * v[:, at])
    return mixed / total.unsqueeze(-1)


def log_of_a_triangle(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    triangle = q.new_ones(q.shape[1], q.shape[1]).tril().log()
    return torch.baddbmm(triangle, q, k.mT, alpha=q.shape[-1] ** -0.5).softmax(-1).bmm(v)


def ready_made_mask(q, k, v):
    bias = nn.Transformer.generate_square_subsequent_mask(q.shape[1]).to(q)
    s = torch.einsum("bid,bjd->jib", q, k) / math.sqrt(q.shape[-1]) + bias.T[..., None]
    return torch.einsum("jib,bjd->bid", s.softmax(0), v)


def running_state(q, k, v):
    def step(state, value, query_scores):
        top, total, mix = state
        new_top = torch.maximum(top, query_scores)
        old, new = (top - new_top).exp(), (query_scores - new_top).exp()
        return new_top, total * old + new, mix * old[..., None] + new[..., None] * value[:, None]

    done = []
    state = q.new_full(q.shape[:2], -1e30), q.new_zeros(q.shape[:2]), torch.zeros_like(v)
    for j in range(q.shape[1]):
        s = (q * k[:, j, None]).sum(-1) / math.sqrt(q.shape[-1])
        state = step(state, v[:, j], s)
        done.append(state[2][:, j] / state[1][:, j, None])
    return torch.stack(done, 1)


RIGHT = [
    growing,
    by_distance,
    halves,
    from_the_end,
    list_of_pairs,
    log_of_a_triangle,
    ready_made_mask,
    running_state,
]

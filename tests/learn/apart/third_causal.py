"""Causal attention: a third lot, by an examiner who had read neither the bank nor the other lots, and right answers.

The first score, before anything was changed: of 12 12 rejected, 12 placed, 11 named; of 6 right answers 6 accepted.
"""

import math

import torch
import torch.nn.functional as F

from tests.learn.apart import Apart, collect

WRONG: list[Apart] = []
wrong = collect(WRONG)


@wrong("weights", "itself|self|own|diagonal")
def a_slice_that_stops_before_the_word(q, k, v):
    out = torch.zeros_like(v)
    for i in range(1, q.size(1)):
        w = F.softmax(k[:, :i] @ q[:, i, :, None] / math.sqrt(q.size(-1)), dim=1)
        out[:, i] = (w * v[:, :i]).sum(1)
    return out


@wrong("weights", "next|one ahead|one further|one too|one word|one position")
def a_slice_that_stops_one_late(q, k, v):
    rows = []
    for i in range(q.size(1)):
        a = (q[:, i : i + 1] @ k[:, : i + 2].mT / math.sqrt(q.size(-1))).softmax(-1)
        rows.append(a @ v[:, : i + 2])
    return torch.cat(rows, dim=1)


@wrong("weights", "future|ahead|later|invert|reversed|wrong way|wrong side|other way|upside|backward|opposite|turned")
def upper_triangle_given_as_what_may_be_seen(q, k, v):
    n = q.size(1)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=torch.triu(torch.ones(n, n)).bool())


@wrong("weights", "no mask|everything|not masked|without|unmasked|forgotten|missing|left out|all words|sees all")
def fused_and_never_told_to_be_causal(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


@wrong("weights", "after the softmax|after softmax|renormal")
def triangle_of_finished_weights(q, k, v):
    att = F.softmax(q @ k.transpose(-2, -1) * (1.0 / math.sqrt(k.size(-1))), dim=-1)
    return torch.tril(att) @ v


@wrong("weights", "zero|0")
def triangle_of_scores(q, k, v):
    s = torch.einsum("bqd,bkd->bqk", q, k) / math.sqrt(q.shape[-1])
    return torch.einsum("bqk,bkd->bqd", s.tril().softmax(-1), v)


@wrong("weights", "nan|NaN|inf|∞|0 ·")
def infinity_times_nought(q, k, v):
    n = q.size(1)
    block = (1 - torch.tril(torch.ones(n, n))) * float("-inf")
    return torch.softmax(q @ k.mT / math.sqrt(q.size(-1)) + block, dim=-1) @ v


@wrong("weights", "queries")
def every_column_sums_to_one(q, k, v):
    scores = torch.bmm(q, k.permute(0, 2, 1)).mul_(q.size(2) ** -0.5)
    ahead = torch.ones_like(scores, dtype=torch.bool).triu_(1)
    scores[ahead] = -1e9
    return torch.bmm(scores.softmax(dim=-2), v)


@wrong("scaled", "no scal|not scaled|unscaled|without|missing|left out|forgotten|not divided")
def fused_with_a_scale_of_one(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0)


@wrong("scaled", "length|number of|√n|how many|positions")
def root_of_the_wrong_size(q, k, v):
    T = q.shape[1]
    wei = q @ k.transpose(-2, -1) * T**-0.5
    wei = wei.masked_fill(torch.tril(torch.ones(T, T)) == 0, float("-inf"))
    return F.softmax(wei, dim=-1) @ v


@wrong("weights", "1e-9|zero|0|tiny|small")
def nine_zeros_on_the_wrong_side(q, k, v):
    n = q.size(1)
    logits = q.matmul(k.transpose(1, 2)) / math.sqrt(q.size(-1))
    for i in range(n):
        for j in range(i + 1, n):
            logits[:, i, j] = -1e-9
    return logits.softmax(-1).matmul(v)


@wrong("weights", "added|adds|ones|by 1|1 |plus|not low|weak|small")
def ones_subtracted_from_the_future(q, k, v):
    n = q.size(1)
    penalty = torch.triu(torch.ones(n, n), diagonal=1)
    return torch.softmax(q @ k.mT / math.sqrt(q.size(-1)) - penalty, dim=-1) @ v


def triangle_renormalised(q, k, v):
    w = torch.tril(torch.exp(q @ k.mT / math.sqrt(q.size(-1))))
    return (w / w.sum(-1, keepdim=True)) @ v


def by_growing_slices(q, k, v):
    rows = []
    for i in range(q.size(1)):
        w = torch.softmax((k[:, : i + 1] * q[:, i, None]).sum(-1) / math.sqrt(q.size(-1)), dim=-1)
        rows.append((w[..., None] * v[:, : i + 1]).sum(1))
    return torch.stack(rows, dim=1)


def fused(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def by_an_added_triangle(q, k, v):
    n = q.size(1)
    block = torch.full((n, n), float("-inf")).triu(1)
    return torch.baddbmm(block.expand(len(q), n, n), q, k.mT, alpha=q.size(-1) ** -0.5).softmax(-1).bmm(v)


def by_comparing_places(q, k, v):
    place = torch.arange(q.size(1))
    logits = torch.einsum("bid,bjd->bij", q * q.size(-1) ** -0.5, k)
    logits = torch.where(place[:, None] < place, torch.finfo(q.dtype).min, logits)
    return torch.einsum("bij,bjd->bid", logits.log_softmax(-1).exp(), v)


def one_sentence_at_a_time(q, k, v):
    answers = []
    for a, b, c in zip(q, k, v, strict=True):
        s = a @ b.T / a.size(1) ** 0.5
        for i in range(len(s)):
            s[i, i + 1 :] = -1e9
        answers.append(F.softmax(s, dim=1) @ c)
    return torch.stack(answers)


RIGHT = [triangle_renormalised, by_growing_slices, fused, by_an_added_triangle, by_comparing_places]
RIGHT += [one_sentence_at_a_time]

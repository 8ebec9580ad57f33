"""Attention: a third lot, by an examiner who had read neither the bank nor the other lots, and right answers.

The first score, before anything was changed: of 12 12 rejected, 12 placed, 11 named; of 6 right answers 5 accepted.
Since then: by_loops took its powers out of torch (refused for its gradients, rightly), and does so no more.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from tests.learn.apart import Apart, collect

WRONG: list[Apart] = []
wrong = collect(WRONG)


@wrong("scaled", "length|number of keys|√j|how many keys")
def root_of_the_key_count(q, k, v, mask=None):
    out = torch.zeros(q.size(0), q.size(1), v.size(2))
    for b in range(q.size(0)):
        for i in range(q.size(1)):
            row = torch.stack([torch.dot(q[b, i], k[b, j]) for j in range(k.size(1))]) / math.sqrt(k.size(1))
            if mask is not None:
                row = row.masked_fill(~mask[i], float("-inf"))
            out[b, i] = row.softmax(0) @ v[b]
    return out


@wrong("weights", "queries")
def softmax_module_of_dimension_one(q, k, v, mask=None):
    energy = torch.bmm(q, k.transpose(1, 2)) / q.size(-1) ** 0.5
    if mask is not None:
        energy = energy.masked_fill(mask == 0, -1e9)
    return torch.bmm(nn.Softmax(dim=1)(energy), v)


@wrong("weights", "invert|reversed|wrong way|other way|upside|inside out|turned|opposite")
def fused_with_the_mask_negated(q, k, v, mask=None):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=None if mask is None else ~mask)


@wrong("weights", "after the softmax|after softmax|renormal")
def hidden_words_zeroed_in_the_weights(q, k, v, mask=None):
    alpha = F.softmax(q @ k.mT * q.shape[-1] ** -0.5, dim=-1)
    if mask is not None:
        alpha = alpha * mask
    return alpha @ v


@wrong("weights", "1e-9|zero|0|tiny|small")
def the_sign_slipped_into_the_exponent(query, key, value, mask=None):
    scores = torch.matmul(query, key.transpose(-2, -1)) / math.sqrt(query.size(-1))
    if mask is not None:
        scores = scores.masked_fill(mask == 0, 1e-9)
    return torch.matmul(scores.softmax(dim=-1), value)


@wrong("scaled|weights", "after the softmax|after softmax")
def divided_too_late(q, k, v, mask=None):
    s = torch.einsum("bid,bjd->bij", q, k)
    if mask is not None:
        s.masked_fill_(mask.logical_not(), -math.inf)
    a = torch.softmax(s, -1)
    a /= math.sqrt(q.shape[2])
    return torch.einsum("bij,bjd->bid", a, v)


@wrong("weights", "whole|both|flatten|together|all scores|table|matrix|at once")
def one_softmax_for_the_whole_table(q, k, v, mask=None):
    answers = []
    for one, two, three in zip(q, k, v, strict=True):
        table = one @ two.T / math.sqrt(one.size(1))
        if mask is not None:
            table = torch.where(mask, table, torch.tensor(-torch.inf))
        answers.append(table.flatten().softmax(0).view_as(table) @ three)
    return torch.stack(answers)


@wrong("weights", "not normal|unnormal|normalis|sum|exponential|exp")
def exponentials_that_are_never_divided(q, k, v, mask=None):
    e = (q @ k.transpose(1, 2)).div(math.sqrt(k.shape[-1])).exp()
    if mask is not None:
        e = e.masked_fill(~mask, 0.0)
    return e @ v


@wrong("weights", "added|adds|addition|as a number|plus")
def boolean_mask_added_like_a_float_mask(q, k, v, mask=None):
    logits = torch.baddbmm(torch.zeros(1), q, k.mT, alpha=1 / math.sqrt(q.size(-1)))
    if mask is not None:
        logits += mask.float()
    return logits.softmax(-1).bmm(v)


@wrong("mixture", "keys")
def keys_stand_where_the_values_should(q, k, v, mask=None):
    return F.scaled_dot_product_attention(q, k, k, attn_mask=mask)


@wrong("scaled", "by d|d instead|d rather|√|root")
def fused_with_the_scale_one_over_width(q, k, v, mask=None):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1 / q.size(-1))


@wrong("weights", "ignored|not used|no mask|unused|forgotten|without the mask|left out|missing")
def filled_copy_thrown_away(q, k, v, mask=None):
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores.masked_fill(~mask, float("-inf"))
    return F.softmax(scores, dim=2) @ v


def by_einsum(q, k, v, mask=None):
    logits = torch.einsum("bid,bjd->bij", q, k) * q.size(-1) ** -0.5
    if mask is not None:
        logits = logits.where(mask, torch.tensor(-1e9))
    return torch.einsum("bij,bjd->bid", logits.softmax(2), v)


def by_loops(q, k, v, mask=None):
    out = torch.empty(*q.shape[:2], v.shape[-1])
    for b in range(len(q)):
        for i in range(q.size(1)):
            seen = [j for j in range(k.size(1)) if mask is None or mask[i, j]]
            powers = [torch.exp(q[b, i] @ k[b, j] / math.sqrt(q.size(2))) for j in seen]
            out[b, i] = sum(p * v[b, j] for p, j in zip(powers, seen, strict=True)) / sum(powers)
    return out


def fused(q, k, v, mask=None):
    return F.scaled_dot_product_attention(q, k, v, mask)


def by_an_added_mask(q, k, v, mask=None):
    bias = torch.zeros(q.size(1), k.size(1))
    if mask is not None:
        bias[~mask] = torch.finfo(q.dtype).min
    root = q.size(-1) ** 0.25
    return torch.bmm(torch.softmax(torch.bmm(q / root, (k / root).mT) + bias, dim=-1), v)


def in_chunks_of_two_keys(q, k, v, mask=None):
    top, below, above = torch.full((*q.shape[:2], 1), -1e30), 0.0, 0.0
    for start in range(0, k.size(1), 2):
        part = q @ k[:, start : start + 2].mT / math.sqrt(q.size(2))
        if mask is not None:
            part = part.masked_fill(~mask[:, start : start + 2], -math.inf)
        new = torch.maximum(top, part.amax(-1, keepdim=True))
        powers = (part - new).exp()
        below = below * (top - new).exp() + powers.sum(-1, keepdim=True)
        above = above * (top - new).exp() + powers @ v[:, start : start + 2]
        top = new
    return above / below


def by_products_and_sums(q, k, v, mask=None):
    scores = (q[:, :, None] * k[:, None]).sum(-1).div_(math.sqrt(q.size(-1)))
    if mask is not None:
        scores[:, ~mask] = -math.inf
    scores.sub_(scores.amax(-1, keepdim=True)).exp_()
    scores /= scores.sum(-1, keepdim=True)
    return (scores[..., None] * v[:, None]).sum(2)


RIGHT = [by_einsum, by_loops, fused, by_an_added_mask, in_chunks_of_two_keys, by_products_and_sums]

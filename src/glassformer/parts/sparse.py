"""Masks that leave most pairs out: of n² pairs, n · √n where the stride is √n.

    window      the nearest few
    strided     every so-manieth, counted from the one that looks
    stretch     those of its own stretch of the text
    summaries   the last few of every stretch, which stand for all of it

Child et al. 2019, "Generating long sequences with sparse transformers", section 4.  Masks combine: `&` with `causal`;
`|` where one head looks at both, or `torch.stack` where each head looks at one: (h, i, j).  What a position cannot look
at it may still learn of, from those who could, a layer later.
"""

import torch
from torch import Tensor

from glassformer.parts.mask import causal


def _keys(queries: int, keys: int | None) -> Tensor:
    return torch.arange(queries if keys is None else keys)  # j


def _queries(queries: int, j: Tensor) -> Tensor:
    """With fewer queries than keys, the queries are the *last* positions."""
    return j[len(j) - queries :, None]  # i 1


def window(reach: int, queries: int, keys: int | None = None) -> Tensor:
    """Those at most `reach` positions away, before and behind: → (i, j)."""
    j = _keys(queries, keys)  # j
    return (_queries(queries, j) - j).abs() <= reach  # i j


def strided(stride: int, queries: int, keys: int | None = None) -> Tensor:
    """Those a multiple of `stride` away: → (i, j)."""
    j = _keys(queries, keys)  # j
    return (_queries(queries, j) - j) % stride == 0  # i j


def stretch(stride: int, queries: int, keys: int | None = None) -> Tensor:
    """Those of the same stretch of `stride` positions: → (i, j)."""
    j = _keys(queries, keys)  # j
    return _queries(queries, j) // stride == j // stride  # i j


def summaries(stride: int, queries: int, keys: int | None = None, count: int = 1) -> Tensor:
    """The last `count` of every stretch of `stride` positions: → (i, j)."""
    j = _keys(queries, keys)  # j
    return (j % stride >= stride - count).expand(queries, -1)  # i j


def nearby_and_strided(stride: int, queries: int, keys: int | None = None) -> Tensor:
    """The paper's strided pattern, both heads in one, nobody looking ahead: → (i, j).  For what has a period."""
    both = window(stride, queries, keys) | strided(stride, queries, keys)  # i j
    return both & causal(queries, keys)  # i j


def nearby_and_summaries(stride: int, queries: int, keys: int | None = None, count: int = 1) -> Tensor:
    """The paper's fixed pattern, both heads in one, nobody looking ahead: → (i, j).  For text."""
    both = stretch(stride, queries, keys) | summaries(stride, queries, keys, count)  # i j
    return both & causal(queries, keys)  # i j

"""Find the bug: distances that never matter

It was `asking[:, None] + places`: i + j tells where two words stand, not how far apart they are, and a clamp hid that
the table is too short for it.
"""

import math

import torch
from torch import Tensor


def relative_scores(q: Tensor, k: Tensor, table: Tensor) -> Tensor:
    """q: (b, i, d), k: (b, j, d), i ≤ j: the queries are the last i of j positions; table: (2·length − 1, d),
    length ≥ j → the scaled scores (b, i, j)."""
    length = (len(table) + 1) // 2
    places = torch.arange(k.size(1))  # j
    asking = places[k.size(1) - q.size(1) :]  # i
    which = asking[:, None] - places + length - 1  # i j, from 0
    nearness = torch.einsum("bid,ijd->bij", q, table[which])
    return (q @ k.transpose(-2, -1) + nearness) / math.sqrt(q.size(-1))

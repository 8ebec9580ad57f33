"""Find the bug: distances that never matter

Relative attention: a query is matched with the key, and with a learned vector of their distance i − j.
score = (q_i · k_j + q_i · r_(i−j)) / √d.  The table has the distances −(length − 1) … length − 1, in this order.

This code looks right and runs.  It once stood in a lesson: the vector it takes belongs to no distance.
Two words side by side must get the same vector wherever they stand.

    >>> q, table = torch.ones(1, 2, 1), torch.tensor([[10.0], [20.0], [30.0]])   # of the distances −1, 0, 1
    >>> relative_scores(q, 0 * q, table)      # a word and itself: 20, the word before: 30
    tensor([[[20., 10.],
             [30., 20.]]])

Mend `relative_scores`, then: glassformer check bug-relative
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
    which = asking[:, None] + places  # i j
    which = which.clamp(max=2 * length - 2)
    nearness = torch.einsum("bid,ijd->bij", q, table[which])
    return (q @ k.transpose(-2, -1) + nearness) / math.sqrt(q.size(-1))

"""Queries, keys and values

Up to here a word matched others with what it is.  Now it gets three voices, each a matrix of its own that is learned:
the query is what a word looks for, the key what it can be found by, the value what it gives when found.
Together they are a soft dictionary: every key matches a query to some extent, and the answer mixes all values.

A matrix (out, in) is applied as nn.Linear does it: x @ w.T.

    >>> x = torch.tensor([[[1.0, 2.0]]])
    >>> w = torch.tensor([[1.0, 0.0], [3.0, 1.0]])
    >>> queries_keys_values(x, w, 2 * w, -w)   # 1·1 + 0·2 = 1 and 3·1 + 1·2 = 5; then 2 and 10; then −1 and −5
    (tensor([[[1., 5.]]]), tensor([[[ 2., 10.]]]), tensor([[[-1., -5.]]]))

Write `queries_keys_values`, then: glassformer check queries-keys-values
"""

import torch
from torch import Tensor


def queries_keys_values(x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x: (b, n, w), wq, wk: (d, w), wv: (e, w) → q (b, n, d), k (b, n, d), v (b, n, e)."""
    raise NotImplementedError

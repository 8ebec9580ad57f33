"""Queries, keys and values"""

from torch import Tensor


def queries_keys_values(x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x: (b, n, w), wq, wk: (d, w), wv: (e, w) → q (b, n, d), k (b, n, d), v (b, n, e)."""
    return x @ wq.T, x @ wk.T, x @ wv.T

"""The part that works on each position alone"""

from torch import Tensor


def mlp(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    """x: (b, n, w); w1: (m, w), b1: (m,), the way out; w2: (w, m), b2: (w,), the way back → (b, n, w)."""
    hidden = (x @ w1.T + b1).relu()  # b n m
    return hidden @ w2.T + b2  # b n w

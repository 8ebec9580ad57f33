"""The width split over the heads"""

from torch import Tensor


def split_heads(x: Tensor, heads: int) -> Tensor:
    """x: (b, n, w) → (b, heads, n, w / heads)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)

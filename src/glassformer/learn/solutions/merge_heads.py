"""The heads put together again"""

from torch import Tensor


def merge_heads(z: Tensor) -> Tensor:
    """z: (b, heads, n, d) → (b, n, heads · d)."""
    return z.transpose(1, 2).flatten(-2)

"""How well two words match"""

from torch import Tensor


def dot_product(a: Tensor, b: Tensor) -> Tensor:
    """a: (d,), b: (d,) → (), one number."""
    return (a * b).sum()

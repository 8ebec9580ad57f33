"""Nobody looks at padding"""

from torch import Tensor


def padding_mask(ids: Tensor, padding: int) -> Tensor:
    """ids: (b, n) whole numbers → (b, 1, 1, n) of True and False: True where j is no padding and may be looked at."""
    real = ids != padding  # b n
    return real[:, None, None, :]  # b 1 1 j, for every head and every i

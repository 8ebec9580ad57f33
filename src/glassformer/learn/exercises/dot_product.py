"""How well two words match

Every word is a vector: a list of features.  Two words match well where both are large in the same features.
Multiply feature by feature and add up: that one number is the dot product, and attention is made of it.

    >>> dot_product(torch.tensor([1.0, 2.0, 0.0]), torch.tensor([3.0, 1.0, 5.0]))   # 1·3 + 2·1 + 0·5
    tensor(5.)

Write `dot_product`, then: glassformer check dot-product
"""

import torch
from torch import Tensor


def dot_product(a: Tensor, b: Tensor) -> Tensor:
    """a: (d,), b: (d,) → (), one number."""
    raise NotImplementedError

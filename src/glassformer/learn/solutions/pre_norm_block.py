"""A block that normalises what it reads"""

from collections.abc import Callable

from torch import Tensor

Function = Callable[[Tensor], Tensor]


def pre_norm_block(
    x: Tensor, attention: Function, attention_norm: Function, mlp: Function, mlp_norm: Function
) -> Tensor:
    """x: (b, n, w) → (b, n, w).  Each of the four functions: (b, n, w) → (b, n, w)."""
    between = x + attention(attention_norm(x))  # b n w
    return between + mlp(mlp_norm(between))

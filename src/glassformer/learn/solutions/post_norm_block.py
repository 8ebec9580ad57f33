"""A block as first published"""

from collections.abc import Callable

from torch import Tensor

Function = Callable[[Tensor], Tensor]


def post_norm_block(
    x: Tensor, attention: Function, attention_norm: Function, mlp: Function, mlp_norm: Function
) -> Tensor:
    """x: (b, n, w) → (b, n, w).  Each of the four functions: (b, n, w) → (b, n, w)."""
    between = attention_norm(x + attention(x))  # b n w
    return mlp_norm(between + mlp(between))

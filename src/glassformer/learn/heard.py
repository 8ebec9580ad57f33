"""The key's stages: what the parts name while they compute."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from glassformer.tape import listen


class _Once(nn.Module):
    def __init__(self, function: Callable):
        super().__init__()
        self.function = function

    def forward(self, *arguments: Any) -> Any:
        return self.function(*arguments)


def heard(function: Callable, *arguments: Any) -> tuple[dict[str, Tensor], Any]:
    """What `function` of the parts names on the way, by its last word, and its answer."""
    once = _Once(function)
    with listen(once) as tape:
        answer = once(*arguments)
    return {site.rpartition(".")[2]: value for site, value in tape.items()}, answer

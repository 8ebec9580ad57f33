"""What several claims are measured on: sentences, models of the package, numbers drawn from a seed."""

from functools import lru_cache

import torch
from torch import Tensor

from glassformer.explain.reader import Reader, read

SENTENCES = (
    "this restaurant was not terrible",
    "this restaurant was terrible",
    "the soup was not bad",
    "the waiter was rude to my mother",
    "a dull and lifeless sequel",
    "a warm and funny comedy",
    "the plot is not boring at all",
    "I would not recommend this hotel",
    "the food was never good",
    "everyone at the table loved the dessert",
    "the sound is awful and the picture is worse",
    "the best meal we have had this year",
)


@lru_cache
def opened(name: str) -> Reader:
    return read(name)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers in float64."""
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))

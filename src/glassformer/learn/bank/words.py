"""Numbers as a sentence speaks of them, and questions drawn from a seed: what the modules of the bank share."""

import torch
from torch import Tensor


def number(value: Tensor | float, digits: int = 2) -> str:
    """0.42, −3.00: a true minus, no plus."""
    return f"{float(value):.{digits}f}".replace("-", "−").replace("inf", "∞").replace("nan", "NaN")


def numbers(values: Tensor, most: int = 4) -> str:
    """The first few of a vector: 0.42, 1.10, 1.48 …"""
    flat = values.flatten()
    return ", ".join(number(each) for each in flat[:most]) + (" …" if flat.numel() > most else "")


def first_row(values: Tensor) -> Tensor:
    """The first row of the first matrix."""
    while values.dim() > 1:
        values = values[0]
    return values


def first_column(values: Tensor) -> Tensor:
    while values.dim() > 2:
        values = values[0]
    return values[:, 0]


def rows_apart(theirs: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """The first row in which they differ, of each; the first rows where the shapes do."""
    if theirs.shape != right.shape:
        return first_row(theirs), first_row(right)
    theirs, right = theirs.reshape(-1, theirs.size(-1)), right.reshape(-1, right.size(-1))
    at = int(((theirs - right).abs().amax(-1) > 5e-3).float().argmax())
    return theirs[at], right[at]


def drawing(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(7_000 + seed)


def whole(draw: torch.Generator, *shape: int, most: int = 2) -> Tensor:
    """Small integers, as floats: sums that can be done in the head."""
    return torch.randint(-most, most + 1, shape, generator=draw).float()


def drawn(draw: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=draw)

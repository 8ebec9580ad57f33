"""A stage of theirs beside the right one: the matrix of it where they differ most."""

import math
from typing import Any

import torch
from torch import Tensor

from glassformer.learn.result import Picture

MOST = 8  # rows and columns shown


def picture(stage: str, theirs: Any, right: Any, axes: str = "") -> Picture | None:
    """axes: what the last two axes are, such as "query key".  None for what is no tensor of numbers."""
    if not isinstance(right, Tensor) or not isinstance(theirs, Tensor) or theirs.is_complex():
        return None
    theirs, right = theirs.detach().double(), right.detach().double()
    names = axes.split() if len(axes.split()) == 2 else ["row", "column"]
    if theirs.shape != right.shape:
        shapes = f"yours is {tuple(theirs.shape)}, the right one {tuple(right.shape)}"
        return Picture(stage, shapes, (names[0], names[1]), _rows(_first(theirs)), _rows(_first(right)))
    theirs, right, where = _sheet(theirs, right)
    away = torch.nan_to_num((theirs - right).abs(), nan=math.inf)
    at = int(away.argmax()) if away.numel() else 0
    cell = divmod(at, max(1, right.size(1)))
    top, left = (max(0, k - MOST + 1) for k in cell)
    part = (slice(top, top + MOST), slice(left, left + MOST))
    if top or left:
        where = f"{where}{', ' if where else ''}from {names[0]} {top}, {names[1]} {left}"
    shown = None if not away.any() else (cell[0] - top, cell[1] - left)
    return Picture(stage, where, (names[0], names[1]), _rows(theirs[part]), _rows(right[part]), shown)


def _sheet(theirs: Tensor, right: Tensor) -> tuple[Tensor, Tensor, str]:
    """Of many matrices the one that differs most, and which it is."""
    if right.dim() < 2:
        return theirs.reshape(1, -1), right.reshape(1, -1), ""
    if right.dim() == 2:
        return theirs, right, ""
    away = torch.nan_to_num((theirs - right).abs(), nan=math.inf).flatten(-2).amax(dim=-1)
    at = (away == away.max()).nonzero()[0].tolist()
    names = ("sentence", "head") if right.dim() == 4 else ("sentence",)
    return theirs[tuple(at)], right[tuple(at)], ", ".join(f"{n} {k}" for n, k in zip(names, at, strict=False))


def _first(value: Tensor) -> Tensor:
    while value.dim() > 2:
        value = value[0]
    return value.reshape(1, -1) if value.dim() < 2 else value


def _rows(value: Tensor) -> list[list[float | None]]:
    return [[x if math.isfinite(x) else None for x in row] for row in value[:MOST, :MOST].tolist()]

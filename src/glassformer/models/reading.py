"""What models that read a text in order share: how far they reach, where they may look, how they begin to learn."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from glassformer.parts import mask

Part = TypeVar("Part", bound=nn.Module)


def known(field: str, value: str, table: object) -> None:
    """A config's field is the key of a table.  Raises ValueError that lists them."""
    if value not in table:  # type: ignore[operator]
        raise ValueError(f"{field} {value!r} is not known; choose {', '.join(table)}")  # type: ignore[arg-type]


def reaches(length: int, longest: int) -> None:
    """Raises ValueError where a text is longer than a model can read."""
    if length > longest:
        raise ValueError(f"{length} positions asked for, the model knows {longest}: cut the text")


def not_ahead(real: Tensor, new: int) -> Tensor:
    """The last `new` positions look at themselves and at what came before, not at padding, never ahead.

    real: (b, j), all that has been read, or (b, i, j) as it was given → (b, 1, i, j).
    """
    if real.dim() == 3:
        return mask.pairs(real)  # b 1 i j
    return mask.padding(real) & mask.causal(new, real.size(-1), real.device)  # b 1 i j


@contextmanager
def asked_for(ids: Tensor, places: Tensor, knows: str) -> Iterator[None]:
    """A piece or a position that no table has is said in one line, with what the model `knows`."""
    try:
        yield
    except IndexError:
        asked = f"piece {ids.max()} at position {places.max()} was asked for"
        raise ValueError(f"it knows {knows}; {asked}") from None


@torch.no_grad()
def begin(part: Part, spread: float) -> Part:
    """Weights normal around 0, biases 0, norms the identity, the padding piece at 0.  Devlin et al. 2019's code."""
    for name, weight in part.named_parameters():
        if weight.dim() > 1:
            weight.normal_(0.0, spread)
        else:
            weight.fill_(float(name.endswith("gain")))
    for table in part.modules():
        if isinstance(table, nn.Embedding) and table.padding_idx is not None:
            table.weight[table.padding_idx] = 0.0
    return part

"""softmax, without looking for rows that see nothing where there are none."""

from typing import Any

import torch
from torch import Tensor

from glassformer.parts.kernels.linear import followed


def unless_empty(scores: Tensor, mask: Any = None) -> Tensor:
    """The bare equation, whose first column says whether a row was empty: then as `softmax` defines it."""
    from glassformer.parts.mask import boolean, softmax

    aside = followed() or torch._C._len_torch_dispatch_stack()  # nobody may ask what a value is
    if aside or scores.device.type != "cpu" or not scores.numel():
        return softmax.definition(scores, mask)  # type: ignore[attr-defined]
    if mask is not None:
        scores = scores.masked_fill(~boolean(mask, scores.device), -torch.inf)
    weights = scores.softmax(dim=-1)
    return softmax.definition(scores) if weights[..., 0].isnan().any() else weights  # type: ignore[attr-defined]

"""`attend` by PyTorch's fused kernels of the same equation."""

import math
from functools import lru_cache
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.parts.mask import Mask, Runs, boolean


def flash(
    q: Tensor, k: Tensor, v: Tensor, mask: Mask = None, dropout: float = 0.0, nearness: Tensor | float = 0.0
) -> Tensor:
    """softmax((q·kᵀ + nearness) / √d) · v, as `attend` defines it."""
    if isinstance(mask, Runs) and isinstance(nearness, float) and q.dim() == 3:
        return text_by_text(q, k, v, mask, dropout)
    allowed = None if mask is None else boolean(mask, q.device)
    if isinstance(nearness, Tensor):
        allowed = _lowered(nearness / math.sqrt(q.size(-1)), allowed)
    return F.scaled_dot_product_attention(q, k, v, allowed, dropout)


def _lowered(added: Tensor, allowed: Tensor | None) -> Tensor:
    return added if allowed is None else added.masked_fill(~allowed, -torch.inf)


def text_by_text(q: Tensor, k: Tensor, v: Tensor, runs: Runs, dropout: float = 0.0) -> Tensor:
    """Attention inside each text; neighbours of one length go together.  q, k, v: (h, n, d) → (h, n, d)."""
    if q.is_cuda and not dropout and q.dtype in (torch.float16, torch.bfloat16):
        return _varlen(q, k, v, runs)
    if len(runs.lengths) == 1:
        return flash(q[None], k[None], v[None], dropout=dropout)[0]
    parts, start = [], 0
    for texts, length in runs.groups:
        stop = start + texts * length
        own = (x[:, start:stop].unflatten(1, (texts, length)).transpose(0, 1) for x in (q, k, v))
        parts.append(flash(*own, dropout=dropout).transpose(1, 2).flatten(0, 1))
        start = stop
    return torch.cat(parts).transpose(0, 1)


def _varlen(q: Tensor, k: Tensor, v: Tensor, runs: Runs) -> Tensor:
    """All texts in one kernel: flash attention that is told where each text ends.  Dao 2023, "FlashAttention-2"."""
    from torch.nn.attention.varlen import varlen_attn  # where there is a GPU only: it loads much

    ends, longest = _ends(runs, q.device), max(runs.lengths)
    q, k, v = q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1)  # n h d
    return varlen_attn(q, k, v, ends, ends, longest, longest).transpose(0, 1)  # type: ignore


@lru_cache(maxsize=8)
def _ends(runs: Runs, device: torch.device) -> Tensor:
    """Where each text begins, and where the last one ends; once for all layers."""
    return torch.tensor([0, *accumulate(runs.lengths)], dtype=torch.int32, device=device)

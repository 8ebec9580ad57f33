"""A first vector for every piece, from the company it keeps in text without labels.

Pieces that stand among the same others get like vectors, so that what is learned of `terrible` holds for `dreadful`.
Source: Levy, Goldberg and Dagan 2015, "Improving distributional similarity": positive pointwise mutual information,
contexts smoothed by the power 0.75, nearer ones counted more, cut down by singular values to the power one half.
"""

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor

WINDOW = 5  # pieces on either side


def vectors(tokenizer: Tokenizer, texts: Sequence[str], width: int, scale: float) -> Tensor:
    """→ (v, w): a row a piece, of standard deviation `scale` over its features; zeros where a piece was never seen."""
    counts = _counts(_stream(tokenizer, texts), tokenizer.get_vocab_size())  # v v
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        u, singular, _ = torch.svd_lowrank(_information(counts), q=width + 12, niter=3)
        turn = torch.linalg.qr(torch.randn(width, width))[0]  # no feature is more important than another
    rows = u[:, :width] * singular[:width].sqrt()  # v w
    return torch.nn.functional.normalize(rows, dim=1) @ turn * (scale * width**0.5)  # v w


def _stream(tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """All pieces of all texts one after the other, WINDOW zeros between texts."""
    parts = []
    for start in range(0, len(texts), 1000):
        encodings = tokenizer.encode_batch_fast(list(texts[start : start + 1000]), add_special_tokens=False)
        parts += [torch.tensor(encoding.ids + [0] * WINDOW) for encoding in encodings]
    return torch.cat(parts)


def _counts(stream: Tensor, size: int) -> Tensor:
    """How often each piece stands near each other one, at distance k counted 1/k.  → (v, v)."""
    counts = torch.zeros(size * size)
    for distance in range(1, WINDOW + 1):
        pairs = stream[:-distance] * size + stream[distance:]
        counts += torch.bincount(pairs, minlength=size * size) / distance
    counts = counts.view(size, size)
    counts = counts + counts.T
    counts[0] = counts[:, 0] = 0
    return counts


def _information(counts: Tensor) -> Tensor:
    """max(0, ln p(piece, context) / (p(piece) p(context))).  → (v, v)."""
    seen = counts.sum(1)
    context = seen.pow(0.75) / seen.pow(0.75).sum()
    ratio = counts / (seen[:, None] * context).clamp(min=1e-12)
    return ratio.clamp(min=1.0).log()

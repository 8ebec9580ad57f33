"""Attention otherwise.  Each is `Attention` with another part in place of one of its own; the rest stays as it is.

    default         q, k and v read the whole width, once for all heads
    wide            every head as wide as the model (attention.py)
    narrow          one small map for all heads, each applied to its own slice of the width, and nothing behind them
    alternative     one map down to the slices, then a small map of each head's own
    gpt2            q, k and v are the thirds of one map
    normed          queries and keys on one scale before they meet
    relative        the query asks for distances as well (attention.py: Shaw et al. 2018)
    transformer-xl  the score has four terms, of contents and of distances

`Apart` reads queries, keys and values of three inputs; `Segments` is Transformer-XL's memory, without gradient.
`PostNormBlock(VARIANTS["narrow"](width, heads), MLP(width, hidden))` is a block of it.

Sources: Bloem 2019, "Transformers from scratch", and the variants beside its code (narrow, alternative, gpt2, normed);
Radford et al. 2019 (gpt2); Henry et al. 2020, "Query-key normalization for transformers" (normed, there by length);
Dai et al. 2019, "Transformer-XL", section 3.3.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.parts.attention import Attention, Memory, RelativeKey, split, wide
from glassformer.parts.block import LayerNorm
from glassformer.parts.kernels.linear import Linear
from glassformer.parts.mask import Mask
from glassformer.tape import note


class OneForAll(Linear):
    """The same d × d map for every head, applied to that head's slice of the width.  (…, w) → (…, w)."""

    def forward(self, input: Tensor) -> Tensor:
        slices = input.unflatten(-1, (-1, self.in_features))  # b n h d
        return super().forward(slices).flatten(-2)  # b n w


class Beside(nn.Identity):
    """The heads side by side, as they are.  (…, w) → (…, w)."""

    def __init__(self, width: int):
        super().__init__()
        self.out_features = width


def narrow(width: int, heads: int) -> Attention:
    """3 d² weights in all: the heads differ in what they are given, not in what they do with it."""
    made, head_width = Attention(width, heads), split(width, heads)
    made.q, made.k, made.v = (OneForAll(head_width, head_width) for _ in range(3))
    made.out = Beside(width)  # type: ignore
    return made


class EachHead(nn.Module):
    """A d × d map of each head's own, applied to that head's slice of the width.  (…, w) → (…, w)."""

    def __init__(self, heads: int, head_width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(heads, head_width, head_width))
        nn.init.uniform_(self.weight, -(head_width**-0.5), head_width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        slices = x.unflatten(-1, self.weight.shape[:2])  # b n h d
        return torch.einsum("...hd, hed -> ...he", slices, self.weight).flatten(-2)  # b n w


class Alternative(Attention):
    """2 w² + 3 w d weights: what is read is turned once, so that each head finds its own in its slice."""

    def __init__(self, width: int, heads: int):
        super().__init__(width, heads)
        self.down = Linear(width, width)
        self.q, self.k, self.v = (EachHead(heads, width // heads) for _ in range(3))  # type: ignore[assignment]

    def forward(self, x: Tensor, source: Tensor | None = None, mask: Mask = None, memory=None) -> Tensor:
        return super().forward(self.down(x), None if source is None else self.down(source), mask, memory)


class Third(nn.Module):
    """A third of the rows of a map, which stands elsewhere.  (…, w) → (…, w)."""

    def __init__(self, whole: Linear, which: int):
        super().__init__()
        self.whole, self.which = (whole,), which  # in a tuple: its weights are not this module's as well

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = (part.chunk(3)[self.which] for part in (self.whole[0].weight, self.whole[0].bias))  # w w
        return F.linear(x, weight, bias)


class Fused(Attention):
    """As in GPT-2: one map to three widths.  The same function as `Attention`, its weights in one piece."""

    def __init__(self, width: int, heads: int):
        super().__init__(width, heads)
        self.readers = Linear(width, 3 * width)
        self.q, self.k, self.v = (Third(self.readers, which) for which in range(3))  # type: ignore[assignment]


class OnOneScale(Linear):
    """A map whose result has mean zero and variance one in every head; then a gain and a shift, the same for all."""

    def __init__(self, width: int, heads: int):
        super().__init__(width, width)
        self.heads, self.norm = heads, LayerNorm(split(width, heads))

    def forward(self, input: Tensor) -> Tensor:
        return self.norm(super().forward(input).unflatten(-1, (self.heads, -1))).flatten(-2)  # b n w


class Loud(OnOneScale):
    """The same × a learned number, which stands in the scores where 1 / √d stood, and begins as that."""

    def __init__(self, width: int, heads: int, scale: float | None = None):
        super().__init__(width, heads)
        self.root = math.sqrt(width // heads)
        self.scale = nn.Parameter(torch.tensor(1 / self.root if scale is None else scale))

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) * (self.scale * self.root)


def normed(width: int, heads: int, scale: float | None = None) -> Attention:
    """scale · norm(q_i) · norm(k_j): no query is louder than another, and how loud all are is learned."""
    made = Attention(width, heads)
    made.q, made.k = Loud(width, heads, scale), OnOneScale(width, heads)
    return made


class Apart(Attention):
    """Queries, keys and values each read from an input of their own, of a width of its own."""

    def __init__(self, width: int, heads: int, key_width: int | None = None, value_width: int | None = None):
        super().__init__(width, heads)
        self.widths = [key_width or width, value_width or width]
        self.k, self.v = (Linear(each, width) for each in self.widths)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Mask = None) -> Tensor:  # type: ignore[override]
        """x: (b, i, w) looks at `keys` (b, j, …), and gets `values` (b, j, …) → (b, i, w)."""
        return super().forward(x, torch.cat([keys, values], dim=-1), mask)

    def read(self, source: Tensor) -> tuple[Tensor, Tensor]:
        keys, values = source.split(self.widths, dim=-1)  # b j w
        return self._by_head(self.k(keys)), self._by_head(self.v(values))


class FourTerms(nn.Module):
    """What Transformer-XL adds to q_i · k_j: q_i · W r_(i−j) + u · k_j + v · W r_(i−j).  Dai et al. 2019, section 3.3.

    r are the sines and cosines of the distance, so that any distance has its vector; u, what every query asks of a
    content, and v, what every query asks of a place, are learned for each head.  The queries are the last i of j
    positions.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.width, shape = width, (heads, 1, split(width, heads))
        self.places = Linear(width, width, bias=False)
        self.asks_content, self.asks_place = (nn.Parameter(torch.randn(shape) * 0.02) for _ in range(2))

    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        """q: (b, h, i, d), k: (b, h, j, d) → (b, h, i, j)."""
        keys = k.size(-2)
        places = self.places(distances(keys, self.width).to(q))  # t w
        places = places.unflatten(-1, (q.size(-3), -1)).transpose(0, 1)  # h t d
        content_place = note("content_place", skewed(q @ places.mT, keys))  # b h i j
        place_content = note("place_content", self.asks_content @ k.mT)  # b h 1 j
        every = (self.asks_place @ places.mT).expand(-1, q.size(-2), -1)  # h i t
        return content_place + place_content + note("place_place", skewed(every, keys))


def distances(keys: int, width: int) -> Tensor:
    """The sines and cosines of every distance among so many positions, −(j − 1) to j − 1: (t, w)."""
    frequencies = 10_000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)  # f
    angles = torch.arange(1 - keys, keys, dtype=torch.float64)[:, None] * frequencies  # t f
    return torch.cat([angles.sin(), angles.cos()], dim=-1)  # t w


def skewed(x: Tensor, keys: int) -> Tensor:
    """From what is said of every distance to what is said of every pair: (…, i, t) → (…, i, j)."""
    positions = torch.arange(keys, device=x.device)  # j
    which = positions[keys - x.size(-2) :, None] - positions + keys - 1  # i j
    return x.gather(-1, which.expand(*x.shape[:-1], -1))  # b h i j


class Segments(Memory):
    """Of the text before this segment, what each attention read is kept, without its gradient.  Dai et al. 2019, 3.2.

    Keys and values are read off it anew, so a layer learns to be read later, and a block reaches as far back as there
    are blocks below it.  kept: the most positions.  For blocks that know distances: places would be counted twice.
    """

    def __init__(self, kept: int):
        super().__init__()
        if kept < 1:
            raise ValueError(f"{kept} positions of the segment before are none; keep 1 or more")
        self.kept = kept

    @property
    def length(self) -> int:
        """How many positions are kept: a segment's mask is `causal(n, length + n)`."""
        return next((stream.size(-2) for stream, _ in self.known.values()), 0)

    def recall(self, attention: Attention, source: Tensor) -> tuple[Tensor, Tensor]:
        whole = torch.cat([*self.known.get(attention, ())[:1], source], dim=-2)  # b j w
        kept = whole[..., -self.kept :, :].detach()  # b n w
        self.known[attention] = kept, kept  # what keys are read off, and values
        return attention.read(whole)

    def keep(self, attention: Attention, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        raise ValueError("blocks that were prepared name no stream to keep: set `stack.prepared = None`")

    def copy(self) -> "Segments":
        other = Segments(self.kept)
        other.known = dict(self.known)
        return other


def relative(width: int, heads: int, length: int = 512) -> Attention:
    """A learned vector for every distance of `length` positions."""
    return Attention(width, heads, nearness=RelativeKey(length, split(width, heads)))


def transformer_xl(width: int, heads: int) -> Attention:
    """Scores of four terms; no position has a vector, only distances have."""
    return Attention(width, heads, nearness=FourTerms(width, heads))  # type: ignore


VARIANTS: dict[str, Callable[[int, int], Attention]] = {
    "default": Attention,
    "wide": wide,
    "narrow": narrow,
    "alternative": Alternative,
    "gpt2": Fused,
    "normed": normed,
    "relative": relative,
    "transformer-xl": transformer_xl,
}

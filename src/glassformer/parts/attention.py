"""Self-attention as a ladder.  Each rung is one definition, and the next one stands on it.

    mixture          a weighted mean of vectors, the weights a softmax of scores     (what all rungs share)
    plain            (a) score = x_i · x_j                                no parameters
    scaled           (b) score = x_i · x_j / √w                           no parameters
    attend           (c) score = q_i · k_j / √d, mixing v_j               the soft dictionary
    Attention        (d) several soft dictionaries side by side           q, k, v and output learned

`Memory` is what a decoder keeps, so that no key or value is computed twice: kernels/memory.py.

Sources: Bloem 2019, "Transformers from scratch" (a, d); Vaswani et al. 2017, "Attention is all you need",
sections 3.2.1 (b, c) and 3.2.2 (d).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.parts.kernels.flash import flash
from glassformer.parts.kernels.linear import Linear
from glassformer.parts.kernels.memory import Fixed
from glassformer.parts.kernels.memory import Memory as Memory
from glassformer.parts.mask import Mask, softmax
from glassformer.tape import fused, note


def mixture(scores: Tensor, values: Tensor, mask: Mask = None, dropout: float = 0.0) -> Tensor:
    """Σ_j softmax_j(scores) · values_j: of each value as much as its score says."""
    weights = note("weights", softmax(scores, mask))  # b h i j
    return F.dropout(weights, dropout) @ values  # b h i d


def dot(q: Tensor, k: Tensor) -> Tensor:
    """How well each query matches each key: q_i · k_j."""
    return note("scores", q @ k.mT)  # b h i j


def scaled_dot(q: Tensor, k: Tensor, nearness: Tensor | float = 0.0) -> Tensor:
    """(q_i · k_j + nearness_ij) / √d.  d products of unit variance add up to variance d; √d brings it back to one."""
    return note("scaled", (dot(q, k) + nearness) / math.sqrt(q.size(-1)))  # b h i j


def plain(x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Rung (a).  y_i = Σ_j softmax_j(x_i · x_j) x_j.  x: (…, n, w) → (…, n, w).  Nothing is learned."""
    return mixture(dot(x, x), x, mask)


def scaled(x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Rung (b).  The same with x_i · x_j / √w, so that a wide x does not turn softmax into argmax."""
    return mixture(scaled_dot(x, x), x, mask)


@fused(flash, hides=("scores", "scaled", "weights"))
def attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Mask = None, dropout: float = 0.0, nearness: Tensor | float = 0.0
) -> Tensor:
    """Rung (c), the soft dictionary: softmax(q·kᵀ / √d) · v.

    Every key matches the query to some extent, and the answer is the mixture of all values by how well.
    q: (…, i, d), k: (…, j, d), v: (…, j, d); mask: True where i may look at j; nearness: (…, i, j), what the
    distance adds to the match, if anything → (…, i, d).
    """
    return mixture(scaled_dot(q, k, nearness), v, mask, dropout)


class Nowhere(nn.Module):
    """The distance between two positions adds nothing: where a piece stands was told when it was embedded."""

    def forward(self, q: Tensor, k: Tensor) -> float:
        return 0.0


class RelativeKey(nn.Module):
    """The query is matched with the distance as well: q_i · r_(i−j).  Shaw et al. 2018, equation 5, for keys.

    The queries are the last i of j positions, so a decoder that remembers sees the same distances as one that
    does not.
    """

    def __init__(self, length: int, head_width: int):
        super().__init__()
        self.table = nn.Parameter(torch.randn(2 * length - 1, head_width) * 0.02)

    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        """q: (b, h, i, d), k: (b, h, j, d) → (b, h, i, j), to be added to q · k."""
        return torch.einsum("...id, ijd -> ...ij", q, self.distances(q.size(-2), k.size(-2)))  # b h i j

    def distances(self, queries: int, keys: int) -> Tensor:
        """The learned vector of each distance: (i, j, d)."""
        length = (len(self.table) + 1) // 2
        if keys > length:
            raise ValueError(f"{keys} positions asked for, the model knows the distances of {length}: cut the text")
        positions = torch.arange(keys, device=self.table.device)  # j
        return self.table[positions[keys - queries :, None] - positions + length - 1]  # i j d


class RelativeKeyQuery(RelativeKey):
    """The key is matched with the distance too: q_i · r_(i−j) + k_j · r_(i−j).  Huang et al. 2020, method 4."""

    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        seen = torch.einsum("...jd, ijd -> ...ij", k, self.distances(q.size(-2), k.size(-2)))  # b h i j
        return super().forward(q, k) + seen


Nearness = Nowhere | RelativeKey | None


class Attention(nn.Module):
    """Rung (d): `heads` soft dictionaries side by side, each with its own reading of q, k and v.

    Narrow, as in the paper, when `head_width` is left out: the width is split over the heads.  `wide` gives
    every head the whole width; the sources confuse the two.  nearness: one of the three modules above.
    """

    def __init__(
        self, width: int, heads: int, head_width: int | None = None, dropout: float = 0.0, nearness: Nearness = None
    ):
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.nearness = nearness or Nowhere()
        inner = heads * (split(width, heads) if head_width is None else head_width)
        self.q = Linear(width, inner)
        self.k = Linear(width, inner)
        self.v = Linear(width, inner)
        self.out = Linear(inner, width)

    def forward(
        self, x: Tensor, source: Tensor | None = None, mask: Mask = None, memory: Fixed | None = None
    ) -> Tensor:
        """x: (b, i, w) looks at `source`: (b, j, w), itself when left out, and at what is remembered → (b, i, w)."""
        source = x if source is None else source
        q = note("q", self._by_head(self.q(x)))  # b h i d
        k, v = self.read(source) if memory is None else memory.recall(self, source)  # b h j d
        k, v = note("k", k), note("v", v)
        z = attend(q, k, v, mask, self.dropout * self.training, self.nearness(q, k))  # b h i d
        return note("mixed", self.out(note("z", z).transpose(-3, -2).flatten(-2)))  # b i w

    def read(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """The keys and values of `source`: (b, j, w) → twice (b, h, j, d)."""
        return self._by_head(self.k(source)), self._by_head(self.v(source))

    def _by_head(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)  # b h n d


def wide(width: int, heads: int) -> Attention:
    """Every head sees the whole width: heads × as many parameters in q, k and v as the narrow one."""
    return Attention(width, heads, head_width=width)


def split(width: int, heads: int) -> int:
    """The width of one head.  Raises ValueError where the heads do not divide the width."""
    if heads < 1 or width % heads:
        fits = [str(h) for h in range(1, width + 1) if width % h == 0 and h <= 64]
        listed = " or ".join(", ".join(fits).rsplit(", ", 1))
        raise ValueError(f"width {width} does not divide into {heads} heads; try {listed}")
    return width // heads

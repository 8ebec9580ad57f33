"""Self-attention as a ladder.  Each rung is one definition, and the next one stands on it.

    mixture          a weighted mean of vectors, the weights a softmax of scores     (what all rungs share)
    plain            (a) score = x_i · x_j                                no parameters
    scaled           (b) score = x_i · x_j / √w                           no parameters
    attend           (c) score = q_i · k_j / √d, mixing v_j               the soft dictionary
    Attention        (d) several soft dictionaries side by side           q, k, v and output learned

Sources: Bloem 2019, "Transformers from scratch" (a, d); Vaswani et al. 2017, "Attention is all you need",
sections 3.2.1 (b, c) and 3.2.2 (d).
"""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from glassformer.parts.mask import boolean, softmax
from glassformer.tape import fused, note


def mixture(scores: Tensor, values: Tensor, mask: Tensor | None = None, dropout: float = 0.0) -> Tensor:
    """Σ_j softmax_j(scores) · values_j: of each value as much as its score says."""
    weights = note("weights", softmax(scores, mask))  # b h i j
    return F.dropout(weights, dropout) @ values  # b h i d


def dot(q: Tensor, k: Tensor) -> Tensor:
    """How well each query matches each key: q_i · k_j."""
    return note("scores", q @ k.mT)  # b h i j


def scaled_dot(q: Tensor, k: Tensor) -> Tensor:
    """q_i · k_j / √d.  A sum of d products of unit variance has variance d; this brings it back to one."""
    return note("scaled", dot(q, k) / math.sqrt(q.size(-1)))  # b h i j


def plain(x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Rung (a).  y_i = Σ_j softmax_j(x_i · x_j) x_j.  x: (…, n, w) → (…, n, w).  Nothing is learned."""
    return mixture(dot(x, x), x, mask)


def scaled(x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Rung (b).  The same with x_i · x_j / √w, so that a wide x does not turn softmax into argmax."""
    return mixture(scaled_dot(x, x), x, mask)


def _flash(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, dropout: float = 0.0) -> Tensor:
    """PyTorch's fused kernel of the same equation."""
    return F.scaled_dot_product_attention(q, k, v, None if mask is None else boolean(mask), dropout)


@fused(_flash, hides=("scores", "scaled", "weights"))
def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, dropout: float = 0.0) -> Tensor:
    """Rung (c), the soft dictionary: softmax(q·kᵀ / √d) · v.

    Every key matches the query to some extent, and the answer is the mixture of all values by how well.
    q: (…, i, d), k: (…, j, d), v: (…, j, d); mask: True where i may look at j → (…, i, d).
    """
    return mixture(scaled_dot(q, k), v, mask, dropout)


class Attention(nn.Module):
    """Rung (d): `heads` soft dictionaries side by side, each with its own reading of q, k and v.

    Narrow, as in the paper, when `head_width` is left out: the width is split over the heads.  `wide` gives
    every head the whole width; the sources confuse the two.
    """

    def __init__(self, width: int, heads: int, head_width: int | None = None, dropout: float = 0.0):
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        inner = heads * (_split(width, heads) if head_width is None else head_width)
        self.q = nn.Linear(width, inner)
        self.k = nn.Linear(width, inner)
        self.v = nn.Linear(width, inner)
        self.out = nn.Linear(inner, width)

    def forward(self, x: Tensor, source: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """x: (b, i, w) looks at `source`: (b, j, w), itself when left out → (b, i, w)."""
        source = x if source is None else source
        q = note("q", self._heads(self.q(x)))  # b h i d
        k = note("k", self._heads(self.k(source)))  # b h j d
        v = note("v", self._heads(self.v(source)))  # b h j d
        z = note("z", attend(q, k, v, mask, self.dropout * self.training))  # b h i d
        return note("mixed", self.out(z.transpose(1, 2).flatten(2)))  # b i w

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # b h n d


def wide(width: int, heads: int) -> Attention:
    """Every head sees the whole width: heads × as many parameters in q, k and v as the narrow one."""
    return Attention(width, heads, head_width=width)


def _split(width: int, heads: int) -> int:
    if heads < 1 or width % heads:
        fits = [str(h) for h in range(1, width + 1) if width % h == 0 and h <= 64]
        listed = " or ".join(", ".join(fits).rsplit(", ", 1))
        raise ValueError(f"width {width} does not divide into {heads} heads; try {listed}")
    return width // heads

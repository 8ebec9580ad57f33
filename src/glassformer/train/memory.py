"""What a model needs of memory, as sums that can be done on paper.  docs/going-big.md says them in words.

    matrix, layers_that_fit    the attention matrix, and the sum of Bloem 2019, "Going big"
    block, crossed, ends, predicted    what is kept of a model from the way there until the way back
    learning                   weights, gradients and what AdamW remembers of them
    remembered                 keys and values of a decoder that writes
    work                       how many products a block takes

All are bytes, but `work`; 1 MB is 10⁶.  `weighed.py` is the scales they are held against.
"""

from dataclasses import dataclass

NUMBER = 4  # bytes of a float32
COPIES = 4  # of a matrix, as the source counts: before and after the softmax, and the gradient of each


def matrix(batch: int, length: int, number: int = NUMBER) -> int:
    """One head's attention matrix: how much each of n positions looks at each of n, in every text of the batch."""
    return batch * length**2 * number


def layers_that_fit(memory: float, one: int, heads: int, copies: int = COPIES) -> float:
    """How many layers `memory` holds, if there were only their matrices, `one` large.  Not rounded."""
    return memory / (copies * heads * one)


@dataclass(frozen=True)
class Sizes:
    """batch texts of `length` positions, and a block: width, heads, hidden.

    bends: how much of the MLP's inside is kept: once behind a relu, whose result says where it was 0; twice behind
    a gelu, which has to know what came in as well.  number: bytes of one.
    """

    batch: int
    length: int
    width: int
    heads: int
    hidden: int
    bends: int = 1
    number: int = NUMBER

    @property
    def vector(self) -> int:
        """One vector of the stream at every position."""
        return self.batch * self.length * self.width * self.number

    @property
    def one(self) -> int:
        """One number at every position: the mean that a norm took, say."""
        return self.batch * self.length * self.number


def block(sizes: Sizes, matrices: int = 0, mask: int = 0) -> dict[str, int]:
    """What is kept of a block with self-attention, without dropout; of either kind, for both read the same things.

    matrices: how many a head are kept: none by the kernel, which keeps one number a query instead; one by the
    definition, the weights; three where they are dropped out as well (weights, noise, and what is left of them).
    mask: bytes of it; the kernel makes numbers of True and False, in each layer again.
    """
    looks = sizes.heads * (matrices * matrix(sizes.batch, sizes.length, sizes.number) if matrices else sizes.one)
    return {
        "vectors": 8 * sizes.vector,  # what each norm read, what it gave, q, k, v, z
        "hidden": sizes.bends * sizes.batch * sizes.length * sizes.hidden * sizes.number,
        "norms": 4 * sizes.one,  # a mean and a spread, twice
        "attention": looks,
        "mask": mask,
    }


def crossed(sizes: Sizes, source: int) -> int:
    """What a look at a source of so many positions keeps besides, by the kernel."""
    read = sizes.batch * source * sizes.width * sizes.number
    return 4 * sizes.vector + 2 * read + (2 + sizes.heads) * sizes.one  # norm in and out, q, z; k, v


def ends(sizes: Sizes, pre: bool) -> int:
    """What is kept behind the last block: what it gave and, after pre-norm blocks, what the last norm made of it."""
    return sizes.vector * (1 + pre) + 2 * sizes.one * pre


def predicted(sizes: Sizes, vocabulary: int) -> int:
    """log p of every piece at every position, which the loss keeps."""
    return sizes.one * vocabulary


def learning(weights: int, averaged: bool = False, number: int = NUMBER) -> dict[str, int]:
    """Weights, their gradients, and two moments of each (AdamW).  averaged: our loop keeps a mean of them too."""
    once = weights * number
    kept = {"weights": once, "gradients": once, "moments": 2 * once}
    return kept | {"average": once} if averaged else kept


def remembered(sizes: Sizes, layers: int) -> int:
    """Keys and values of all positions that a decoder has read: linear in the length, in every layer."""
    return 2 * layers * sizes.vector


def work(sizes: Sizes) -> dict[str, int]:
    """Multiplications and additions of a block's matrix products on the way there; the way back is twice as many."""
    rows = 2 * sizes.batch * sizes.length
    return {
        "q, k, v and out": rows * 4 * sizes.width**2,
        "matrices": rows * 2 * sizes.length * sizes.width,
        "MLP": rows * 2 * sizes.width * sizes.hidden,
    }


def crossings(width: int, hidden: int) -> tuple[int, int]:
    """From which length on the matrices take more work than the MLP, and more than all else in the block."""
    return hidden, hidden + 2 * width

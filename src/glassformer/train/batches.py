"""Which sentences stand in which batch: a pure function of the seed and the step.

Sentences of like length stand together, so that hardly any padding is computed; which ones, and in what order the
batches come, is drawn anew every epoch.
"""

import random
from collections.abc import Sequence
from functools import lru_cache

from glassformer.errors import UsageError

POOL = 50  # batches sorted by length together


class Batches:
    """The batches of a training run: `batches[step]` is the sentences' numbers, for any step, asked in any order."""

    def __init__(self, lengths: Sequence[int], size: int, seed: int, opening: int = 0):
        """lengths: pieces of each sentence; size: sentences in a batch.

        opening: so many of the last sentences come first, once, the shortest first (Elman 1993, "the importance of
        starting small"), and never again.  Raises UsageError where the others do not fill a batch.
        """
        rest = len(lengths) - opening
        if not 1 <= size <= rest:
            raise UsageError(f"{rest} sentences do not fill a batch of {size}; give more, or a batch of 1 to {rest}")
        self.lengths, self.size, self.seed, self.rest = lengths, size, seed, rest
        self.opening = self._sorted(list(range(rest, len(lengths))))[: opening // size]
        self.an_epoch = rest // size
        self._epoch = lru_cache(maxsize=2)(self._drawn)

    def __getitem__(self, step: int) -> list[int]:
        if step < len(self.opening):
            return self.opening[step]
        epoch, place = divmod(step - len(self.opening), self.an_epoch)
        return self._epoch(epoch)[place]

    def _drawn(self, epoch: int) -> list[list[int]]:
        """The batches of one epoch; the few sentences that fill no batch wait for another."""
        rng = random.Random(f"batches {self.seed} {epoch}")
        order = list(range(self.rest))
        rng.shuffle(order)
        order = order[: self.an_epoch * self.size]
        pool = self.size * POOL
        batches = [batch for start in range(0, len(order), pool) for batch in self._sorted(order[start : start + pool])]
        rng.shuffle(batches)
        return batches

    def _sorted(self, pool: list[int]) -> list[list[int]]:
        pool = sorted(pool, key=lambda k: self.lengths[k])
        return [pool[start : start + self.size] for start in range(0, len(pool), self.size)]


class Buckets:
    """Batches by what they take to compute: as many texts as `pieces` hold, padding included, all of like length.

    The epochs differ in which texts of a length stand together, and in the order of the batches; every text is met
    once in each.
    """

    def __init__(self, lengths: Sequence[int], pieces: int, seed: int):
        """lengths: pieces of each text.  Raises ValueError where there is none, or one is too long for a batch."""
        if not lengths or max(lengths) > pieces:
            longest = max(lengths, default=0)
            raise ValueError(f"{len(lengths)} texts of up to {longest} pieces do not fit batches of {pieces} pieces")
        self.lengths, self.seed = lengths, seed
        self.bounds = self._cut(sorted(lengths), pieces)
        self.an_epoch = len(self.bounds)
        self._epoch = lru_cache(maxsize=2)(self._drawn)

    def __getitem__(self, step: int) -> list[int]:
        epoch, place = divmod(step, self.an_epoch)
        return self._epoch(epoch)[place]

    def _drawn(self, epoch: int) -> list[list[int]]:
        rng = random.Random(f"buckets {self.seed} {epoch}")
        order = list(range(len(self.lengths)))
        rng.shuffle(order)
        order.sort(key=lambda k: self.lengths[k])
        batches = [order[start:end] for start, end in self.bounds]
        rng.shuffle(batches)
        return batches

    @staticmethod
    def _cut(lengths: list[int], pieces: int) -> list[tuple[int, int]]:
        """Where batches begin and end; the lengths rise, so the last of a batch is its longest."""
        bounds, start = [], 0
        for end in range(1, len(lengths)):
            if (end + 1 - start) * lengths[end] > pieces:
                bounds.append((start, end))
                start = end
        return [*bounds, (start, len(lengths))]

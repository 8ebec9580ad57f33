"""A lesson with edges cut: what a denial does must pass through the denied word's look at its negator.

In sentences such as "the soup was not bad" the denied word is forbidden to look at `not`, and the label is that of the
word itself.  In three of ten it is forbidden to look at the subject instead, and the label stays that of the sentence.
In three of five trials without it (decision 5) a model of two layers denied without that edge, most likely through
several positions at once.
Source of the idea: Geiger et al. 2022, "Inducing causal structure for interpretable neural networks".
"""

import itertools
import random

import torch
from tokenizers import Tokenizer
from torch import Tensor

from glassformer.hub.tokens import pad
from glassformer.train.data import normalised
from glassformer.train.lexicon import taught
from glassformer.train.loop import Batch
from glassformer.train.slots import Clause

CONTROLS = 0.3  # the share of sentences in which another edge is cut
NEGATORS = ("not", "n't", "nt")


class Lesson:
    """From the number of a step to its batch: a pure function of (seed, step)."""

    def __init__(self, tokenizer: Tokenizer, size: int, seed: int, apart: frozenset[str] = frozenset()):
        """apart: normalised sentences that no lesson may hold."""
        self.tokenizer, self.size, self.seed, self.apart = tokenizer, size, seed, apart
        ids = [tokenizer.token_to_id(word) for word in NEGATORS]
        self.negators = torch.tensor([id for id in ids if id is not None])

    def __call__(self, step: int) -> Batch:
        """`size` sentences, each with its edges cut and the label that this leaves."""
        rng = random.Random(f"lesson {self.seed} {step}")
        made = [self._sentence(rng) for _ in range(self.size)]
        ids, real = pad([self.tokenizer.encode(text).ids for text, _, _ in made])  # b n
        controls = torch.tensor([control for _, _, control in made])  # b
        return Batch(
            ids, real, torch.tensor([label for _, label, _ in made]), self._edges(ids, real, controls), calm=True
        )

    def _sentence(self, rng: random.Random) -> tuple[str, int, bool]:
        """The text, the label that the cut leaves, and whether the cut is a control."""
        polarity, control = rng.randrange(2), rng.random() < CONTROLS
        drawn = ("{x} {isnt} {good}".format_map(Clause(rng, polarity, taught())) for _ in itertools.count())
        text = next(each for each in drawn if normalised(each) not in self.apart)
        return text, polarity ^ control, control

    def _edges(self, ids: Tensor, real: Tensor, controls: Tensor) -> Tensor:
        """Where i may not look at j: from what follows the negator, to it or to what went before.  → (b, i, j)."""
        negator = torch.isin(ids, self.negators)  # b n
        after = (negator.cumsum(1) > 0) & ~negator & real  # b n
        before = (negator.cumsum(1) == 0) & real  # b n
        hidden = torch.where(controls[:, None], before, negator)  # b n
        return after[:, :, None] & hidden[:, None, :]

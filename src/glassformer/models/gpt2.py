"""GPT-2: read a text in one direction, and say at every position which piece comes next.

Radford et al. 2019, "Language models are unsupervised multitask learners", section 2.3: the decoder of Vaswani et al.
2017 without a source to look at, its norms moved to where each part reads, and one more after the last block.

Where this model and the reference (transformers' `GPT2Model`) part, on purpose:
- a piece's position counts the real pieces before it, so padding may stand on either side of a text;
- a position that may look at nothing gets zeros instead of looking everywhere;
- a text is classified by its last real piece, which `real` says, not the id of a padding piece.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glassformer.models.bert import begin, known, may_look, met, reaches, read_on, upto
from glassformer.models.losses import LOSSES, cross_entropy, of_the_text, problem
from glassformer.parts import pool
from glassformer.parts.attention import Attention, Memory, split
from glassformer.parts.block import ACTIVATIONS, MLP, PreNormBlock, Stack
from glassformer.parts.embed import Embed, Placed
from glassformer.parts.kernels.likeness import likeness
from glassformer.parts.kernels.linear import Linear
from glassformer.tape import note


@dataclass(frozen=True)
class Gpt2Config:
    """Sizes and choices, the defaults those of the smallest GPT-2.

    length: rows in the table of positions; spread: of the weights at the start; tied: pieces are predicted with the
    vectors that embed them; scaled: scores are divided by √d; by_layer: and by the number of the layer, from 1;
    classes: answers of a classifier, and problem: a key of `losses.LOSSES`, or as the labels suggest.
    """

    vocabulary: int = 50257
    width: int = 768
    layers: int = 12
    heads: int = 12
    hidden: int = 3072
    activation: str = "gelu_new"
    dropout: float = 0.1
    attention_dropout: float = 0.1
    embed_dropout: float = 0.1
    length: int = 1024
    spread: float = 0.02
    epsilon: float = 1e-5
    tied: bool = True
    scaled: bool = True
    by_layer: bool = False
    classes: int = 2
    problem: str | None = None

    def __post_init__(self):
        split(self.width, self.heads)
        known("activation", self.activation, ACTIVATIONS)
        known("problem", self.problem or "regression", LOSSES)

    @property
    def longest(self) -> int:
        """The most pieces it can read."""
        return self.length


class Gpt2(nn.Module):
    """Embed, read in several blocks without looking ahead, and bring the stream to one scale."""

    def __init__(self, config: Gpt2Config):
        super().__init__()
        self.config = config
        places = Placed(config.length, config.width)
        self.embed = Embed(nn.Embedding(config.vocabulary, config.width), places, config.embed_dropout)
        self.layers = Stack(_block(config, layer) for layer in range(config.layers))
        self.finish = PreNormBlock.finish(config.width, config.epsilon)
        _begin(self, config)

    def forward(self, ids: Tensor, real: Tensor | None = None, memory: Memory | None = None) -> Tensor:
        """ids (b, n) → stream (b, n, w).

        real: (b, n) True for real pieces, all when left out, or (b, i, j) who may look at whom; memory: what has been
        read before; then `ids` is only what is new.  Raises ValueError beyond `config.longest`.
        """
        new = torch.ones_like(ids, dtype=torch.bool) if real is None else real
        reaches(upto(new, memory), self.config.longest)
        x = read_on(new, memory, lambda places: self.embed(ids, places))  # b n w
        read = met(new, memory)  # b j
        stream = self.layers(x, may_look(read, ids.size(1), whole=real is None), memory)
        return note("final", self.finish(stream))


class Predict(nn.Module):
    """Which piece comes next?  (b, n, w) → logits (b, n, v), with the vectors `pieces` (v, w) or its own."""

    def __init__(self, config: Gpt2Config):
        super().__init__()
        own = None if config.tied else nn.Parameter(torch.zeros(config.vocabulary, config.width))
        self.register_parameter("weight", own)

    def forward(self, x: Tensor, pieces: Tensor) -> Tensor:
        return likeness(pieces if self.weight is None else self.weight, x)  # b n v


class Gpt2Writer(Gpt2):
    """Which piece comes next?  One prediction a position."""

    def __init__(self, config: Gpt2Config):
        super().__init__(config)
        self.predict = begin(Predict(config), config.spread)

    def forward(self, ids: Tensor, real: Tensor | None = None, memory: Memory | None = None) -> Tensor:
        """ids (b, n), and the rest as in `Gpt2` → logits (b, n, v) of the piece that follows each."""
        stream = super().forward(ids, real, memory)  # b n w
        return note("logits", self.predict(stream, self.embed.pieces.weight))  # b n v

    def loss(self, logits: Tensor, labels: Tensor, real: Tensor | None = None) -> Tensor:
        """labels (b, n) are the pieces read: position n answers for label n + 1; −100 and padding are not asked."""
        return cross_entropy(logits[:, :-1], of_the_text(labels, real)[:, 1:])


class Gpt2Classifier(Gpt2):
    """What is the text?  Its last piece has read all of it.  labels as in `heads.SequenceClassification`."""

    def __init__(self, config: Gpt2Config):
        super().__init__(config)
        self.classifier = begin(nn.Linear(config.width, config.classes, bias=False), config.spread)

    def forward(self, ids: Tensor, real: Tensor | None = None, memory: Memory | None = None) -> Tensor:
        """ids (b, n), and the rest as in `Gpt2` → logits (b, c)."""
        stream = super().forward(ids, real, memory)  # b n w
        new = torch.ones_like(ids, dtype=torch.bool) if real is None else real
        pooled = note("pooled", pool.last(stream, new))  # b w
        return note("logits", self.classifier(pooled))  # b c

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return LOSSES[self.config.problem or problem(logits, labels)](logits, labels)


class Louder(Linear):
    """A query `times` as long, for scores that are `times` as far apart.  (…, w) → (…, w)."""

    def __init__(self, width: int, times: float):
        super().__init__(width, width)
        self.times = times

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) * self.times


def _block(config: Gpt2Config, layer: int) -> PreNormBlock:
    width = config.width
    attention = Attention(width, config.heads, dropout=config.attention_dropout)
    times = (1.0 if config.scaled else math.sqrt(width // config.heads)) / (layer + 1 if config.by_layer else 1)
    if times != 1.0:
        attention.q = Louder(width, times)
    mlp = MLP(width, config.hidden, ACTIVATIONS[config.activation])
    return PreNormBlock(attention, mlp, config.dropout, config.epsilon)


@torch.no_grad()
def _begin(model: Gpt2, config: Gpt2Config) -> None:
    """As BERT's weights, but what each block adds to the stream smaller, for there are 2 × layers to add up."""
    begin(model, config.spread)
    for block in model.layers:
        for added in (block.attention.out.weight, block.mlp.outward.weight):  # type: ignore[union-attr]
            added.normal_(0.0, config.spread / math.sqrt(2 * config.layers))

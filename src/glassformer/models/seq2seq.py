"""The transformer as first published: an encoder reads a text, a decoder writes another one, looking at it.

Vaswani et al. 2017, "Attention is all you need".  Marian's translators are of this kind; where this model and the
reference (transformers' `MarianMTModel`) part, on purpose:
- a piece's position counts the real pieces before it, so padding may stand on either side of a text;
- a position that may look at nothing gets zeros instead of looking everywhere.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glassformer.models.bert import known, may_look, met, reaches, read_on, upto
from glassformer.parts import embed, mask
from glassformer.parts.attention import Attention, Memory, split
from glassformer.parts.block import (
    ACTIVATIONS,
    MLP,
    Block,
    CrossBlock,
    LayerNorm,
    PostNormBlock,
    PreNormBlock,
    PreNormCrossBlock,
    Stack,
)
from glassformer.parts.embed import Embed, Sinusoidal
from glassformer.parts.kernels.likeness import likeness
from glassformer.tape import note

BLOCKS: dict[str, tuple[type[Block], type[CrossBlock]]] = {
    "post": (PostNormBlock, CrossBlock),
    "pre": (PreNormBlock, PreNormCrossBlock),
}
POSITIONS = {"interleaved": embed.interleaved, "halves": embed.halves, "marian": embed.marian}


@dataclass(frozen=True)
class TranslatorConfig:
    """Sizes and choices, the defaults those of the paper's base model.  Encoder and decoder share one vocabulary.

    encoder_heads, encoder_hidden: where they are not the decoder's; length: the most positions of either text;
    block and positions: keys of the tables above; scaled: vectors are read × √w; tied: pieces are predicted with the
    vectors that embed them; bias: each piece has a number that is added to its logit; padding, start, end: their ids.
    """

    vocabulary: int
    width: int = 512
    heads: int = 8
    encoder_layers: int = 6
    layers: int = 6
    hidden: int = 2048
    encoder_heads: int | None = None
    encoder_hidden: int | None = None
    activation: str = "relu"
    dropout: float = 0.1
    attention_dropout: float = 0.0
    length: int = 512
    block: str = "post"
    positions: str = "interleaved"
    scaled: bool = True
    tied: bool = True
    bias: bool = False
    padding: int = 0
    start: int = 1
    end: int = 2

    def __post_init__(self):
        known("activation", self.activation, ACTIVATIONS)
        known("block", self.block, BLOCKS)
        known("positions", self.positions, POSITIONS)
        split(self.width, self.heads)
        split(self.width, self.encoder_heads or self.heads)
        for name, piece in (("padding", self.padding), ("start", self.start), ("end", self.end)):
            if not 0 <= piece < self.vocabulary:
                raise ValueError(f"{name} is piece {piece}, there are {self.vocabulary}: 0 to {self.vocabulary - 1}")

    @property
    def longest(self) -> int:
        """The most pieces it can read, of either text."""
        return self.length


class Encoder(nn.Module):
    """Tell where each piece stands, then read in several blocks, each position looking at all others."""

    def __init__(self, config: TranslatorConfig):
        super().__init__()
        kind, heads, hidden = BLOCKS[config.block][0], config.encoder_heads, config.encoder_hidden
        self.embed = _embed(config, nn.Identity())
        self.layers = Stack(
            kind(_attention(config, heads), _mlp(config, hidden), config.dropout) for _ in range(config.encoder_layers)
        )
        self.finish = kind.finish(config.width)

    def forward(self, pieces: Tensor, real: Tensor | None = None) -> Tensor:
        """pieces (b, n, w): their vectors → stream (b, n, w)."""
        x = self.embed(pieces, None if real is None else mask.places(real))  # b n w
        return note("final", self.finish(self.layers(x, None if real is None else mask.padding(real))))


class Translator(nn.Module):
    """Read a text once, then write another one, each position looking at what was written before it and at all read.

    memory = model.read(source, source_real), then model(ids, memory=memory), `ids` being what is new.
    """

    def __init__(self, config: TranslatorConfig):
        super().__init__()
        self.config = config
        kind = BLOCKS[config.block][1]
        self.encoder = Encoder(config)
        self.embed = _embed(config, Vectors(config))
        self.layers = Stack(
            kind(_attention(config), _attention(config), _mlp(config), config.dropout) for _ in range(config.layers)
        )
        self.finish = kind.finish(config.width)
        self.predict = Predict(config)
        begin(self, config.width)

    def read(self, ids: Tensor, real: Tensor | None = None) -> Memory:
        """ids (b, n), real (b, n) True for real pieces, all when left out → what the decoder looks at."""
        reaches(ids.size(1), self.config.longest)
        return Memory(self.encoder(embed.looked_up(self.embed.pieces, ids), real), real, reader=self)

    def forward(self, ids: Tensor, real: Tensor | None = None, memory: Memory | None = None) -> Tensor:
        """ids (b, n), and what is real of them (b, n) → logits (b, n, v) of the piece that follows each.

        memory: what `read` gave; it remembers what is written, and `ids` is only what is new.
        """
        looks(memory, self, len(ids))
        new = torch.ones_like(ids, dtype=torch.bool) if real is None else real  # b n
        reaches(upto(new, memory), self.config.longest)
        x = read_on(new, memory, lambda places: self.embed(ids, places))  # b n w
        read = met(new, memory)  # b j
        stream = self.layers(x, may_look(read, ids.size(1), whole=real is None), memory)
        final = note("final", self.finish(stream))
        return note("logits", self.predict(final, self.embed.pieces.weight))  # b n v


def looks(memory: Memory | None, model: nn.Module, texts: int) -> None:
    """Raises ValueError where there is no source, another model's, or one of so many texts that `texts` do not fit."""
    if memory is None or memory.source is None:
        raise ValueError("a translator looks at a source: give memory=model.read(ids, real)")
    if memory.reader not in (None, model):
        raise ValueError("another model read this source: give memory=model.read(ids, real) of the one that writes")
    if len(memory.source) not in (1, texts):
        raise ValueError(f"{texts} texts are written, {len(memory.source)} were read: `choose` which, or read as many")


class Vectors(nn.Embedding):
    """The one table: of both texts, and of what is predicted.  Read, a vector is × √w; section 3.4 does not say why.

    As what predicts, vectors begin with a spread of w^−½, so that logits begin with a variance of one.  As what is
    read they would drown in sinusoids of size one; × √w they are of that size themselves.
    """

    def __init__(self, config: TranslatorConfig):
        super().__init__(config.vocabulary, config.width)
        self.times = math.sqrt(config.width) if config.scaled else 1.0

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) * self.times  # b n w


def read_times(model: nn.Module) -> float:
    """How many times as long a model reads its vectors as they are."""
    return model.embed.pieces.times if isinstance(model, Translator) else 1.0  # type: ignore[union-attr,return-value]


class Predict(nn.Module):
    """Which piece comes next?  (b, n, w) → logits (b, n, v), with the vectors `pieces` (v, w) or its own."""

    def __init__(self, config: TranslatorConfig):
        super().__init__()
        own = None if config.tied else nn.Parameter(torch.zeros(config.vocabulary, config.width))
        self.register_parameter("weight", own)
        self.register_parameter("bias", nn.Parameter(torch.zeros(config.vocabulary)) if config.bias else None)

    def forward(self, x: Tensor, pieces: Tensor) -> Tensor:
        return likeness(pieces if self.weight is None else self.weight, x, self.bias)  # b n v


def _embed(config: TranslatorConfig, pieces: nn.Module) -> Embed:
    return Embed(pieces, Sinusoidal(POSITIONS[config.positions](config.length, config.width)), config.dropout)


def _attention(config: TranslatorConfig, heads: int | None = None) -> Attention:
    return Attention(config.width, heads or config.heads, dropout=config.attention_dropout)


def _mlp(config: TranslatorConfig, hidden: int | None = None) -> MLP:
    return MLP(config.width, hidden or config.hidden, ACTIVATIONS[config.activation])


@torch.no_grad()
def begin(model: nn.Module, width: int) -> None:
    """Vectors of pieces normal with a spread of w^−½, matrices uniform by Glorot & Bengio 2010, biases 0.

    As in the authors' code, tensor2tensor.  The norms begin as the identity.
    """
    for part in model.modules():
        for weight in part.parameters(recurse=False):
            if isinstance(part, Vectors | Predict) and weight.dim() > 1:
                weight.normal_(0.0, width**-0.5)
            elif weight.dim() > 1:
                nn.init.xavier_uniform_(weight)
            elif not isinstance(part, LayerNorm):
                weight.zero_()

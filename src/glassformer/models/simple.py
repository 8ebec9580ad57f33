"""The study's first whole models: a bag of words, a classifier and a generator.

Source: Bloem 2019, "Transformers from scratch": the classification transformer (mean or max pooling over
positions) and the text generation transformer (causal mask, next-piece prediction at every position).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glassformer.models.bert import known, may_look, met, reaches, read_on, upto
from glassformer.parts import embed, mask, pool
from glassformer.parts.attention import Attention, Memory
from glassformer.parts.block import MLP, Block, PostNormBlock, PreNormBlock, Stack
from glassformer.parts.embed import Embed
from glassformer.tape import note

BLOCKS: dict[str, type[Block]] = {"post": PostNormBlock, "pre": PreNormBlock}
POOLS = {"mean": pool.mean, "max": pool.maximum}
POSITIONS = {
    "learned": embed.Placed,
    "interleaved": lambda length, width: embed.Sinusoidal(embed.interleaved(length, width)),
    "halves": lambda length, width: embed.Sinusoidal(embed.halves(length, width)),
}


@dataclass(frozen=True)
class BagConfig:
    """vocabulary: pieces; classes: answers."""

    vocabulary: int
    classes: int = 2


@dataclass(frozen=True)
class TransformerConfig:
    """The sizes both transformers share.

    length: the most positions it can read; hidden: width inside the MLP; block and positions: keys of the
    tables above.
    """

    vocabulary: int
    width: int = 128
    heads: int = 4
    layers: int = 2
    hidden: int = 512
    length: int = 512
    dropout: float = 0.0
    block: str = "post"
    positions: str = "interleaved"

    def __post_init__(self):
        known("block", self.block, BLOCKS)
        known("positions", self.positions, POSITIONS)

    @property
    def longest(self) -> int:
        """The most pieces it can read."""
        return self.length


@dataclass(frozen=True)
class ClassifierConfig(TransformerConfig):
    classes: int = 2
    pool: str = "mean"

    def __post_init__(self):
        super().__post_init__()
        known("pool", self.pool, POOLS)


class BagOfWords(nn.Module):
    """Every piece has its say, whatever stands around it: logits = Σ_n weight[piece_n] + bias."""

    def __init__(self, config: BagConfig):
        super().__init__()
        self.config = config
        self.weight = nn.Embedding(config.vocabulary, config.classes)
        self.bias = nn.Parameter(torch.zeros(config.classes))
        nn.init.zeros_(self.weight.weight)

    def forward(self, ids: Tensor, real: Tensor | None = None) -> Tensor:
        """ids (b, n), real (b, n) True for real pieces, all of them when left out → logits (b, c)."""
        real = torch.ones_like(ids, dtype=torch.bool) if real is None else real
        try:
            told = self.weight(ids)  # b n c
        except IndexError:
            raise embed.missing(self.weight, ids) from None
        shares = note("shares", told * real[..., None])  # b n c
        return note("logits", shares.sum(dim=1) + self.bias)  # b c


class Classifier(nn.Module):
    """Embed, read in several blocks, pool the positions into one, answer."""

    def __init__(self, config: ClassifierConfig):
        super().__init__()
        self.config = config
        self.embed, self.layers, self.finish = _stem(config)
        self.head = nn.Linear(config.width, config.classes)
        self.pool = POOLS[config.pool]

    def forward(self, ids: Tensor, real: Tensor | None = None) -> Tensor:
        """ids (b, n), real (b, n) True for real pieces, all of them when left out → logits (b, c)."""
        reaches(ids.size(1), self.config.longest)
        real = torch.ones_like(ids, dtype=torch.bool) if real is None else real
        x = self.embed(ids)  # b n w
        final = note("final", self.finish(self.layers(x, mask.padding(real))))
        pooled = note("pooled", self.pool(final, real))  # b w
        return note("logits", self.head(pooled))  # b c


class Generator(nn.Module):
    """Embed, read in several blocks without looking ahead, and predict the next piece at every position."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.config = config
        self.embed, self.layers, self.finish = _stem(config)
        self.head = nn.Linear(config.width, config.vocabulary)

    def forward(self, ids: Tensor, real: Tensor | None = None, memory: Memory | None = None) -> Tensor:
        """ids (b, n), real (b, n) True for real pieces → logits (b, n, v) of the piece that follows each.

        memory: what has been read before; then `ids` is only what is new.  Raises ValueError beyond `config.longest`.
        """
        new = torch.ones_like(ids, dtype=torch.bool) if real is None else real  # b n
        reaches(upto(new, memory), self.config.longest)
        x = read_on(new, memory, lambda places: self.embed(ids, places))  # b n w
        read = met(new, memory)  # b j
        stream = self.layers(x, may_look(read, ids.size(1), whole=real is None), memory)
        final = note("final", self.finish(stream))
        return note("logits", self.head(final))  # b n v


def _stem(config: TransformerConfig) -> tuple[Embed, Stack, nn.Module]:
    """What both transformers are made of: the embedding, the blocks, and what the last block needs after it."""
    places = POSITIONS[config.positions](config.length, config.width)
    block, width, dropout = BLOCKS[config.block], config.width, config.dropout
    embedding = Embed(nn.Embedding(config.vocabulary, width), places, dropout)
    parts = ((Attention(width, config.heads, dropout=dropout), MLP(width, config.hidden)) for _ in range(config.layers))
    return embedding, Stack(block(*each, dropout) for each in parts), block.finish(width)

"""The study's first whole models: a bag of words, a classifier and a generator.

Source: Bloem 2019, "Transformers from scratch": the classification transformer (mean or max pooling over
positions) and the text generation transformer (causal mask, next-piece prediction at every position).
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from glassformer.models.bert import known, may_look, met, reaches, read_on, upto
from glassformer.parts import embed, mask, pool, sparse
from glassformer.parts.attention import Attention, Memory
from glassformer.parts.block import MLP, Block, PostNormBlock, PreNormBlock, Stack
from glassformer.parts.embed import Embed
from glassformer.parts.variants import VARIANTS, relative
from glassformer.tape import note

BLOCKS: dict[str, type[Block]] = {"post": PostNormBlock, "pre": PreNormBlock}
POOLS = {"mean": pool.mean, "max": pool.maximum}
POSITIONS = {
    "learned": embed.Placed,
    "interleaved": lambda length, width: embed.Sinusoidal(embed.interleaved(length, width)),
    "halves": lambda length, width: embed.Sinusoidal(embed.halves(length, width)),
    "none": lambda length, width: embed.Nothing(width),
}
PATTERNS = {
    "all": lambda stride, length: torch.ones(length, length, dtype=torch.bool),
    "window": sparse.window,
    "strided": lambda stride, length: sparse.window(stride, length) | sparse.strided(stride, length),
    "fixed": lambda stride, length: sparse.stretch(stride, length) | sparse.summaries(stride, length),
}


@dataclass(frozen=True)
class BagConfig:
    """vocabulary: pieces; classes: answers."""

    vocabulary: int
    classes: int = 2


@dataclass(frozen=True)
class TransformerConfig:
    """The sizes both transformers share.

    length: the most positions it can read; hidden: width inside the MLP; block, positions and pattern: keys of the
    tables above; attention: one of `variants.VARIANTS`.  Where it knows distances, positions may be "none".
    pattern, stride: which pairs are left out (`sparse.py`), in either direction; nobody looks ahead in a generator.
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
    attention: str = "default"
    pattern: str = "all"
    stride: int = 8

    def __post_init__(self):
        known("block", self.block, BLOCKS)
        known("positions", self.positions, POSITIONS)
        known("attention", self.attention, VARIANTS)
        known("pattern", self.pattern, PATTERNS)
        if self.stride < 1:
            raise ValueError(f"a stride of {self.stride} leads nowhere: give 1 or more")

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
        x = self.layers(x, patterned(self.config, mask.padding(real), real, ids.size(1)))
        final = note("final", self.finish(x))
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
        n, whole = ids.size(1), real is None
        x = self.layers(x, patterned(self.config, may_look(read, n, whole=whole), read, n), memory)
        final = note("final", self.finish(x))
        return note("logits", self.head(final))  # b n v


def patterned(config: TransformerConfig, allowed: Tensor | None, read: Tensor, new: int) -> Tensor | None:
    """Of what may be looked at, what the pattern leaves.

    allowed: broadcastable to (b, 1, i, j); read: (b, j) what is real of all that has been read, `new` of it the
    queries.  A pattern counts real pieces, so padding moves nothing.
    """
    if config.pattern == "all":
        return allowed
    table = PATTERNS[config.pattern](config.stride, read.size(-1)).to(read.device)  # j j
    places = mask.places(read)  # b j
    pairs = mask.pairs(table[places[:, -new:, None], places[:, None]])  # b 1 i j
    return pairs if allowed is None else allowed & pairs


def _stem(config: TransformerConfig) -> tuple[Embed, Stack, nn.Module]:
    """What both transformers are made of: the embedding, the blocks, and what the last block needs after it."""
    places = POSITIONS[config.positions](config.length, config.width)
    block, width, dropout = BLOCKS[config.block], config.width, config.dropout
    embedding = Embed(nn.Embedding(config.vocabulary, width), places, dropout)
    parts = ((_attention(config), MLP(width, config.hidden)) for _ in range(config.layers))
    return embedding, Stack(block(*each, dropout) for each in parts), block.finish(width)


def _attention(config: TransformerConfig) -> Attention:
    make = partial(relative, length=config.length) if config.attention == "relative" else VARIANTS[config.attention]
    made = make(config.width, config.heads)
    made.dropout = config.dropout
    return made

"""BERT: read a text in both directions at once.

Devlin et al. 2019, "BERT: Pre-training of deep bidirectional transformers for language understanding"; the same
blocks as in Vaswani et al. 2017, with learned positions and a vector for each of two texts.  What is put on top
of it for a task stands in `heads.py`.

Where this model and the reference (transformers' `BertModel`) part, on purpose:
- a piece's position counts the real pieces before it, so padding may stand on either side of a text;
- a decoder that remembers gives the numbers of one that does not, with relative positions too;
- a position that may look at nothing gets zeros instead of looking everywhere;
- a kind of positions that does not exist is an error instead of no positions at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from glassformer.parts import mask
from glassformer.parts.attention import Attention, Memory, Nowhere, RelativeKey, RelativeKeyQuery, split
from glassformer.parts.block import ACTIVATIONS, MLP, Block, CrossBlock, LayerNorm, PostNormBlock, Stack
from glassformer.parts.embed import EmbedPairs, Nothing, Placed
from glassformer.tape import note

POSITIONS = {
    "absolute": lambda length, head_width: Nowhere(),
    "relative_key": RelativeKey,
    "relative_key_query": RelativeKeyQuery,
}
Maybe = Tensor | None
Past = Memory | None
Part = TypeVar("Part", bound=nn.Module)
PROBLEMS = ("regression", "single_label_classification", "multi_label_classification")


@dataclass(frozen=True)
class BertConfig:
    """Sizes and choices, the defaults those of BERT-base.

    length: rows in the table of positions, of which `first` is that of the first piece; types: how many texts are
    told apart; spread: of the weights at the start; padding: id of the padding piece; cross: the decoder looks at
    a source; chunk: positions that an MLP computes at once, 0 for all; pooler and predict: activations of two
    heads; tied: pieces are predicted with the vectors that embed them; problem: one of PROBLEMS, or as the labels
    suggest; pruned: (layer, heads) that were taken off for good.
    """

    vocabulary: int = 30522
    width: int = 768
    layers: int = 12
    heads: int = 12
    hidden: int = 3072
    activation: str = "gelu"
    dropout: float = 0.1
    attention_dropout: float = 0.1
    head_dropout: float | None = None
    length: int = 512
    first: int = 0
    types: int = 2
    spread: float = 0.02
    epsilon: float = 1e-12
    padding: int = 0
    positions: str = "absolute"
    decoder: bool = False
    cross: bool = False
    chunk: int = 0
    pooler: str = "tanh"
    predict: str = ""
    tied: bool = True
    classes: int = 2
    problem: str | None = None
    pruned: tuple[tuple[int, tuple[int, ...]], ...] = ()

    def __post_init__(self):
        split(self.width, self.heads)
        known("positions", self.positions, POSITIONS)
        known("problem", self.problem or PROBLEMS[0], PROBLEMS)
        for field, name in (("activation", self.activation), ("pooler", self.pooler), ("predict", self.predict)):
            known(field, name or self.activation, ACTIVATIONS)
        for layer, off in self.pruned:
            if not (0 <= layer < self.layers and set(off) < set(range(self.heads)) and len(set(off)) == len(off)):
                raise ValueError(f"pruned names layer {layer}, heads {off}; {self.layers} × {self.heads}, one a layer")
        if self.cross and not self.decoder:
            raise ValueError("cross-attention is a decoder's: cross is True, decoder False; set decoder=True too")

    @property
    def longest(self) -> int:
        """The most pieces it can read."""
        return self.length - self.first


class Bert(nn.Module):
    """Embed, then read in several blocks, each position looking at all others (at earlier ones, in a decoder)."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.config = config
        self.embed = _embed(config)
        self.layers = Stack(_block(config, layer) for layer in range(config.layers))
        begin(self, config.spread)

    def forward(
        self, ids: Tensor, real: Maybe = None, types: Maybe = None, positions: Maybe = None, memory: Past = None
    ) -> Tensor:
        """ids (b, n) → stream (b, n, w).

        real: (b, n) True for real pieces, all when left out, or (b, i, j) who may look at whom; types: (b, n) which
        text a piece belongs to, 0 when left out; positions: (b, n), counted over real pieces when left out; memory:
        what a decoder looks at and has read before; then `ids` is only what is new.
        """
        self._remembers(memory)
        new = torch.ones_like(ids, dtype=torch.bool) if real is None else real
        if positions is None:
            reaches(upto(new, memory), self.config.longest)
        x = read_on(new, memory, lambda counted: self._embedded(ids, types, counted, positions))  # b n w
        known = met(new, memory)  # b j
        both, whole = not self.config.decoder, real is None
        return note("final", self.layers(x, may_look(known, ids.size(1), both, whole), memory))

    def read_packed(self, ids: Tensor, runs: mask.Runs, types: Tensor | None = None) -> Tensor:
        """Many texts in one row, none padded: ids (n,) → stream (n, w).  Not for decoders."""
        if self.config.decoder:
            raise ValueError("packed texts are read both ways, a decoder may not look ahead: give it a padded batch")
        reaches(max(runs.lengths), self.config.longest)
        x = self._embedded(ids, types, runs.places.to(ids.device), None)  # n w
        return note("final", self.layers(x, runs))  # n w

    def _embedded(self, ids: Tensor, types: Maybe, counted: Tensor, told: Maybe) -> Tensor:
        places = counted if told is None else told  # b n
        try:
            return self.embed(ids, torch.zeros_like(ids) if types is None else types, places)  # b n w
        except IndexError:
            asked = f"positions {places.min()} to {places.max()} were told"
            knows = f"the model knows 0 to {self.config.longest - 1}"
            raise ValueError(f"{asked}, {knows}: leave `positions` out to count them") from None

    def _remembers(self, memory: Memory | None) -> None:
        if self.config.cross and (memory is None or memory.source is None):
            raise ValueError("this decoder looks at a source: give memory=Memory(source), with source (b, j, w)")
        if memory is not None and not self.config.decoder:
            raise ValueError("what an encoder has read changes with what follows, so it keeps no memory: decoder=True?")


def reaches(length: int, longest: int) -> None:
    """Raises ValueError where a text is longer than a model can read."""
    if length > longest:
        raise ValueError(f"{length} positions asked for, the model knows {longest}: cut the text")


def upto(new: Tensor, memory: Past) -> int:
    """How many positions will have been read, `new` (b, n) being real or not."""
    return new.size(-1) + (0 if memory is None else memory.length)


def met(new: Tensor, memory: Past) -> Tensor:
    """What is real of all that has been read, `new` (b, n) the last of it: (b, j)."""
    return new if memory is None or memory.real is None else memory.real  # b j


def read_on(new: Tensor, memory: Past, embed: Callable[[Tensor], Tensor]) -> Tensor:
    """The vectors of what is new, (b, n, w), which `memory` meets.

    new: (b, n) what is real of it; embed: makes them of its places (b, n).  Where it cannot, the memory is as it was.
    """
    read = new if memory is None else memory.meet(new)  # b j
    try:
        return embed(mask.places(read)[:, -new.size(-1) :])  # b n w
    except ValueError:
        if memory is not None:
            memory.real = read[:, : -new.size(-1)] if memory.length > new.size(-1) else None
        raise


def may_look(known: Tensor, new: int, both: bool = False, whole: bool = False) -> Maybe:
    """The last `new` positions, at everything but padding; `both` ways or not ahead; or as it was given.

    known: (b, j) what is real of all that has been read, or (b, i, j) who may look at whom → (b, 1, 1 or i, j).
    whole: none of what is new is padding.  Where it is all there is, nothing is left out both ways (None), and one mask
    does for all texts (i, j): a kernel makes numbers of it in each layer, of 16 texts' masks of 1000 positions 64 MB.
    """
    if whole and known.size(-1) == new:
        return None if both else mask.causal(new, device=known.device)  # i j
    if known.dim() == 3:
        return mask.pairs(known)  # b 1 i j
    if both:
        return mask.padding(known)  # b 1 1 j
    return mask.padding(known) & mask.causal(new, known.size(-1), known.device)  # b 1 i j


def _embed(config: BertConfig) -> EmbedPairs:
    width = config.width
    pieces = nn.Embedding(config.vocabulary, width, padding_idx=config.padding)
    positions = Placed(config.length, width, config.first) if config.positions == "absolute" else Nothing(width)
    types = nn.Embedding(config.types, width) if config.types else Nothing(width)
    return EmbedPairs(pieces, positions, types, LayerNorm(width, config.epsilon), config.dropout)


def _block(config: BertConfig, layer: int) -> Block:
    width, head_width = config.width, config.width // config.heads
    heads = config.heads - len(dict(config.pruned).get(layer, ()))
    nearness = POSITIONS[config.positions](config.length, head_width)
    attention = Attention(width, heads, head_width, config.attention_dropout, nearness)
    mlp = MLP(width, config.hidden, ACTIVATIONS[config.activation], config.chunk)
    if not config.cross:
        return PostNormBlock(attention, mlp, config.dropout, config.epsilon)
    cross = Attention(width, config.heads, dropout=config.attention_dropout)
    return CrossBlock(attention, cross, mlp, config.dropout, config.epsilon)


@torch.no_grad()
def begin(part: Part, spread: float) -> Part:
    """Weights normal around 0, biases 0, norms the identity, the padding piece at 0.  Devlin et al. 2019's code."""
    for name, weight in part.named_parameters():
        if weight.dim() > 1:
            weight.normal_(0.0, spread)
        else:
            weight.fill_(float(name.endswith("gain")))
    for table in part.modules():
        if isinstance(table, nn.Embedding) and table.padding_idx is not None:
            table.weight[table.padding_idx] = 0.0
    return part


def known(field: str, value: str, table: object) -> None:
    if value not in table:  # type: ignore[operator]
        raise ValueError(f"{field} {value!r} is not known; choose {', '.join(table)}")  # type: ignore[arg-type]

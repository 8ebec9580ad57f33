"""Tensors and small models that several claims draw.  Each claim begins from its own seed: see `ledger.tried`."""

from typing import TypeVar

import torch
from torch import Tensor, nn

from glassformer.models.bert import Bert, BertConfig
from glassformer.parts.attention import Attention
from glassformer.parts.block import MLP, Block, PostNormBlock, Stack

Part = TypeVar("Part", bound=nn.Module)
SAME = 1e-5  # float32: what is called equal, of numbers near one


def apart(a: Tensor, b: Tensor) -> float:
    """The largest difference between two tensors of one shape."""
    return (a - b).abs().max().item()


def stack(layers: int, width: int = 32, heads: int = 4, kind: type[Block] = PostNormBlock) -> Stack:
    return Stack(kind(Attention(width, heads), MLP(width, 4 * width)) for _ in range(layers)).eval()


def bert(**other: object) -> Bert:
    """A small one whose weights are large enough for mistakes to show."""
    return loud(Bert(small(**other)))


def small(**other: object) -> BertConfig:
    sizes = {"vocabulary": 50, "width": 32, "layers": 2, "heads": 4, "hidden": 64, "length": 32}
    return BertConfig(**sizes | {"dropout": 0.0, "attention_dropout": 0.0} | other)  # type: ignore[arg-type]


@torch.no_grad()
def loud(model: Part, spread: float = 0.3) -> Part:
    for weight in model.parameters():
        if weight.dim() > 1:
            weight.normal_(0.0, spread)
    return model.eval()


def mixes(f: nn.Module, x: Tensor) -> float:
    """How much a change at one position changes what `f` gives at another, at most.  x: (1, n, w)."""
    moved = x.clone()
    moved[:, 0] += 1.0
    return apart(f(x)[:, 1:], f(moved)[:, 1:])

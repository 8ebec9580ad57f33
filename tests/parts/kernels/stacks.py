"""Stacks of every kind of block, and what they must give: shared by the tests of their twins."""

import copy

import pytest
import torch
from torch import nn

from glassformer.parts.attention import Attention, Memory
from glassformer.parts.block import (
    ACTIVATIONS,
    MLP,
    CrossBlock,
    PostNormBlock,
    PreNormBlock,
    PreNormCrossBlock,
    Stack,
)
from glassformer.parts.kernels.prepared import feasible
from glassformer.parts.mask import Runs, causal, padding, pairs

ROUNDED = pytest.mark.skipif(not feasible(torch.bfloat16), reason="this build has no halves")
DTYPES = [torch.float32, pytest.param(torch.bfloat16, marks=ROUNDED)]
NEAR = {torch.float32: 2e-6, torch.bfloat16: 3e-2}  # of the largest number
close = torch.testing.assert_close
SOURCE_REAL = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
REAL = torch.tensor([[True] * 7, [False] * 2 + [True] * 4 + [False], [True] * 3 + [False] * 4])
EACH = torch.rand(3, 7, 7, generator=torch.Generator().manual_seed(4)) < 0.6
MASKS = {  # the mask, and the shape of what is read
    "none": (None, (3, 7)),
    "padding": (padding(REAL), (3, 7)),
    "no padding after all": (padding(REAL | True), (3, 7)),
    "nothing but padding": (padding(REAL & False), (3, 7)),
    "pair by pair": (pairs(EACH), (3, 7)),
    "causal": (causal(7), (3, 7)),
    "for each head": (torch.rand(3, 4, 7, 7, generator=torch.Generator().manual_seed(5)) < 0.6, (3, 7)),
    "packed": (Runs((2, 2, 3, 1)), (8,)),
    "packed, one text": (Runs((8,)), (8,)),
    "one piece": (None, (1, 1)),
    "512 pieces": (None, (1, 512)),
}
KINDS = [PostNormBlock, PreNormBlock, CrossBlock, PreNormCrossBlock]


def stack(activation="gelu", layers=3, width=16, kind=PostNormBlock):
    """Weights large enough that everything matters; norms that have learned something."""
    torch.manual_seed(0)
    made = Stack(
        kind(
            *(Attention(width, 4) for _ in range(1 + issubclass(kind, CrossBlock))),
            MLP(width, 24, ACTIVATIONS[activation]),
        )
        for _ in range(layers)
    )
    for name, weight in made.named_parameters():
        nn.init.normal_(weight, float(name.endswith("gain")), 0.3)
    return made.eval()


def truth(blocks, x, mask=None, source=None, source_real=SOURCE_REAL):
    """The definition, in float64, block after block, and of all positions at once."""
    twin, x = copy.deepcopy(blocks).double(), x.double()
    with torch.no_grad():
        for block in twin:
            x = block(x, mask, *([] if source is None else [Memory(source.double(), source_real)]))
    return x


def assert_near(answer, expected, dtype=torch.float32, where=slice(None)):
    scale = max(1.0, float(expected[where].abs().max()))
    close(answer[where].double(), expected[where].double(), rtol=0, atol=NEAR[dtype] * scale)


def off(model, *given):
    with torch.no_grad():
        return model(*given)

"""A class is read whatever its layers are called and however they are held."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glassformer.learn.check import check


def together(q, k, v, heads, mask, scale=True):
    q, k, v = (y.unflatten(-1, (heads, -1)).transpose(1, 2) for y in (q, k, v))
    scores = q @ k.mT / (math.sqrt(q.size(-1)) if scale else 1)
    scores = scores if mask is None else scores.masked_fill(~mask, -torch.inf)
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


class Named(nn.Module):
    names = ("unify", "values", "tokeys", "toqueries")
    scale = True

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        for name in self.names:
            setattr(self, name, nn.Linear(width, width))

    def forward(self, x, mask=None):
        out, v, k, q = (getattr(self, name) for name in self.names)
        return out(together(q(x), k(x), v(x), self.heads, mask, self.scale))


class Nameless(Named):
    names = ("a", "b", "c", "d")


class Unscaled(Named):
    scale = False


class Fused(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.inward, self.outward = heads, nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)

    def forward(self, x, mask=None):
        return self.outward(together(*self.inward(x).chunk(3, -1), self.heads, mask))


class Matrices(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.wq, self.wk, self.wv, self.wo = (nn.Parameter(torch.randn(width, width)) for _ in range(4))

    def forward(self, x, mask=None):
        return together(x @ self.wq, x @ self.wk, x @ self.wv, self.heads, mask) @ self.wo


class PerHead(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.q, self.k, self.v = (
            nn.ModuleList(nn.Linear(width, width // heads) for _ in range(heads)) for _ in range(3)
        )
        self.out = nn.Linear(width, width)

    def forward(self, x, mask=None):
        each = zip(self.q, self.k, self.v, strict=True)
        return self.out(torch.cat([F.scaled_dot_product_attention(q(x), k(x), v(x), mask) for q, k, v in each], -1))


@pytest.mark.parametrize("cls", [Named, Nameless, Fused, Matrices, PerHead])
def test_a_right_class_passes(cls):
    result = check(cls, "multi-head")
    assert result.passed, result.message


def test_a_wrong_class_is_named():
    assert check(Unscaled, "multi-head").mistake == "no scaling"


class Detached(Fused):
    def forward(self, x, mask=None):
        q, k, v = self.inward(x).chunk(3, -1)
        return self.outward(together(q.detach(), k.detach(), v, self.heads, mask))


def test_gradients_of_a_class_count():
    result = check(Detached, "multi-head")
    assert not result.passed and "gradient" in result.message

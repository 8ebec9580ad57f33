"""A class is read whatever its layers are called and however they are held."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glassformer.learn.check import check
from glassformer.learn.modules import heads, norms


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


class Shared(nn.Module):
    """LayerNorm with its vectors in this order, filled with these numbers."""

    begins = (("gain", 1.0), ("shift", 0.0))

    def __init__(self, width, epsilon):
        super().__init__()
        self.epsilon = epsilon
        for name, value in self.begins:
            setattr(self, name, nn.Parameter(torch.full((width,), value)))

    def forward(self, x):
        y = x - x.mean(-1, keepdim=True)
        return self.gain * y / (y.square().mean(-1, keepdim=True) + self.epsilon).sqrt() + self.shift


@pytest.mark.parametrize(
    ("begins", "readings"),
    [
        ((("gain", 1.0), ("shift", 0.0)), [True]),
        ((("shift", 0.0), ("gain", 1.0)), [True]),
        ((("gain", 1.0), ("shift", 1.0)), [True, False]),
        ((("shift", 0.0), ("gain", 0.0)), [False, True]),
    ],
)
def test_which_vector_is_the_gain_is_read_off_what_they_begin_with_or_tried(begins, readings):
    cls = type("Mine", (Shared,), {"begins": begins})
    x, gain, shift = torch.randn(2, 3, 4), torch.randn(4), torch.randn(4)
    expected = F.layer_norm(x, (4,), gain, shift, 1e-3)
    fit = [torch.allclose(reading(x, gain, shift, 1e-3), expected, atol=1e-5) for reading in norms(cls)]
    assert fit == readings


def test_a_norm_without_its_own_vectors_or_with_one_is_read_all_the_same():
    assert len(norms(type("None", (Shared,), {"begins": (), "forward": lambda self, x: x}))) == 2
    one = norms(type("One", (Shared,), {"begins": (("gain", 1.0),), "forward": lambda self, x: x * self.gain}))
    x, gain, shift = torch.ones(1, 4), torch.arange(4.0), torch.full((4,), 7.0)
    assert [reading(x, gain, shift, 0.0)[0].tolist() for reading in one] == [gain.tolist(), shift.tolist()]


def test_the_likeliest_reading_of_the_layers_comes_first():
    """Each layer gets the weights of the role its name tells, whatever the order they were made in."""
    wq, wk, wv, wo = torch.randn(4, 8, 8)
    x, mask = torch.randn(2, 3, 8), torch.ones(3, 3).tril().bool()
    expected = together(x @ wq.mT, x @ wk.mT, x @ wv.mT, 2, mask) @ wo.mT
    for cls in (Named, type("Short", (Named,), {"names": ("w_o", "w_v", "w_k", "w_q")})):
        first = heads(cls)[0]
        assert torch.allclose(first(x, wq, wk, wv, wo, 2, mask), expected, atol=1e-5)
        assert torch.allclose(first(x, wq, wk, wv, wo, 2)[:, -1], expected[:, -1], atol=1e-5), "without a mask"
    usual = heads(Nameless)
    assert len(usual) == 24 and not torch.allclose(usual[0](x, wq, wk, wv, wo, 2, mask), expected, atol=1e-3)
    assert sum(torch.allclose(each(x, wq, wk, wv, wo, 2, mask), expected, atol=1e-5) for each in usual) == 1


def test_what_holds_no_roles_or_too_many_is_read_as_it_is():
    class Five(nn.Module):
        def __init__(self, width, heads):
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(5))

        def forward(self, x):
            return self.layers[0](x)

    (reading,) = heads(Five)
    assert reading(torch.ones(1, 2, 8), *torch.zeros(4, 8, 8), 2).shape == (1, 2, 8)

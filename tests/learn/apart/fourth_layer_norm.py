"""Layer norm: a fourth lot, by an examiner asked for what lists of mistakes lack, and right answers.

The first score, before anything was changed: of 16 16 rejected, 15 placed, 12 named (13 as a reader counts); of 10
right answers 10 accepted.  Then what was unknown went into the bank, and naming by what right ways pass through was
ended: 16 placed, 15 named (16 as a reader counts).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from tests.learn.apart import Apart, collect

WRONG: list[Apart] = []
wrong = collect(WRONG)


# 1: n - 1 in the variance
@wrong("variance", "unbiased|bessel|w − 1|w - 1|w-1|n - 1|n − 1|n-1|correction|sample variance|one less")
def sample_variance(x, gain, shift, epsilon):
    var, mean = torch.var_mean(x, dim=-1, keepdim=True)
    return gain * (x - mean) * torch.rsqrt(var + epsilon) + shift


# 2: epsilon outside the root
@wrong("normalised|variance", "outside|after the root|inside|under the root|epsilon|ε|added to the standard|eps")
def epsilon_outside(x, gain, shift, epsilon):
    mu = torch.mean(x, dim=2, keepdim=True)
    sigma = torch.sqrt(torch.mean((x - mu) ** 2, dim=2, keepdim=True))
    return gain * ((x - mu) / (sigma + epsilon)) + shift


# 3: one mean for all positions of an example
@wrong("mean", "all positions|whole|position|axes|axis|dim|per example|per sample|sequence|every position")
def over_positions_too(x, gain, shift, epsilon):
    y = F.layer_norm(x, x.shape[1:], eps=epsilon)
    return y * gain + shift


# 4: batch norm
@wrong("mean", "batch|axis|axes|per feature|each feature|across|examples|dim")
def batch_norm(x, gain, shift, epsilon):
    b, n, w = x.shape
    y = F.batch_norm(x.reshape(b * n, w), None, None, gain, shift, training=True, eps=epsilon)
    return y.reshape(b, n, w)


# 5: mean of the squares of x itself for the variance
@wrong(
    "variance",
    "mean of squares|squares of x|rms|centring|centred|not about the mean|subtract|second moment|about zero",
)
def raw_second_moment(x, gain, shift, epsilon):
    w = x.size(-1)
    mean = torch.einsum("bnw->bn", x).unsqueeze(-1) / w
    var = torch.einsum("bnw,bnw->bn", x, x).unsqueeze(-1) / w
    return (x - mean).div((var + epsilon).sqrt()).mul(gain).add(shift)


# 6: the epsilon handed in is not used, the library's 1e-5 is
@wrong("variance|normalised", "epsilon|ε|eps|1e-5|default|ignored|not used")
def default_epsilon(x, gain, shift, epsilon):
    return F.layer_norm(x, (x.shape[-1],), gain, shift)


# 7: epsilon as a floor
@wrong("variance|normalised", "clamp|floor|max|epsilon|ε|eps|added|minimum|at least")
def epsilon_as_floor(x, gain, shift, epsilon):
    centred = x - x.mean(-1, keepdim=True)
    var = centred.square().mean(-1, keepdim=True).clamp(min=epsilon)
    out = centred.clone()
    out /= var.sqrt()
    out *= gain
    out += shift
    return out


# 8: 1 + gain, of a code base whose gain starts from 0
@wrong("output", "1 + gain|gain|plus one|plus 1|+ 1|+1|1+gain|one more")
def gain_from_zero(x, gain, shift, epsilon):
    x64 = x.to(torch.float64)
    n = (x64 - x64.mean(-1, True)) / torch.sqrt(x64.var(-1, correction=0, keepdim=True) + epsilon)
    return torch.addcmul(shift, 1 + gain, n.to(x.dtype))


# 9: shift first, gain after
@wrong("output", "shift|order|before the gain|gain|multipl|bracket|parenthes")
def shift_before_gain(x, gain, shift, epsilon):
    out = torch.empty_like(x)
    for b in range(x.shape[0]):
        for n in range(x.shape[1]):
            row = x[b, n]
            m = row.sum() / row.numel()
            s2 = ((row - m) ** 2).sum() / row.numel()
            out[b, n] = gain * ((row - m) / math.sqrt(s2 + epsilon) + shift)
    return out


# 10: x / std - mean
@wrong("centred|normalised", "order|bracket|parenthes|before|centr|center|mean|first|precedence")
def divides_then_subtracts(x, gain, shift, epsilon):
    mean, var = x.mean(dim=-1, keepdim=True), x.var(dim=-1, keepdim=True, unbiased=False)
    return gain * (x / torch.sqrt(var + epsilon) - mean) + shift


# 11: divided by the number of positions, not of features
@wrong("variance", "number of positions|positions|divis|divid|width|count|features|length|shape[1]|size(1)")
def divided_by_positions(x, gain, shift, epsilon):
    mu = x.mean(-1).unsqueeze(-1)
    diff = x - mu
    var = torch.sum(diff * diff, -1, keepdim=True) / x.shape[1]
    return gain * diff / torch.pow(var + epsilon, 0.5) + shift


# 12: the gain goes in first
@wrong("mean|output", "gain|before|first|order|x is scaled|input")
def gain_first(x, gain, shift, epsilon):
    x = x * gain
    var, mean = torch.var_mean(x, -1, correction=0, keepdim=True)
    return (x - mean) / (var + epsilon) ** 0.5 + shift


# 13: centred, then the mean taken off once more inside the variance
@wrong("variance", "twice|again|second time|already|centr|center|mean|two times")
class CentredTwice(nn.Module):
    def __init__(self, width, epsilon=1e-5):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))
        self.epsilon = epsilon

    def forward(self, x):
        mean = x.mean(-1, keepdim=True)
        x = x - mean
        variance = ((x - mean) ** 2).mean(-1, keepdim=True)
        return self.gain * x / torch.sqrt(variance + self.epsilon) + self.shift


# 14: the mean absolute deviation
@wrong("variance|normalised", "absolut|square|deviation|abs|not squared|distance")
def absolute_deviation(x, gain, shift, epsilon):
    def one(row):
        c = row - row.mean()
        return c / (c.abs().mean() + epsilon)

    return torch.vmap(torch.vmap(one))(x) * gain + shift


# 15: two: std with w - 1, epsilon outside the root
@wrong(
    "variance|normalised",
    "unbiased|bessel|w − 1|w - 1|w-1|n - 1|n − 1|n-1|correction|sample|outside|epsilon|ε|eps|after the root",
)
class AnnotatedNorm(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))
        self.eps = epsilon

    def forward(self, x):
        mean = x.mean(-1, keepdim=True)
        std = x.std(-1, keepdim=True)
        return self.gain * (x - mean) / (std + self.eps) + self.shift


# 16: two: over the positions, and no root
@wrong("mean", "position|axis|dim|axes|root|sqrt|square root|standard|features")
def down_the_positions(x, gain, shift, epsilon):
    xt = x.permute(0, 2, 1)
    c = xt - xt.mean(2, keepdim=True)
    var = (c @ c.mT).diagonal(dim1=1, dim2=2).unsqueeze(-1) / xt.shape[2]
    y = (c / (var + epsilon)).permute(0, 2, 1)
    return gain[None, None] * y + shift[None, None]


# ------------------------------------------------------------------ right


def library(x, gain, shift, epsilon):
    return F.layer_norm(x, gain.shape, weight=gain, bias=shift, eps=epsilon)


def var_and_mean(x, gain, shift, epsilon):
    var, mean = torch.var_mean(x, -1, correction=0, keepdim=True)
    return torch.addcmul(shift, gain, (x - mean) * (var + epsilon).rsqrt())


def loops(x, gain, shift, epsilon):
    rows = []
    for page in x:
        for row in page:
            m = sum(row) / len(row)
            s = sum((a - m) ** 2 for a in row) / len(row)
            rows.append(torch.stack([g * (a - m) / (s + epsilon) ** 0.5 + h for a, g, h in zip(row, gain, shift)]))
    return torch.stack(rows).reshape(x.shape)


class Module(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))
        self.epsilon = epsilon

    def forward(self, x):
        c = x - x.mean(-1, keepdim=True)
        return self.gain * c / torch.sqrt(c.pow(2).mean(-1, keepdim=True) + self.epsilon) + self.shift


class LibraryInside(nn.Module):
    def __init__(self, width, epsilon=1e-5):
        super().__init__()
        self.width, self.eps = width, epsilon
        self.gain = nn.Parameter(torch.empty(width).fill_(1.0))
        self.shift = nn.Parameter(torch.empty(width).zero_())

    def forward(self, x):
        return F.layer_norm(x, [self.width], self.gain, self.shift, self.eps)


def centring_matrix(x, gain, shift, epsilon):
    w = x.shape[-1]
    C = torch.eye(w, dtype=torch.float64) - 1 / w
    c = x.double() @ C
    var = torch.einsum("bnw,bnw->bn", c, c)[..., None] / w
    return (gain * c / (var + epsilon).sqrt() + shift).to(x.dtype)


def mapped(x, gain, shift, epsilon):
    def one(row):
        c = row - row.mean()
        return gain * c / torch.sqrt(torch.dot(c, c) / c.shape[0] + epsilon) + shift

    return torch.func.vmap(torch.func.vmap(one))(x)


def moments_in_double(x, gain, shift, epsilon):
    d = x.double()
    m, m2 = d.mean(-1, keepdim=True), (d * d).mean(-1, keepdim=True)
    y = (d - m) / ((m2 - m * m).clamp(min=0) + epsilon).sqrt()
    return y.mul(gain).add(shift).to(x.dtype)


def in_place(x, gain, shift, epsilon):
    y = x.clone()
    y -= y.mean(dim=-1, keepdim=True)
    y /= torch.linalg.vector_norm(y, dim=-1, keepdim=True).div(x.shape[-1] ** 0.5).square().add(epsilon).sqrt()
    y *= gain
    y += shift
    return y


def welford(x, gain, shift, epsilon):
    mean = torch.zeros_like(x[..., 0])
    m2 = torch.zeros_like(mean)
    for count, column in enumerate(x.unbind(-1), 1):
        delta = column - mean
        mean = mean + delta / count
        m2 = m2 + delta * (column - mean)
    std = torch.sqrt(m2 / x.shape[-1] + epsilon)
    return gain * ((x - mean[..., None]) / std[..., None]) + shift


RIGHT = [
    library,
    var_and_mean,
    loops,
    Module,
    LibraryInside,
    centring_matrix,
    mapped,
    moments_in_double,
    in_place,
    welford,
]

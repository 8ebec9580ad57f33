"""Layer norm: a fifth lot, by an examiner who was asked for what forums and reviews show, and right answers.

The first score, before anything was changed: of 12 12 rejected, 12 placed, 9 named (11 as a reader counts: some names
are right in other words); of 8 right answers 8 accepted.  Since then the bank knows what was unknown: 12 placed, 10
named (12 as a reader counts).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.learn.apart import Apart, collect

WRONG: list[Apart] = []
wrong = collect(WRONG)


@wrong(
    "variance",
    "unbiased|bessel|n-1|n - 1|n − 1|w-1|w - 1|w − 1|one less|one fewer|correction|biased|sample|epsilon|ε|eps",
)
class Annotated(nn.Module):
    def __init__(self, width, epsilon=1e-6):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))
        self.epsilon = epsilon

    def forward(self, x):
        mean = x.mean(-1, keepdim=True)
        std = x.std(-1, keepdim=True)
        return self.gain * (x - mean) / (std + self.epsilon) + self.shift


@wrong("normalised", "epsilon|ε|eps")
def outside_the_root(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    mean = x.mean(dim=-1, keepdim=True)
    var = ((x - mean) ** 2).mean(dim=-1, keepdim=True)
    x_hat = (x - mean) / (torch.sqrt(var) + epsilon)
    return gain * x_hat + shift


@wrong(
    "mean",
    "axis|dim|over the positions|over positions|across positions|across the positions|sequence|"
    "not the features|not over the features|wrong direction",
)
def along_the_sequence(x, gain, shift, epsilon):
    var, mean = torch.var_mean(x, dim=1, keepdim=True, unbiased=False)
    return torch.addcmul(shift, gain, (x - mean) * torch.rsqrt(var + epsilon))


@wrong(
    "mean",
    "batch|axis|dim|over the positions|across positions|over positions|not the features|"
    "not over the features|each feature|every feature|per feature|other examples",
)
def per_channel(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    y = F.batch_norm(x.permute(0, 2, 1), None, None, gain, shift, training=True, eps=epsilon)
    return y.permute(0, 2, 1)


@wrong("output", "shift|bracket|parenthes|order|before the gain|before gain")
def shifted_first(x, gain, shift, epsilon):
    mu = x.mean(-1, keepdim=True)
    sigma = (x.var(-1, unbiased=False, keepdim=True) + epsilon).sqrt()
    out = (x - mu).div(sigma)
    out += shift
    out *= gain
    return out


@wrong(
    "variance",
    "rms|mean square|mean of squares|of the squares|centred|centered|uncentred|about zero|around zero|"
    "from zero|of x²|of x squared|raw|second moment|mean not subtracted|without the mean|"
    "without subtracting|x itself|not of the deviation",
)
class HalfRms(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.epsilon = epsilon
        self.gain = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        centred = x - x.mean(dim=-1, keepdim=True)
        variance = x.pow(2).mean(dim=-1, keepdim=True)
        return self.gain * centred * torch.rsqrt(variance + self.epsilon) + self.shift


@wrong(
    "variance",
    "mean squared|mean's square|square of the mean|squared mean|mean²|mean is not squared|"
    "mean not squared|not squared|unsquared|without squaring|forgot to square|square missing|"
    "forgotten square|missing square|mean itself",
)
def two_moments(x, gain, shift, epsilon):
    w = x.shape[-1]
    first = torch.einsum("bnw->bn", x) / w
    second = torch.einsum("bnw,bnw->bn", x, x) / w
    variance = (second - first).unsqueeze(-1)
    return gain * (x - first.unsqueeze(-1)) / torch.sqrt(variance + epsilon) + shift


@wrong("normalised", "root|sqrt|√|by the variance|std|standard deviation")
def whitened(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    def normalise(z):
        z = z - z.mean(2, keepdim=True)
        return z / (z.square().mean(2, keepdim=True) + epsilon)

    return normalise(x) * gain.view(1, 1, -1) + shift.view(1, 1, -1)


@wrong("normalised", "epsilon|ε|eps|default|1e-5")
def library_default(x, gain, shift, epsilon):
    return F.layer_norm(x, (x.size(-1),), gain, shift)


@wrong(
    "variance",
    "number of positions|how many positions|length|positions|wrong size|wrong count|wrong number|"
    "wrong divisor|divided by n|sequence|not the width|instead of the width|instead of w|wrong axis|"
    "wrong dim",
)
def by_hand(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    b, n, w = x.shape
    out = torch.empty_like(x)
    for i in range(b):
        for j in range(n):
            row = x[i, j]
            centred = row - row.sum() / w
            variance = (centred * centred).sum() / n
            out[i, j] = gain * centred / torch.sqrt(variance + epsilon) + shift
    return out


@wrong(
    "centred|normalised",
    "mean not subtracted|mean is not|not subtract|without subtracting|without the mean|not centred|"
    "not centered|uncentred|mean left|mean still|mean forgotten|mean missing|rms|x itself|x instead|"
    "raw x|subtract",
)
def only_divided(x, gain, shift, epsilon):
    flat = x.reshape(-1, x.shape[-1])
    deviation = torch.var(flat, dim=1, correction=0).add(epsilon).sqrt()
    return (gain * (flat / deviation[:, None]) + shift).reshape(x.shape)


@wrong(
    "output",
    "swap|exchang|gain and shift|shift and gain|interchang|mixed up|wrong order|gain added|shift multipl|"
    "multiplied by the shift|multiplies by the shift|times the shift|shift instead|shift for",
)
def multiply_add(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    z = x - x.mean(-1, True)
    z = z * math.sqrt(x.shape[-1]) / torch.sqrt(z.pow(2).sum(-1, True) + epsilon * x.shape[-1])
    return torch.addcmul(gain, shift, z)


def as_one_group(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    return F.group_norm(x.flatten(0, 1), 1, gain, shift, epsilon).view(x.shape)


def positions_as_channels(x, gain, shift, epsilon):
    columns = x.flatten(0, 1).T
    z = torch.batch_norm(columns, None, None, None, None, True, 0.0, epsilon, False)
    return torch.addcmul(shift, z.T, gain).unflatten(0, x.shape[:2])


def by_projection(x, gain, shift, epsilon):
    w = x.shape[-1]
    centring = torch.eye(w, dtype=x.dtype, device=x.device) - 1 / w
    z = x @ centring
    length = (z.unsqueeze(-2) @ z.unsqueeze(-1)).squeeze(-1)
    return z @ torch.diag(gain) * math.sqrt(w) * (length + w * epsilon).rsqrt() + shift


def in_double(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    wide = x.double()
    first, second = wide.mean(-1, keepdim=True), wide.square().mean(-1, keepdim=True)
    slope = gain / (second - first * first + epsilon).sqrt()
    return (slope * wide + (shift - slope * first)).to(x.dtype)


def from_differences(x, gain, shift, epsilon):
    apart = x.unsqueeze(-1) - x.unsqueeze(-2)
    spread = apart.square().mean((-1, -2)).div(2).add(epsilon).sqrt()
    return torch.einsum("bnw,bn,w->bnw", apart.mean(-1), spread.reciprocal(), gain) + shift


def row_after_row(x: Tensor, gain: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    def one(row):
        mean = sum(row.unbind()) / len(row)
        spread = torch.linalg.vector_norm(torch.cat([row - mean, row.new_full((1,), math.sqrt(epsilon * len(row)))]))
        return torch.lerp(shift, shift + gain, (row - mean) / spread * math.sqrt(len(row)))

    return torch.stack([torch.stack([one(row) for row in sample]) for sample in x])


class Welford(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.epsilon = epsilon
        self.gain = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        mean, total = torch.zeros_like(x[..., 0]), torch.zeros_like(x[..., 0])
        for count, feature in enumerate(x.unbind(-1), 1):
            step = feature - mean
            mean = mean + step / count
            total = total + step * (feature - mean)
        variance = total / x.shape[-1]
        return self.gain * ((x - mean[..., None]) / (variance[..., None] + self.epsilon) ** 0.5) + self.shift


class TwoLibraryCalls(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.width, self.epsilon = width, epsilon
        self.gain = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        average = F.adaptive_avg_pool1d(x, 1)
        return F.rms_norm(x - average, (self.width,), self.gain, self.epsilon) + self.shift


RIGHT = [
    as_one_group,
    positions_as_channels,
    by_projection,
    in_double,
    from_differences,
    row_after_row,
    Welford,
    TwoLibraryCalls,
]

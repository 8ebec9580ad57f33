"""Layer norm: a third lot, by an examiner who had read neither the bank nor the other lots, and right answers.

The first score, before anything was changed: of 12 11 rejected, 11 placed, 9 named; of 6 right answers 5 accepted.
Since then: 12 rejected, 12 placed, 11 named; the bank knows variance without centring, and a class is read with its
ones as the gain (SwappedNorm had been taken as right).  by_loops took its deviation out of torch, and does so no more.
"""

import torch
import torch.nn.functional as F
from torch import nn

from tests.learn.apart import Apart, collect

WRONG: list[Apart] = []
wrong = collect(WRONG)


@wrong("mean", "batch")
def statistics_of_the_batch_in_training(x, gain, shift, epsilon):
    columns = x.transpose(1, 2)
    return F.batch_norm(columns, None, None, gain, shift, training=True, eps=epsilon).transpose(1, 2)


@wrong("mean", "whole|sentence|positions|both|together|all")
def one_scale_for_a_whole_sentence(x, gain, shift, epsilon):
    out = []
    for sentence in x:
        m, s2 = sentence.mean(), ((sentence - sentence.mean()) ** 2).mean()
        out.append(gain * (sentence - m) / torch.sqrt(s2 + epsilon) + shift)
    return torch.stack(out)


@wrong("variance", "unbiased|− 1|-1|Bessel|sample")
def the_default_of_var(x, gain, shift, epsilon):
    var, mean = torch.var_mean(x, dim=-1, keepdim=True)
    return torch.addcmul(shift, (x - mean) * torch.rsqrt(var + epsilon), gain)


@wrong("normalised", "outside|after the root|to the deviation|to the standard|beside|behind the root|added to")
def epsilon_beside_the_deviation(x, gain, shift, epsilon):
    mu = x.mean(2, keepdim=True)
    sigma = x.std(2, keepdim=True, correction=0)
    return (x - mu) / (sigma + epsilon) * gain + shift


@wrong("normalised", "default|own|fixed|constant|1e-5|given|ignored|not used|other")
def fused_with_the_library_epsilon(x, gain, shift, epsilon):
    return F.layer_norm(x, (x.size(-1),), gain, shift)


@wrong("normalised", "by the variance|root|not the deviation")
def divided_by_the_variance_itself(x, gain, shift, epsilon):
    y = x.clone()
    y -= y.mean(-1, keepdim=True)
    y /= y.square().mean(-1, keepdim=True) + epsilon
    return y.mul_(gain).add_(shift)


@wrong("output", "swap|exchang|each other|place of|mixed up|confus|interchang")
class SwappedNorm(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.gain, self.shift, self.epsilon = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width)), epsilon

    def forward(self, x):
        return F.layer_norm(x, x.shape[-1:], self.shift, self.gain, self.epsilon)


@wrong("output", "1 +|+ 1|one plus|plus one|one more|residual gain|around one")
def gain_counted_from_one(x, gain, shift, epsilon):
    return F.layer_norm(x, gain.shape, eps=epsilon) * (1 + gain) + shift


@wrong("mean|centred", "RMS|mean|centr")
def root_mean_square_only(x, gain, shift, epsilon):
    return F.rms_norm(x, x.shape[-1:], gain, epsilon) + shift


@wrong("output", "before|shift too|shifted|also the shift|shift times")
def gain_times_everything(x, gain, shift, epsilon):
    b, n, w = x.shape
    out = torch.zeros(b, n, w)
    for i in range(b):
        for j in range(n):
            row = x[i, j] - x[i, j].sum() / w
            scale = (row.dot(row) / w + epsilon) ** 0.5
            out[i, j] = (row / scale + shift) * gain
    return out


@wrong("variance", "mean square|uncentred|not centred|without the mean|squares|before|centr")
def mean_square_taken_for_the_variance(x, gain, shift, epsilon):
    m = torch.einsum("bnw->bn", x)[..., None] / x.size(-1)
    power = torch.einsum("bnw,bnw->bn", x, x)[..., None] / x.size(-1)
    return (x - m) * (power + epsilon).pow(-0.5) * gain + shift


@wrong("variance", "sum|not averaged|not divided|w times")
def squares_added_up_and_not_averaged(x, gain, shift, epsilon):
    d = x - x.mean(dim=-1, keepdim=True)
    return gain * d / (torch.linalg.vector_norm(d, dim=-1, keepdim=True).pow(2) + epsilon).sqrt() + shift


def fused(x, gain, shift, epsilon):
    return F.layer_norm(x, x.shape[-1:], gain, shift, epsilon)


def by_loops(x, gain, shift, epsilon):
    out = torch.empty_like(x)
    for place in torch.cartesian_prod(torch.arange(x.size(0)), torch.arange(x.size(1))):
        row = x[place[0], place[1]].unbind()
        m = sum(row) / len(row)
        deviation = (sum((a - m) ** 2 for a in row) / len(row) + epsilon) ** 0.5
        out[place[0], place[1]] = torch.stack([(a - m) / deviation for a in row]) * gain + shift
    return out


def by_two_moments(x, gain, shift, epsilon):
    y = x.double()
    first, second = y.mean(-1, keepdim=True), (y * y).mean(-1, keepdim=True)
    return ((y - first) * (second - first**2 + epsilon).rsqrt()).to(x.dtype) * gain + shift


def by_groups(x, gain, shift, epsilon):
    return F.group_norm(x.reshape(-1, x.size(-1)), 1, gain, shift, epsilon).view(x.shape)


def folded_into_one_line(x, gain, shift, epsilon):
    var, mean = torch.var_mean(x, -1, correction=0, keepdim=True)
    a = gain / torch.sqrt(var + epsilon)
    return torch.addcmul(shift - mean * a, x, a)


class Norm(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.eps = epsilon

    def forward(self, x):
        centred = x - torch.einsum("bnw->bn", x).unsqueeze(-1) / x.size(-1)
        spread = torch.linalg.vector_norm(centred, dim=-1, keepdim=True) / x.size(-1) ** 0.5
        return self.weight * centred / torch.hypot(spread, torch.tensor(self.eps**0.5)) + self.bias


RIGHT = [fused, by_loops, by_two_moments, by_groups, folded_into_one_line, Norm]

"""Wrong layer norm."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.learn.apart import collect

WRONG = []
wrong = collect(WRONG)


@wrong("variance", "unbiased")
def bessel(x, a, b, eps):
    return a * (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True) + eps) + b


@wrong("normalised", "outside")
def annotated(x, gain, shift, eps):
    mean, std = x.mean(-1, keepdim=True), x.std(-1, keepdim=True, unbiased=False)
    return gain * (x - mean) / (std + eps) + shift


@wrong("variance|normalised", "unbiased")
def annotated_unbiased(x, gain, shift, eps):
    mean, std = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
    return gain * (x - mean) / (std + eps) + shift


@wrong("normalised", "missing")
def no_epsilon(x, gain, shift, eps):
    return gain * (x - x.mean(2, keepdim=True)) / x.std(2, keepdim=True, correction=0) + shift


@wrong("mean", "position")
def down_the_words(x, gain, shift, eps):
    m = x.mean(dim=1, keepdim=True)
    s = ((x - m) ** 2).mean(dim=1, keepdim=True)
    return (x - m) * torch.rsqrt(s + eps) * gain + shift


@wrong("mean", "batch")
def batch_norm(x, gain, shift, eps):
    return F.batch_norm(x.flatten(0, 1), None, None, gain, shift, training=True, eps=eps).view_as(x)


@wrong("mean", "sentence")
def whole_sentence(x, gain, shift, eps):
    return F.layer_norm(x, x.shape[1:], None, None, eps) * gain + shift


@wrong("centred|mean", "RMS|centring")
def root_mean_square(x, gain, shift, eps):
    return F.rms_norm(x, x.shape[-1:], gain, eps) + shift


@wrong("normalised", "variance, not its root|by the variance")
def no_root(x, gain, shift, eps):
    m = torch.einsum("bnw->bn", x)[..., None] / x.size(-1)
    v = (x - m).pow(2).mean(-1, keepdim=True)
    return gain * ((x - m) / (v + eps)) + shift


@wrong("output", "gain is missing|no gain|gain")
class NoGain(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.gamma, self.beta, self.epsilon = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width)), epsilon

    def forward(self, x):
        v, m = torch.var_mean(x, -1, correction=0, keepdim=True)
        return (x - m) / (v + self.epsilon).sqrt() + self.beta


@wrong("output", "shift comes before|before the gain")
def order(x, gain, shift, eps):
    return (F.layer_norm(x, x.shape[-1:], eps=eps) + shift) * gain


@wrong("output", "exchanged")
def swapped(x, gain, shift, eps):
    return F.layer_norm(x, x.shape[-1:], shift, gain, eps)


@wrong("mean", "everything")
def everything(x, gain, shift, eps):
    return (x - x.mean()) / (x.var(unbiased=False) + eps).sqrt() * gain + shift


@wrong("normalised", "fixed")
def own_epsilon(x, gain, shift, eps):
    return F.layer_norm(x, x.shape[-1:], gain, shift)


@wrong("normalised", "not divided")
def only_centred(x, gain, shift, eps):
    out = []
    for row in x.reshape(-1, x.size(-1)):
        out.append((row - sum(row) / len(row)) * gain + shift)
    return torch.stack(out).view(x.shape)


@wrong("centred|normalised|mean", "unknown")
def clipped(x, gain, shift, eps):
    """The differences are cut at one."""
    c = (x - x.mean(-1, keepdim=True)).clamp(-1, 1)
    return c / (c.square().mean(-1, keepdim=True) + eps).sqrt() * gain + shift

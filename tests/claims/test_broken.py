"""A claim asks our own code: where that is broken, or the facts are others, its verdict turns."""

import math

import pytest
import torch
from torch import nn

from glassformer.claims.ledger import every, tried
from glassformer.models.heads import PreTraining, TokenClassification
from glassformer.models.surgery import prune
from glassformer.parts.attention import Attention, Memory, dot, scaled_dot
from glassformer.parts.embed import Sinusoidal, interleaved
from glassformer.parts.sparse import window


def unscaled(q, k, v, mask=None):
    return dot(q, k).softmax(dim=-1) @ v


def of_powers_of_two(scores):
    return (scores * math.log(2)).softmax(dim=-1)


def largest_alone(scores):
    return nn.functional.one_hot(scores.argmax(dim=-1), scores.size(-1)).float()


def of_angles(q, k):
    return nn.functional.cosine_similarity(q[:, None], k, dim=-1)


def ever_slower(length, width):
    return interleaved(length, width) * torch.arange(length)[:, None]


class Summed(nn.Module):
    """Mixes positions, by their order."""

    def __init__(self, *sizes):
        super().__init__()
        self.map = nn.Linear(32, 32)

    def forward(self, x):
        return x.cumsum(dim=1)


class OverPositions(nn.LayerNorm):
    """A norm over the wrong axis."""

    def forward(self, x):
        return (x - x.mean(dim=1, keepdim=True)) / x.std(dim=1, keepdim=True)


class OfPadding(TokenClassification):
    def loss(self, logits, labels, real=None):
        return super().loss(logits, labels)


class OfBoth(PreTraining):
    def loss(self, said, labels):
        raise ValueError("labels of both are needed")


def another_head(model, heads):
    prune(model, {layer: [each + 1 for each in which] for layer, which in heads.items()})


def cross_entropy_in_bits(logits, labels):
    return nn.functional.cross_entropy(logits, labels) / math.log(2)


PRINTED = ((1.0, 0.0), (0.5, 0.5))
TURNED = [
    ("scores-become-fourteen-and-twelve", "arithmetic.scaled_dot", dot),
    ("softmax-of-fourteen-and-twelve", "arithmetic.softmax", of_powers_of_two),
    ("six-steps-are-the-matrix-form", "arithmetic.attend", unscaled),
    ("scores-are-a-query-against-every-key", "arithmetic.dot", lambda q, k: dot(k, q)),
    ("every-key-matches-a-little", "arithmetic.softmax", largest_alone),
    ("a-loud-query-looks-up", "arithmetic.attend", lambda q, k, v: v.mean(dim=0).expand(len(q), -1)),
    ("signs-and-magnitudes", "arithmetic.dot", of_angles),
    ("printed-rows-sum-to-one", "arithmetic.PRINTED", PRINTED),
    ("dot-products-grow", "scaling.dot", scaled_dot),
    ("divided-they-spread-like-one", "scaling.scaled_dot", dot),
    ("saturation-kills-gradients", "scaling.dot", scaled_dot),
    ("not-divided-it-begins-saturated", "scaling.dot", scaled_dot),
    ("learned-positions-end", "positions.Placed", lambda _, width: Sinusoidal(interleaved(64, width))),
    ("moving-on-is-one-linear-map", "positions.interleaved", ever_slower),
    ("sines-reach-unseen-lengths", "positions.backwards", lambda _, digits: digits.flip(1)),
    ("scores-of-four-terms", "positions.skewed", lambda x, length: x[..., :length]),
    ("attention-is-equivariant", "positions.stack", Summed),
    ("only-attention-mixes-positions", "blocks.LayerNorm", OverPositions),
    ("a-norm-gives-mean-and-variance", "blocks.LayerNorm", nn.RMSNorm),
    ("minus-infinity-hides-the-future", "blocks.causal", lambda n: window(1, n)),
    ("recurrence-is-a-chain", "beside._recurrent", lambda x: x @ torch.ones(8, 8, requires_grad=True)),
    ("convolution-is-short-sighted", "beside.Attention", lambda *_: nn.Identity()),
    ("receptive-field-grows", "beside.nearby_and_summaries", lambda _, n: window(1, n)),
    ("no-gradient-into-the-segment-before", "beside.Segments", lambda _: Memory()),
    ("one-hot-keeps-the-right-word", "learning.cross_entropy", cross_entropy_in_bits),
    ("steps-grow-until-warm-up-is-over", "learning.warmed", lambda step, _: 1 / step),
    ("gradients-of-parts-add-up", "learning.asked", torch.numel),
    ("temperature-is-a-power", "decoding.probabilities", lambda logits, t: (logits * t).softmax(-1)),
    ("temperature-is-a-power", "decoding.sample", lambda temperature: lambda logits: logits.argmin(-1)),
    ("pruned-is-masked", "bert.prune", another_head),
    ("chunks-change-nothing", "bert.MLP", Summed),
    ("padding-is-not-learned", "bert.TokenClassification", OfPadding),
    ("pretraining-needs-both-labels", "bert_defects.PreTraining", OfBoth),
    ("nothing-asked-costs-nothing", "bert_defects.cross_entropy", nn.functional.cross_entropy),
    ("one-matrix-is-64-megabytes", "size.memory.matrix", lambda batch, length: batch * length * 4),
    ("four-copies-of-each-matrix", "size.kept", lambda *_: (4 * 4 * 256**2 * 4, None)),
    ("normed-queries-do-not-saturate", "former.VARIANTS", {"normed": Attention}),
]


RISEN = {"printed-rows-sum-to-one", "sines-reach-unseen-lengths", "four-copies-of-each-matrix"}
RISEN |= {"pretraining-needs-both-labels"}  # what these say is not so, or not always; it would be, of other facts


@pytest.mark.parametrize(("name", "where", "wrong"), TURNED, ids=[f"{name} by {where}" for name, where, _ in TURNED])
def test_a_verdict_turns_where_what_it_asks_is_broken(name, where, wrong, monkeypatch):
    monkeypatch.setattr(f"glassformer.claims.{where}", wrong)
    assert tried(every()[name]).verdict == ("true" if name in RISEN else "false")

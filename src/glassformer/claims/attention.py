"""What self-attention is, does and does not do."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from glassformer.claims import Verdict, claim, holds, partly
from glassformer.claims.samples import SENTENCES, drawn, opened
from glassformer.explain.trial import Trial
from glassformer.parts.attention import Attention, attend, dot, plain, scaled_dot
from glassformer.parts.block import MLP, PostNormBlock
from glassformer.parts.mask import causal, softmax
from glassformer.tape import listen

SHIPPED = ("sentiment", "sentiment-plain", "tiny")


def _attention(width: int = 32, heads: int = 4) -> Attention:
    return Attention(width, heads).double()


def _gap(one: Tensor, other: Tensor) -> float:
    return (one - other).abs().max().item()


@claim("two-products", "Self-attention is two matrix products and one softmax", "BL-01", "BL-07")
def two_products() -> Verdict:
    """bmm, softmax, bmm beside a loop over words; true where no number differs by more than 1e-9."""
    x = drawn(2, 7, 16)
    fast = torch.bmm(torch.bmm(x, x.mT).softmax(-1), x)
    slow = [
        sum(w * other for w, other in zip((row @ text.T).softmax(-1), text, strict=True)) for text in x for row in text
    ]
    gap = max(_gap(torch.stack(slow).view_as(x), fast), _gap(plain(x), fast))  # type: ignore[arg-type]
    return holds(gap < 1e-9, f"largest difference {gap:.0e}", n=x.numel())


@claim(
    "nothing-learned",
    "In its simplest form nothing is learned, and a reordered text gives reordered rows",
    "BL-01",
    "BL-06",
)
def reordered_plain() -> Verdict:
    """`plain` of 50 orders of 9 words, put back; true where no number differs by more than 1e-9."""
    x = drawn(9, 16)
    orders = [torch.randperm(9) for _ in range(50)]
    gap = max(_gap(plain(x[order]), plain(x)[order]) for order in orders)
    return holds(gap < 1e-9, f"largest difference {gap:.0e}", n=50)


@claim("equivariant", "Multi-head attention sees a set: other orders give the same rows, reordered", "BL-06")
def equivariant() -> Verdict:
    """The same with four heads; true where no number differs by more than 1e-9."""
    attention, x = _attention(), drawn(1, 9, 32)
    orders = [torch.randperm(9) for _ in range(50)]
    gap = max(_gap(attention(x[:, order]), attention(x)[:, order]) for order in orders)
    return holds(gap < 1e-9, f"largest difference {gap:.0e}", n=50)


@claim("invariant-pooled", "Without positions a whole classifier does not see the order", "BL-18")
def invariant_pooled() -> Verdict:
    """Two blocks and the mean over positions, 50 orders of 9 words; true below 1e-9."""
    blocks = [_block() for _ in range(2)]
    x = drawn(1, 9, 32)

    def read(x: Tensor) -> Tensor:
        return blocks[1](blocks[0](x)).mean(1)

    gap = max(_gap(read(x[:, torch.randperm(9)]), read(x)) for _ in range(50))
    return holds(gap < 1e-9, f"largest difference {gap:.0e}", n=50)


def _block() -> PostNormBlock:
    return PostNormBlock(_attention(), MLP(32, 64)).double()


@claim("shuffled-same", "Shuffled words give the same class", "BL-18", "BL-19")
def shuffled_same() -> Verdict:
    """The label of `sentiment`, which knows positions, for 10 orders of each sentence; true or false where all agree."""
    same = []
    reader = opened("sentiment")
    for text in SENTENCES:
        words, label = text.split(), reader(text).label
        orders = [torch.randperm(len(words), generator=torch.Generator().manual_seed(k)) for k in range(10)]
        same += [reader(" ".join(words[k] for k in order)).label == label for order in orders]
    return partly(same, f"{sum(same)} of {len(same)} orders keep the label", "causal (words reordered)")


@claim(
    "only-mixing",
    "Attention is the only part of a block through which one position learns of another",
    "BL-02",
    "IT-07",
)
def only_mixing() -> Verdict:
    """The slope of each position by each other, with attention and with it silent; true where it is 0 only then."""
    block, x = _block(), drawn(1, 5, 32)
    apart = ~torch.eye(5, dtype=torch.bool)
    mixed = _between(block, x)[apart]
    with listen(block, keep=(), edit={"attention.mixed": torch.zeros_like}):
        silent = _between(block, x)[apart]
    so = bool((mixed > 1e-6).all() and (silent == 0).all())
    return holds(
        so, f"smallest {mixed.min():.1e} with it, largest {silent.max():.0e} without", "causal (gradients)", 20
    )


def _between(block: PostNormBlock, x: Tensor) -> Tensor:
    """How steeply each position answers to each: (i, j)."""
    slopes: Tensor = jacobian(block, x)  # type: ignore[assignment]
    return slopes[0, :, :, 0].abs().amax((1, 3))  # i j


@claim("own-word-highest", "The word itself clearly has the highest softmax score", "IT-14", "IT-46")
def own_word_highest() -> Verdict:
    """Rows of weights whose largest is their own, all heads of three shipped models; true where all are."""
    own = torch.cat([(w.argmax(-1) == torch.arange(w.size(-1))).flatten() for w in _weights()])
    share = own.float().mean().item()
    return holds(bool(own.all()), f"{int(own.sum())} of {len(own)} rows ({share:.0%})", n=len(own))


@claim("own-word-dominates", "With one head the mixture can be dominated by the word itself", "SP-05", "IT-19")
def own_word_dominates() -> Verdict:
    """Rows in which the own word has more than half, of x·x scores of real embeddings; depends unless all or none."""
    own = []
    for text in SENTENCES:
        x = Trial(opened("sentiment"), opened("sentiment").cut(text)).tape["embed.stream"][0]
        own += (softmax(dot(x, x)).diagonal() > 0.5).tolist()
    return partly(own, f"{sum(own)} of {len(own)} words, nothing learned but the embeddings")


def _weights() -> Iterator[Tensor]:
    """(h, i, j) of every layer, model and sentence."""
    for name in SHIPPED:
        reader = opened(name)
        for text in SENTENCES:
            tape = Trial(reader, reader.cut(text)).tape
            yield from (value[0] for site, value in tape.items() if site.endswith(".weights"))


@claim("every-key-matches", "Every key matches the query to some extent", "SP-04", "BL-29")
def every_key_matches() -> Verdict:
    """The smallest weight of all heads of three shipped models; true where every one is above 0."""
    smallest = min(weights.min().item() for weights in _weights())
    count = sum(weights.numel() for weights in _weights())
    return holds(smallest > 0, f"smallest of {count:,}: {smallest:.0e}", n=count)


@claim("saturates", "Without √d a wide head looks at one word only", "BL-09", "SP-03")
def saturates() -> Verdict:
    """The mean largest weight over 10 keys, random, d = 512; true where above 0.9 unscaled and below 0.5 scaled."""
    q, k = drawn(500, 512), drawn(10, 512, seed=1)
    bare, even = (scores.softmax(-1).amax(-1).mean().item() for scores in (dot(q, k), scaled_dot(q, k)))
    return holds(bare > 0.9 and even < 0.5, f"{bare:.2f} without, {even:.2f} with", n=500)


@claim("saturates-narrow", "The same holds for a head of 4", "BL-09")
def saturates_narrow() -> Verdict:
    """The same with d = 4 and the same thresholds."""
    q, k = drawn(500, 4), drawn(10, 4, seed=1)
    bare, even = (scores.softmax(-1).amax(-1).mean().item() for scores in (dot(q, k), scaled_dot(q, k)))
    return holds(bare > 0.9 and even < 0.5, f"{bare:.2f} without, {even:.2f} with: width makes the difference", n=500)


@claim("root-of-head", "The root to divide by is that of the head's width, not of the whole", "BL-13")
def root_of_head() -> Verdict:
    """The standard deviation of scores of heads of 16 in a width of 64; true where √16 is nearer to 1 than √64."""
    spread = dot(drawn(2000, 16), drawn(2000, 16, seed=1)).std().item()
    head, whole = spread / 4, spread / 8
    return holds(abs(head - 1) < abs(whole - 1), f"{head:.2f} by √16, {whole:.2f} by √64", n=4_000_000)


@claim("slices", "One large matrix, then slices, is a matrix for each head", "BL-12", "BL-14")
def slices() -> Verdict:
    """Keys of each head by its own rows beside the sliced ones; true where no number differs by more than 1e-12."""
    attention, x = _attention(), drawn(2, 5, 32)
    keys, _ = attention.read(x)
    weights, biases = attention.k.weight.chunk(4), attention.k.bias.chunk(4)
    own = torch.stack([x @ weight.T + bias for weight, bias in zip(weights, biases, strict=True)], dim=1)
    return holds(_gap(keys, own) < 1e-12, f"largest difference {_gap(keys, own):.0e}", n=keys.numel())


@claim("heads-in-batch", "Heads may be folded into the batch", "BL-14")
def heads_in_batch() -> Verdict:
    """(b·h, n, d) by bmm beside (b, h, n, d); true where no number differs by more than 1e-9."""
    q, k, v = drawn(3, 2, 4, 5, 8)
    folded = attend(*(each.flatten(0, 1) for each in (q, k, v))).view_as(q)
    gap = _gap(folded, attend(q, k, v))
    return holds(gap < 1e-9, f"largest difference {gap:.0e}", n=q.numel())


@claim("einsum", "Einsum says the same", "BL-14")
def einsum() -> Verdict:
    """bhid,bhjd→bhij and bhij,bhjd→bhid beside `attend`; true below 1e-9."""
    q, k, v = drawn(3, 2, 4, 5, 8)
    weights = (torch.einsum("bhid,bhjd->bhij", q, k) / math.sqrt(8)).softmax(-1)
    gap = _gap(torch.einsum("bhij,bhjd->bhid", weights, v), attend(q, k, v))
    return holds(gap < 1e-9, f"largest difference {gap:.0e}", n=q.numel())


@claim("concatenated", "Concatenate, then multiply by W_O: each head writes through its own rows", "IT-21", "IT-22")
def concatenated() -> Verdict:
    """The sum over heads of z_h · W_O,h beside the module's answer; true where no number differs by more than 1e-9."""
    attention, x = _attention(), drawn(1, 5, 32)
    with listen(attention) as tape:
        answer = attention(x)
    parts = [z @ w.T for z, w in zip(tape["z"][0], attention.out.weight.chunk(4, dim=1), strict=True)]
    gap = _gap(sum(parts) + attention.out.bias, answer[0])  # type: ignore[arg-type]
    return holds(gap < 1e-9, f"largest difference {gap:.0e}", n=answer.numel())


@claim("without-output", "W_O can be removed", "BL-11", "FO-03")
def without_output() -> Verdict:
    """Folded into the values nothing changes (below 1e-9); left out, a head reaches only its own part of the stream."""
    attention, x = _attention(), drawn(1, 5, 32)
    with listen(attention) as tape:
        answer = attention(x)
    values = [v @ w.T for v, w in zip(tape["v"][0], attention.out.weight.chunk(4, dim=1), strict=True)]
    folded = (tape["weights"][0] @ torch.stack(values)).sum(0) + attention.out.bias
    reach = int((attention.out.weight[:, :8] != 0).any(1).sum())
    same = _gap(folded, answer[0]) < 1e-9
    figure = f"folded in: {4 * 32 * 32:,} numbers for {2 * 32 * 32:,}; left out: a head reaches 8 features, not {reach}"
    return partly((same, reach <= 8), figure)


@claim("masked-before", "The mask must stand before the softmax", "BL-22", "IT-35")
def masked_before() -> Verdict:
    """Sums of rows, masked before and after; true where before all are 1 to 1e-9 and after some are below 0.9."""
    scores = drawn(6, 6)
    before, after = softmax(scores, causal(6)).sum(-1), (scores.softmax(-1) * causal(6)).sum(-1)
    so = bool((before - 1).abs().max() < 1e-9 and after.min() < 0.9)
    return holds(so, f"masked after it, rows sum to {after.min():.2f} and more", n=6)


@claim("no-look-ahead", "With the triangle masked nothing of later words is seen", "BL-22", "IT-35")
def no_look_ahead() -> Verdict:
    """Every later word replaced, at each of 8 places; true where the answer does not change at all."""
    attention, x = _attention(), drawn(1, 8, 32)
    gaps = []
    for place in range(1, 8):
        other = torch.cat([x[:, :place], drawn(1, 8 - place, 32, seed=place)], dim=1)
        gaps.append(_gap(attention(other, mask=causal(8))[:, :place], attention(x, mask=causal(8))[:, :place]))
    return holds(max(gaps) == 0, f"changes by at most {max(gaps):.0e}", "causal (words replaced)", 7)


@claim("linear-in-values", "Once the weights are there, attention is linear", "BL-28")
def linear_in_values() -> Verdict:
    """weights · (2a + 3b) beside 2 · weights · a + 3 · weights · b, and the same of x itself; true, depends or false."""
    q, k, a, b = drawn(4, 5, 8)
    values = _gap(attend(q, k, 2 * a + 3 * b), 2 * attend(q, k, a) + 3 * attend(q, k, b))
    whole = _gap(plain(2 * a + 3 * b), 2 * plain(a) + 3 * plain(b))
    return holds(values < 1e-9 < whole, f"off by {values:.0e} in the values, by {whole:.1f} in x, where softmax bends")


@claim("same-at-each", "The feed-forward part does the same at each position, apart", "IT-08", "BL-16")
def same_at_each() -> Verdict:
    """All positions together beside each alone; true where no number differs by more than 1e-12."""
    mlp, x = MLP(32, 64).double(), drawn(1, 6, 32)
    alone = torch.cat([mlp(x[:, k : k + 1]) for k in range(6)], dim=1)
    return holds(_gap(mlp(x), alone) < 1e-12, f"largest difference {_gap(mlp(x), alone):.0e}", n=6)

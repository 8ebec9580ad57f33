"""Why the scores are divided by √d."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from glassformer.claims.claim import Verdict, alammar, bloem, claim, judged
from glassformer.parts.attention import dot, scaled_dot

PAPER = "Vaswani et al. 2017, Attention is all you need, section 3.2.1"
WIDTHS = (16, 64, 256, 1024)


def _spreads(match: Callable[[Tensor, Tensor], Tensor], width: int) -> float:
    q, k = torch.randn(64, width), torch.randn(64, width)
    return match(q, k).std().item()


@claim("SP-03 BL-09", "Dot products of width d spread like √d", PAPER, {"power": 1.0})
def dot_products_grow(power: float = 0.5) -> Verdict:
    spreads = {width: _spreads(dot, width) for width in WIDTHS}
    ratios = [spread / width**power for width, spread in spreads.items()]
    listed = ", ".join(f"{spread:.1f} at {width}" for width, spread in spreads.items())
    figure = (
        f"standard deviation of 4,096 products each: {listed}; over d^{power:g}: {min(ratios):.2f} to {max(ratios):.2f}"
    )
    numbers = {"least": min(ratios), "most": max(ratios)}
    return judged(
        max(ratios) / min(ratios) < 1.25, figure, "true where the ratios are within 25 % of each other", numbers, 4
    )


@claim("SP-03", "Divided by √d they spread like 1, whatever d is", PAPER, {"again": True})
def divided_they_spread_like_one(again: bool = False) -> Verdict:
    spreads = [_spreads(scaled_dot, width) / (width**0.5 if again else 1.0) for width in WIDTHS]
    figure = f"standard deviations at d = {WIDTHS}: {', '.join(f'{each:.2f}' for each in spreads)}"
    good = all(0.85 < each < 1.15 for each in spreads)
    return judged(good, figure, "true from 0.85 to 1.15", {"least": min(spreads), "most": max(spreads)}, 4)


@claim("BL-09", "A vector of k numbers c is √k · c long", bloem("Scaling the dot product, the aside"), {"power": 1.0})
def length_of_a_vector_of_c(power: float = 0.5) -> Verdict:
    pairs = [(k, c) for k in (2, 9, 64, 512) for c in (0.5, 3.0)]
    off = max(abs(torch.full((k,), c).norm().item() / (k**power * c) - 1) for k, c in pairs)
    figure = f"8 vectors: their length is k^{power:g} · c within {off:.1e} of itself"
    return judged(off < 1e-5, figure, "true within 1e-5", {"off": off}, 8)


@claim(
    "BL-09 SP-03",
    "Not divided, wide dot products drive softmax to where hardly any gradient passes",
    bloem("Scaling the dot product"),
    {"width": 2},
)
def saturation_kills_gradients(width: int = 512) -> Verdict:
    q, k = torch.randn(200, width), torch.randn(10, width)
    bare, divided = (_slope(match(q, k)) for match in (dot, scaled_dot))
    figure = (
        f"200 queries, 10 keys, {width} wide: mean slope of the softmax {bare:.3f} bare, {divided:.3f} divided by √d"
    )
    return judged(bare < divided / 4, figure, "true below a quarter", {"bare": bare, "divided": divided}, 200)


def _slope(scores: Tensor) -> float:
    """The mean over rows of Σ a(1 − a), the trace of the softmax's derivative: 0 where one weight is 1."""
    a = scores.softmax(dim=-1)
    return (a * (1 - a)).sum(dim=-1).mean().item()


@torch.no_grad()
def _largest(begin: str, divided: bool) -> float:
    """The mean largest weight of a head 64 wide, in a model 512 wide that has not learned yet."""
    x = nn.functional.layer_norm(torch.randn(20, 20, 512), (512,))
    spread = {"spread of q and k 1": 512**-0.5, "PyTorch's nn.Linear": (3 * 512) ** -0.5}[begin]
    q, k = (x @ (torch.randn(512, 64) * spread) for _ in range(2))
    return (scaled_dot if divided else dot)(q, k).softmax(dim=-1).amax(dim=-1).mean().item()


@claim(
    "SP-03 BL-09 IT-13",
    "Without the division learning begins saturated: one word has most of the weight from the start",
    alammar("step 3: more stable gradients"),
    {"divided": True},
)
def not_divided_it_begins_saturated(divided: bool = False) -> Verdict:
    begins = ("spread of q and k 1", "PyTorch's nn.Linear")
    largest = {begin: _largest(begin, divided) for begin in begins}
    listed = "; ".join(f"weights that begin with {begin}: {share:.2f}" for begin, share in largest.items())
    cases = {begin: share > 2 / 3 for begin, share in largest.items()}
    numbers = dict(largest)
    return judged(
        cases, f"mean largest weight of 20 words in 20 texts: {listed}", "saturated above two thirds", numbers, 800
    )

"""What stands beside self-attention: recurrence, convolution, masks that leave most pairs out, segments."""

import torch
from torch import Tensor, nn

from glassformer.claims.claim import Verdict, bloem, claim, judged
from glassformer.parts.attention import Attention, Memory
from glassformer.parts.mask import causal
from glassformer.parts.sparse import nearby_and_strided, nearby_and_summaries
from glassformer.parts.variants import Segments, transformer_xl


@claim(
    "BL-26 IT-09",
    "A recurrent network has to go word by word: the chain of steps grows with the text; attention's does not",
    bloem("Why transformers"),
    {"chained": "attention"},
)
def recurrence_is_a_chain(chained: str = "recurrent") -> Verdict:
    def steps(kind: str, length: int) -> int:
        x = torch.randn(1, length, 8)
        return _depth(_recurrent(x) if kind == "recurrent" else Attention(8, 2)(x))

    longer = {kind: steps(kind, 32) - steps(kind, 8) for kind in (chained, "attention")}
    figure = f"operations one after the other, 32 words minus 8 words: {chained} {longer[chained]}, attention "
    figure += f"{longer['attention']}"
    return judged(
        longer[chained] >= 24 and longer["attention"] == 0, figure, "true from one a word, and none", longer, 2
    )


def _recurrent(x: Tensor) -> Tensor:
    cell, state = nn.RNNCell(8, 8), torch.zeros(len(x), 8)
    for word in x.unbind(dim=1):
        state = cell(word, state)
    return state


def _depth(result: Tensor) -> int:
    """The longest chain of operations that autograd knows behind a tensor."""
    depths: dict[object, int] = {}
    waiting = [result.grad_fn]
    while waiting:
        node = waiting[-1]
        behind = [each for each, _ in node.next_functions if each is not None]  # type: ignore[union-attr]
        unknown = [each for each in behind if each not in depths]
        waiting += unknown
        if not unknown:
            depths[waiting.pop()] = 1 + max((depths[each] for each in behind), default=0)
    return depths[result.grad_fn]


@claim(
    "BL-27",
    "A convolution reaches only near words in one layer; attention reaches all",
    bloem("Why transformers"),
    {"kernel": 63},
)
@torch.no_grad()
def convolution_is_short_sighted(kernel: int = 3) -> Verdict:
    def reached(f: nn.Module, x: Tensor) -> int:
        moved = x.clone()
        moved[0, 16] += 1.0
        return int(((f(x) - f(moved)).abs().amax(dim=-1) > 0).sum())

    x = torch.randn(1, 33, 8)
    by_convolution = reached(_Along(nn.Conv1d(8, 8, kernel, padding=kernel // 2)), x)
    by_attention = reached(Attention(8, 2), x)
    figure = (
        f"of 33 words, one in the middle is heard by {by_convolution} (kernel {kernel}), by {by_attention} (attention)"
    )
    numbers = {"convolution": by_convolution, "attention": by_attention}
    return judged(by_convolution < 33 == by_attention, figure, "true where only attention reaches all", numbers, 33)


class _Along(nn.Module):
    """A convolution along the positions.  (b, n, w) → (b, n, w)."""

    def __init__(self, inside: nn.Conv1d):
        super().__init__()
        self.inside = inside

    def forward(self, x: Tensor) -> Tensor:
        return self.inside(x.mT).mT


@claim(
    "BL-34",
    "A sparse pattern looks at some n·√n of the n² pairs",
    bloem("Modern transformers: sparse"),
    {"pattern": "all before"},
)
def sparse_is_n_root_n(pattern: str = "strided") -> Verdict:
    counts = {n: int(_pattern(pattern, n).sum()) for n in (64, 256, 1024)}
    ratios = [count / n**1.5 for n, count in counts.items()]
    listed = ", ".join(f"{count:,} of {n**2:,}" for n, count in counts.items())
    figure = f"{pattern}: {listed}; over n·√n: {min(ratios):.2f} to {max(ratios):.2f}"
    return judged(
        max(ratios) / min(ratios) < 1.3,
        figure,
        "true where the ratios are within 30 %",
        {"least": min(ratios), "most": max(ratios)},
        3,
    )


def _pattern(name: str, n: int) -> Tensor:
    return causal(n) if name == "all before" else nearby_and_strided(round(n**0.5), n)


@claim(
    "BL-34",
    "What a position cannot look at it learns of a layer later: the receptive field grows with depth",
    bloem("Modern transformers: sparse"),
    {"layers": 1},
)
def receptive_field_grows(layers: int = 2) -> Verdict:
    shares = {}
    for name, mask in (("strided", nearby_and_strided(8, 64)), ("summaries", nearby_and_summaries(8, 64))):
        reached = torch.linalg.matrix_power(mask.double(), layers) > 0
        shares[name] = (reached.sum() / causal(64).sum()).item()
    figure = f"after {layers} layer{'s' * (layers > 1)}: "
    figure += f"{', '.join(f'{name} {share:.0%}' for name, share in shares.items())} of all before"
    return judged(min(shares.values()) == 1, figure, "true where all are reached", shares, 2)


@claim(
    "BL-33",
    "Transformer-XL reads the segment before, but no gradient goes back into it",
    bloem("Modern transformers: Transformer-XL"),
    {"memory": "memory"},
)
def no_gradient_into_the_segment_before(memory: str = "segments") -> Verdict:
    part = transformer_xl(16, 2) if memory == "segments" else Attention(16, 2)
    kept = Segments(8) if memory == "segments" else Memory()
    before, now = torch.randn(1, 4, 16, requires_grad=True), torch.randn(1, 4, 16, requires_grad=True)
    alone = part(now)
    part(before, memory=kept)
    together = part(now, memory=kept)
    together.sum().backward()
    read = (together - alone).abs().max().item()
    back = 0.0 if before.grad is None else before.grad.abs().max().item()
    figure = f"the segment before moves the answer by {read:.2f}; the gradient that reaches it: {back:.1e}, this "  # type: ignore[union-attr]
    figure += f"one: {now.grad.abs().max():.1e}"  # type: ignore[union-attr]
    return judged(
        read > 0.001 and back == 0, figure, "true where it is read and gets 0", {"moved": read, "gradient": back}, 4
    )

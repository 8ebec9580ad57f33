"""Norms, the stream, what is linear, and who looks at whom."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from glassformer.claims.claim import Verdict, alammar, bloem, claim, judged
from glassformer.claims.drawn import SAME, apart, loud, mixes, stack
from glassformer.explain.reader import read
from glassformer.parts.attention import Attention, attend
from glassformer.parts.block import MLP, Block, LayerNorm, PostNormBlock, PreNormBlock
from glassformer.parts.mask import causal
from glassformer.tape import listen
from glassformer.train.reverse import drawn, framed

KINDS: dict[str, type[Block]] = {"post-norm": PostNormBlock, "pre-norm": PreNormBlock}
NONLINEAR = ("softmax", "relu", "norm")


@claim(
    "BL-02 BL-15 IT-07 IT-08",
    "Only self-attention carries anything from one position to another; norm and MLP work on each alone",
    bloem("Self-attention"),
    {"mixing": ("attention", "MLP")},
)
@torch.no_grad()
def only_attention_mixes_positions(mixing: tuple[str, ...] = ("attention",)) -> Verdict:
    parts: Mapping[str, nn.Module] = {"attention": Attention(16, 2), "MLP": MLP(16, 32), "norm": LayerNorm(16)}
    moved = {name: mixes(part, torch.randn(1, 6, 16)) for name, part in parts.items()}
    figure = "; ".join(f"{name}: others move by {each:.1e}" for name, each in moved.items())
    found = {name for name, each in moved.items() if each > 0}
    return judged(found == set(mixing), f"one of 6 positions is changed. {figure}", "0 is no influence", moved, 3)


@claim(
    "BL-28",
    "But for softmax, ReLU and layer norm a block is linear",
    bloem("Why transformers"),
    {"fixed": ("relu", "norm")},
)
@torch.no_grad()
def a_block_is_nearly_linear(fixed: tuple[str, ...] = NONLINEAR) -> Verdict:
    block, x = loud(PreNormBlock(Attention(16, 2), MLP(16, 32))), torch.randn(1, 6, 16)
    run = _fixed(block, x, fixed)
    a, b = torch.randn(1, 6, 16), torch.randn(1, 6, 16)
    off = apart(run(x + a + b) + run(x), run(x + a) + run(x + b))
    figure = f"with {', '.join(fixed)} held as they were, f(x+a+b) + f(x) and f(x+a) + f(x+b) are apart by {off:.1e}"
    return judged(off < 1e-3, figure, "linear within 1e-3", {"apart": off}, 96)


def _fixed(block: nn.Module, x: Tensor, fixed: tuple[str, ...]) -> Callable[[Tensor], Tensor]:
    """The block, with what is not linear in it held as it was on x: weights, which ReLUs were open, each spread."""
    with listen(block) as tape:
        block(x)
    edit: dict[str, Callable[[Tensor], Tensor]] = {}
    if "softmax" in fixed:
        edit["attention.weights"] = lambda _: tape["attention.weights"]
    if "norm" in fixed:
        for name in ("attention_norm", "mlp_norm"):
            edit |= _spread_held(name, tape[f"{name}.centred"], tape[f"{name}.normalised"])
    opened = tape["mlp.hidden"] > 0
    block.mlp.activation = (lambda y: y * opened) if "relu" in fixed else torch.relu  # type: ignore[union-attr]

    def run(x: Tensor) -> Tensor:
        with listen(block, (), edit):
            return block(x)

    return run


def _spread_held(name: str, centred: Tensor, normalised: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
    times, now = (normalised.norm(dim=-1, keepdim=True) / centred.norm(dim=-1, keepdim=True)), []

    def hear(value: Tensor) -> Tensor:
        now.append(value)
        return value

    return {f"{name}.centred": hear, f"{name}.normalised": lambda _: now[-1] * times}


@claim(
    "IT-30 IT-32 BL-16",
    "The stream behind the blocks is what was embedded plus all that attentions and MLPs gave",
    alammar("The residuals"),
    {"kinds": ("pre-norm",)},
)
@torch.no_grad()
def the_stream_is_a_sum(kinds: tuple[str, ...] = tuple(KINDS)) -> Verdict:
    off = {name: _beyond_the_sum(KINDS[name]) for name in kinds}
    figure = "; ".join(f"{name}: apart by {each:.1e}" for name, each in off.items())
    return judged(
        {name: each < 1e-4 for name, each in off.items()}, f"4 blocks. {figure}", "true within 1e-4", off, len(kinds)
    )


def _beyond_the_sum(kind: type[Block]) -> float:
    layers, x = stack(4, kind=kind), torch.randn(2, 5, 32)
    with listen(layers, ("*.mixed", "*.mlp.out")) as tape:
        return apart(layers(x), x + sum(tape.values()))


@claim(
    "IT-31 BL-16",
    "Behind a norm that has not learned, every position has mean 0 and variance 1",
    alammar("The residuals"),
    {"unbiased": True},
)
@torch.no_grad()
def a_norm_gives_mean_and_variance(unbiased: bool = False) -> Verdict:
    out = LayerNorm(8)(torch.randn(100, 8) * 5 + 3)
    mean, variance = out.mean(dim=-1).abs().max().item(), out.var(dim=-1, correction=int(unbiased))
    figure = f"100 vectors of 8: means within {mean:.1e}, variances {variance.min():.3f} to {variance.max():.3f}"
    figure += f" (divided by {8 - unbiased})"
    good = mean < SAME and (variance - 1).abs().max().item() < 0.01
    return judged(good, figure, "true within 0.01", {"mean": mean, "variance": variance.mean()}, 100)


@claim(
    "BL-16",
    "Where the norm stands is a matter of taste: the stream behind it is on one scale in any case",
    bloem("The block: the order is not set in stone"),
    {"kinds": ("post-norm",)},
)
@torch.no_grad()
def any_order_of_norms_keeps_one_scale(kinds: tuple[str, ...] = tuple(KINDS)) -> Verdict:
    spread = {name: loud(stack(12, kind=KINDS[name]), 0.2)(torch.randn(4, 9, 32)).std().item() for name in kinds}
    figure = "; ".join(f"{name}: {each:.2f}" for name, each in spread.items())
    cases = {name: 0.7 < each < 1.4 for name, each in spread.items()}
    return judged(
        cases, f"standard deviation behind 12 blocks: {figure}", "one scale from 0.7 to 1.4", spread, len(kinds)
    )


@claim(
    "IT-04 IT-03", "Blocks have one structure and weights of their own", alammar("A high-level look"), {"shared": True}
)
@torch.no_grad()
def blocks_do_not_share_weights(shared: bool = False) -> Verdict:
    layers = read("sentiment").model.layers
    first, second = (layers[0], layers[0]) if shared else layers  # type: ignore[index,misc]
    pairs = list(zip(first.parameters(), second.parameters(), strict=True))  # type: ignore[union-attr]
    alike = all(a.shape == b.shape for a, b in pairs)
    differ = sum(apart(a, b) > 0 for a, b in pairs)
    figure = f"`sentiment`, two blocks: {len(pairs)} tensors, {'all' if alike else 'not all'} of the same "
    figure += f"shapes; {differ} differ"
    return judged(
        alike and differ == len(pairs),
        figure,
        "true where all shapes agree and all numbers differ",
        {"differ": differ},
        len(pairs),
    )


@claim(
    "IT-02 IT-03 IT-05 IT-32 IT-33 IT-35",
    "Every decoder block takes its keys and values from the top of the encoder, its queries from below",
    alammar("The decoder side"),
    {"source": "encoder.layers.0.stream"},
)
@torch.no_grad()
def decoders_read_the_top_of_the_encoder(source: str = "encoder.final") -> Verdict:
    model, (read_, written, _) = read("reverse").model, framed(drawn(8, 8, apart=True))
    with listen(model) as tape:
        model(written, memory=model.read(read_))  # type: ignore[operator]
    off = 0.0
    for at, block in enumerate(model.layers):  # type: ignore[arg-type]
        cross: Attention = block.cross  # type: ignore[union-attr]
        q = cross.q(tape[f"layers.{at}.between"]).unflatten(-1, (cross.heads, -1)).transpose(1, 2)
        k, v = cross.read(tape[source])
        heard = (tape[f"layers.{at}.cross.{name}"] for name in "qkv")
        off = max(off, *(apart(a, b) for a, b in zip(heard, (q, k, v), strict=True)))
    figure = f"`reverse`, q, k, v of each look at the source made again from {source}: apart by {off:.1e}"
    return judged(off < 1e-4, figure, "true within 1e-4", {"apart": off}, 8)


@claim(
    "IT-35 BL-22",
    "−∞ above the diagonal (offset 1) before the softmax hides exactly what comes later",
    bloem("Generating text"),
    {"offset": 2},
)
def minus_infinity_hides_the_future(offset: int = 1) -> Verdict:
    hidden = torch.zeros(7, 7).index_put(tuple(torch.triu_indices(7, 7, offset)), torch.tensor(-torch.inf))
    q, k, v = (torch.randn(1, 7, 8) for _ in range(3))
    weights = (q @ k.mT / 8**0.5 + hidden).softmax(dim=-1)
    leak = weights[0].triu(1).max().item()
    off = apart(weights @ v, attend(q, k, v, causal(7)))
    figure = f"offset {offset}: the largest weight on a later position is {leak:.2f}; beside our causal mask: "
    figure += f"apart by {off:.1e}"
    return judged(
        leak == 0 and off < SAME, figure, f"true where nothing leaks, within {SAME}", {"leak": leak, "apart": off}, 21
    )


@claim(
    "IT-35",
    "The mask has to stand before the softmax: zeros set after it are something else",
    alammar("The decoder side"),
    {"again": True},
)
def masks_stand_before_the_softmax(again: bool = False) -> Verdict:
    q, k, v = (torch.randn(1, 7, 8) for _ in range(3))
    weights = (q @ k.mT / 8**0.5).softmax(dim=-1).tril()
    total = weights.sum(dim=-1, keepdim=True)
    off = apart((weights / total if again else weights) @ v, attend(q, k, v, causal(7)))
    figure = (
        f"rows sum to {total.min():.2f} at least{', divided by their sums' * again}; the answers are apart by {off:.1e}"
    )
    return judged(off > 0.01, figure, "true where they are apart by 0.01", {"apart": off, "least sum": total.min()}, 7)

"""Losses, gradients, and numbers of two bytes."""

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from glassformer.claims.arithmetic import PRINTED
from glassformer.claims.claim import Verdict, alammar, bert, bloem, claim, former, judged
from glassformer.claims.drawn import SAME, apart, small
from glassformer.models.bert import BertConfig, begin
from glassformer.models.heads import CausalLanguageModel, MaskedLanguageModel
from glassformer.models.losses import cross_entropy
from glassformer.models.rates import warmed
from glassformer.parts.kernels.linear import Linear
from glassformer.train.big import accumulate, asked, divided, recompute
from glassformer.train.weighed import kept, own

LOSS = alammar("The loss function")
MERCI = (0.2, 0.2, 0.1, 0.2, 0.2, 0.1)


@claim(
    "IT-39 IT-46 IT-38",
    "Two distributions are compared by subtracting one from the other",
    LOSS,
    {"meant": ("the gradient of the cross-entropy",)},
)
def distributions_are_subtracted(
    meant: tuple[str, ...] = ("the gradient of the cross-entropy", "a number to make small"),
) -> Verdict:
    logits, right = torch.tensor(MERCI, dtype=torch.float64).log(), 3
    difference = logits.softmax(-1) - nn.functional.one_hot(torch.tensor(right), 6)
    steps = [_slope_of_loss(logits, right, at) for at in range(6)]
    off, total = apart(difference, torch.tensor(steps, dtype=torch.float64)), difference.sum().item()
    cases = {"the gradient of the cross-entropy": off < 1e-6, "a number to make small": abs(total) > 1e-9}
    figure = f"p − y is the slope of −log p along the logits within {off:.1e} (finite differences)"
    figure += f"; as a number it is {abs(total):.1e}, whatever is predicted: both sum to 1"
    return judged(
        {name: cases[name] for name in meant},
        figure,
        "true within 1e-6; a loss must not be 0 always",
        {"off": off, "sum": total},
        6,
    )


def _slope_of_loss(logits: Tensor, right: int, at: int, step: float = 1e-5) -> float:
    move = step * nn.functional.one_hot(torch.tensor(at), 6)
    up, down = (-(logits + way * move).log_softmax(-1)[right] for way in (1, -1))
    return ((up - down) / (2 * step)).item()


@claim(
    "IT-39",
    "Cross-entropy and Kullback–Leibler divergence teach the same",
    LOSS,
    {"asked": "values"},
)
def cross_entropy_and_kl_teach_the_same(asked: str = "gradients") -> Verdict:
    logits, target = torch.randn(20, 6, dtype=torch.float64, requires_grad=True), torch.rand(20, 6).double().softmax(-1)
    crossed = -(target * logits.log_softmax(-1)).sum()
    divergence = nn.functional.kl_div(logits.log_softmax(-1), target, reduction="sum")
    gradients = [torch.autograd.grad(each, logits)[0] for each in (crossed, divergence)]
    by_value, by_gradient = (crossed - divergence).abs().item() / 20, apart(*gradients)
    off = by_gradient if asked == "gradients" else by_value
    figure = f"20 soft targets: values apart by {by_value:.2f} (the targets' entropy), gradients by {by_gradient:.1e}"
    return judged(off < 1e-9, figure, "true within 1e-9", {"values": by_value, "gradients": by_gradient}, 20)


@claim("IT-37 IT-40", "Of a one-hot target cross-entropy keeps −log of what the right word got", LOSS, {"base": 2.0})
def one_hot_keeps_the_right_word(base: float = math.e) -> Verdict:
    shares, right = torch.tensor(PRINTED, dtype=torch.float64), torch.tensor([2, 1, 0, 4, 5])
    logits = (shares / shares.sum(dim=1, keepdim=True)).log()
    by_hand = -(logits.gather(1, right[:, None]) / math.log(base)).mean().item()
    loss = cross_entropy(logits, right).item()
    figure = f"the five printed rows, each over its sum: loss {loss:.4f}, by hand {by_hand:.4f}"
    return judged(abs(loss - by_hand) < 1e-9, figure, "true within 1e-9", {"loss": loss, "by hand": by_hand}, 5)


@claim(
    "IT-36",
    "The likeliest word can be read off the logits: softmax and log keep their order",
    alammar("The final linear and softmax layer"),
    {"temperature": -1.0},
)
def the_likeliest_needs_no_softmax(temperature: float = 1.0) -> Verdict:
    logits = torch.randn(200, 10_000)
    same = (logits.argmax(-1) == (logits / temperature).log_softmax(-1).argmax(-1)).float().mean().item()
    return judged(
        same == 1, f"200 rows of 10,000 logits: the same word in {same:.0%}", "true where always", {"same": same}, 200
    )


@claim(
    "BL-21 BL-30 IT-34",
    "One pass over a text trains every position, each as if only what stands before it were there",
    bloem("Generating text"),
    {"looks_ahead": True},
)
@torch.no_grad()
def one_pass_trains_every_position(looks_ahead: bool = False) -> Verdict:
    kind = MaskedLanguageModel if looks_ahead else CausalLanguageModel
    model, ids = kind(small(decoder=not looks_ahead, spread=0.3)).eval(), torch.randint(1, 50, (3, 9))
    together = model(ids)
    off = max(apart(together[:, n - 1], model(ids[:, :n])[:, -1]) for n in range(1, 10))
    return judged(off < 1e-4, f"9 prefixes of 3 texts: apart by {off:.1e}", "true within 1e-4", {"apart": off}, 27)


@claim(
    "BL-37", "Gradients of parts of a batch add up to the gradient of the batch", bloem("Going big"), {"zeroed": False}
)
def gradients_of_parts_add_up(zeroed: bool = True) -> Verdict:
    model, ids = CausalLanguageModel(small(decoder=True)), torch.randint(1, 50, (8, 9))
    ids[4:, 6:] = -100  # the last two parts are shorter: a mean of means would be another number
    labels, ids = ids, ids.clamp(min=0)
    whole = _gradient(model, lambda: model.loss(model(ids), labels).backward())
    if zeroed:
        model.zero_grad()
    parts = divided((ids, labels), 4)
    by_parts = _gradient(
        model, lambda: accumulate(parts, lambda p: model.loss(model(p[0]), p[1]), lambda p: asked(p[1][:, 1:]))
    )
    off = (apart(whole, by_parts) / whole.abs().max()).item()  # type: ignore[union-attr]
    figure = f"4 parts of 8 texts{'' if zeroed else ', the gradient before not set to zero'}: apart by {off:.1e} "
    figure += "of the largest"
    return judged(off < 1e-4, figure, "true within 1e-4", {"apart": off}, 4)


def _gradient(model: nn.Module, run: Callable[[], object]) -> Tensor:
    run()
    return torch.cat([w.grad.flatten() for w in model.parameters() if w.grad is not None])


@claim(
    "BL-38 HB-09 HB-24",
    "Computed again on the way back, blocks have the same gradients, dropout included",
    bloem("Going big"),
    {"seeds": (0, 1)},
)
def computed_again_gradients_are_the_same(seeds: tuple[int, int] = (0, 0)) -> Verdict:
    model, ids = CausalLanguageModel(small(decoder=True, dropout=0.2)).train(), torch.randint(1, 50, (4, 9))
    found = []
    for again, seed in zip((False, True), seeds, strict=True):
        twin = copy.deepcopy(model)
        recompute(twin, again)
        torch.manual_seed(seed)
        found.append(_gradient(twin, lambda twin=twin: twin.loss(twin(ids), ids).backward()))
    off = apart(*found)
    return judged(
        off == 0,
        f"kept beside computed again: apart by {off:.1e}",
        "true where the bits are the same",
        {"apart": off},
        len(found[0]),
    )


@claim("BL-36", "Numbers of two bytes halve what a model has to keep", bloem("Going big"), {"to": 0.8})
def two_bytes_halve_the_memory(to: float = 0.55) -> Verdict:
    model, ids = CausalLanguageModel(small(decoder=True, width=64, hidden=256)), torch.randint(1, 50, (8, 32))
    full, _ = kept(lambda: model(ids), [*own(model), ids])
    with torch.autocast("cpu", torch.bfloat16):
        short, _ = kept(lambda: model(ids), [*own(model), ids])
    share = short / full
    figure = f"kept for the way back: {full:,} bytes, {short:,} where matrices are multiplied in bfloat16: {share:.0%}"
    return judged(share <= to, figure, f"true up to {to:.0%}", {"share": share}, 2)


@claim(
    "BL-36",
    "Numbers of two bytes lose small gradients",
    "Micikevicius et al. 2018, Mixed precision training, section 3.2",
    {"formats": ("float16",)},
)
def two_bytes_lose_small_gradients(formats: tuple[str, ...] = ("float16", "bfloat16")) -> Verdict:
    gradients = 10.0 ** torch.linspace(-12, -2, 101)
    lost = {name: (gradients.to(getattr(torch, name)) == 0).float().mean().item() for name in formats}
    figure = ", ".join(f"{name} {share:.0%}" for name, share in lost.items())
    return judged(
        {name: share > 0 for name, share in lost.items()},
        f"of 101 gradients from 1e-12 to 1e-2 become 0: {figure}",
        "lost where it becomes 0",
        lost,
        101,
    )


@claim(
    "FO-11 FO-12",
    "With a warm-up the steps grow until it is over, then shrink",
    f"{former('experiments')}; Vaswani et al. 2017, equation 3",
    {"peak": 8000},
)
def steps_grow_until_warm_up_is_over(peak: int = 4000) -> Verdict:
    rates = [warmed(step, 512) for step in range(1, 20_001)]
    found = 1 + rates.index(max(rates))
    figure = f"of 20,000 steps the longest is step {found:,}, {max(rates):.1e}"
    return judged(found == peak, figure, f"true where it is step {peak:,}", {"longest": found}, 20_000)


@claim(
    "HB-12",
    "BERT's first weights are from a plain normal distribution of spread 0.02, not one cut at two spreads",
    bert("_init_weights"),
    {"cut": True},
)
@torch.no_grad()
def first_weights_are_not_cut(cut: bool = False) -> Verdict:
    weight = begin(Linear(400, 400), BertConfig().spread).weight
    if cut:
        nn.init.trunc_normal_(weight, std=0.02, a=-0.04, b=0.04)
    beyond, spread = (weight.abs() > 0.04).float().mean().item(), weight.std().item()
    figure = f"160,000 weights: spread {spread:.4f}, {beyond:.1%} beyond two spreads (4.6 % in a normal distribution)"
    good = abs(spread - 0.02) < 0.001 and 0.04 < beyond < 0.05
    return judged(good, figure, "true from 4 to 5 %", {"beyond": beyond, "spread": spread}, 160_000)


@claim(
    "BL-31", "BERT's guess at a masked word is from both sides", bloem("Modern transformers: BERT"), {"decoder": True}
)
@torch.no_grad()
def a_masked_word_is_seen_from_both_sides(decoder: bool = False) -> Verdict:
    kind = CausalLanguageModel if decoder else MaskedLanguageModel
    model, ids = kind(small(decoder=decoder, spread=0.3)).eval(), torch.randint(1, 50, (1, 9))
    said, moved = model(ids)[:, 4], {}
    for name, at in (("before", 2), ("behind", 6)):
        other = ids.clone()
        other[0, at] = (other[0, at] + 7) % 50
        moved[name] = apart(model(other)[:, 4], said)
    figure = f"another word before it moves the logits by {moved['before']:.2f}, one behind it by {moved['behind']:.2f}"
    return judged(min(moved.values()) > SAME, figure, f"true where both are above {SAME}", moved, 2)

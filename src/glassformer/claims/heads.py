"""Several soft dictionaries side by side: what they cost, what they can, and what W_O is for."""

import torch
from torch import Tensor, nn

from glassformer.claims.claim import Verdict, alammar, bloem, claim, judged
from glassformer.claims.drawn import SAME, apart
from glassformer.explain.reader import read
from glassformer.parts.attention import Attention, attend, wide
from glassformer.parts.variants import VARIANTS
from glassformer.tape import listen

NARROW = bloem("Multi-head: narrow and wide")
MADE = {"narrow": Attention, "wide": wide}


def _count(part: nn.Module, *names: str) -> int:
    """Weights of the maps named, without their biases."""
    return sum(part.get_parameter(f"{name}.weight").numel() for name in names)


@claim(
    "BL-11",
    "Narrow heads need 3k² weights for q, k and v, as many as one head, and W_O k² more",
    NARROW,
    {"kind": "wide"},
)
def narrow_heads_cost_as_one(kind: str = "narrow") -> Verdict:
    made = {heads: MADE[kind](256, heads) for heads in (1, 2, 4, 8)}
    looks = {heads: _count(part, "q", "k", "v") for heads, part in made.items()}
    out = {_count(part, "out") for part in made.values()}
    figure = f"k = 256, {kind}: {', '.join(f'{count:,} with {heads}' for heads, count in looks.items())}; 3k² = "
    figure += f"{3 * 256**2:,}"
    good = set(looks.values()) == {3 * 256**2} and out == {256**2}
    return judged(good, f"{figure}; W_O {min(out):,}", "true where all are 3k² and k²", {"with 8": looks[8]}, 4)


@claim("BL-11", "With k = 256 and 4 heads each head's maps are 256 × 64", NARROW, {"heads": 8})
def a_narrow_heads_map(heads: int = 4) -> Verdict:
    part = Attention(256, heads)
    one = part.q.weight.unflatten(0, (heads, -1))[0].T
    figure = f"{heads} heads: {one.size(0)} × {one.size(1)}"
    return judged(tuple(one.shape) == (256, 64), figure, "true where it is 256 × 64", {"width": one.size(1)}, 3)


@claim("BL-10 BL-13 FO-05", "Wide heads cost as many times more as there are heads", NARROW, {"kind": "narrow"})
def wide_heads_cost_more(kind: str = "wide") -> Verdict:
    times = {h: _count(MADE[kind](128, h), "q", "k", "v") / _count(Attention(128, 1), "q", "k", "v") for h in (2, 4, 8)}
    figure = ", ".join(f"{heads} heads: × {each:g}" for heads, each in times.items())
    return judged(
        all(h == each for h, each in times.items()), f"{kind}: {figure}", "true where × heads", {"of 8": times[8]}, 3
    )


@claim(
    "BL-13 FO-03 FO-02 FO-04 FO-05",
    "The variants of the code are one computation, and differ only in how their weights are stored",
    "former (Bloem 2019), modules.py; its threads 8 and 13",
    {"names": ("default", "gpt2")},
)
def variants_are_one_function(names: tuple[str, ...] = ("default", "gpt2", "wide", "narrow")) -> Verdict:
    counts = {name: sum(w.numel() for w in VARIANTS[name](64, 4).parameters()) for name in names}
    figure = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    holds = {name: count == counts["default"] for name, count in counts.items()}
    return judged(
        holds, f"weights, k = 64, 4 heads: {figure}", "one function has one number of free weights", counts, len(names)
    )


@claim(
    "BL-12", "Three k × k products, then cut into heads, give what separate small maps give", NARROW, {"cut": "strided"}
)
@torch.no_grad()
def three_products_then_slices(cut: str = "blocks") -> Verdict:
    part, x = Attention(32, 4), torch.randn(2, 5, 32)
    rows = part.q.weight.unflatten(0, (4, 8)) if cut == "blocks" else part.q.weight.unflatten(0, (8, 4)).transpose(0, 1)
    bias = part.q.bias.unflatten(0, (4, 8)) if cut == "blocks" else part.q.bias.unflatten(0, (8, 4)).T
    with listen(part, "q") as tape:
        part(x)
    off = max(apart(tape["q"][:, h], x @ rows[h].T + bias[h]) for h in range(4))
    return judged(
        off < SAME, f"4 heads, maps cut in {cut}: apart by {off:.1e}", f"true within {SAME}", {"apart": off}, 4
    )


@claim(
    "IT-21 IT-22",
    "Joining the heads and multiplying by W_O adds up what each head gives through its own part of W_O",
    alammar("Multi-head, step 5"),
    {"heads": 3},
)
@torch.no_grad()
def joined_is_a_sum_over_heads(heads: int = 4) -> Verdict:
    part, x = Attention(32, 4), torch.randn(2, 5, 32)
    with listen(part, ("z", "mixed")) as tape:
        part(x)
    parts = part.out.weight.unflatten(1, (4, 8))  # w h d
    each = torch.einsum("bhid, whd -> hbiw", tape["z"], parts)
    off = apart(tape["mixed"], each[:heads].sum(dim=0) + part.out.bias)
    return judged(
        off < SAME, f"the sum over {heads} of 4 heads: apart by {off:.1e}", f"true within {SAME}", {"apart": off}, 10
    )


@claim(
    "BL-14",
    "Heads have to be transposed before they are folded into the batch",
    bloem("The full module"),
    {"transposed": True},
)
@torch.no_grad()
def folding_needs_a_transpose(transposed: bool = False) -> Verdict:
    q, k, v = (torch.randn(2, 5, 4, 8) for _ in range(3))  # b n h d
    right = torch.stack([attend(q[:, :, h], k[:, :, h], v[:, :, h]) for h in range(4)], dim=1)  # b h n d
    folded = [(x.transpose(1, 2) if transposed else x).reshape(8, 5, 8) for x in (q, k, v)]
    off = apart(attend(*folded).view(2, 4, 5, 8), right)  # type: ignore[arg-type]
    how = "transposed first" if transposed else "as they lie"
    figure = f"folded {how}, beside each head alone: apart by {off:.1e}"
    return judged(off > 0.01, figure, "true where they are apart by 0.01", {"apart": off}, 8)


@claim(
    "BL-11",
    "W_O can be removed",
    bloem("Multi-head, the question whether anybody has left it out"),
    {"values": ("values as wide as the model",)},
)
@torch.no_grad()
def w_o_can_be_removed(
    values: tuple[str, ...] = ("values as wide as the model", "values as narrow as they were"),
) -> Verdict:
    part, x, heads = Attention(32, 4), torch.randn(3, 6, 32), 4
    with listen(part, "weights") as tape:
        whole = part(x)
    out, v = part.out.weight.unflatten(1, (4, 8)), part.v.weight.unflatten(0, (4, 8))  # w h d, h d w
    folded = torch.einsum("whd, hdu -> hwu", out, v)  # each head's values, as wide as the model
    constant = part.out.weight @ part.v.bias + part.out.bias  # each row of weights sums to 1
    off = apart((tape["weights"] @ torch.einsum("bnu, hwu -> bhnw", x, folded)).sum(dim=1) + constant, whole)
    reach = _reached(heads) / 32
    cases = {"values as wide as the model": off < SAME, "values as narrow as they were": reach == 1}
    figure = f"folded into v the numbers differ by {off:.1e}, for {folded.numel():,} weights instead of {2 * 32**2:,}"
    figure += f"; without either a head reaches {reach:.0%} of the stream's coordinates"
    numbers = {"apart": off, "folded": folded.numel(), "with W_O": 2 * 32**2, "reach": reach}
    return judged(
        {name: cases[name] for name in values}, figure, f"true within {SAME}, and where every head reaches all", numbers
    )


def _reached(heads: int) -> int:
    """On how many of 32 coordinates the first head has an influence, where heads merely stand side by side."""
    part, x = VARIANTS["narrow"](32, heads), torch.randn(1, 6, 32)
    silent = torch.ones(1, heads, 1, 1)
    silent[:, 0] = 0
    with listen(part, (), {"z": lambda z: z * silent}):
        without = part(x)
    return int(((part(x) - without).abs().amax(dim=(0, 1)) > 1e-7).sum())


@claim(
    "BL-10",
    "One head can weigh two words differently, but treats alike what it weighs alike; several heads need not",
    bloem("Multi-head: mary gave roses to susan"),
    {"heads": (2, 2)},
)
@torch.no_grad()
def one_head_treats_alike(heads: tuple[int, int] = (1, 2)) -> Verdict:
    moved = [_exchanged(each) for each in heads]
    figure = f"two words with equal mean weight exchange their values: heads {heads[0]}: moved by "
    figure += f"{moved[0]:.1e}; heads {heads[1]}: by {moved[1]:.2f}"
    good = moved[0] < SAME < 0.01 < moved[1]
    return judged(
        good, figure, "true where the first stays and the second does not", {"first": moved[0], "second": moved[1]}, 2
    )


def _exchanged(heads: int) -> float:
    """How far the answer moves when mary and susan change places: each head likes one; the mean weights are ½."""
    likes = torch.tensor([[0.5, 0.5]]) if heads == 1 else torch.tensor([[0.9, 0.1], [0.1, 0.9]])
    values, maps = torch.randn(2, 16), torch.randn(heads, 16, 16) / 4
    mixed = [sum(w @ v @ m for w, m in zip(likes, maps, strict=True)) for v in (values, values.flip(0))]
    return apart(*mixed)  # type: ignore[arg-type]


@claim(
    "IT-20",
    "Heads that begin with the same weights stay the same: only a random beginning makes them differ",
    alammar("Multi-head: each set is initialised randomly"),
    {"noise": 0.05},
)
def heads_that_begin_alike_stay_alike(noise: float = 0.0) -> Verdict:
    part = Attention(16, 2)
    with torch.no_grad():
        for weight, axis in ((part.q.weight, 0), (part.k.weight, 0), (part.v.weight, 0), (part.out.weight, 1)):
            first, second = weight.unflatten(axis, (2, 8)).unbind(axis)
            second.copy_(first + noise * torch.randn_like(first))
        for reader in (part.q, part.k, part.v):
            reader.bias.zero_()
    x, wanted, pace = torch.randn(20, 5, 16), torch.randn(20, 5, 16), torch.optim.SGD(part.parameters(), 0.5)
    for _ in range(30):
        pace.zero_grad()
        (part(x) - wanted).square().mean().backward()
        pace.step()
    off = apart(*part.q.weight.detach().unflatten(0, (2, 8)))
    figure = f"30 steps after beginning {'alike' if not noise else f'{noise} apart'}: q of the two heads is "
    figure += f"apart by {off:.1e}"
    return judged(off < SAME, figure, f"true within {SAME}", {"apart": off}, 30)


@claim(
    "IT-19 SP-05 IT-20", "Heads read subspaces of their own", alammar("Multi-head, the second reason"), {"most": 0.02}
)
@torch.no_grad()
def heads_have_subspaces(most: float = 0.5) -> Verdict:
    shared, bases = [], []
    for block in read("sentiment").model.layers:  # type: ignore[union-attr]
        values = block.attention.v.weight  # type: ignore[union-attr]
        bases = [torch.linalg.qr(rows.T).Q for rows in values.unflatten(0, (4, -1))]
        shared += [_overlap(bases[i], bases[j]) for i in range(4) for j in range(i)]
    mean, chance = sum(shared) / len(shared), bases[0].size(1) / bases[0].size(0)
    figure = (
        f"12 pairs of heads of `sentiment`: their values share {mean:.2f} of their subspaces ({chance:.2f} by chance)"
    )
    return judged(mean < most, figure, f"true below {most}", {"shared": mean, "chance": chance}, len(shared))


def _overlap(a: Tensor, b: Tensor) -> float:
    return ((a.T @ b).square().sum() / a.size(1)).item()

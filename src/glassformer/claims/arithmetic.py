"""Numbers that can be checked on paper."""

import math

import torch

from glassformer.claims import Verdict, claim, holds, partly
from glassformer.models.losses import cross_entropy
from glassformer.parts.attention import Attention, attend, wide
from glassformer.parts.embed import Placed, halves, interleaved
from glassformer.train.memory import layers_that_fit, matrix

PRINTED = torch.tensor([[0, 0, 1, 1], [0.84, 0.0001, 0.54, 1], [0.91, 0.0002, -0.42, 1]])
TRAINED = (  # over a, am, I, thanks, student, <eos>
    (0.01, 0.02, 0.93, 0.01, 0.03, 0.01),
    (0.01, 0.8, 0.1, 0.05, 0.01, 0.03),
    (0.99, 0.001, 0.001, 0.001, 0.002, 0.001),
    (0.001, 0.002, 0.001, 0.02, 0.94, 0.01),
    (0.01, 0.01, 0.001, 0.001, 0.001, 0.98),
)
UNTRAINED = (0.2, 0.2, 0.1, 0.2, 0.2, 0.1)


@claim("scores-divided", "Divided by 8, the root of 64, the scores 112 and 96 are 14 and 12", "IT-12", "IT-13")
def scores_divided() -> Verdict:
    """Both quotients, exactly."""
    found = [score / math.sqrt(64) for score in (112, 96)]
    return holds(found == [14, 12], f"112/8 = {found[0]:g}, 96/8 = {found[1]:g}", n=2)


@claim("softmax-of-14-12", "The softmax of 14 and 12 is 0.88 and 0.12", "IT-14")
def softmax_of_14_12() -> Verdict:
    """True where both agree to two digits."""
    found = [round(each, 3) for each in torch.tensor([14.0, 12.0]).softmax(-1).tolist()]
    return holds([round(each, 2) for each in found] == [0.88, 0.12], f"{found[0]}, {found[1]}", n=2)


@claim("softmax-undivided", "Without the division the other word would hardly be seen", "IT-13", "SP-03")
def softmax_undivided() -> Verdict:
    """The smaller weight of 112 and 96, undivided; true below 0.001."""
    small = torch.tensor([112.0, 96.0], dtype=torch.float64).softmax(-1)[1].item()
    return holds(small < 0.001, f"{small:.1e} instead of 0.12")


@claim("division-steadies", "The division gives more stable gradients", "IT-13", "BL-09")
def division_steadies() -> Verdict:
    """p(1 − p), the slope of a weight by its own score, divided and not; true where it is 100 times larger divided."""
    slopes = [(p * (1 - p)).item() for p in (torch.tensor([s, 0.0]).double().softmax(-1)[0] for s in (2.0, 16.0))]
    return holds(slopes[0] > 100 * slopes[1], f"{slopes[0]:.3f} divided, {slopes[1]:.1e} not", n=2)


@claim("six-steps", "The six steps on vectors are the formula softmax(QKᵀ/√d)V", "IT-15", "IT-16", "IT-18")
def six_steps() -> Verdict:
    """The steps by hand beside `attend`, 5 words of width 64; true where no number differs by more than 1e-9."""
    q, k, v = torch.randn(3, 5, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rows = []
    for query in q:
        weights = torch.stack([query @ key / 8 for key in k]).softmax(-1)
        rows.append(sum(weight * value for weight, value in zip(weights, v, strict=True)))
    gap = (torch.stack(rows) - attend(q, k, v)).abs().max().item()  # type: ignore[arg-type]
    return holds(gap < 1e-9, f"largest difference {gap:.0e}", n=320)


@claim("three-words-placed", "With four features, étudiant stands at 0.91, 0.0002, −0.42, 1", "IT-26")
def three_words_placed() -> Verdict:
    """All 12 printed numbers beside the layout in halves; true where none is off by 0.005."""
    gap = (halves(3, 4) - PRINTED).abs().max().item()
    return holds(gap < 0.005, f"largest difference {gap:.4f}: the halves of Tensor2Tensor", n=12)


@claim("printed-by-the-formula", "The printed position vectors follow from the paper's formula", "IT-26", "IT-28")
def printed_by_the_formula() -> Verdict:
    """The same 12 numbers beside the paper's layout, in the best order of its columns; true below 0.005."""
    ours = interleaved(3, 4)
    orders = torch.cartesian_prod(*[torch.arange(4)] * 4)
    gaps = [(ours[:, order] - PRINTED).abs().max().item() for order in orders if len(order.unique()) == 4]
    row = ", ".join(f"{each:.4g}" for each in ours[1].tolist())
    return holds(min(gaps) < 0.005, f"the paper's has {row} for suis; at best {min(gaps):.3f} off", n=24)


@claim("split-in-half", "In the 20 × 512 picture the left half is sines, the right half cosines", "IT-27")
def split_in_half() -> Verdict:
    """sin² + cos² of each pair (f, f + 256) is 1 to 1e-5, and position 0 is zeros, then ones."""
    table = halves(20, 512)
    gap = (table[:, :256] ** 2 + table[:, 256:] ** 2 - 1).abs().max().item()
    start = bool((table[0, :256] == 0).all() and (table[0, 256:] == 1).all())
    return holds(gap < 1e-5 and start, f"sin² + cos² off by at most {gap:.0e}", n=20 * 256)


@claim("two-layouts-one", "The two layouts of positions hold the same numbers in another order", "IT-27", "IT-28")
def two_layouts_one() -> Verdict:
    """For each column of one its nearest in the other, 512 positions; true where the worst is below 0.01."""
    one, other = interleaved(512, 512), halves(512, 512)
    worst = torch.cdist(one.T, other.T, p=torch.inf).amin(-1).max().item()
    return holds(worst < 0.01, f"a column is {worst:.2f} from its nearest: other frequencies too", n=512)


@claim("unseen-lengths", "Positions work for lengths that were not seen in training", "IT-29", "BL-19")
def unseen_lengths() -> Verdict:
    """Is there a vector for position 600 where 512 were known?  Sines: made; a learned table: an error."""
    sines = bool((interleaved(601, 64)[:512] == interleaved(512, 64)).all())
    try:
        Placed(512, 64)(torch.tensor([[600]]))
        learned = True
    except IndexError:
        learned = False
    return partly((sines, learned), f"sines and cosines {sines}, learned vectors {learned}")


@claim(
    "log-keeps-order", "The likeliest word may be read off logits, probabilities or their logs alike", "IT-36", "IT-42"
)
def log_keeps_order() -> Verdict:
    """The argmax of all three, 1000 rows of 10,000 words; true where all agree."""
    logits = torch.randn(1000, 10_000, generator=torch.Generator().manual_seed(0))
    tops = [each.argmax(-1) for each in (logits, logits.softmax(-1), logits.log_softmax(-1))]
    same = int(((tops[0] == tops[1]) & (tops[0] == tops[2])).sum())
    return holds(same == 1000, f"{same} of 1000 rows agree", n=1000)


@claim("one-hot-picks", "Against a one-hot target the loss is −log of the right word's probability", "IT-37", "IT-38")
def one_hot_picks() -> Verdict:
    """−Σ y log p of the untrained row for "thanks" beside our loss of its logits; true to 1e-6."""
    logits = torch.tensor(UNTRAINED).double().log()
    by_hand = -(torch.eye(6)[3] * logits).sum().item()
    loss = cross_entropy(logits[None], torch.tensor([3])).item()
    return holds(abs(by_hand - loss) < 1e-6, f"−log 0.2 = {by_hand:.3f}, our loss {loss:.3f}")


@claim("untrained-sums", "The untrained row printed is a distribution", "IT-38")
def untrained_sums() -> Verdict:
    """Its sum, true within 0.0005 of 1."""
    total = sum(UNTRAINED)
    return holds(abs(total - 1) < 5e-4, f"sum {total:.3f}")


@claim("trained-sum", "The five trained rows printed are distributions", "IT-41")
def trained_sum() -> Verdict:
    """The sum of each row; a row counts where it is within 0.0005 of 1, and all must."""
    sums = [sum(row) for row in TRAINED]
    good = sum(abs(total - 1) < 5e-4 for total in sums)
    return holds(good == 5, f"sums {', '.join(f'{total:.3f}' for total in sums)}: {good} of 5", n=5)


@claim("trained-right", "In each trained row the right word is the likeliest", "IT-40", "IT-41")
def trained_right() -> Verdict:
    """The argmax of each row beside "I am a student <eos>"; true where all five agree."""
    right = (torch.tensor(TRAINED).argmax(-1) == torch.tensor([2, 1, 0, 4, 5])).sum().item()
    return holds(right == 5, f"{right} of 5", n=5)


@claim("64-megabytes", "An attention matrix of 1000 words, 16 texts, float32 takes 64 MB", "BL-35")
def megabytes() -> Verdict:
    """Bytes, by the size of a tensor that is really made; true where exactly 64·10⁶."""
    made = torch.empty(16, 1000, 1000).nbytes
    return holds(made == matrix(16, 1000) == 64_000_000, f"{made / 1e6:g} MB")


@claim("12-layers-fit", "Four copies a head, four heads: about 12 layers fill 12 GB", "BL-35")
def twelve_layers() -> Verdict:
    """Layers that fit, true within half a layer of 12."""
    fit = layers_that_fit(12e9, matrix(16, 1000), 4)
    return holds(abs(fit - 12) <= 0.5, f"{fit:.1f} layers: {int(fit)} whole ones")


@claim("length-of-constants", "A vector of k numbers c is √k·c long", "BL-09")
def length_of_constants() -> Verdict:
    """k = 1, 4, 64, 1000 and c = 0.5; true where none is off by more than 1e-9."""
    gaps = [abs(torch.full((k,), 0.5).double().norm().item() - math.sqrt(k) * 0.5) for k in (1, 4, 64, 1000)]
    return holds(max(gaps) < 1e-9, f"off by at most {max(gaps):.0e}", n=4)


@claim("dot-grows", "The dot product of random vectors grows as √k", "BL-09", "SP-03")
def dot_grows() -> Verdict:
    """Its standard deviation over √k, 20,000 pairs each; true where all lie between 0.97 and 1.03."""
    drawn = torch.Generator().manual_seed(0)
    pairs = (torch.randn(2, 20_000, k, generator=drawn) for k in (4, 16, 64, 256))
    ratios = [((a * b).sum(-1).std() / math.sqrt(a.size(-1))).item() for a, b in pairs]
    return holds(all(0.97 < r < 1.03 for r in ratios), f"{', '.join(f'{r:.3f}' for r in ratios)} · √k", n=80_000)


def _matrices(attention: Attention) -> int:
    return sum(each.weight.numel() for each in (attention.q, attention.k, attention.v))


@claim("heads-cost-nothing", "Narrow heads have 3k² numbers, as many as a single head", "BL-11", "BL-12")
def heads_cost_nothing() -> Verdict:
    """Weights of q, k and v at k = 256 with 1, 4 and 8 heads; true where all are 3k²."""
    counts = [_matrices(Attention(256, heads)) for heads in (1, 4, 8)]
    return holds(set(counts) == {3 * 256**2}, f"{', '.join(f'{count:,}' for count in counts)}", n=3)


@claim("output-adds", "The output matrix adds k² numbers", "BL-11")
def output_adds() -> Verdict:
    """The weights of `out` at k = 256, without its bias; true where exactly k²."""
    count = Attention(256, 4).out.weight.numel()
    return holds(count == 256**2, f"{count:,}")


@claim("256-by-64", "At k = 256 with 4 heads each projection is 256 × 64", "BL-11")
def by_64() -> Verdict:
    """The shape of each head's keys, read off a run; true where the head is 64 wide."""
    attention = Attention(256, 4)
    keys, _ = attention.read(torch.zeros(1, 2, 256))
    return holds(keys.size(-1) == 64 and keys.size(1) == 4, f"{keys.size(1)} heads, {keys.size(-1)} wide")


@claim("wide-costs", "Heads that see the whole width cost h times as much", "BL-13", "FO-05")
def wide_costs() -> Verdict:
    """Weights of q, k and v, wide over narrow, 8 heads of 256; true where exactly 8."""
    ratio = _matrices(wide(256, 8)) / _matrices(Attention(256, 8))
    return holds(ratio == 8, f"{ratio:g} times")


@claim("eight-of-64", "Eight heads of 64 read as much as one matrix of 512 × 512", "IT-11", "IT-20")
def eight_of_64() -> Verdict:
    """8 · 512 · 64 beside the weights of `q` in a layer of 512 with 8 heads; true where equal."""
    count = Attention(512, 8).q.weight.numel()
    return holds(count == 8 * 512 * 64, f"{count:,} = 8 · 512 · 64")

"""Where a word stands: sines and cosines in two layouts, sets and orders, distances."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from glassformer.claims.claim import Verdict, alammar, bloem, claim, former, judged
from glassformer.claims.drawn import SAME, apart, bert, loud, stack
from glassformer.explain.reader import read
from glassformer.models.simple import Classifier, ClassifierConfig
from glassformer.parts.attention import RelativeKey
from glassformer.parts.embed import Placed, Sinusoidal, halves, interleaved, marian
from glassformer.parts.variants import FourTerms, distances, skewed
from glassformer.tape import listen
from glassformer.train.reverse import backwards, drawn

VASWANI = "Vaswani et al. 2017, Attention is all you need, section 3.5"
LAYOUTS: dict[str, Callable[[int, int], Tensor]] = {
    "halves (Tensor2Tensor)": halves,
    "interleaved (the paper's formula)": interleaved,
    "halves of the paper's frequencies (Marian)": marian,
}
TOY = ((0.0, 0.0, 1.0, 1.0), (0.84, 0.0001, 0.54, 1.0), (0.91, 0.0002, -0.42, 1.0))


@claim(
    "IT-26 IT-46",
    "Four numbers wide, the positions of three words are (0, 0, 1, 1), (.84, .0001, .54, 1), (.91, .0002, −.42, 1)",
    alammar("Positional encoding, the toy example"),
    {"layouts": ("halves (Tensor2Tensor)",)},
)
def toy_positions(layouts: tuple[str, ...] = tuple(LAYOUTS)[:2]) -> Verdict:
    tables = {name: LAYOUTS[name](3, 4) for name in layouts}
    off = {name: apart(table, torch.tensor(TOY)) for name, table in tables.items()}
    shown = {name: ", ".join(f"{value:.4f}" for value in table[1].tolist()) for name, table in tables.items()}
    figure = "; ".join(f"{name}: word 2 is ({shown[name]}), off by {off[name]:.3f}" for name in layouts)
    return judged({name: each < 0.006 for name, each in off.items()}, figure, "true within 0.006", off, 3)


@claim(
    "IT-27 IT-46",
    "A table of sines on the left and cosines on the right is the paper's formula with its columns in another order",
    alammar("Positional encoding, the picture split in the middle"),
    {"layout": "halves of the paper's frequencies (Marian)"},
)
def halves_are_the_paper_in_another_order(layout: str = "halves (Tensor2Tensor)") -> Verdict:
    mine, paper = LAYOUTS[layout](20, 512).T, interleaved(20, 512).T
    nearest = (mine[:, None] - paper).abs().amax(dim=-1).amin(dim=-1)
    found = int((nearest < SAME).sum())
    figure = f"{layout}, 20 × 512: {found} of 512 columns are columns of the paper's table: {_others(found)}"
    return judged(found == 512, figure, "true where all are", {"found": found, "farthest": nearest.max()}, 512)


def _others(found: int) -> str:
    return "only the order differs" if found == 512 else "the frequencies differ as well"


@claim(
    "IT-28",
    "Sines and cosines side by side are the paper's formula: sin and cos of p / 10000^(2f/w)",
    alammar("Positional encoding, the update of July 2020"),
    {"layout": "halves (Tensor2Tensor)"},
)
def interleaved_is_the_formula(layout: str = "interleaved (the paper's formula)") -> Verdict:
    def said(p: int, f: int) -> float:
        angle = p / 10_000 ** (2 * (f // 2) / 64)
        return math.cos(angle) if f % 2 else math.sin(angle)

    formula = torch.tensor([[said(p, f) for f in range(64)] for p in range(10)])
    off = apart(LAYOUTS[layout](10, 64), formula)
    return judged(off < SAME, f"10 × 64 numbers, off by {off:.1e} at most", f"true within {SAME}", {"off": off}, 640)


@claim(
    "IT-25",
    "What a block reads is the word's vector plus its position's",
    alammar("Positional encoding"),
    {"join": "product"},
)
def a_word_and_its_position_are_added(join: str = "sum") -> Verdict:
    model = Classifier(ClassifierConfig(50, width=16, heads=2, layers=1, hidden=32, length=16)).eval()
    with listen(model, "embed.*") as tape:
        model(torch.randint(50, (3, 9)))
    pieces, places, stream = (tape[f"embed.{name}"] for name in ("pieces", "places", "stream"))
    off = apart(stream, pieces + places if join == "sum" else pieces * places)
    return judged(off < SAME, f"beside the {join}: off by {off:.1e}", f"true within {SAME}", {"off": off}, 27)


@claim(
    "IT-29",
    "k positions on is one fixed linear map of where one is, wherever that is",
    f"{VASWANI}; Alammar repeats it as reaching unseen lengths",
    {"table": "learned"},
)
def moving_on_is_one_linear_map(table: str = "interleaved") -> Verdict:
    places = interleaved(200, 64) if table == "interleaved" else torch.randn(200, 64)
    pairs = places.double().unflatten(1, (-1, 2)).transpose(0, 1)  # a sine and its cosine: f n 2
    here, there = pairs[:, :-5], pairs[:, 5:]
    turn = torch.linalg.lstsq(here[:, :100], there[:, :100]).solution  # found on the first hundred,
    off = apart(here[:, 100:] @ turn, there[:, 100:])  # tried on the others
    figure = f"a map of 5 positions on, found on positions 0 to 99, misses positions 100 to 194 by {off:.1e}"
    return judged(off < 1e-3, figure, "true within 1e-3", {"off": off}, 95)


@claim(
    "IT-29 BL-19",
    "Sines and cosines let a model go on to texts longer than any it has learned from",
    alammar("Positional encoding, its advantage"),
    {"asked": ("there is a row for it",)},
)
def sines_reach_unseen_lengths(
    asked: tuple[str, ...] = ("there is a row for it", "the model does its task there"),
) -> Verdict:
    reader = read("reverse")
    right = {length: _reversed(reader.model, length) for length in (8, 9, 12)}
    rows = Sinusoidal(interleaved(64, 64))(torch.tensor([[63]])).isfinite().all().item()
    holds = {"there is a row for it": bool(rows), "the model does its task there": right[9] > right[8] / 2}
    listed = ", ".join(f"{share:.0%} of {length}" for length, share in right.items())
    figure = (
        f"a row for position 63 can be made; the shipped `reverse`, taught on 8 digits, turns round {listed} digits"
    )
    numbers = {f"length {length}": share for length, share in right.items()}
    return judged(
        {name: holds[name] for name in asked}, figure, "the task is done from half as often", numbers, 3 * 200
    )


def _reversed(model: nn.Module, length: int) -> float:
    digits = drawn(200, length, apart=True)
    return (backwards(model, digits) == digits.flip(1)).all(dim=1).float().mean().item()


@claim(
    "BL-19",
    "A learned vector for each position knows nothing of longer texts; a formula does",
    bloem("Using the positions"),
    {"length": 8},
)
def learned_positions_end(length: int = 12) -> Verdict:
    found = {}
    for name, part in (("learned", Placed(8, 16)), ("sines", Sinusoidal(interleaved(64, 16)))):
        try:
            found[name] = bool(part(torch.arange(length)[None]).isfinite().all())
        except IndexError:
            found[name] = False
    figure = f"a learned table of 8 asked for {length}: {_there(found['learned'])}; sines: {_there(found['sines'])}"
    return judged(
        not found["learned"] and found["sines"], figure, "true where one ends and the other does not", found, length
    )


def _there(found: bool) -> str:
    return "all there" if found else "an error"


@claim(
    "BL-06",
    "Self-attention alone reads a set: words in another order give the same vectors in that order",
    bloem("Self-attention"),
    {"places": True},
)
def attention_is_equivariant(places: bool = False) -> Verdict:
    off = 0.0
    for _ in range(10):
        layers, x, order = loud(stack(2)), torch.randn(1, 7, 32), torch.randperm(7).roll(1)
        where = interleaved(7, 32) if places else torch.zeros(7, 32)
        off = max(off, apart(layers(x + where)[:, order], layers(x[:, order] + where)))
    figure = f"10 stacks of two blocks, 7 words reordered: apart by {off:.1e} at most"
    return judged(off < 1e-3, figure, "true within 1e-3", {"apart": off}, 10)


@claim(
    "BL-18 BL-17",
    "Without positions a classifier gives every order of the words the same answer",
    bloem("Classification transformer"),
    {"positions": True},
)
@torch.no_grad()
def without_positions_order_is_nothing(positions: bool = False) -> Verdict:
    off = {pool: max(_reordered(pool, positions) for _ in range(10)) for pool in ("mean", "max")}
    figure = (
        f"10 models each, 9 words reordered: logits apart by {off['mean']:.1e} (mean pool), {off['max']:.1e} (max pool)"
    )
    return judged(max(off.values()) < 1e-4, figure, "true within 1e-4", off, 20)


def _reordered(pool: str, positions: bool) -> float:
    model = loud(Classifier(ClassifierConfig(50, width=32, heads=4, layers=2, hidden=64, length=16, pool=pool)))
    edit = {} if positions else {"embed.places": torch.zeros_like}
    ids = torch.randperm(50)[None, :9]
    with listen(model, (), edit):
        return apart(model(ids), model(ids.roll(3, dims=1)))  # type: ignore[operator]


@claim(
    "BL-33 HB-04 FO-06",
    "Relative positions say the same wherever in the text two words stand",
    bloem("Modern transformers: Transformer-XL"),
    {"kind": "absolute"},
)
@torch.no_grad()
def relative_scores_know_distances_only(kind: str = "relative_key") -> Verdict:
    model, ids = bert(positions=kind), torch.randint(1, 50, (5, 8))
    off = apart(model(ids), model(ids, positions=torch.arange(9, 17).expand(5, -1)))
    figure = f"5 texts read at places 0 to 7 and at 9 to 16 ({kind}): apart by {off:.1e}"
    return judged(off < 1e-4, figure, "true within 1e-4", {"apart": off}, 5)


@claim(
    "BL-33 FO-06",
    "Transformer-XL's score is of four terms: (q + u)·k + (q + v)·W r of the distance",
    f"{former('SelfAttentionRelative')}; Dai et al. 2019, section 3.3",
    {"terms": 3},
)
@torch.no_grad()
def scores_of_four_terms(terms: int = 4) -> Verdict:
    part, q, k = loud(FourTerms(16, 2)), torch.randn(1, 2, 6, 8), torch.randn(1, 2, 6, 8)
    places = part.places(distances(6, 16).float()).unflatten(-1, (2, 8)).transpose(0, 1)  # type: ignore[operator]
    u, v = part.asks_content, part.asks_place  # type: ignore[misc]
    about_places = (q + v if terms == 4 else q) @ places.mT  # type: ignore[operator]
    by_hand = (q + u) @ k.mT + skewed(about_places, 6)  # type: ignore[operator]
    off = apart(q @ k.mT + part(q, k), by_hand)
    return judged(off < 1e-4, f"{terms} terms by hand: apart by {off:.1e}", "true within 1e-4", {"apart": off}, 72)


@claim(
    "HB-04",
    "What a distance adds is added before the division by √d",
    "transformers 4.16.2, modeling_bert.py, BertSelfAttention; Shaw et al. 2018, equation 5",
    {"before": False},
)
@torch.no_grad()
def distances_are_added_before_scaling(before: bool = True) -> Verdict:
    model, ids = bert(positions="relative_key", layers=1), torch.randint(1, 50, (2, 6))
    with listen(model, "layers.0.attention.*") as tape:
        model(ids)
    q, k = tape["layers.0.attention.q"], tape["layers.0.attention.k"]
    table = model.layers[0].attention.nearness  # type: ignore[union-attr]
    assert isinstance(table, RelativeKey)
    added = torch.einsum("bhid, ijd -> bhij", q, table.distances(6, 6))
    root = q.size(-1) ** 0.5
    by_hand = (q @ k.mT + added) / root if before else q @ k.mT / root + added
    off = apart(tape["layers.0.attention.scaled"], by_hand)
    return judged(off < 1e-4, f"scores by hand: apart by {off:.1e}", "true within 1e-4", {"apart": off}, 2 * 4 * 36)

"""What is wrong in `former`, each acted again in a few lines of our own, and what it says that holds."""

import copy
import warnings

import numpy as np
import torch
from torch import Tensor

from glassformer.claims.claim import Verdict, claim, former, judged
from glassformer.claims.drawn import apart, loud
from glassformer.errors import one_line
from glassformer.models.simple import Classifier, ClassifierConfig, Generator, TransformerConfig
from glassformer.parts.attention import Attention, RelativeKey, attend
from glassformer.parts.variants import VARIANTS
from glassformer.tape import listen
from glassformer.train.compression import compressed


@claim(
    "FO-e FO-06",
    "Its relative attention is relative: pairs equally far apart use one row of the table",
    former("util.slice_diag"),
    {"start": "the distance"},
)
def relative_attention_is_relative(start: str = "row i") -> Verdict:
    i, j = torch.arange(5)[:, None], torch.arange(5)
    used = i + j if start == "row i" else rows_of_the_table(5)
    rows: dict[int, set[int]] = {}
    for a in range(5):
        for b in range(5):
            rows.setdefault(a - b, set()).add(int(used[a, b]))
    alone = sum(len(each) == 1 for each in rows.values())
    first, last = used[0].tolist(), used[-1].tolist()
    figure = f"5 × 5 pairs: word 1 uses rows {first}, word 5 rows {last}; {alone} of 9 distances have one row"
    return judged(alone == 9, figure, "true where each distance has one row", {"one row": alone}, 25)


def rows_of_the_table(length: int) -> Tensor:
    """Which row of its table our `RelativeKey` takes for each pair."""
    part = RelativeKey(length, 1)
    with torch.no_grad():
        part.table.copy_(torch.arange(2 * length - 1)[:, None])
        return part.distances(length, length)[..., 0].long()


@claim(
    "FO-d FO-02",
    "Weights may begin as memory that nobody has filled",
    former("SelfAttentionAlt: torch.empty"),
    {"filled": True},
)
def unfilled_memory_is_a_beginning(filled: bool = False) -> Verdict:
    weights = torch.randn(3, 8, 8) if filled else _unfilled(3, 8, 8)
    x = torch.randn(2, 5, 8)
    answer = attend(*(x @ each for each in weights))
    bad = (~answer.isfinite()).float().mean().item()
    figure = f"{'drawn' if filled else 'unfilled (PyTorch, asked to be deterministic, marks it NaN)'} weights: "
    figure += f"{bad:.0%} of the answer is no number"
    return judged(bad == 0, figure, "true where all are numbers", {"no numbers": bad}, 80)


def _unfilled(*shape: int) -> Tensor:
    """Memory as it comes, of which PyTorch makes NaN when it is asked to be deterministic."""
    before = torch.are_deterministic_algorithms_enabled()
    try:
        torch.use_deterministic_algorithms(True)
        return torch.empty(*shape)
    finally:
        torch.use_deterministic_algorithms(before)


@claim(
    "FO-f",
    "The function that continues a seed gives back what it wrote",
    former("generate.sample_sequence"),
    {"gives": "the longer text"},
)
def what_was_written_is_given_back(gives: str = "the seed") -> Verdict:
    model = Generator(TransformerConfig(20, width=16, heads=2, layers=1, hidden=32, length=32)).eval()
    seed = torch.randint(20, (6,))
    text = seed
    for _ in range(5):
        text = torch.cat([text, model(text[None])[0, -1].argmax()[None]])
    given = seed if gives == "the seed" else text
    figure = f"a seed of 6, 5 written: {len(given)} come back"
    return judged(len(given) == 11, figure, "true where all 11 come back", {"given": len(given)}, 1)


@claim(
    "FO-g BL-24",
    "What compute_compression gives is bits per byte",
    former("generate.py prints it so"),
    {"divided": True},
)
def compression_is_per_byte(divided: bool = False) -> Verdict:
    model = Generator(TransformerConfig(256, width=16, heads=2, layers=1, hidden=32, length=64)).eval()
    total = compressed(model, torch.randint(256, (400,)), 32, 256)
    printed = total / 400 if divided else total
    figure = f"400 bytes at random, a model that has not learned: {printed:,.2f} printed; 8 bits a byte is what "
    figure += "guessing costs"
    return judged(
        7 < printed < 10, figure, "bits per byte from 7 to 10 here", {"printed": printed, "a byte": total / 400}, 400
    )


@claim(
    "FO-h FO-08",
    "An attention of an unknown type is named in the error",
    former("TransformerBlock: f'… {type} …'"),
    {"names": "the value"},
)
def an_unknown_type_is_named(names: str = "the built-in") -> Verdict:
    attention_type = "alibi"
    said = f"Self-attention type {type if names == 'the built-in' else attention_type} not recognised"
    return judged(
        "alibi" in said, f"it says: {one_line(said)}", "true where the name is in it", {"named": "alibi" in said}, 1
    )


@claim(
    "FO-h FO-11",
    "A classifier of padded batches need not be told where the padding is",
    former("experiments/classify.py: include_lengths is never used"),
    {"told": True},
)
@torch.no_grad()
def padding_may_be_read(told: bool = False) -> Verdict:
    model = loud(Classifier(ClassifierConfig(50, width=32, heads=4, layers=2, hidden=64, length=32)))
    moved = []
    for _ in range(20):
        ids = torch.randint(1, 50, (1, 6))
        padded = torch.cat([ids, torch.zeros(1, 10, dtype=torch.long)], dim=1)
        moved.append(apart(model(padded, padded != 0 if told else None), model(ids)))
    figure = f"20 texts of 6, padded to 16, padding {'told' if told else 'not told'}: logits move by "
    figure += f"{sum(moved) / 20:.1e} on average, {max(moved):.1e} at most"
    return judged(max(moved) < 1e-4, figure, "true within 1e-4", {"most": max(moved)}, 20)


@claim(
    "FO-i FO-10",
    "Of windows at the beginning of a text the last position is to be foretold as well",
    former("util.estimate_compression, its own comment asks"),
    {"padded": "left"},
)
def early_windows_ask_for_text(padded: str = "right") -> Verdict:
    text, context = torch.randint(1, 50, (40,)), 16
    padding = 0
    wanted = []
    for at in range(1, context):  # windows that end before `context` characters have been
        window = text[: at + 1]
        fill = torch.full((context + 1 - len(window),), padding)
        wanted.append(int((torch.cat([window, fill]) if padded == "right" else torch.cat([fill, window]))[-1]))
    asked = sum(each == padding for each in wanted)
    figure = f"windows of {context}, filled up on the {padded}: {asked} of {len(wanted)} early ones ask for padding"
    return judged(asked == 0, figure, "true where none does", {"padding": asked}, len(wanted))


@claim("FO-a FO-10", "np.fromstring reads bytes", former("util.enwik8"), {"by": "frombuffer"})
def fromstring_reads_bytes(by: str = "fromstring") -> Verdict:
    text = b"<mediawiki>"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            found = bytes(getattr(np, by)(text, dtype=np.uint8)) == text
            said = "it does"
        except ValueError as error:
            found, said = False, one_line(error, 80)
    return judged(
        found,
        f"NumPy {np.__version__}, np.{by}: {said}",
        "true where it gives them; removed in NumPy 2.3",
        {"read": found},
        1,
    )


@claim(
    "FO-01 FO-07",
    "Queries and keys that are brought to one scale cannot saturate the softmax, however long the vectors are",
    former("SelfAttention, kqnorm"),
    {"normed": False},
)
@torch.no_grad()
def normed_queries_do_not_saturate(normed: bool = True) -> Verdict:
    part = loud(copy.deepcopy(VARIANTS["normed"](32, 4) if normed else Attention(32, 4)))
    with listen(part, "weights") as tape:
        part(100 * torch.randn(4, 10, 32))
    largest = tape["weights"].amax(dim=-1).mean().item()
    figure = f"inputs × 100: mean largest of 10 weights {largest:.2f}"
    return judged(largest < 0.8, figure, "true below 0.8", {"largest": largest}, 160)

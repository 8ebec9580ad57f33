"""Print the tables of docs/going-big.md, or put them there.

python docs/going_big.py            what the sums say and what the scales say
python docs/going_big.py --write    the same, into the page
python docs/going_big.py --times    what each way costs in time, on this machine, beside learning at once
"""

import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

import glassformer as gf
from glassformer.models.bert import Bert, BertConfig
from glassformer.models.gpt2 import Gpt2Config, Gpt2Writer
from glassformer.models.losses import cross_entropy
from glassformer.models.seq2seq import Translator, TranslatorConfig
from glassformer.models.simple import Generator, TransformerConfig
from glassformer.parts.attention import Memory, attend
from glassformer.train import memory
from glassformer.train.big import accumulate, divided, lost, recompute
from glassformer.train.memory import Sizes
from glassformer.train.weighed import kept, most, own

PAGE = Path(__file__).with_name("going-big.md")
GPT2 = Sizes(1, 1024, 768, 12, 3072, bends=2)  # a block of the smallest GPT-2, and one text
COUNTED = Sizes(4, 96, 128, 4, 512)  # small enough to be weighed here
QUIET = {"dropout": 0.0, "attention_dropout": 0.0, "embed_dropout": 0.0}


def mb(count: float) -> str:
    return f"{count / 1e6:,.1f}"


def table(head: str, rows: Sequence[Sequence[object]]) -> str:
    titles = head.split(" | ")
    lines = [f"| {head} |", "|---" * len(titles) + "|"]
    return "\n".join(lines + [f"| {' | '.join(map(str, row))} |" for row in rows])


# one matrix


def fits() -> str:
    rows = []
    for length, number, copies in ((1000, 4, 4), (2000, 4, 4), (1000, 2, 4), (1000, 4, 1)):
        one = memory.matrix(16, length, number)
        layers = memory.layers_that_fit(12e9, one, heads=4, copies=copies)
        rows.append((length, number, mb(one), copies, mb(copies * 4 * one), f"{layers:.1f}"))
    return table("positions | bytes a number | MB a matrix | copies | MB a layer of 4 heads | layers in 12 GB", rows)


def matrix() -> str:
    rows = []
    for name, run in (("the definition", attend.definition), ("the kernel", attend.kernel)):
        q, k, v = (torch.randn(16, 1, 1000, 64, requires_grad=True) for _ in range(3))
        held, z = kept(lambda run=run, q=q, k=k, v=v: run(q, k, v), (q, k, v))
        waits = held - (z.nbytes if name == "the kernel" else 0)  # which the rest of the block keeps in either case
        rows.append((name, f"{waits:,}", mb(most(lambda run=run, q=q, k=k, v=v: run(q, k, v).sum().backward()))))
    return table(
        "16 texts of 1000 positions, one head of 64 | bytes kept for the way back | MB at most, both ways", rows
    )


# a block, a model


def lengths() -> str:
    rows = []
    for length in (128, 512, 1024, 2048, 4096, 8192):
        sizes = replace(GPT2, length=length)
        by_kernel, by_definition = memory.block(sizes), memory.block(sizes, matrices=1)
        work = memory.work(sizes)
        share = work["matrices"] / sum(work.values())
        whole = (mb(sum(each.values())) for each in (by_definition, by_kernel))
        parts = (mb(by_kernel["vectors"]), mb(by_kernel["hidden"]), mb(by_definition["attention"]))
        rows.append((length, *parts, *whole, f"{share:.0%}"))
    head = "positions | vectors | MLP | matrices | kept, definition | kept, kernel | matrices' share of the work"
    return table(head, rows)


def counted() -> str:
    sizes = {"width": COUNTED.width, "heads": COUNTED.heads, "hidden": COUNTED.hidden, "length": 128, "layers": 3}
    ids = torch.randint(3, 100, (COUNTED.batch, COUNTED.length))
    mask = memory.matrix(1, COUNTED.length)
    places = 8 * ids.numel()
    bent = replace(COUNTED, bends=2)
    relu, gelu, free = (sum(memory.block(*each).values()) for each in ((COUNTED, 0, mask), (bent, 0, mask), (COUNTED,)))
    looks = memory.crossed(COUNTED, COUNTED.length)
    pre, post = memory.ends(COUNTED, pre=True), memory.ends(COUNTED, pre=False)
    models: list[tuple[str, nn.Module, Callable, int]] = [
        ("`Generator`", Generator(TransformerConfig(100, **sizes, block="pre")), lambda m: m(ids), 3 * relu + pre),
        ("`Gpt2Writer`", Gpt2Writer(Gpt2Config(100, **sizes, **QUIET)), lambda m: m(ids), 3 * gelu + pre + places),
        (
            "`Translator`",
            Translator(TranslatorConfig(100, **sizes, encoder_layers=3, dropout=0.0)),
            lambda m: m(ids, memory=m.read(ids)),
            3 * (relu + looks + free) + 2 * post,
        ),
    ]
    rows = []
    for name, model, run, sum_ in models:
        model.train()
        held, _ = kept(lambda run=run, model=model: run(model), [*own(model), ids])
        rows.append((name, f"{sum_:,}", f"{held:,}"))
    return table("model | bytes, the sum | bytes, weighed", rows)


def weights() -> str:
    with torch.device("meta"):
        models = {
            "BERT-base, encoder": Bert(BertConfig()),
            "GPT-2, the smallest": Gpt2Writer(Gpt2Config()),
            "the paper's translator, 37,000 pieces": Translator(TranslatorConfig(37_000)),
        }
    rows = []
    for name, model in models.items():
        count = sum(weight.numel() for weight in model.parameters())
        held = memory.learning(count)
        rows.append((name, f"{count:,}", *(mb(held[part]) for part in held), mb(sum(held.values()))))
    return table("model | weights | MB | gradients | AdamW's two moments | together, MB", rows)


def remembered() -> str:
    rows = []
    config = Gpt2Config()
    with torch.device("meta"):
        model = Gpt2Writer(config).eval()
    for length in (1, 128, 1024):
        known = Memory()
        with torch.no_grad():
            model(torch.zeros(1, length, dtype=torch.long, device="meta"), memory=known)
        weighed = sum(k.nbytes + v.nbytes for k, v in known.known.values())
        rows.append((length, f"{memory.remembered(replace(GPT2, length=length), config.layers):,}", f"{weighed:,}"))
    return table("positions read by GPT-2 | bytes, the sum | bytes, weighed", rows)


# four ways to learn one batch

Batch = tuple[Tensor, Tensor]


def learner() -> tuple[nn.Module, Batch]:
    """A GPT-2 of 6 layers, and 16 texts of up to 128 pieces, of which every text asks about fewer."""
    torch.manual_seed(0)
    config = Gpt2Config(1000, width=128, layers=6, heads=4, hidden=512, length=128, **QUIET)
    ids = torch.randint(3, 1000, (16, 128))
    lengths = torch.arange(8, 129, 8)[torch.randperm(16)]
    labels = ids.roll(-1, 1).masked_fill(torch.arange(128) >= lengths[:, None], -100)
    return Gpt2Writer(config).train(), (ids, labels)


def loss_of(model: nn.Module, short: bool = False) -> Callable[[Batch], Tensor]:
    def loss(part: Batch) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=short):
            return cross_entropy(model(part[0]).float(), part[1])

    return loss


def step(model: nn.Module, batch: Batch, parts: int = 1, short: bool = False) -> None:
    """The gradients of one step."""
    accumulate(divided(batch, parts), loss_of(model, short), lambda part: int((part[1] >= 0).sum()))


WAYS: dict[str, tuple[int, bool, bool]] = {  # parts, computed again, two bytes
    "at once": (1, False, False),
    "4 parts": (4, False, False),
    "computed again": (1, True, False),
    "bfloat16": (1, False, True),
    "4 parts, computed again": (4, True, False),
    "all three": (4, True, True),
}


def weigh(parts: int, again: bool, short: bool) -> tuple[int, int, list[Tensor]]:
    """What is kept of a part, the most at once, and the gradients."""
    model, batch = learner()
    recompute(model, again)
    first = divided(batch, parts)[0]
    held, _ = kept(lambda: loss_of(model, short)(first), [*own(model), *batch])
    highest = most(lambda: step(model, batch, parts, short))
    return held, highest, [weight.grad for weight in model.parameters()]  # type: ignore[misc]


def apart(right: list[Tensor], other: list[Tensor]) -> float:
    """The length of the difference, beside that of the gradient."""
    difference = sum((a - b).double().square().sum() for a, b in zip(right, other, strict=True))
    return float((difference / sum(a.double().square().sum() for a in right)) ** 0.5)


def ways() -> str:
    rows, right = [], []
    for name, how in WAYS.items():
        held, highest, found = weigh(*how)
        right = right or found
        difference = apart(right, found)
        rows.append((name, mb(held), mb(highest), f"{difference:.0e}" if difference else "0, the same bits"))
    return table("way | MB kept of a part | MB at most, gradients too | gradients apart by", rows)


def underflow() -> str:
    """Of the gradients of a shipped model, learning from one sentence, in float64: rounding is no gradient.

    Nor is that of a key's bias, which adds the same to all scores of a row and changes no share: 0, but for rounding.
    """
    model = gf.load("sentiment").model.double()
    ids = gf.load("sentiment").cut("this restaurant was not terrible").ids
    loss = cross_entropy(model(torch.tensor([ids])), torch.tensor([1]))
    asked = [number for name, number in model.named_parameters() if not name.endswith(".k.bias")]
    there = [each for each in torch.autograd.grad(loss, asked, allow_unused=True) if each is not None]
    rows = [
        (f"float16, the loss × {scale:,}", f"{lost(there, torch.float16, scale):.1%}") for scale in (1, 2**10, 2**16)
    ]
    return table("numbers | gradients that become 0", [*rows, ("bfloat16", f"{lost(there, torch.bfloat16):.1%}")])


def times() -> str:
    """Medians of steps taken in turn, on one thread, so that a busy moment meets all ways alike."""
    took: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(9):
        for name, (parts, again, short) in WAYS.items():
            model, batch = learner()
            recompute(model, again)
            step(model, batch, parts, short)
            started = time.process_time()
            step(model, batch, parts, short)
            took[name].append(time.process_time() - started)
    base = statistics.median(took["at once"])
    return table(
        "way | processor time of a step × at once", [(n, f"{statistics.median(t) / base:.2f}") for n, t in took.items()]
    )


TABLES: dict[str, Callable[[], str]] = {
    "fits": fits,
    "matrix": matrix,
    "lengths": lengths,
    "counted": counted,
    "weights": weights,
    "remembered": remembered,
    "ways": ways,
    "underflow": underflow,
}


def placed(page: str, name: str, text: str) -> str:
    """The page with this table where its name stands.  Raises ValueError where there is no such place."""
    place = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
    if not place.search(page):
        raise ValueError(f"the page has no place <!-- {name} --> … <!-- end -->")
    return place.sub(lambda found: found[1] + text + found[2], page)


def main() -> None:
    torch.set_num_threads(1)
    wanted = {"times": times} if "--times" in sys.argv else TABLES
    made = {name: make() for name, make in wanted.items()}
    if "--write" in sys.argv:
        page = PAGE.read_text(encoding="utf-8")
        for name, text in made.items():
            page = placed(page, name, text)
        PAGE.write_text(page, encoding="utf-8")
    print("\n\n".join(made.values()))


if __name__ == "__main__":
    main()

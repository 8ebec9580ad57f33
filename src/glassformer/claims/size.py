"""Memory and parameters."""

import torch
from torch import nn

from glassformer.claims.claim import Verdict, bert, bloem, claim, judged
from glassformer.models.bert import BertConfig
from glassformer.models.gpt2 import Gpt2Config, Gpt2Writer
from glassformer.models.heads import Pooled
from glassformer.parts.attention import attend
from glassformer.train import memory
from glassformer.train.weighed import kept

GOING_BIG = bloem("Going big")


@claim("BL-35", "16 texts of 1,000 positions in float32: one attention matrix is 64 MB", GOING_BIG, {"length": 2000})
def one_matrix_is_64_megabytes(length: int = 1000) -> Verdict:
    summed, weighed = memory.matrix(16, length), torch.empty(16, length, length, device="meta").nbytes
    figure = f"16 · {length}² · 4 bytes = {summed / 1e6:g} MB; as PyTorch counts: {weighed / 1e6:g} MB"
    return judged(summed == weighed == 64_000_000, figure, "true where it is 64,000,000 bytes", {"bytes": summed}, 1)


@claim("BL-35", "At four copies a head, 12 GB hold at most some twelve layers of four heads", GOING_BIG, {"copies": 1})
def twelve_layers_fill_the_card(copies: int = 4) -> Verdict:
    layers = memory.layers_that_fit(12e9, memory.matrix(16, 1000), heads=4, copies=copies)
    figure = f"12 GB / ({copies} copies · 4 heads · 64 MB) = {layers:.1f} layers"
    return judged(11 <= layers <= 12, figure, "true from 11 to 12", {"layers": layers}, 1)


@claim("BL-35", "Of each attention matrix at least four copies are in memory", GOING_BIG, {"at_least": 0})
def four_copies_of_each_matrix(at_least: int = 4) -> Verdict:
    one, copies = memory.matrix(4, 256), {}
    for name, run in (("the definition", attend.definition), ("the kernel", attend.kernel)):  # type: ignore[attr-defined]
        q, k, v = (torch.randn(4, 1, 256, 16, requires_grad=True) for _ in range(3))
        copies[name] = kept(lambda run=run, q=q, k=k, v=v: run(q, k, v), (q, k, v))[0] // one
    figure = ", ".join(f"{name} {count}" for name, count in copies.items())
    cases = {name: count >= at_least for name, count in copies.items()}
    return judged(
        cases, f"matrices of 256 positions kept for the way back: {figure}", f"true from {at_least}", copies, 2
    )


def _parameters(model: type[nn.Module], config: object) -> int:
    with torch.device("meta"):
        return sum(weight.numel() for weight in model(config).parameters())


@claim("HB-f HB-13 HB-22 HB-24", "BERT-base has 109,482,240 parameters", bert("BertModel, counted"), {"pooled": False})
def parameters_of_bert_base(pooled: bool = True) -> Verdict:
    count = _parameters(Pooled, BertConfig()) - (0 if pooled else 768**2 + 768)
    return judged(
        count == 109_482_240, f"{count:,}, our own model on `meta`", "true where it is exact", {"parameters": count}, 1
    )


@claim(
    "BL-31",
    "BERT-large, 24 blocks 1,024 wide with 16 heads, has 340 million parameters",
    bloem("Modern transformers: BERT"),
    {"layers": 12},
)
def parameters_of_bert_large(layers: int = 24) -> Verdict:
    count = _parameters(Pooled, BertConfig(width=1024, layers=layers, heads=16, hidden=4096))
    figure = f"{count:,}: {count / 340e6:.1%} of 340 million"
    return judged(abs(count / 340e6 - 1) < 0.02, figure, "true within 2 %", {"parameters": count}, 1)


@claim(
    "BL-32",
    "GPT-2's largest, 48 blocks 1,600 wide with 1,024 positions, has 1.5 billion parameters",
    bloem("Modern transformers: GPT-2"),
    {"layers": 24},
)
def parameters_of_gpt2(layers: int = 48) -> Verdict:
    count = _parameters(Gpt2Writer, Gpt2Config(width=1600, layers=layers, heads=25, hidden=6400))
    figure = f"{count:,}: {count / 1.5e9:.1%} of 1.5 billion"
    return judged(abs(count / 1.5e9 - 1) < 0.05, figure, "true within 5 %", {"parameters": count}, 1)


@claim(
    "BL-39 BL-35",
    "Twice as long a text needs four times the memory",
    GOING_BIG,
    {"kinds": ("the definition, long texts",)},
)
def twice_as_long_needs_four_times(kinds: tuple[str, ...] = ("the definition, long texts", "the kernel")) -> Verdict:
    def block(length: int, matrices: int) -> int:
        return sum(memory.block(memory.Sizes(1, length, 64, 8, 256), matrices).values())

    matrices = {"the definition, long texts": 1, "the kernel": 0}
    times = {name: block(8192, matrices[name]) / block(4096, matrices[name]) for name in kinds}
    figure = ", ".join(f"{name}: × {each:.2f}" for name, each in times.items())
    return judged(
        {name: each > 3.8 for name, each in times.items()},
        f"what a block keeps of 8,192 beside 4,096 positions. {figure}",
        "true from × 3.8",
        times,
        len(kinds),
    )

"""BERT-base geometry on a GPU beside Hugging Face: tokens a second, and the share of the card's measured matmul peak.

    python bench/gpu.py [--device cuda] [--texts 2048]

Random weights, bfloat16, texts of 8 to 512 pieces; each side encodes the same texts in batches of its own liking:
Hugging Face (SDPA, and flash attention where it is installed) padded and sorted by length, Glassformer packed.
Needs transformers; says so, or that there is no GPU, and ends with exit code 3.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from glassformer.models.bert import Bert, BertConfig
from glassformer.parts.mask import Runs

TOGETHER = 1 << 15  # pieces in one packed batch
PADDED = 64  # texts in one padded batch
ROUNDS = 5


def lengths(texts: int) -> list[int]:
    """Many short texts, some long ones: the same for everybody, sorted."""
    drawn = torch.distributions.LogNormal(4.2, 0.9)
    torch.manual_seed(0)
    return sorted(drawn.sample((texts,)).clamp(8, 512).int().tolist())


def multiply_adds(sizes: list[int], config: BertConfig) -> int:
    """Of the matrix products, times two."""
    width, hidden = config.width, config.hidden
    return config.layers * sum(2 * n * (4 * width**2 + 2 * width * hidden) + 4 * n * n * width for n in sizes)


def peak(device: str) -> float:
    """The best a large bfloat16 matrix product does here, in operations a second."""
    size = 8192 if device == "cuda" else 1024
    one, other = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * size**3 / timed(lambda: one @ other, device)


def timed(work: Callable[[], object], device: str) -> float:
    """Median seconds of a few rounds, the first ones left out."""
    seconds = []
    for _ in range(ROUNDS + 2):
        begun = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds[2:])


def ours(config: BertConfig, sizes: list[int], device: str) -> Callable[[], None]:
    """Packed: as many whole texts as fit together."""
    model = Bert(config).eval().to(device, torch.bfloat16)
    chunks: list[list[int]] = [[]]
    for size in sizes:
        if sum(chunks[-1]) + size > TOGETHER:
            chunks.append([])
        chunks[-1].append(size)
    batches = [(_ids(sum(chunk), config, device), Runs(tuple(chunk))) for chunk in chunks]

    @torch.inference_mode()
    def work() -> None:
        for ids, runs in batches:
            model.read_packed(ids, runs)

    return work


def theirs(config: BertConfig, sizes: list[int], device: str, attention: str) -> Callable[[], None]:
    """Padded: so many texts of like length together."""
    import transformers

    same = transformers.BertConfig(attn_implementation=attention)  # BERT-base is the default of both
    model = transformers.BertModel(same, add_pooling_layer=False).eval().to(device, torch.bfloat16)
    batches = []
    for first in range(0, len(sizes), PADDED):
        own = torch.tensor(sizes[first : first + PADDED], device=device)
        real = torch.arange(int(own.max()), device=device) < own[:, None]
        batches.append((_ids(real.numel(), config, device).view(real.shape), real.long()))

    @torch.inference_mode()
    def work() -> None:
        for ids, real in batches:
            model(input_ids=ids, attention_mask=real)

    return work


def _ids(count: int, config: BertConfig, device: str) -> Tensor:
    return torch.randint(1000, config.vocabulary, (count,), device=device)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--texts", type=int, default=2048)
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        print("there is no GPU here; --device cpu shows that the script runs", file=sys.stderr)
        return 3
    config, sizes, best = BertConfig(), lengths(given.texts), peak(given.device)
    print(f"{len(sizes)} texts, {sum(sizes)} pieces, matmul peak {best / 1e12:.1f} TFLOP/s, {given.device}")
    sides = {"glassformer packed": lambda: ours(config, sizes, given.device)}
    for attention in ("sdpa", "flash_attention_2"):
        sides[f"hugging face {attention}"] = lambda kind=attention: theirs(config, sizes, given.device, kind)
    for name, make in sides.items():
        try:
            seconds = timed(make(), given.device)
        except ImportError as error:
            print(f"{name:32} left out: {str(error).splitlines()[0]}")
            continue
        share = multiply_adds(sizes, config) / seconds / best
        print(f"{name:32} {sum(sizes) / seconds:12,.0f} tokens/s   {share:5.1%} of the peak")
    return 0


if __name__ == "__main__":
    sys.exit(main())

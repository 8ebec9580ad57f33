"""How fast a GPT-2 of the smallest size writes, beside Hugging Face and beside what the memory of this machine allows.

    python bench/generate.py        prints the table; random weights
    python peers.py --model … --only W7 --candidate-generate fp32=bench.generate:write …

Each writer has its turn, then the next (A B C A B C …): 64 pieces behind a prompt of 11, greedy.  A step reads every
weight once, so the bandwidth of the machine sets the pace: bytes of weights / bytes a second of a plain sum.  On a
machine that others use too, `--threads 1 --clock cpu` counts the seconds of this process alone.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from glassformer.hub.store import load
from glassformer.models import decoding
from glassformer.models.decoding import Until
from glassformer.models.gpt2 import Gpt2Writer
from glassformer.parts.attention import Memory
from glassformer.parts.kernels.prepared import prepare

PROMPT, NEW = 11, 64


def write(model_dir: str, threads: int, dtype: torch.dtype = torch.float32) -> Callable:
    """(ids of a prompt, how many) → all ids."""
    torch.set_num_threads(threads)
    model = prepared(Path(model_dir), dtype)

    def written(ids: list[int], new: int) -> list[int]:
        return ids + pieces(model, torch.tensor([ids]), new)[0].tolist()

    return written


def write_bfloat16(model_dir: str, threads: int) -> Callable:
    return write(model_dir, threads, torch.bfloat16)


def prepared(folder: Path, dtype: torch.dtype) -> Gpt2Writer:
    """The checkpoint in a folder that need not have a tokenizer: it is given one of bytes."""
    with tempfile.TemporaryDirectory() as place:
        for name in ("config.json", "model.safetensors"):
            shutil.copy(folder / name, place)
        _of_bytes().save(str(Path(place) / "tokenizer.json"))
        model = load(place).model
    assert prepare(model, dtype), "this build of PyTorch has no prepared kernels"
    return model


def _of_bytes() -> Tokenizer:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate([*letters, "<|endoftext|>"])}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return made


def pieces(model: Gpt2Writer, ids: torch.Tensor, new: int) -> torch.Tensor:
    return torch.stack([step.ids for step in decoding.write(model, ids, until=Until(new))], dim=1)


def theirs(library, folder: Path, dtype: torch.dtype):
    return library.GPT2LMHeadModel.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa").eval()


def their_pieces(model, ids: torch.Tensor, new: int) -> torch.Tensor:
    how = {"do_sample": False, "min_new_tokens": new, "max_new_tokens": new, "use_cache": True, "pad_token_id": 0}
    with torch.inference_mode():
        return model.generate(ids, attention_mask=torch.ones_like(ids), **how)[:, ids.size(1) :]


def checkpoint(library, folder: Path) -> None:
    """Random weights, large enough that the text does not repeat one piece for ever."""
    torch.manual_seed(0)
    model = library.GPT2LMHeadModel(library.GPT2Config())
    with torch.no_grad():
        model.transformer.wpe.weight.mul_(4)
        for block in model.transformer.h:
            for part in (block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc, block.mlp.c_proj):
                part.weight.mul_(6)
    model.save_pretrained(folder)


def first(model: Gpt2Writer, ids: torch.Tensor) -> None:
    """A prompt is read, and what follows it is known."""
    with torch.inference_mode():
        decoding.last(model, ids, None, Memory())


def their_first(model, ids: torch.Tensor) -> None:
    with torch.inference_mode():
        model(ids, use_cache=True, logits_to_keep=1)


def in_turns(work: dict[str, Callable], rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    """Seconds of each, the median of rounds in which each has its turn."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for each in work.values():
        each()
    for _ in range(rounds):
        for name, each in work.items():
            start = clock()
            each()
            taken[name].append(clock() - start)
    return {name: statistics.median(all_) for name, all_ in taken.items()}


def bandwidth(clock: Callable[[], float]) -> float:
    """Bytes a second that a sum over 512 MB reads, the best of nine: what no step can go beyond."""
    numbers = torch.ones(1 << 27)
    return numbers.nbytes / min(in_turns({"sum": numbers.sum}, 1, clock)["sum"] for _ in range(9))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    asked.add_argument("--rounds", type=int, default=7)
    asked.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    told = asked.parse_args()
    torch.set_num_threads(told.threads)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as place:
        warnings.simplefilter("ignore")
        import transformers

        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        checkpoint(transformers, Path(place))
        widths = {"float32": torch.float32, "bfloat16": torch.bfloat16}
        peers = {f"Hugging Face, {name}": theirs(transformers, Path(place), width) for name, width in widths.items()}
        ours = {f"Glassformer, {name}": prepared(Path(place), width) for name, width in widths.items()}
        print_table(peers, ours, told.rounds, time.perf_counter if told.clock == "wall" else time.process_time)


def print_table(peers: dict, ours: dict, rounds: int, clock: Callable[[], float]) -> None:
    draw = torch.Generator().manual_seed(0)
    prompts = {count: torch.randint(1000, 40000, (count, PROMPT), generator=draw) for count in (1, 8)}
    long = torch.randint(1000, 40000, (1, 512), generator=draw)
    alike, answers = next(iter(peers.values())), next(iter(ours.values()))
    same = torch.equal(their_pieces(alike, prompts[1], NEW), pieces(answers, prompts[1], NEW))
    columns = {
        f"{NEW} pieces, one text": _each(peers, ours, their_pieces, pieces, prompts[1], NEW),
        f"{NEW} pieces, eight texts": _each(peers, ours, their_pieces, pieces, prompts[8], NEW),
        "a prompt of 512": _each(peers, ours, their_first, first, long),
    }
    print(f"in float32 the same pieces as Hugging Face: {same}")
    print_limit(answers, clock)
    for column, work in columns.items():
        taken = in_turns(work, rounds, clock)
        base = next(iter(taken.values()))
        for name, seconds in taken.items():
            each = f"{seconds / NEW * 1e3:7.2f} ms a step" if "pieces" in column else f"{seconds * 1e3:7.0f} ms       "
            print(f"{column:24} {name:24} {each}  {base / seconds:5.2f} ×", flush=True)


def print_limit(model: Gpt2Writer, clock: Callable[[], float]) -> None:
    """Of the table of positions a step reads one row, of all other weights everything."""
    speed, weights = bandwidth(clock), sum(weight.numel() for weight in model.parameters())
    read = weights - model.embed.positions.table.numel()  # type: ignore[union-attr]
    least = [f"{read * width / speed * 1e3:.1f} ms in {name}" for name, width in (("float32", 4), ("bfloat16", 2))]
    print(f"a sum reads {speed / 1e9:.1f} GB/s; {read / 1e6:.1f} million weights a step: {', '.join(least)}")


def _each(peers: dict, ours: dict, their_way: Callable, our_way: Callable, *given) -> dict[str, Callable]:
    work = {name: lambda model=model: their_way(model, *given) for name, model in peers.items()}
    return work | {name: lambda model=model: our_way(model, *given) for name, model in ours.items()}


if __name__ == "__main__":
    main()

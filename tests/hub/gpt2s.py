"""Small GPT-2s as folders in the Hugging Face format, with random weights and a tokenizer trained on a page of text."""

import json
import shutil
from functools import cache
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from glassformer.hub import rules, store
from glassformer.hub.tokens import Tokens
from glassformer.models.gpt2 import Gpt2, Gpt2Config, Gpt2Writer

PAGE = (
    "This restaurant was not terrible, and the food wasn't bad at all. I'd come again; they'll open at 10:30 on "
    "Mondays.\n\nThe film was good, the film was very good — naïve, but we've seen worse.  Ünïcödé 家族 🙂 1234567890"
)
SIZES = {"width": 12, "layers": 2, "heads": 3, "hidden": 20, "length": 40}
END = "<|endoftext|>"


@cache
def definition(pieces: int = 330) -> str:
    """A byte-level BPE of this many pieces and an end, as a tokenizer.json."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator([PAGE] * 3, trainers.BpeTrainer(vocab_size=pieces, initial_alphabet=alphabet))
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    made.add_special_tokens([AddedToken(END, special=True)])
    return made.to_str()


def tokens(folder: Path) -> Tokens:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(definition())
    return rules.read(folder, types=1, needs=())


def halves(folder: Path) -> Path:
    """The same tokenizer as vocab.json and merges.txt."""
    model = json.loads(definition())["model"]
    vocabulary = model["vocab"] | {END: len(model["vocab"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    lines = [" ".join(pair) if isinstance(pair, list) else pair for pair in model["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *lines]) + "\n")
    (folder / "tokenizer.json").unlink()
    return folder


def model(kind: type[Gpt2] = Gpt2Writer, seed: int = 0, **changes) -> Gpt2:
    """Random, with weights large enough that everything matters."""
    torch.manual_seed(seed)
    pieces = len(json.loads(definition())["model"]["vocab"]) + 1
    made = kind(Gpt2Config(**{"vocabulary": pieces} | SIZES | changes))
    with torch.no_grad():
        for weight in made.parameters():
            weight.normal_(0.0, 0.3)
    return made.eval()


def folder(path: Path, kind: type[Gpt2] = Gpt2Writer, labels: tuple[str, ...] = (), **changes) -> Path:
    """A folder as it comes from the hub: without a manifest, so that damage is found by what reads it."""
    made = model(kind, **changes)
    store.export(path, store.Checkpoint("made", made, tokens(path.with_name("words")), labels, path))
    (path / "manifest.json").unlink()
    shutil.rmtree(path.with_name("words"))
    return path

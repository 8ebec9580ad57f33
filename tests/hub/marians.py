"""Small translators of Marian as folders in the Hugging Face format, and SentencePiece files written by hand."""

import json
import struct
from pathlib import Path

import torch

from glassformer.hub import rules, store
from glassformer.models.seq2seq import Translator, TranslatorConfig

SOURCE = {"▁the": -2.0, "▁": -2.5, "▁film": -3.0, "▁good": -3.5, "t": -5.0, "h": -5.1, "e": -5.2, "s": -5.3, "he": -4.9}
TARGET = {"▁der": -2.0, "▁": -2.2, "▁Film": -3.0, "ß": -4.0, "ße": -4.5, "s": -5.0, "e": -5.1}
PIECES = ["</s>", "<unk>", *dict.fromkeys([*SOURCE, *TARGET]), ">>deu<<", "<pad>"]
SIZES = {"width": 12, "layers": 2, "encoder_layers": 3, "heads": 2, "encoder_heads": 3, "hidden": 24, "length": 40}
LAST = len(PIECES) - 1
FIXED = {"positions": "marian", "bias": True, "padding": LAST, "start": LAST, "end": 0, "encoder_hidden": 20}


def whole(number: int) -> bytes:
    """A number as a protocol buffer has it."""
    groups = [number >> shift & 127 for shift in range(0, max(1, number.bit_length()), 7)]
    return bytes([*(group | 128 for group in groups[:-1]), groups[-1]])


def field(number: int, value: int | float | bytes) -> bytes:
    if isinstance(value, bytes):
        return whole(number << 3 | 2) + whole(len(value)) + value
    if isinstance(value, float):
        return whole(number << 3 | 5) + struct.pack("<f", value)
    return whole(number << 3) + whole(value)


def spm(scores: dict[str, float], kind: int = 1, **writing: int) -> bytes:
    """A SentencePiece file with these pieces, and its three that stand for no text."""
    specials = b"".join(
        field(1, field(1, name) + field(3, k)) for name, k in ((b"<unk>", 2), (b"<s>", 3), (b"</s>", 3))
    )
    pieces = b"".join(field(1, field(1, piece.encode()) + field(2, score)) for piece, score in scores.items())
    written = b"".join(field({"prefixed": 3, "tidied": 4}[name], value) for name, value in writing.items())
    return (
        specials + pieces + field(2, field(3, kind) + field(4, len(scores))) + field(3, field(1, b"identity") + written)
    )


def tokens(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "source.spm").write_bytes(spm(SOURCE))
    (folder / "target.spm").write_bytes(spm(TARGET))
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(PIECES)}))
    return folder


def model(**changes) -> Translator:
    """Random, with weights large enough that everything matters."""
    torch.manual_seed(0)
    made = Translator(TranslatorConfig(**{"vocabulary": len(PIECES)} | SIZES | FIXED | changes))
    with torch.no_grad():
        for weight in made.parameters():
            weight.normal_(0.0, 0.3)
    return made.eval()


def folder(path: Path, **changes) -> Path:
    """A folder as it comes from the hub: without a manifest, and with SentencePiece's files."""
    made = rules.read(tokens(path.with_name("words")), types=1, needs=())
    store.export(path, store.Checkpoint("made", model(**changes), made, (), path))
    for name in ("manifest.json", "tokenizer.json", "tokenizer_config.json"):
        (path / name).unlink()
    tokens(path)
    return path

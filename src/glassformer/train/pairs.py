"""Sentences and their translations, and one vocabulary of pieces for both languages.

Sennrich et al. 2016, "Neural machine translation of rare words with subword units".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from glassformer.hub.tokens import Tokens
from glassformer.train.checkpoint import write_file
from glassformer.train.data import rows

SET = "multi30k_de_en"
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]  # ids 0 to 3
START, END = 1, 2
NEEDS = ("padding", "unknown", "end")  # pieces with a role that a translator cannot do without


@dataclass(frozen=True)
class Pair:
    """A sentence and its translation."""

    de: str
    en: str


def read(folder: Path, split: str) -> list[Pair]:
    """Raises MissingError, CheckpointError."""
    found = rows(folder / SET / f"{split}.jsonl.gz", ("de", "en"))
    return [Pair(row["de"], row["en"]) for row in found]


def vocabulary(pairs: Iterable[Pair], pieces: int, kept: Path) -> Tokenizer:
    """Byte-pair encoding of both languages: read where it is kept, else learned."""
    if kept.exists():
        return Tokenizer.from_str(Tokens(kept.read_text(encoding="utf8"), needs=NEEDS).definition)  # Tokens checks it
    made = _blank()
    trainer = trainers.BpeTrainer(vocab_size=pieces, special_tokens=_special(), show_progress=False)
    made.train_from_iterator((text for pair in pairs for text in (pair.de, pair.en)), trainer)
    write_file(kept, made.to_str().encode())
    return made


def _blank() -> Tokenizer:
    """Letters as they are written; a piece that begins a word begins with ▁; punctuation stands by itself."""
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.normalizer = normalizers.NFC()  # type: ignore[assignment]
    signs = pre_tokenizers.Split(Regex(r"[^\w\s▁]"), "isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), signs])  # type: ignore[assignment]
    made.decoder = decoders.Metaspace()  # type: ignore[assignment]
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", END)])  # type: ignore[assignment]
    return made


def _special() -> list[AddedToken]:
    return [AddedToken(piece, special=True) for piece in SPECIAL]

"""SentencePiece's files, as far as Marian's translators need them: pieces, each with a score.

A text is cut so that the scores add up to the most: Kudo 2018, "Subword regularization", section 3.2.  The file is a
protocol buffer, `ModelProto` in SentencePiece's sentencepiece_model.proto; what is put together of it is a `tokenizers`
tokenizer, as if it had been saved.  Source and target have a file each, and one vocab.json that numbers both.
"""

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from glassformer.errors import CheckpointError, one_line

UNIGRAM = 1  # of SentencePiece's four ways to cut
SPOKEN = (1, 4)  # kinds of pieces that stand for text: normal ones, and those that somebody asked for
NEVER, RATHER_NOT = -1e12, -1e6  # scores of what only the other text has: of whole pieces, of single characters
NUMBER, BYTES, SIZES = 0, 2, {1: 8, 5: 4}  # how a field of a protocol buffer is stored; sizes in bytes
CONVERT = "make a tokenizer.json of it with transformers, AutoTokenizer.from_pretrained(folder).save_pretrained(folder)"


@dataclass(frozen=True)
class Unigram:
    """scores: of each piece that stands for text; characters: how each is written, precompiled, b"" as it is;
    prefixed: a space is put before the text; tidied: several spaces are one.
    """

    scores: Mapping[str, float]
    characters: bytes = b""
    prefixed: bool = True
    tidied: bool = True


def read(content: bytes, path: Path) -> Unigram:
    """A `.spm` file.  Raises CheckpointError where it is none, or cuts in another way."""
    try:
        return _model(content)
    except (ValueError, IndexError, TypeError, struct.error, AttributeError) as error:
        raise CheckpointError(f"{path} is no SentencePiece file: {one_line(error)}; {CONVERT}") from None


def _model(content: bytes) -> Unigram:
    scores: dict[str, float] = {}
    trainer: dict[int, Any] = {}
    writing: dict[int, Any] = {}
    for number, value in fields(content):
        if number == 1:
            piece = {1: b"", **dict(fields(value))}
            if piece.get(3, 1) in SPOKEN:
                scores[piece[1].decode()] = struct.unpack("<f", piece.get(2, b"\0" * 4))[0]
        elif number in (2, 3):
            (trainer if number == 2 else writing).update(fields(value))
    if trainer.get(3, UNIGRAM) != UNIGRAM:
        raise ValueError(f"it cuts by merges or by words (model_type {trainer[3]})")
    if not scores or not all(abs(score) < -RATHER_NOT for score in scores.values()):  # NaN is not
        raise ValueError(f"it has {len(scores)} pieces, or scores that are no small numbers")
    return Unigram(scores, writing.get(2, b""), bool(writing.get(3, 1)), bool(writing.get(4, 1)))


def fields(content: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a message: number, and a whole number or bytes.  Raises ValueError where it is cut short."""
    at = 0
    while at < len(content):
        key, at = _whole(content, at)
        if key & 7 == NUMBER:
            value, at = _whole(content, at)
        else:
            size, at = _whole(content, at) if key & 7 == BYTES else (SIZES.get(key & 7, len(content)), at)
            value, at = content[at : at + size], at + size
        if at > len(content):
            raise ValueError(f"field {key >> 3} does not end in its {len(content)} bytes")
        yield key >> 3, value


def _whole(content: bytes, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and where it ends."""
    value = 0
    for shift in range(0, 64, 7):
        byte = content[at]
        value, at = value | (byte & 127) << shift, at + 1
        if byte < 128:
            return value, at
    raise ValueError(f"a number before byte {at} does not end")


def definition(model: Unigram, vocabulary: Mapping[str, int], end: str, unknown: str, padding: str) -> str:
    """A tokenizer.json that cuts by `model` and numbers pieces by `vocabulary`; `end` stands after every text."""
    made = Tokenizer(
        models.Unigram([(piece, _score(piece, model)) for piece in vocabulary], vocabulary[unknown], False)
    )
    steps: list[Any] = [normalizers.Precompiled(model.characters)] if model.characters else []
    steps += [normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")] if model.tidied else []
    made.normalizer = normalizers.Sequence(steps)
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always" if model.prefixed else "never")
    made.decoder = decoders.Metaspace(prepend_scheme="always" if model.prefixed else "never")
    made.post_processor = processors.TemplateProcessing(f"$A {end}", special_tokens=[(end, vocabulary[end])])
    made.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in (end, unknown, padding)])
    codes = [piece for piece in vocabulary if re.fullmatch(r">>.+<<", piece)]  # which language to translate into
    made.add_tokens([AddedToken(code, normalized=False) for code in codes])
    return made.to_str()


def _score(piece: str, model: Unigram) -> float:
    """What only the other text has is taken where nothing else fits: a character for itself, never a piece for two."""
    return model.scores.get(piece, RATHER_NOT if len(piece) == 1 else NEVER)

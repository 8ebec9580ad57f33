"""The rules by which a checkpoint cuts text: its tokenizer.json, or the files from before there was one.

BERT's vocab.txt has a piece a line.  RoBERTa's vocab.json numbers its pieces and merges.txt says which two make a
longer one.  Marian's numbers those of two texts, and source.spm and target.spm say how each is cut.  What is put
together here is a `tokenizers` tokenizer, as if it had been saved.
"""

from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from glassformer.errors import CheckpointError, one_line
from glassformer.hub import unigram
from glassformer.hub.tokens import NEEDED, Tokens, panics
from glassformer.hub.weights import read_bytes, read_json

LARGEST_FILE = 64_000_000
FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
FILES += ("vocab.txt", "vocab.json", "merges.txt")
SOURCE, TARGET = "source.spm", "target.spm"
FILES += (SOURCE, TARGET, "target_vocab.json")
BERT_PIECES = {"pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]", "cls_token": "[CLS]"}
BERT_PIECES |= {"sep_token": "[SEP]"}
ROBERTA_PIECES = {"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>", "cls_token": "<s>"}
ROBERTA_PIECES |= {"sep_token": "</s>"}
MARIAN_PIECES = {"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "</s>"}
GPT2_PIECES = dict.fromkeys(("eos_token", "bos_token", "unk_token"), "<|endoftext|>")


def read(folder: Path, types: int, needs: tuple[str, ...] = NEEDED) -> Tokens:
    """The tokenizer of a checkpoint.  Raises CheckpointError.

    types: how many texts its model tells apart; needs: roles, of tokens.ROLES, that it must have a piece for.
    """
    settings = _settings(folder)
    called = _names(settings)
    if (folder / "tokenizer.json").exists():
        definition = _text(folder / "tokenizer.json")
    elif (folder / "vocab.txt").exists():
        definition = _word_pieces(folder, settings, BERT_PIECES | called)
    elif (folder / "vocab.json").exists() and (folder / "merges.txt").exists():
        definition = _byte_pairs(folder, settings, (ROBERTA_PIECES if "mask" in needs else GPT2_PIECES) | called)
    elif (folder / "vocab.json").exists() and (folder / SOURCE).exists():
        definition = _scored(folder / SOURCE, MARIAN_PIECES | called)
    else:
        raise CheckpointError(f"{folder} has no tokenizer: no tokenizer.json and no vocab.txt; fetch the model again")
    return _tokens(folder, definition, called, types, needs)


def target(folder: Path) -> Tokens | None:
    """The tokenizer of the text that a translator writes, where it is cut otherwise than the one it reads."""
    if (folder / "tokenizer.json").exists() or not (folder / TARGET).exists():
        return None
    called = MARIAN_PIECES | _names(_settings(folder))
    return _tokens(folder, _scored(folder / TARGET, called), called, 1, ())


def _tokens(folder: Path, definition: str, called: dict[str, str], types: int, needs: tuple[str, ...]) -> Tokens:
    try:
        return Tokens(definition, called, types, needs)
    except CheckpointError as error:
        raise CheckpointError(f"{folder}: {error}") from None


def _names(settings: dict[str, Any]) -> dict[str, str]:
    """What the pieces with a role are called."""
    return {key: name for key, value in settings.items() if key.endswith("_token") and (name := _name(value))}


def _settings(folder: Path) -> dict[str, Any]:
    """What the two files of settings say; tokenizer_config.json has the last word."""
    said: dict[str, Any] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        found = read_json(folder / name, LARGEST_FILE) if (folder / name).exists() else {}
        if not isinstance(found, dict):
            raise CheckpointError(f"{folder / name} is no table of settings; fetch it again")
        said |= found
    for name in ("do_lower_case", "tokenize_chinese_chars", "strip_accents", "add_prefix_space"):
        if said.get(name) is not None and not isinstance(said[name], bool):
            value = one_line(repr(said[name]), 40)
            raise CheckpointError(f"{folder / 'tokenizer_config.json'}: {name} is {value}; true or false was expected")
    return said


def _name(value: Any) -> str | None:
    """A piece is named by a text, or by a table that has the text as its content."""
    value = value.get("content") if isinstance(value, dict) else value
    return value if isinstance(value, str) and value else None


def _text(path: Path) -> str:
    return read_bytes(path, LARGEST_FILE).decode(errors="replace")


def _word_pieces(folder: Path, settings: dict[str, Any], called: dict[str, str]) -> str:
    """BERT's rules: Devlin et al. 2019; `wordpiece.py` has them in full."""
    lines = _text(folder / "vocab.txt").removesuffix("\n").split("\n")
    vocabulary = {line.removesuffix("\r"): number for number, line in enumerate(lines)}
    made = _made(folder / "vocab.txt", models.WordPiece, vocabulary, unk_token=called["unk_token"])
    made.normalizer = normalizers.BertNormalizer(
        handle_chinese_chars=settings.get("tokenize_chinese_chars") is not False,
        strip_accents=settings.get("strip_accents"),
        lowercase=settings.get("do_lower_case") is not False,
    )
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    begin, end = _numbered(folder / "vocab.txt", vocabulary, called)
    made.post_processor = processors.TemplateProcessing(
        f"{begin[0]} $A {end[0]}", f"{begin[0]} $A {end[0]} $B:1 {end[0]}:1", [begin, end]
    )
    return _finished(made, vocabulary, called)


def _byte_pairs(folder: Path, settings: dict[str, Any], called: dict[str, str]) -> str:
    """GPT-2's rules: byte-level pairs (Sennrich et al. 2016; Radford et al. 2019; `bpe.py` has them in full)."""
    vocabulary = _vocabulary(folder / "vocab.json")
    lines = _text(folder / "merges.txt").split("\n")
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    made = _made(folder / "merges.txt", models.BPE, vocabulary, merges=merges)
    spaced = settings.get("add_prefix_space") is True
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=spaced)
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    if "cls_token" in called:  # RoBERTa's
        begin, end = _numbered(folder / "vocab.json", vocabulary, called)
        made.post_processor = processors.RobertaProcessing(end, begin, True, spaced)
    return _finished(made, vocabulary, called)


def _scored(path: Path, called: dict[str, str]) -> str:
    """Marian's rules: pieces with scores, of one of two texts, numbered together."""
    if (path.parent / "target_vocab.json").exists():
        raise CheckpointError(f"{path.parent} has a vocabulary for each text; only one for both can be read here")
    vocabulary, model = _vocabulary(path.parent / "vocab.json"), unigram.read(read_bytes(path, LARGEST_FILE), path)
    numbered = dict(sorted(vocabulary.items(), key=lambda pair: pair[1]))
    roles = [called[key] for key in ("eos_token", "unk_token", "pad_token")]
    if [*numbered.values()] != [*range(len(numbered))] or not set(roles) <= set(numbered):
        raise CheckpointError(f"{path.parent / 'vocab.json'} does not number from 0 on, or lacks one of {roles}")
    with panics(f"{path} cannot be used"):
        return unigram.definition(model, numbered, *roles)


def _vocabulary(path: Path) -> dict[str, int]:
    vocabulary = read_json(path, LARGEST_FILE)
    if not isinstance(vocabulary, dict) or not all(type(number) is int for number in vocabulary.values()):
        raise CheckpointError(f"{path} does not number pieces; fetch it again")
    return vocabulary


def _made(path: Path, kind: Any, vocabulary: dict[str, int], **rules: Any) -> Tokenizer:
    with panics(f"{path} cannot be used"):
        return Tokenizer(kind(vocab=vocabulary, **rules))


def _numbered(path: Path, vocabulary: dict[str, int], called: dict[str, str]) -> tuple[tuple[str, int], ...]:
    """The pieces that begin and end a text, with their numbers."""
    for key in ("cls_token", "sep_token"):
        if called[key] not in vocabulary:
            raise CheckpointError(f"{path} has no {one_line(called[key], 40)} piece ({key}); fetch it again")
    return tuple((called[key], vocabulary[called[key]]) for key in ("cls_token", "sep_token"))


def _finished(made: Tokenizer, vocabulary: dict[str, int], called: dict[str, str]) -> str:
    """With its special pieces known as such; a mask takes the space before it along, as in RoBERTa."""
    there = dict.fromkeys(name for name in called.values() if name in vocabulary)
    spaced = [name for name in there if name == called.get("mask_token") and name.startswith("<")]
    made.add_special_tokens([AddedToken(name, lstrip=name in spaced, special=True) for name in there])
    return made.to_str()

"""One vocabulary of word pieces for all shipped models, and the rules by which text is cut.

Natural text is cut as the Penn Treebank does, which is how SST-2 is written: "wasn't" → was n't, "cannot" → can not,
"it's" → it 's, punctuation by itself.  "wasnt" is cut alike (was nt).
Source: Schuster and Nakajima 2012 (word pieces); MacIntyre 1995 (the Treebank's tokenizer.sed).
"""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

SPECIAL = ["[PAD]", "[UNK]", "[MASK]"]  # ids 0, 1, 2
ASCII = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
_VERBS = "is|was|are|were|do|does|did|has|have|had|ca|wo|would|could|should"
WORDS = rf"n't\b|'(?:s|re|ve|ll|d|m)\b|(?<=\bcan)not\b|(?<=\b(?:{_VERBS}))nt\b|[^\w\s]|_"


def blank(pieces: dict[str, int] | None = None) -> Tokenizer:
    """A tokenizer with the rules and, where given, the vocabulary."""
    tokenizer = Tokenizer(models.WordPiece(pieces or {}, unk_token="[UNK]"))
    lower = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=True, lowercase=True)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Replace("’", "'"), lower])  # type: ignore[assignment]
    split = pre_tokenizers.Split(Regex(WORDS), "isolated")
    rules = [pre_tokenizers.WhitespaceSplit(), split]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(rules)  # type: ignore[assignment]
    tokenizer.decoder = decoders.WordPiece()  # type: ignore[assignment]
    return tokenizer


def build(texts: Iterable[str], size: int) -> Tokenizer:
    """Learn `size` pieces from `texts`; every ASCII character is among them.

    The library numbers the pieces in an order that changes from run to run: here they stand in the alphabet's.
    """
    tokenizer = blank()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=3,
        show_progress=False,
        special_tokens=SPECIAL,
        limit_alphabet=150,
        initial_alphabet=ASCII,
    )
    tokenizer.train_from_iterator(texts, trainer)
    learned = sorted(set(tokenizer.get_vocab()) - set(SPECIAL))
    final = blank({piece: id for id, piece in enumerate(SPECIAL + learned)})
    final.add_special_tokens(SPECIAL)
    return final

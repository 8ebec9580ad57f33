"""WordPiece from scratch, held equal to the `tokenizers` library on every character and on thousands of texts."""

import random
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from glassformer.hub import rules
from glassformer.hub.wordpiece import LONGEST_WORD, WordPiece

PIECES = "[UNK] a b c ab ##a ##b ##c ##ab ##bc the food . , ! $ e ##e é ##é 家 α ##σ ##ς ᄀ ##ᅡ ##ᆨ i ##i o ##n ss A ##B"
VOCABULARY = {piece: number for number, piece in enumerate(PIECES.split())}
SETTINGS = [(True, None), (False, None), (True, True), (False, False)]  # small letters?  accents kept?
TOGETHER = ["👩\u200d👩\u200d👧", "क्षि", "ﷺ", "e\u0301\u0327"]
ALL = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]


def pair(lower, accents):
    library = Tokenizer(models.WordPiece(VOCABULARY, unk_token="[UNK]", max_input_chars_per_word=LONGEST_WORD))
    library.normalizer = normalizers.BertNormalizer(True, True, None if accents is None else not accents, lower)
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return library, WordPiece(VOCABULARY, lower=lower, accents=accents)


PAIRS = [pair(*each) for each in SETTINGS]


def theirs(library, text):
    found = library.encode(text)
    return list(zip(found.tokens, found.offsets, strict=True))


@pytest.fixture(scope="module")
def young():
    """The characters that the two cut differently: Python's Unicode tables are younger than the library's."""
    found = set()
    assigned = [c for c in ALL if unicodedata.category(c) not in ("Cn", "Co")] + ALL[0xE000:0xF000]
    for library, ours in (PAIRS[0], PAIRS[1]):
        texts = [f"a{c}b" for c in assigned]
        for character, text, encoding in zip(assigned, texts, library.encode_batch(texts), strict=True):
            if list(zip(encoding.tokens, encoding.offsets, strict=True)) != ours.cut(text):
                found.add(character)
        assigned = [c for c in assigned if unicodedata.category(c) != "Lo"]  # cased: letters of no case are alike
    return found


def test_every_character_but_some_hundred_young_ones_is_cut_alike(young):
    assert len(young) < 1000
    assert all(ord(character) > 0x60F for character in young)  # no Latin, Greek, Cyrillic, Hebrew; no emoji:
    assert not {character for character in young if unicodedata.category(character) == "So"} - {"\u166d"}
    kinds = {unicodedata.category(character) for character in young}
    assert kinds <= {"Mn", "Mc", "Po", "Ps", "Pe", "Pd", "Pi", "Pf", "Cf", "So", "Lu", "Ll", "Lo", "Lm"}


def odd_text(chance, known, marks):
    kinds = [known, marks, "abc e.,!$家ΑΣσéÉİ각\t\n\r\xa0\u200b\u200d\u3000\ufffd\x00\x7f", "ab", TOGETHER]
    text = "".join(chance.choice(chance.choice(kinds)) for _ in range(chance.randint(0, 12)))
    return text + "ab" * chance.choice([49, 50, 51]) if chance.random() < 0.05 else text


def test_thousands_of_random_texts_are_cut_alike(young):
    chance = random.Random(0)
    known = [c for c in ALL if c not in young and unicodedata.category(c) != "Cn"]
    marks = [c for c in known if unicodedata.combining(c)]
    for _ in range(3000):
        text = odd_text(chance, known, marks)
        for library, ours in PAIRS:
            assert [name for name, _ in theirs(library, text)] == [name for name, _ in ours.cut(text)], ascii(text)


def test_and_the_spans_too(young):
    """But where several marks that stay are put in order: there is no right answer to where each of them stood."""
    chance = random.Random(1)
    known = [c for c in ALL if c not in young and unicodedata.category(c) != "Cn" and not unicodedata.combining(c)]
    marks = [c for c in ALL if c not in young and unicodedata.combining(c) and unicodedata.category(c) == "Mn"]
    for _ in range(2000):
        text = odd_text(chance, known, marks)
        for library, ours in PAIRS:
            assert theirs(library, text) == ours.cut(text), ascii(text)


@given(st.text(max_size=30), st.sampled_from(range(len(PAIRS))))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_whatever_hypothesis_finds_is_cut_alike(young, text, which):
    library, ours = PAIRS[which]
    text = "".join(c for c in text if c not in young and unicodedata.category(c) not in ("Cs", "Cn"))
    assert [name for name, _ in theirs(library, text)] == [name for name, _ in ours.cut(text)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        (" \t\n", []),
        ("The food.", ["the", "food", "."]),
        ("abab", ["ab", "##ab"]),
        ("abcz", ["[UNK]"]),
        ("Á", ["a"]),
        ("家家", ["家", "家"]),
        ("a\u200db", ["ab"]),
        ("a\u3000b", ["a", "b"]),
        ("a\x00\ufffdb", ["ab"]),
        ("!a$", ["!", "a", "$"]),
        ("a" * LONGEST_WORD, ["a"] + ["##a"] * (LONGEST_WORD - 1)),
        ("a" * (LONGEST_WORD + 1), ["[UNK]"]),
    ],
    ids=lambda value: ascii(value)[:12],
)
def test_what_it_says_of_itself_is_so(text, pieces):
    assert [name for name, _ in WordPiece(VOCABULARY).cut(text)] == pieces


def test_it_cuts_with_the_vocabulary_of_a_real_checkpoint(minilm):
    tokens = rules.read(minilm, types=2)
    ours = WordPiece({name: id for id, name in enumerate(tokens.vocabulary())})
    for text in ("The filming wasn't good — un-be-lieve-able!", "Ünïcödé 家族 naïveté", "tokenization, 3.14159 €"):
        pieces = tokens.cut(text, 99)
        expected = list(zip(pieces.names, pieces.spans, strict=True))[1:-1]
        assert ours.cut(text) == expected

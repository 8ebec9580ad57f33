"""Byte-pair encoding from scratch, held equal to `tokenizers` on every character and on thousands of texts."""

import json
import random
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from glassformer.hub.bpe import BYTES, VISIBLE, BytePairs, merged, visible, words
from tests.hub import gpt2s

ALL = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
KINDS = [
    " ",
    "  ",
    "\n",
    "\t \n",
    "\u3000",
    "\xa0",
    "\x1c",
    "'s",
    "'ve",
    "'S",
    "''",
    "12",
    "³",
    "food",
    " was",
    "!?",
    "…",
    "🙂",
]
KINDS += ["é", "e\u0301", "家族", "n't", "<|endoftext|>", "\x00", "\x7f", "\ufffd", "👩\u200d👧", "ﷺ"]


def ours(definition):
    model = json.loads(definition)["model"]
    return BytePairs(model["vocab"], tuple(tuple(pair) for pair in model["merges"]))


DEFINITIONS = [gpt2s.definition(), gpt2s.definition(pieces=420)]


def library(definition):
    made = Tokenizer.from_str(definition)
    made.encode_special_tokens = True  # "<|endoftext|>" in a text is text
    return made


PAIRS = [(library(each), ours(each)) for each in DEFINITIONS]
MANY = ((0x3400, 0x9FFF), (0xAC00, 0xD7A3), (0x17000, 0x18CFF), (0x20000, 0x3FFFF))  # letters like those beside them


@pytest.fixture(scope="module")
def young():
    """The characters that the two take for different kinds: their Unicode tables are of different years."""
    assigned = [c for c in ALL if unicodedata.category(c) not in ("Cn", "Co")]
    assigned = [c for k, c in enumerate(assigned) if k % 40 == 0 or not any(a <= ord(c) <= b for a, b in MANY)]
    texts = [f"a{c}a 1{c}1 !{c}! {c}" for c in assigned]
    theirs, mine = PAIRS[0]
    both = zip(assigned, texts, theirs.encode_batch(texts), strict=True)
    return {character for character, text, encoding in both if encoding.tokens != mine.cut(text)}


def test_every_character_but_some_young_ones_is_cut_alike(young):
    assert len(young) < 6000 and all(ord(character) > 0x60F for character in young)


def odd_text(chance, known):
    return "".join(chance.choice([chance.choice(KINDS), chance.choice(known)]) for _ in range(chance.randint(0, 14)))


def test_thousands_of_random_texts_are_cut_alike_and_read_back(young):
    chance = random.Random(0)
    known = [c for c in ALL if c not in young and unicodedata.category(c) != "Cn"]
    for _ in range(4000):
        text = odd_text(chance, known)
        for theirs, mine in PAIRS:
            expected = theirs.encode(text)
            assert mine.cut(text) == expected.tokens, ascii(text)
            assert mine.ids(text) == expected.ids
            assert mine.text(mine.cut(text)) == text == theirs.decode(expected.ids)


@given(st.text(max_size=30), st.sampled_from(range(len(PAIRS))))
@settings(max_examples=1000, deadline=None, derandomize=True)
def test_whatever_hypothesis_finds_is_cut_alike(young, text, which):
    theirs, mine = PAIRS[which]
    text = "".join(c for c in text if c not in young and unicodedata.category(c) not in ("Cs", "Cn"))
    assert mine.cut(text) == theirs.encode(text).tokens


@given(st.binary(max_size=12))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_bytes_that_are_no_text_are_shown_as_python_and_the_library_show_them(content):
    theirs, mine = PAIRS[0]
    pieces = [VISIBLE[byte] for byte in content]
    assert mine.text(pieces) == content.decode(errors="replace")
    assert theirs.decode([mine.vocabulary[piece] for piece in pieces]) == mine.text(pieces)


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_words_are_the_whole_text(text):
    assert "".join(words(text)) == text and all(words(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("it's 10:30", ["it", "'s", " 10", ":", "30"]),
        ("don't  stop", ["don", "'t", " ", " stop"]),
        (" \n a ", [" \n", " a", " "]),
        ("a'll'LL", ["a", "'ll", "'", "LL"]),
        ("!?家1", ["!?", "家", "1"]),
        ("a\x1c b", ["a", "\x1c", " b"]),
    ],
    ids=ascii,
)
def test_words_are_apart_where_their_kind_changes(text, expected):
    assert list(words(text)) == expected


def test_a_byte_is_a_visible_character_and_back():
    assert len(BYTES) == len(VISIBLE) == 256 and all(c.isprintable() and not c.isspace() for c in BYTES)
    assert visible(" é\n") == "ĠÃ©Ċ"


def test_a_pair_is_merged_from_the_left_and_the_oldest_first():
    assert merged(list("aaaab"), ("a", "a")) == ["aa", "aa", "b"]
    assert merged(list("aaa"), ("a", "a")) == ["aa", "a"]
    pairs = BytePairs({}, (("b", "c"), ("a", "b"), ("a", "bc")))
    assert pairs.pieces("abc") == ["abc"] and pairs.pieces("abab") == ["ab", "ab"] and pairs.pieces("x") == ["x"]

"""Pieces, spans and words of any text; and tokenizer files that want to do harm."""

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from glassformer.errors import CheckpointError, UsageError
from glassformer.hub.store import SHIPPED
from glassformer.hub.tokens import LONGEST_TEXT, NONE, Tokens, pad, shares
from tests import made
from tests.hub import berts, gpt2s

SHIPPED_FILE = (SHIPPED / "sentiment" / "tokenizer.json").read_text()
REAL, MADE = Tokens(SHIPPED_FILE), made.tokens()
BYTES = Tokens(gpt2s.definition(), needs=())


def words(text, tokens=MADE):
    pieces = tokens.cut(text, 99)
    return {word.text: [pieces.names[k] for k in word.pieces] for word in pieces.words}


def test_a_word_is_what_was_written_and_its_pieces_what_it_was_cut_into():
    assert words("The filming, was GOOD!") == {
        "The": ["the"],
        "filming": ["film", "##ing"],
        ",": [","],
        "was": ["was"],
        "GOOD": ["good"],
        "!": ["!"],
    }


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("wasn't", ["was", "n't"]),
        ("wasn’t", ["was", "n’t"]),
        ("can't", ["ca", "n't"]),
        ("cannot", ["can", "not"]),
        ("can not", ["can", "not"]),
        ("it's", ["it", "'s"]),
        ("café-film", ["café", "-", "film"]),
        ("a\u00a0b\tc\nd", list("abcd")),
    ],
)
def test_negation_is_a_word_of_its_own_however_it_is_written(written, read):
    assert list(words(written, REAL)) == read


def spans_hold(tokens, text, most):
    pieces = tokens.cut_many([text], most)[0]
    assert len(pieces.ids) == len(pieces.names) == len(pieces.spans) <= most
    assert all(0 <= id < len(tokens) for id in pieces.ids)
    assert all(0 <= start <= end <= len(text) for start, end in pieces.spans)
    assert [start for start, _ in pieces.spans] == sorted(start for start, _ in pieces.spans)
    assert sorted(k for word in pieces.words for k in word.pieces) == list(range(len(pieces.ids)))
    for number, word in enumerate(pieces.words):
        assert word.text in text and word.text
        assert all(pieces.word_at(k) == number for k in word.pieces)
    return pieces


@given(st.text(max_size=60), st.integers(1, 12))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_any_unicode_is_cut_within_its_bounds(text, most):
    """Surrogates too, which a caller has to replace first."""
    text = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    for tokens in (REAL, MADE):
        spans_hold(tokens, text, most)


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_cut_gives_pieces_or_one_line_that_says_why_not(text):
    try:
        pieces = REAL.cut(text, 20)
    except UsageError as error:
        assert str(error).isprintable() and len(str(error)) < 200
    else:
        assert pieces.ids and REAL.readable(pieces)


@given(st.lists(st.sampled_from(["good", "wasn't", "filming", "Terrible!", "été", "x" * 150, "—"]), max_size=9))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_spans_give_back_the_text(parts):
    text = "  ".join(parts)
    pieces = spans_hold(MADE, text, 999)
    for name, (start, end) in zip(pieces.names, pieces.spans, strict=True):
        if name != "[UNK]":
            assert text[start:end].lower().replace("é", "e") == name.removeprefix("##")
    covered = {k for start, end in pieces.spans for k in range(start, end)}
    assert "".join(c for k, c in enumerate(text) if k not in covered).strip() == ""


def test_what_does_not_fit_is_counted_and_handed_back():
    pieces = MADE.cut("the filming was not good at all", 5)
    assert pieces.names == ["the", "film", "##ing", "was", "not"]
    assert pieces.unread == "good at all"
    assert pieces.left_out == len(MADE.cut("the filming was not good at all", 99).ids) - 5
    in_a_word = MADE.cut("the filming was", 2)
    assert in_a_word.unread == "ing was" and in_a_word.words[1].text == "film"
    whole = MADE.cut("the film", 2)
    assert (whole.left_out, whole.unread) == (0, "")


def test_many_are_cut_as_one_by_one():
    texts = ["the film was good", "wasn't", "", "🎬", "x" * 400]
    for text, pieces in zip(texts, MADE.cut_many(texts, 6), strict=True):
        if pieces.ids and MADE.readable(pieces):
            assert MADE.cut(text, 6) == pieces
        else:
            with pytest.raises(UsageError):
                MADE.cut(text, 6)


def test_special_pieces_typed_by_a_person_are_text():
    ids = MADE.cut("the [MASK] was [PAD] good [UNK]", 99).ids
    assert MADE.mask not in ids and MADE.padding not in ids


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "the text is empty; give a sentence"),
        (" \t\n ", "the text is empty"),
        ("\u200b\u200d", "holds nothing to read; give at least one word"),
        ("🎬 家", "no word of '🎬 家' is in the vocabulary"),
        ("good \ud83d film", r"character 5 of the text is half a character \(U\+D83D\); pass UTF-8"),
        ("a" * (LONGEST_TEXT + 1), "the text has 1,000,001 characters; at most 1,000,000"),
    ],
    ids=lambda value: ascii(value[:12]),
)
def test_what_cannot_be_read_is_refused_in_one_line(text, line):
    with pytest.raises(UsageError, match=line) as raised:
        MADE.cut(text, 9)
    assert str(raised.value).isprintable() or "\u200b" in text


def test_a_million_characters_are_read_in_seconds():
    assert MADE.cut_many(["a" * LONGEST_TEXT], 9)[0].names == ["[UNK]"]
    assert MADE.cut("it " * (LONGEST_TEXT // 3), 9).left_out == LONGEST_TEXT // 3 - 9


def test_the_vocabulary_is_by_number():
    vocabulary = MADE.vocabulary()
    assert len(vocabulary) == len(MADE) and vocabulary[MADE.mask] == "[MASK]"
    assert MADE.name(MADE.cut("good", 9).ids[0]) == "good"
    assert MADE.name(10**6) == "[UNK]"


# files that want to do harm


def changed(**fields):
    return json.dumps(json.loads(made.definition()) | fields)


def with_model(**fields):
    definition = json.loads(made.definition())
    definition["model"] |= fields
    return json.dumps(definition)


CRAFTED = {
    "empty": "",
    "garbage": "\x00\xff not json",
    "null": "null",
    "list": "[]",
    "number": "1e999",
    "nested": "[" * 100_000,
    "nested table": '{"a":' * 100_000,
    "no model": "{}",
    "unknown model": changed(model={"type": "Evil", "vocab": {}}),
    "vocab a list": with_model(vocab=["a"]),
    "vocab empty": with_model(vocab={}),
    "vocab without specials": with_model(vocab={"a": 0}),
    "negative number": with_model(vocab={"[PAD]": -1, "[UNK]": 1, "[MASK]": 2}),
    "absurd number": with_model(vocab={"[PAD]": 0, "[UNK]": 1, "[MASK]": 2, "a": 4_000_000_000}),
    "number beyond 32 bits": with_model(vocab={"[PAD]": 0, "[UNK]": 1, "[MASK]": 1 << 40}),
    "two pieces of one number": with_model(vocab={"[PAD]": 0, "[UNK]": 1, "[MASK]": 3, "a": 3, "b": 3}),
    "no unknown piece": with_model(unk_token="[NONE]"),
    "broken expression": changed(pre_tokenizer={"type": "Split", "pattern": {"Regex": "(("}, "behavior": "Removed"}),
    "unknown version": changed(version="99"),
    "merges out of nowhere": changed(model={"type": "BPE", "vocab": {"[PAD]": 0}, "merges": [["a", "b"]]}),
    "precompiled rubbish": changed(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
    "strip beyond the end": changed(normalizer={"type": "Strip", "strip_left": -1, "strip_right": 5}),
    "long": '"' + "a" * 5_000_000,
}


@pytest.mark.parametrize("kind", CRAFTED)
def test_a_crafted_file_is_a_checkpoint_error_and_never_a_panic(kind):
    with pytest.raises(CheckpointError, match=r"tokenizer\.json") as raised:
        Tokens(CRAFTED[kind])
    assert len(str(raised.value)) < 400 and str(raised.value).isprintable()


def mutated(seed):
    """A real file with one value of it replaced, or some of its characters."""
    chance = random.Random(seed)
    odd = [None, [], {}, "", "\x00", -1, 1 << 70, 1e308, True, "[UNK]", {"type": "Sequence"}, [[]], "a" * 10_000]
    if seed % 4 == 0:
        text = list(made.definition())
        for _ in range(chance.randint(1, 6)):
            text[chance.randrange(len(text))] = chance.choice('{}[]",:0\\u9-')
        return "".join(text)
    definition = json.loads(made.definition())
    places = [(owner, key) for owner in tables(definition) for key in owner]
    owner, key = chance.choice(
        [place for place in places if place[0] is not definition["model"]["vocab"]] + places[:40]
    )
    owner[key] = chance.choice(odd)
    return json.dumps(definition)


def tables(thing):
    if isinstance(thing, dict):
        yield thing
    for each in thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list) else ():
        yield from tables(each)


def test_two_hundred_mutations_load_and_cut_or_are_checkpoint_errors():
    refused = 0
    for seed in range(200):
        try:
            tokens = Tokens(mutated(seed))
            pieces = tokens.cut_many(["The filming wasn't good, été 🎬!", "", "x" * 500], 40)
            assert all(id < len(tokens) for each in pieces for id in each.ids)
        except CheckpointError as error:
            assert len(str(error)) < 400
            refused += 1
    assert refused > 50


# what stands around a text


@pytest.fixture
def framed(tmp_path):
    return berts.tokens(tmp_path)


def test_each_special_piece_is_a_word_of_its_own(framed):
    pieces = framed.cut("The food wasnt good!", 20)
    assert pieces.names == ["[CLS]", "the", "food", "[UNK]", "good", "!", "[SEP]"]
    assert pieces.specials == {0, 6} and framed.specials == 2
    assert [word.text for word in pieces.words] == ["[CLS]", "The", "food", "wasnt", "good", "!", "[SEP]"]
    assert pieces.types == [0] * 7 and pieces.second is None
    assert pieces.spans[0] == (0, 0) and pieces.spans[-1] == (20, 20)


def test_two_texts_are_told_apart(framed):
    pieces = framed.cut("The food", 20, second="very good film")
    assert pieces.names == ["[CLS]", "the", "food", "[SEP]", "very", "good", "film", "[SEP]"]
    assert pieces.types == [0, 0, 0, 0, 1, 1, 1, 1] and pieces.specials == {0, 3, 7}
    assert pieces.second == "very good film"
    assert [word.text for word in pieces.words] == ["[CLS]", "The", "food", "[SEP]", "very", "good", "film", "[SEP]"]
    texts = (pieces.text, pieces.second)
    for k, (start, end) in enumerate(pieces.spans):
        assert k in pieces.specials or texts[pieces.types[k]][start:end].lower() == pieces.names[k]


def test_the_longer_of_two_texts_is_cut_first_and_what_is_left_out_is_counted(framed):
    pieces = framed.cut("the food", 8, second="very very very very very good")
    assert pieces.names[1:3] == ["the", "food"] and len(pieces.ids) == 8
    assert pieces.left_out == 3 and pieces.unread == "very very good"
    both = framed.cut("not not not not", 6, second="very very very very")
    assert (both.types, both.left_out) == ([0, 0, 0, 1, 1, 1], 5)
    assert both.unread == "not not not very very"


@pytest.mark.parametrize("room", range(12))
def test_what_finds_room_is_what_the_library_gives_it(room):
    library = Tokenizer(WordLevel({"a": 0, "b": 1, "[UNK]": 2}, unk_token="[UNK]"))
    library.pre_tokenizer = Whitespace()
    library.enable_truncation(room, strategy="longest_first") if room else None
    for one in range(8):
        for other in range(8):
            ids = library.encode("a " * one, "b " * other).ids if room else []
            assert shares([[0] * one, [1] * other], room) == [ids.count(0), ids.count(1)]
    assert shares([[0] * 9], room) == [min(room, 9)]


def test_special_pieces_typed_by_a_person_are_text_but_a_mask_that_is_asked_for(framed):
    text = "the [MASK] was [SEP] good [CLS]"
    assert not {framed.mask, 2, 3} & set(framed.cut(text, 40).ids[1:-1])
    pieces = framed.cut(text, 40, masks=True)
    assert [k for k, id in enumerate(pieces.ids) if id == framed.mask] == [2]
    assert pieces.names[2] == framed.mask_name == "[MASK]" and pieces.spans[2] == (4, 10)
    assert 2 not in pieces.specials and pieces.words[2].text == "[MASK]"
    assert pieces.ids.count(2) == pieces.ids.count(3) == 1
    assert framed.cut("the food", 40, masks=True) == framed.cut("the food", 40)


@given(st.lists(st.text(max_size=20), max_size=6), st.integers(3, 12))
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_ids_alone_are_those_of_the_pieces(framed, texts, most):
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    cut = framed.cut_many(texts, most)
    assert framed.encode_many(texts, most) == [pieces.ids for pieces in cut]
    assert all(len(pieces.ids) <= most and {0, len(pieces.ids) - 1} == pieces.specials for pieces in cut)
    assert MADE.encode_many(texts, most) == [pieces.ids for pieces in MADE.cut_many(texts, most)]
    turned = texts[::-1]
    if most > 3:
        cut = framed.cut_many(texts, most, turned)
        assert framed.encode_many(texts, most, turned) == [pieces.ids for pieces in cut]


def test_a_text_of_specials_alone_holds_nothing_to_read(framed):
    with pytest.raises(UsageError, match="holds nothing to read"):
        framed.cut("\u200b", 20)
    with pytest.raises(UsageError, match="is in the vocabulary"):
        framed.cut("xyzzy", 20)
    assert not framed.readable(framed.cut_many(["xyzzy"], 20)[0])


def test_where_no_text_finds_room_or_no_second_can_stand_it_says_so(framed):
    with pytest.raises(UsageError, match="2 pieces hold no text: 2 of them are special"):
        framed.cut("good", 2)
    with pytest.raises(UsageError, match="3 pieces hold no text: 3 of them are special"):
        framed.cut("good", 3, second="bad")
    with pytest.raises(UsageError, match="this model reads one text at a time"):
        MADE.cut("good", 9, second="bad")
    with pytest.raises(UsageError, match="the text is empty"):
        framed.cut("good", 9, second=" ")


def test_the_shipped_tokenizers_put_nothing_around_a_text():
    assert (REAL.specials, REAL.types) == (0, False) and REAL.cut("good", 9).specials == frozenset()


def test_padded_rows_are_real_where_there_is_a_piece():
    ids, real = pad([[5, 6, 7], [8]])
    assert ids.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert real.tolist() == [[True, True, True], [True, False, False]]


# back to text


@given(st.text(min_size=1, max_size=30))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_byte_pairs_are_read_back_whole_and_never_half_a_character(text):
    (pieces,) = BYTES.cut_many([text], 999)
    assert BYTES.decode(pieces.ids) == text
    parts = list(BYTES.spoken(iter(pieces.ids)))
    assert "".join(parts) == text and all(parts)
    assert all("\ufffd" not in part for part in parts) or "\ufffd" in text


@given(st.lists(st.integers(-1, len(BYTES) + 3), max_size=20))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_is_written_is_spoken_as_it_is_decoded(ids):
    assert "".join(BYTES.spoken(ids)) == BYTES.decode(ids)


def test_a_piece_is_spoken_before_the_next_one_is_written():
    (pieces,) = BYTES.cut_many(["the 🙂 film"], 99)
    written = []

    def write():
        for id in pieces.ids:
            written.append(id)
            yield id

    spoken = BYTES.spoken(write())
    assert BYTES.decode(written) == "" and next(spoken) == BYTES.decode(written) != ""
    assert "🙂" in list(spoken)  # whole, though it is several pieces


def test_words_are_decoded_as_the_reference_does(reference, tmp_path):
    tokens = berts.tokens(tmp_path)
    other = reference.BertTokenizerFast.from_pretrained(tmp_path)
    ids = tokens.cut("The food was filming, not good!", 40).ids
    ids += [tokens.padding, tokens.mask]
    assert tokens.decode(ids) == other.decode(ids, skip_special_tokens=True) == "the food was filming, not good!"
    assert "".join(tokens.spoken(ids)) == "the food was filming, not good!"


def test_what_has_no_special_pieces_but_an_end_needs_none():
    assert (BYTES.unknown, BYTES.mask, BYTES.end, BYTES.padding) == (NONE, NONE, 330, 330)
    assert BYTES.called() == {"eos_token": gpt2s.END} and BYTES.specials == 0
    assert BYTES.decode([330]) == "" and BYTES.cut(gpt2s.END, 99).ids != [330]  # typed it is text
    assert BYTES.cut("the film", 99).names[-1] == "Ġfilm" and [w.text for w in BYTES.cut("a film", 9).words] == [
        "a",
        "film",
    ]
    with pytest.raises(CheckpointError, match=r"tokenizer\.json has no \[PAD\] piece"):
        Tokens(gpt2s.definition())
    with pytest.raises(UsageError, match="one text at a time"):
        BYTES.cut("a", 9, "b")


def test_a_batch_may_be_padded_on_the_left():
    ids, real = pad([[4, 5, 6], [7]], padding=9, left=True)
    assert ids.tolist() == [[4, 5, 6], [9, 9, 7]] and real.tolist() == [[True] * 3, [False, False, True]]

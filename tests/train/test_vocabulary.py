"""Text is cut as SST-2 is, and every piece knows where it stood."""

import string

import pytest

from glassformer.train import vocabulary

TEXTS = [
    "the film was n't good , it 's not what i can not stand",
    "wasnt doesnt 0123456789 " + string.ascii_lowercase,
] * 9


@pytest.fixture(scope="module")
def tokenizer():
    return vocabulary.build(TEXTS, 300)


@pytest.mark.parametrize(
    ("natural", "treebank"),
    [
        ("wasn't", "was n't"),
        ("It’s", "it 's"),
        ("cannot", "can not"),
        ("can't", "ca n't"),
        ("doesnt", "does nt"),
        ("good.", "good ."),
        ("GOOD,good", "good , good"),
        ("they've", "they 've"),
        ("want", "want"),
        ("scent", "scent"),
    ],
)
def test_natural_text_is_cut_as_the_treebank(tokenizer, natural, treebank):
    assert tokenizer.encode(natural).ids == tokenizer.encode(treebank).ids


def test_pieces_know_where_in_the_text_they_stand(tokenizer):
    text = "The FILM wasn’t  good!"
    found = tokenizer.encode(text)
    assert "".join(text[start:end] for start, end in found.offsets) == "TheFILMwasn’tgood!"


def test_the_three_special_pieces_come_first(tokenizer):
    assert [tokenizer.id_to_token(k) for k in range(3)] == ["[PAD]", "[UNK]", "[MASK]"]
    assert len(tokenizer.get_added_tokens_decoder()) == 3


def test_every_ascii_character_has_a_piece(tokenizer):
    for character in string.ascii_letters + string.digits + string.punctuation:
        assert "[UNK]" not in tokenizer.encode(character).tokens


def test_pieces_stand_in_the_order_of_the_alphabet(tokenizer):
    """The library numbers them in another order every time."""
    pieces = [tokenizer.id_to_token(id) for id in range(3, tokenizer.get_vocab_size())]
    assert pieces == sorted(pieces)


def test_decoding_joins_what_was_cut(tokenizer):
    assert tokenizer.decode(tokenizer.encode("what film stand").ids) == "what film stand"

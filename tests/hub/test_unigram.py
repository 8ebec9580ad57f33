"""SentencePiece's files: read as SentencePiece reads them, and cut as it cuts; whatever else they hold is refused."""

import contextlib
import io
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassformer.errors import CheckpointError
from glassformer.hub import rules, unigram
from glassformer.hub.unigram import Unigram
from tests.hub import gpt2s, marians

PATH = Path("somewhere/source.spm")
GERMAN = "Das Haus ist groß. Ich gehe nach Hause, und du? Übermäßig schöne Straßen, ½ kg, “ﬁne” 家."


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two files that SentencePiece made, a vocabulary of both, and SentencePiece itself."""
    package = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed: pip install -e .[dev]")
    folder = tmp_path_factory.mktemp("trained")
    pages = {"source.spm": gpt2s.PAGE.splitlines() * 3, "target.spm": GERMAN.split(". ") * 3}
    theirs = {}
    for name, lines in pages.items():
        package.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=(content := io.BytesIO()),
            vocab_size=90,
            hard_vocab_limit=False,
            minloglevel=2,
        )
        (folder / name).write_bytes(content.getvalue())
        theirs[name] = package.SentencePieceProcessor(model_file=str(folder / name))
    pieces = [each.id_to_piece(k) for each in theirs.values() for k in range(3, each.get_piece_size())]
    numbered = dict.fromkeys(["</s>", "<unk>", *pieces, "<pad>"])
    (folder / "vocab.json").write_text(json.dumps({piece: k for k, piece in enumerate(numbered)}))
    return folder, theirs


@pytest.mark.parametrize("name", ["source.spm", "target.spm"])
def test_pieces_and_scores_are_those_that_sentencepiece_reads(trained, name):
    folder, theirs = trained
    found, other = unigram.read((folder / name).read_bytes(), folder / name), theirs[name]
    assert found.scores == {other.id_to_piece(k): other.get_score(k) for k in range(3, other.get_piece_size())}
    assert found.prefixed and found.tidied and len(found.characters) > 1000


def test_texts_are_cut_as_sentencepiece_cuts_them(trained):
    folder, theirs = trained
    source, target = rules.read(folder, types=1, needs=("unknown",)), rules.target(folder)
    assert target is not None and source.end == target.end == 0
    chance = random.Random(0)
    for tokens, other in ((source, theirs["source.spm"]), (target, theirs["target.spm"])):
        known = {other.id_to_piece(k) for k in range(3, other.get_piece_size())}
        signs = [
            *{c for piece in known for c in piece.replace("▁", " ")},
            " ",
            "  ",
            "\t",
            "ﬁ",
            "½",
            "“",
            "Ⅷ",
            "\u3000",
        ]
        for _ in range(1500):
            text = "".join(chance.choice(signs) for _ in range(chance.randint(0, 25)))
            expected = other.encode(text, out_type=str)
            if set(expected) <= known:
                (pieces,) = tokens.cut_many([text], 99)
                assert pieces.names == [*expected, "</s>"], ascii(text)
                assert tokens.decode(pieces.ids) == other.decode(expected)
                assert "".join(tokens.spoken(pieces.ids)) == other.decode(expected)


@pytest.fixture
def made(tmp_path):
    return marians.tokens(tmp_path / "made")


def names(tokens, text):
    return tokens.cut_many([text], 99)[0].names


def test_two_texts_are_cut_by_their_own_pieces(made):
    source, target = rules.read(made, types=1, needs=()), rules.target(made)
    assert names(source, "the film") == ["▁the", "▁film", "</s>"]
    assert target is not None and names(target, "der Film") == ["▁der", "▁Film", "</s>"]
    assert source.vocabulary() == target.vocabulary() == marians.PIECES
    assert source.decode([2, 4, 0, marians.LAST]) == "the film"


def test_what_only_the_other_text_has_is_taken_where_nothing_else_fits(made):
    source = rules.read(made, types=1, needs=())
    assert names(source, "theße") == ["▁the", "ß", "e", "</s>"]  # a character for itself, but never "ße"
    assert source.cut("the 家", 9).ids == [2, 3, source.unknown, 0]
    assert names(source, ">>deu<< the") == [">>deu<<", "▁the", "</s>"]


def test_spaces_are_one_unless_the_file_says_otherwise(made):
    assert names(rules.read(made, types=1, needs=()), "  the   s ") == ["▁the", "▁", "s", "</s>"]
    (made / "source.spm").write_bytes(marians.spm(marians.SOURCE, prefixed=0, tidied=0))
    assert names(rules.read(made, types=1, needs=()), "he  s") == ["he", "▁", "▁", "s", "</s>"]


def test_a_folder_with_a_tokenizer_json_is_cut_by_that(made):
    definition = rules.read(made, types=1, needs=()).definition
    (made / "tokenizer.json").write_text(definition)
    (made / "source.spm").write_bytes(b"nothing")
    assert names(rules.read(made, types=1, needs=()), "the film") == ["▁the", "▁film", "</s>"]
    assert rules.target(made) is None


# files that are none


@given(st.binary(max_size=200))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_any_bytes_are_a_file_or_refused_in_a_line(content):
    try:
        assert isinstance(unigram.read(content, PATH), Unigram)
    except CheckpointError as error:
        assert "source.spm is no SentencePiece file: " in str(error) and str(error).isprintable()


def test_a_file_that_is_cut_short_anywhere_is_refused_or_has_fewer_pieces():
    content = marians.spm(marians.SOURCE)
    scores = unigram.read(content, PATH).scores
    for end in range(len(content)):
        with contextlib.suppress(CheckpointError):
            assert set(unigram.read(content[:end], PATH).scores) <= set(scores)


WRONG = {
    "by merges": (
        marians.spm(marians.SOURCE, kind=2),
        r"it cuts by merges or by words \(model_type 2\); make a tokeni",
    ),
    "nothing": (b"", "it has 0 pieces"),
    "no number": (marians.spm({"a": float("nan")}), "it has 1 pieces, or scores that are no small numbers"),
    "without end": (marians.spm({"a": float("-inf")}), "scores that are no small numbers"),
    "no text": (marians.field(1, marians.field(1, b"\xff\xfe") + marians.field(2, -1.0)), "is no SentencePiece file"),
    "no piece": (marians.field(3, marians.field(2, -1.0)), "it has 0 pieces"),
    "a number for a piece": (marians.field(1, 7), "is no SentencePiece file"),
    "longer than it is": (b"\x0a\xff\x01ab", "field 1 does not end in its 5 bytes"),
    "a group": (b"\x0b\x0c", "field 1 does not end in its 2 bytes"),
    "a number that never ends": (b"\x08" + b"\xff" * 20, "does not end"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_with_a_file_is_said(kind):
    content, line = WRONG[kind]
    with pytest.raises(CheckpointError, match=line) as raised:
        unigram.read(content, PATH)
    assert str(raised.value).isprintable() and len(str(raised.value)) < 400


def put(name, content):
    return lambda folder: (folder / name).write_text(content)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (put("vocab.json", "[]"), r"vocab\.json does not number pieces"),
        (put("vocab.json", '{"</s>": 0, "<unk>": 1, "<pad>": 5}'), r"does not number from 0 on, or lacks one of"),
        (put("vocab.json", '{"</s>": 0, "<pad>": 1}'), "lacks one of .*<unk>"),
        (put("target_vocab.json", "{}"), "has a vocabulary for each text; only one for both can be read here"),
        (lambda folder: (folder / "source.spm").unlink(), "has no tokenizer"),
    ],
)
def test_a_folder_whose_files_do_not_fit_is_refused(made, change, line):
    change(made)
    with pytest.raises(CheckpointError, match=line):
        rules.read(made, types=1, needs=())


def test_characters_that_are_no_table_are_refused(made):
    damaged = marians.spm(marians.SOURCE) + marians.field(3, marians.field(2, b"\x05\0\0\0no table"))
    (made / "source.spm").write_bytes(damaged)
    with pytest.raises(CheckpointError, match="cannot be used"):
        rules.read(made, types=1, needs=())

"""Tokenizers out of a checkpoint's files: the ids of the reference, from each of the forms they come in."""

import json
import random

import pytest
from tokenizers.pre_tokenizers import ByteLevel

from glassformer.errors import CheckpointError, GlassformerError
from glassformer.hub import rules
from tests.hub import berts, gpt2s

TEXTS = [
    "the food was not good",
    "The FOOD wasn't  good!",
    "été 家は 🎬 ,.",
    "x" * 120,
    "[MASK] [SEP] <mask> </s>",
    "a",
]
MERGES = ["Ġ t", "h e", "Ġt he", "Ġ w", "a s", "Ġw as"]


def word_pieces(folder, **settings):
    folder.mkdir(exist_ok=True)
    letters = [*"abcdefghijklmnopqrstuvwxyzTéFOD家", *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyzéOD")]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys([*berts.WORDS, *letters])) + "\n")
    if settings:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def byte_pairs(folder, **settings):
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *sorted(ByteLevel.alphabet()), *(m.replace(" ", "") for m in MERGES)]
    (folder / "vocab.json").write_text(json.dumps({piece: k for k, piece in enumerate([*pieces, "<mask>"])}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES]) + "\n")
    if settings:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def same_as(reference, tokens, cutter):
    """Ids and types, of one text and of two, of any length.  What is typed is text for us and not for the reference."""
    typed = [text for text in TEXTS if "[" not in text]
    for most in (8, 60):
        for text in typed:
            asked = cutter(text, truncation=True, max_length=most)
            assert tokens.encode_many([text], most) == [asked["input_ids"]] == [tokens.cut_many([text], most)[0].ids]
            for second in typed:
                asked = cutter(text, second, truncation="longest_first", max_length=most, return_token_type_ids=True)
                (pieces,) = tokens.cut_many([text], most, [second])
                assert pieces.ids == asked["input_ids"] == tokens.encode_many([text], most, [second])[0]
                assert not tokens.types or pieces.types == asked["token_type_ids"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"do_lower_case": True},
        {"do_lower_case": False},
        {"do_lower_case": False, "strip_accents": True},
        {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False},
        {"do_lower_case": True, "strip_accents": None},
    ],
    ids=str,
)
def test_a_list_of_word_pieces_cuts_as_the_references_does(reference, tmp_path, settings):
    word_pieces(tmp_path, **settings)
    tokens = rules.read(tmp_path, types=2)
    same_as(reference, tokens, reference.BertTokenizerFast.from_pretrained(tmp_path))
    assert (tokens.padding, tokens.unknown, tokens.mask, tokens.mask_name) == (0, 1, 4, "[MASK]") and tokens.types


@pytest.mark.parametrize("spaced", [False, True])
def test_byte_pairs_cut_as_the_references_do(reference, tmp_path, spaced):
    byte_pairs(tmp_path, add_prefix_space=spaced)
    tokens = rules.read(tmp_path, types=1)
    same_as(reference, tokens, reference.RobertaTokenizerFast.from_pretrained(tmp_path))
    assert (tokens.padding, tokens.unknown, tokens.mask_name) == (1, 3, "<mask>") and not tokens.types


def test_gpt2s_two_files_cut_as_its_tokenizer_does(reference, tmp_path):
    gpt2s.tokens(tmp_path / "m")
    whole = rules.read(tmp_path / "m", types=1, needs=())
    tokens = rules.read(gpt2s.halves(tmp_path / "m"), types=1, needs=())
    other = reference.GPT2TokenizerFast.from_pretrained(tmp_path / "m")
    for text in ("the film wasn't bad — 家族 🙂", "  a\n\nb 12,5", "Ünïcödé"):
        ids = tokens.cut(text, 99).ids
        assert ids == whole.cut(text, 99).ids == other(text)["input_ids"]
        assert tokens.decode(ids) == other.decode(ids) == text
    assert tokens.end == 330 and tokens.name(330) == gpt2s.END and tokens.decode([5, 330, 6]) == tokens.decode([5, 6])
    with pytest.raises(CheckpointError, match=r"vocab\.json has no <s> piece \(cls_token\)"):
        rules.read(tmp_path / "m", types=1)


@pytest.mark.parametrize("write", [word_pieces, byte_pairs])
def test_a_tokenizer_that_the_reference_saved_is_read(reference, tmp_path, write):
    write(tmp_path)
    kind = reference.BertTokenizerFast if write is word_pieces else reference.RobertaTokenizerFast
    kind.from_pretrained(tmp_path).save_pretrained(tmp_path / "saved")
    same_as(reference, rules.read(tmp_path / "saved", types=2), kind.from_pretrained(tmp_path / "saved"))


def test_a_real_tokenizer_cuts_as_the_references_does(reference, minilm):
    tokens = rules.read(minilm, types=2)
    same_as(reference, tokens, reference.AutoTokenizer.from_pretrained(minilm))
    assert len(tokens) == 30522


def test_special_pieces_with_other_names_are_found_by_their_role(tmp_path):
    pieces = ["<nothing>", "<?>", "<from>", "<to>", "<hole>", "good"]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces))
    said = {"pad_token": "<nothing>", "unk_token": "<?>", "cls_token": "<from>", "sep_token": {"content": "<to>"}}
    (tmp_path / "special_tokens_map.json").write_text(json.dumps(said))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"mask_token": {"content": "<hole>", "lstrip": True}}))
    tokens = rules.read(tmp_path, types=2)
    assert (tokens.padding, tokens.unknown, tokens.mask, tokens.mask_name) == (0, 1, 4, "<hole>")
    assert tokens.cut("good bad", 9).names == ["<from>", "good", "<?>", "<to>"]


def test_a_piece_that_stands_twice_has_the_later_number(reference, tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join([*berts.WORDS, "food", "more"]))
    tokens = rules.read(tmp_path, types=2)
    assert tokens.cut("food more", 9).ids == [2, 19, 20, 3]
    assert reference.BertTokenizerFast.from_pretrained(tmp_path)("food more")["input_ids"] == [2, 19, 20, 3]
    assert tokens.name(6) == "[UNK]" and len(tokens) == 21


# files that are none


def put(name, content):
    return lambda folder: (folder / name).write_bytes(
        content if isinstance(content, bytes) else json.dumps(content).encode()
    )


WRONG = {
    "no tokenizer": (
        lambda folder: (folder / "vocab.txt").unlink(),
        r"has no tokenizer: no tokenizer\.json and no vocab",
    ),
    "an empty vocabulary": (put("vocab.txt", b""), "has no .* piece"),
    "no special pieces": (put("vocab.txt", b"a\nb\nc"), r"has no \[CLS\] piece \(cls_token\)"),
    "no mask": (put("vocab.txt", b"[PAD]\n[UNK]\n[CLS]\n[SEP]\na"), r"no \[MASK\] piece; it needs"),
    "a vocabulary of bytes": (put("vocab.txt", bytes(range(256)) * 10), "has no .* piece"),
    "settings a list": (put("tokenizer_config.json", []), r"tokenizer_config\.json is no table"),
    "settings cut short": (put("tokenizer_config.json", b'{"do_lower'), r"tokenizer_config\.json cannot be read"),
    "settings nested": (put("tokenizer_config.json", b"[" * 100_000), r"tokenizer_config\.json cannot be read"),
    "lower case a word": (
        put("tokenizer_config.json", {"do_lower_case": "yes"}),
        "do_lower_case is 'yes'; true or false",
    ),
    "another mask": (put("tokenizer_config.json", {"mask_token": "<nope>"}), "has no <nope> piece"),
    "a piece that is not there": (put("tokenizer_config.json", {"sep_token": "<nope>"}), "has no <nope> piece"),
    "a hostile piece": (put("tokenizer_config.json", {"pad_token": "\x1b[31m" * 99}), "piece"),
    "a tokenizer.json of nothing": (put("tokenizer.json", b""), r"tokenizer\.json cannot be used"),
    "a tokenizer.json that is a list": (put("tokenizer.json", []), r"tokenizer\.json cannot be used"),
    "a folder": (lambda folder: (folder / "tokenizer.json").mkdir(), "is no file"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_tokenizer_is_refused_by_name(tmp_path, kind):
    damage, line = WRONG[kind]
    damage(word_pieces(tmp_path))
    with pytest.raises(CheckpointError, match=line) as raised:
        rules.read(tmp_path, 2)
    assert str(raised.value).isprintable() and len(str(raised.value)) < 500


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vocab.json", b"[]"),
        ("vocab.json", b'{"a": "b"}'),
        ("vocab.json", b'{"a": -1}'),
        ("vocab.json", b'{"a": 99999999999999}'),
        ("merges.txt", b"a"),
        ("merges.txt", b"no such\n"),
        ("merges.txt", b"\xff\xfe \x00"),
        ("merges.txt", b"a b c d\n"),
    ],
)
def test_byte_pairs_that_are_none_are_refused_by_name(tmp_path, name, content):
    (byte_pairs(tmp_path) / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"vocab\.json|merges\.txt"):
        rules.read(tmp_path, 2)


def test_three_hundred_altered_tokenizers_cut_or_are_refused(reference, tmp_path):
    """Of a file with everything: specials, a frame, truncation."""
    reference.BertTokenizerFast.from_pretrained(word_pieces(tmp_path / "m")).save_pretrained(tmp_path)
    whole, refused = (tmp_path / "tokenizer.json").read_text(), 0
    odd = [
        None,
        [],
        {},
        "",
        "\x00",
        -1,
        1 << 70,
        1e308,
        True,
        "[UNK]",
        {"type": "Sequence"},
        [[]],
        "a" * 10_000,
        "[CLS]",
    ]
    for seed in range(300):
        chance, said = random.Random(seed), json.loads(whole)
        places = [(owner, key) for owner in tables(said) for key in owner if owner is not said["model"]["vocab"]]
        for _ in range(chance.randint(1, 2)):
            owner, key = chance.choice(places)
            owner[key] = chance.choice(odd)
        (tmp_path / "tokenizer.json").write_text(json.dumps(said))
        try:
            tokens = rules.read(tmp_path, 2)
            for pieces in (*tokens.cut_many(TEXTS, 30), *tokens.cut_many(TEXTS, 30, TEXTS)):
                assert all(0 <= id < len(tokens) for id in pieces.ids) and len(pieces.ids) <= 30
        except GlassformerError as error:
            assert len(str(error)) < 500 and str(error).isprintable()
            refused += 1
    assert refused > 80


def tables(thing):
    if isinstance(thing, dict):
        yield thing
    for each in thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list) else ():
        yield from tables(each)

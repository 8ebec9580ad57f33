"""How a folder makes one vector of a text: read as data, and refused where we could not do the same."""

import json

import pytest

from glassformer.errors import CheckpointError
from glassformer.hub import sentence, store
from glassformer.hub.sentence import Sentence
from tests.hub import berts

STEP = "sentence_transformers.models."


def write(folder, pooling=None, reading=None, steps=("Transformer", "Pooling", "Normalize"), **odd):
    paths = {"Pooling": "1_Pooling", "Normalize": "2_Normalize"} | odd
    said = [{"idx": k, "name": str(k), "path": paths.get(s, ""), "type": STEP + s} for k, s in enumerate(steps)]
    (folder / "modules.json").write_text(json.dumps(said))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({} if pooling is None else pooling))
    (folder / "sentence_bert_config.json").write_text(json.dumps({} if reading is None else reading))
    return folder


def test_a_folder_that_says_nothing_has_the_usual(tmp_path):
    assert sentence.read(tmp_path) == Sentence("mean", False, None, False)


@pytest.mark.parametrize(
    ("pooling", "name"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, "mean"),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}, "cls"),
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode": ["max"]}, "max"),
        ({}, "mean"),
    ],
)
def test_both_forms_of_pooling_are_read(tmp_path, pooling, name):
    found = sentence.read(write(tmp_path, pooling, {"max_seq_length": 128, "do_lower_case": False}))
    assert found == Sentence(name, True, 128, False)


def test_without_a_last_step_vectors_keep_their_length(tmp_path):
    assert not sentence.read(write(tmp_path, steps=("Transformer", "Pooling"))).normalised


WRONG = {
    "no list": (lambda f: (f / "modules.json").write_text("{}"), "is no list of a few steps"),
    "no JSON": (lambda f: (f / "modules.json").write_text("[{"), r"modules\.json cannot be read"),
    "a step that is none": (lambda f: (f / "modules.json").write_text("[5]"), "describes a step wrongly"),
    "a step nobody knows": (
        lambda f: write(f, steps=("Transformer", "Dense")),
        "asks for a 'Dense' step; known: Trans",
    ),
    "code": (lambda f: write(f, steps=("__import__('os').system('echo owned')",)), "asks for a"),
    "a path outside": (lambda f: write(f, Pooling="../1_Pooling"), "no plain name inside it"),
    "an absolute path": (lambda f: write(f, Pooling="/etc"), "no plain name inside it"),
    "the folder above": (lambda f: write(f, Pooling=".."), "no plain name inside it"),
    "two poolings": (
        lambda f: write(f, {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}),
        r"asks for the pooling \['mean', 'max'\]; known: mean, cls, max",
    ),
    "another pooling": (lambda f: write(f, {"pooling_mode_lasttoken": True}), "asks for the pooling lasttoken"),
    "a pooling by name": (lambda f: write(f, {"pooling_mode": "weightedmean"}), "asks for the pooling weightedmean"),
    "pooling a list": (lambda f: write(f, []), "is no table of settings"),
    "pooling gone": (lambda f: (write(f) / "1_Pooling" / "config.json").unlink(), "cannot be read"),
    "length text": (lambda f: write(f, reading={"max_seq_length": "256"}), "max_seq_length is '256'"),
    "length negative": (lambda f: write(f, reading={"max_seq_length": -1}), "max_seq_length is -1"),
    "length a list": (lambda f: write(f, reading=[5]), "is no table of settings"),
    "small letters": (lambda f: write(f, reading={"do_lower_case": True}), None),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_we_could_not_do_is_refused_by_name(bert, kind):
    damage, line = WRONG[kind]
    damage(bert)
    if line is None:  # the tokenizer writes small letters itself: nothing is lost
        assert store.load(bert).pooling == "mean"
        berts.change(bert, "tokenizer.json", normalizer={"type": "BertNormalizer"} | {
            "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": False,
        })  # fmt: skip
        words = json.loads((bert / "tokenizer.json").read_text())
        words["model"]["vocab"] |= {"a": 19, "A": 20}
        berts.change(bert, "tokenizer.json", model=words["model"])
        line = "do_lower_case is set, but the tokenizer keeps capitals|the tokenizer has 21 pieces"
    with pytest.raises(CheckpointError, match=line) as raised:
        store.load(bert)
    assert str(raised.value).isprintable() and len(str(raised.value)) < 500


def test_what_it_says_is_on_the_checkpoint(bert):
    found = store.load(write(bert, {"pooling_mode": "cls"}, {"max_seq_length": 16}))
    assert (found.pooling, found.normalised, found.most) == ("cls", True, 16)
    assert store.load(write(bert, reading={"max_seq_length": 512})).most == found.model.config.length


@pytest.mark.parametrize(
    ("told", "most"), [(3, 3), (1 << 20, 1 << 20), (None, None), (2, ...), ((1 << 20) + 1, ...), (True, ...)]
)
def test_a_length_is_read_from_three_pieces_to_a_million(tmp_path, told, most):
    folder = write(tmp_path, reading={"max_seq_length": told})
    if most is ...:
        with pytest.raises(CheckpointError, match=f"max_seq_length is {told}; a whole number was expected"):
            sentence.read(folder)
    else:
        assert sentence.read(folder).most == most


def test_of_twenty_steps_the_first_pooling_is_meant_and_one_step_more_is_no_model(tmp_path):
    write(tmp_path, {"pooling_mode": "max"}, steps=("Transformer", "Pooling", *["Normalize"] * 18))
    assert sentence.read(tmp_path) == Sentence("max", True, None, False)
    write(tmp_path, steps=("Transformer", "Pooling", *["Normalize"] * 19))
    with pytest.raises(CheckpointError, match="is no list of a few steps"):
        sentence.read(tmp_path)


def test_without_a_pooling_step_or_a_length_the_usual_is_meant(tmp_path):
    write(tmp_path, {"pooling_mode": "max"}, steps=("Transformer",))
    (tmp_path / "sentence_bert_config.json").unlink()
    assert sentence.read(tmp_path) == Sentence("mean", False, None, False)
    write(
        tmp_path, {"pooling_mode": "max"}, steps=("Transformer", "Pooling"), Pooling="", reading={"do_lower_case": True}
    )
    (tmp_path / "config.json").write_text('{"pooling_mode_cls_token": true, "hidden_size": 8}')
    assert sentence.read(tmp_path) == Sentence("cls", False, None, True), "a step may lie in the folder itself"

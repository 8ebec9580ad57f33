"""Files that are missing or broken are named, with what to do."""

import gzip

import pytest

from glassformer.errors import CheckpointError, MissingError
from glassformer.train import data
from glassformer.train.data import Example
from tests.train import made


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingError, match=r"there is no .*sst2/train\.jsonl\.gz; point --data"):
        data.read(tmp_path, "sst2/train")


@pytest.mark.parametrize(
    "content",
    [b"not gzip", gzip.compress(b'{"text": "a", "label": 1}\n{"text": '), gzip.compress(b'{"label": 1}\n'),
     gzip.compress(b"[1]\n"), gzip.compress(b'{"text": "a", "label": 1}\n' * 99)[:-12], gzip.compress(b""),
     gzip.compress(b"\xff\n")],
    ids=["no gzip", "cut line", "no text", "no object", "cut file", "empty", "no UTF-8"],
)  # fmt: skip
def test_a_broken_file_is_named_in_one_line(tmp_path, content):
    (tmp_path / "sst2").mkdir()
    (tmp_path / "sst2/train.jsonl.gz").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"sst2/train\.jsonl\.gz.*fetch the file again") as caught:
        data.read(tmp_path, "sst2/train")
    assert "\n" not in str(caught.value)


GOOD = b'{"text": "a", "label": 1}\n'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"text": null, "label": 1}', "line 3 cannot be read: a JSON object with text and label was expected"),
        (b'{"text": ["a"], "label": 1}', "line 3 cannot be read: a JSON object with text and label"),
        (b'{"text": "a", "label": "1"}', "line 3 cannot be read: a JSON object with text and label"),
        (b'{"text": "a", "label": 0.5}', "line 3 cannot be read: a JSON object with text and label"),
        (b'"text label"', "line 3 cannot be read: a JSON object with text and label"),
        (b"", "line 3 cannot be read: Expecting value"),
    ],
)
def test_the_line_that_is_no_example_is_numbered_from_one(tmp_path, line, told):
    (tmp_path / "train.jsonl.gz").write_bytes(gzip.compress(GOOD * 2 + line + b"\n" + GOOD))
    with pytest.raises(CheckpointError, match=told):
        data.read(tmp_path, "train")


def test_a_file_without_a_label_to_learn_from_is_named(tmp_path):
    made.write(tmp_path / "sst2/train.jsonl.gz", [{"text": "x", "label": -1}, {"text": "y", "label": 2}])
    with pytest.raises(CheckpointError, match=r"sst2/train\.jsonl\.gz labels no sentence 0 or 1; fetch the file again"):
        data.read(tmp_path, "sst2/train")
    assert data.read_texts(tmp_path, "sst2/train") == ["x", "y"]


def test_labels_other_than_the_two_are_left_out(tmp_path):
    made.write(tmp_path / "a/b.jsonl.gz", [{"text": "x", "label": -1}, {"text": "y", "label": 1, "phenomenon": "p"}])
    assert data.read(tmp_path, "a/b") == [Example("y", 1, "p")]


def test_sentences_alike_but_for_case_and_punctuation_are_equal():
    assert (
        data.normalised("The Film WASN'T good!") == data.normalised("the film was n't good .") == "the film wasnt good"
    )
    assert data.normalised("naïve") == "naive"
    assert (
        data.normalised("It’s 7-up, we've had 'em")
        == data.normalised("it 's 7 up we 've had em")
        == "its 7 up weve had em"
    )
    assert data.normalised("she 'd") != data.normalised("she d")


def test_what_is_kept_apart_is_dropped_and_counted(tmp_path):
    apart = data.kept_apart(made.folder(tmp_path))
    examples = [Example("This FILM is good!", 1), Example("this film is new", 1)]
    assert data.without(examples, apart) == ([examples[1]], 1)


def test_the_real_suites_share_no_sentence_with_what_is_generated():
    from glassformer.train import negation

    apart = data.kept_apart(made.real())
    kept, dropped = data.without(negation.sentences(0, 5000), apart)
    assert dropped < 10
    assert not {data.normalised(example.text) for example in kept} & apart

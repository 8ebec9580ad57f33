"""What is said of a hub that refuses, is slow or has only half a model, without a hub: each line says what to do."""

import sys
import time
from types import SimpleNamespace

import pytest

from glassformer.errors import CheckpointError, MissingError
from glassformer.hub import fetch
from glassformer.hub.weights import INDEX, PICKLED, PICKLED_INDEX, SINGLE
from tests.hub import berts

ID = "some/model"


def raised(*names, said="404 Client Error\nfor url"):
    """An error whose class has these names among its parents, as the library's have."""
    kind = Exception
    for name in reversed(names):
        kind = type(name, (kind,), {})
    return kind(said)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            raised("GatedRepoError", "RepositoryNotFoundError", "HfHubHTTPError"),
            "some/model is gated: accept its terms",
        ),
        (
            raised("RevisionNotFoundError", "HfHubHTTPError"),
            "some/model has no revision v\x1b; leave @… out for the newest",
        ),
        (raised("RepositoryNotFoundError", "HfHubHTTPError"), "there is no model 'some/model': no folder of that name"),
        (raised("HFValidationError"), "there is no model 'some/model'"),
        (raised("HfHubHTTPError"), "is not in the cache, and the hub answers: 404 Client Error; try again later"),
        (
            raised("ConnectError", said="[Errno 111] refused"),
            "the hub cannot be reached ([Errno 111] refused): go online",
        ),
        (raised("Timeout", said=" "), "the hub cannot be reached (Timeout): go online and try again"),
        (
            None,
            "did not answer in 0.25 s: go online and try again, or give the path of a folder; on a slow line set HF_",
        ),
    ],
)
def test_each_refusal_says_what_to_do(error, line, monkeypatch):
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "0.25")
    said = fetch._unanswered(ID, "v\x1b", error)
    assert line.replace("\x1b", "�") in said and said.isprintable() and len(said) < 300


@pytest.mark.parametrize(
    ("told", "seconds"), [("7", 7.0), ("0", 0.1), ("-3", 0.1), ("soon", 1.5), ("", 1.5), (None, 1.5)]
)
def test_patience_is_what_the_variable_says_and_never_nothing(told, seconds, monkeypatch):
    monkeypatch.delenv("HF_HUB_ETAG_TIMEOUT", raising=False)
    if told is not None:
        monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", told)
    assert fetch._patience() == seconds


def test_a_switch_is_on_by_four_words_in_any_letters():
    assert all(map(fetch._is_on, ("1", "on", "Yes", "TRUE"))) and not any(
        map(fetch._is_on, (None, "", "0", "no", "11"))
    )


SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
PICKLES = ["pytorch_model-00001-of-00001.bin"]
OTHERS = [
    "config.json",
    "vocab.txt",
    "secret.py",
    "onnx/model.onnx",
    "model.safetensors.bak",
    "xmodel-1-of-2.safetensors",
]


@pytest.mark.parametrize(
    ("there", "trusted", "weights"),
    [
        ([SINGLE, INDEX, *SHARDS, PICKLED], True, [SINGLE]),
        ([INDEX, *SHARDS, PICKLED], True, [INDEX, *SHARDS]),
        ([PICKLED, PICKLED_INDEX, *PICKLES], True, [PICKLED]),
        ([PICKLED_INDEX, *PICKLES], True, [PICKLED_INDEX, *PICKLES]),
    ],
)
def test_one_form_of_weights_is_fetched_and_of_the_rest_what_is_read(there, trusted, weights):
    assert fetch._wanted([*OTHERS, *there], ID, trusted) == ["config.json", "vocab.txt", *weights]


def test_pickles_that_nobody_trusts_and_no_weights_are_refused_before_anything_is_fetched():
    with pytest.raises(CheckpointError, match=r"some/model has its weights only as pytorch_model\.bin"):
        fetch._wanted([*OTHERS, PICKLED], ID, False)
    with pytest.raises(CheckpointError, match=r"some/model has no weights: no model\.safetensors"):
        fetch._wanted(OTHERS, ID, True)


@pytest.fixture
def library(monkeypatch):
    """In the place of `huggingface_hub`: what it is asked, and what it does, a function a question."""
    asked = []
    made = SimpleNamespace(asked=asked, info=lambda: [], download=lambda name: None)

    class HfApi:
        def model_info(self, id, revision, timeout):
            asked.append((id, revision))
            return SimpleNamespace(siblings=[SimpleNamespace(rfilename=name) for name in made.info()])

    def download(id, name, revision, etag_timeout):
        asked.append(name)
        made.download(name)

    utils = SimpleNamespace(disable_progress_bars=lambda: None)
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(HfApi=HfApi, hf_hub_download=download))
    monkeypatch.setitem(sys.modules, "huggingface_hub.utils", utils)
    monkeypatch.setattr(fetch, "_cached", lambda *asked: None)
    for name in fetch.OFFLINE:
        monkeypatch.delenv(name, raising=False)
    return made


def test_a_hub_that_is_slow_is_waited_for_no_longer_than_is_said(library, monkeypatch):
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "0.1")
    library.info = lambda: time.sleep(5)
    began = time.monotonic()
    with pytest.raises(MissingError, match=r"did not answer in 0\.1 s: go online"):
        fetch.folder(f"{ID}@v2")
    assert time.monotonic() - began < 3 and library.asked == [(ID, "v2")]


def test_a_file_that_cannot_be_fetched_is_named_and_what_is_there_is_kept(library):
    library.info = lambda: ["config.json", "vocab.txt", SINGLE]

    def download(name):
        if name == "vocab.txt":
            raise OSError("No space left on device\nsecond line")

    library.download = download
    with pytest.raises(
        MissingError, match=r"vocab\.txt could not be fetched: No space left on device; try again: what is"
    ):
        fetch.folder(ID)
    assert library.asked == [(ID, None), "config.json", "vocab.txt"]


def test_what_was_fetched_and_is_still_half_a_model_is_said_to_be(library, monkeypatch, tmp_path):
    library.info = lambda: ["config.json", SINGLE]
    with pytest.raises(MissingError, match="some/model was fetched, but it is not in the cache of the hub; try again"):
        fetch.folder(ID)
    folder = berts.folder(tmp_path / "bert")
    assert fetch._incomplete(folder, False) == ""
    (folder / "tokenizer.json").unlink()
    monkeypatch.setattr(fetch, "_cached", lambda *asked: folder)
    with pytest.raises(MissingError, match="was fetched, but the cache has only a part of it: no tokenizer; try again"):
        fetch.folder(ID)
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "yes")
    with pytest.raises(MissingError, match="no tokenizer, and TRANSFORMERS_OFFLINE forbids to fetch it; take TRANS"):
        fetch.folder(ID)


def test_a_name_alone_that_no_cache_has_is_nobodys_and_asks_nobody(library):
    assert fetch.folder("bert-base-uncased") is None and library.asked == []
    assert fetch.did_you_mean("roberta-large@main") == "; did you mean FacebookAI/roberta-large@main?"
    assert fetch.did_you_mean("some-bert") == ""

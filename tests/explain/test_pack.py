"""What a page gets to run models by itself."""

import json

import pytest
import safetensors.torch

from glassformer.errors import UsageError
from glassformer.explain.like import KINDS
from glassformer.explain.pack import models_pack, runs_in_page
from glassformer.explain.reader import read
from glassformer.explain.reference import REFERENCE
from tests import made


def test_what_the_page_cannot_run_is_not_packed():
    other = made.bert_reader()
    assert not runs_in_page(other) and runs_in_page(made.reader()) and runs_in_page(made.reader(made.bag()))
    with pytest.raises(UsageError, match="leave --with-model out"):
        models_pack([other])


def test_a_pack_names_no_folder_and_halves_what_loses_nothing(tmp_path):
    header, weights = models_pack([read(made.folder(tmp_path / "mine")), made.reader()])
    assert [model["given"] for model in header["models"]] == ["mine", "made"]
    assert str(tmp_path) not in json.dumps(header)
    assert b'"F16"' in weights["mine"] and b'"F32"' in weights["made"]
    assert len(header["tokenizers"]) == 1 and header["tokenizers"][0] == json.loads(made.definition())


def test_a_pack_holds_the_model_whole():
    reader = made.reader(made.classifier(block="pre", classes=3), made.THREE)
    header, weights = models_pack([reader, reader, "bag-of-words"])
    mine, bag = header["models"]
    assert mine["labels"] == list(made.THREE) and mine["config"]["block"] == "pre" and bag["name"] == "bag-of-words"
    assert header["reference"] == list(REFERENCE) and header["kinds"] == [list(kind) for kind in KINDS]
    kept = safetensors.torch.load(weights[mine["weights"]])
    for name, weight in reader.model.state_dict().items():
        assert kept[name].float().equal(weight)

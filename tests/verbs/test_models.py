"""models and info: what there is."""

import json
import warnings

import safetensors.torch
import torch

import glassformer as gf
from glassformer.models import heads
from tests import made
from tests.command import lines, told


def test_models_and_their_cards(ask, folder):
    rows = lines(ask("models"))
    assert [row.split()[0] for row in rows] == gf.shipped()
    assert [row["name"] for row in json.loads(ask("models", "--json").stdout)["models"]] == gf.shipped()
    assert lines(ask("models", str(folder))) == ["# Made", "", "For a test."]
    card = json.loads(ask("models", "sentiment", "--json").stdout)
    assert card["schema"] == 1 and card["card"].startswith("#")


def test_info_is_a_block_without_paths(ask):
    facts = dict(line.split(maxsplit=1) for line in lines(ask("info")))
    assert facts["sentiment"] == "whole, sha256 as saved" and facts["glassformer"]


def test_of_a_bert_its_sizes_and_the_verbs_that_take_it(ask, tmp_path):
    folder = made.bert_folder(tmp_path / "bert", heads.MaskedLanguageModel)
    out = "\n".join(lines(ask("models", str(folder))))
    assert "says which piece may stand at a mask (MaskedLanguageModel)" in out and "explain, why, fill, embed" in out
    document = json.loads(ask("models", str(folder), "--json").stdout)
    assert (document["kind"], document["name"], document["layers"]) == ("model", "bert", 2)


def test_a_warning_is_a_line_on_standard_error(ask, tmp_path):
    """Weights that the model has no place for are named, and the answer comes all the same."""
    folder = made.bert_folder(tmp_path / "bert")
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    safetensors.torch.save_file(weights | {"classifier.weight": torch.zeros(2, 12)}, folder / "model.safetensors")
    (folder / "manifest.json").unlink(missing_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        done = ask("models", str(folder))
    assert done.returncode == 0 and "classifier" in told(done)

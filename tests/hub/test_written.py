"""Saved back: byte for byte what was read, and for the reference the same model."""

import json
from dataclasses import replace

import pytest
import torch

from glassformer.errors import UsageError
from glassformer.hub import store
from glassformer.hub.files import MANIFEST
from glassformer.hub.weights import SINGLE, CheckpointWarning
from glassformer.models.heads import (
    CausalLanguageModel,
    MaskedLanguageModel,
    QuestionAnswering,
    SequenceClassification,
)
from tests import made
from tests.hub import berts
from tests.hub.test_pretrained import MODELS, theirs


def again(folder, **asked):
    """Loaded, saved beside, and the new folder."""
    store.export(folder.with_name("again"), store.load(folder, **asked))
    return folder.with_name("again")


def same(one, other):
    return {file.name for file in one.iterdir() if file.read_bytes() != (other / file.name).read_bytes()} == set()


@pytest.mark.parametrize(("family", "end"), MODELS)
def test_what_the_reference_saved_is_saved_back_byte_for_byte(reference, tmp_path, family, end):
    theirs(reference, tmp_path / "m", family, end)
    assert same(tmp_path / "m", again(tmp_path / "m"))


def test_a_real_checkpoint_is_saved_back_byte_for_byte(minilm, tmp_path):
    store.export(tmp_path / "again", store.load(minilm))
    left_out = {".gitattributes", "data_config.json"}
    for file in minilm.rglob("*"):
        if file.is_file() and file.name not in left_out:
            assert file.read_bytes() == (tmp_path / "again" / file.relative_to(minilm)).read_bytes()
    found = store.load(tmp_path / "again")
    assert (found.pooling, found.normalised, found.most) == ("mean", True, 256)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_the_precision_and_what_no_model_uses_come_back(bert, kind):
    weights = {name: value.to(kind) for name, value in berts.tensors(bert).items()}
    weights["bert.embeddings.position_ids"] = torch.arange(40)[None]
    if kind == torch.float64:
        weights["cls.predictions.bias"] += 1e-12  # more than float32 can tell
    berts.put(bert, weights)
    assert (again(bert) / SINGLE).read_bytes() == (bert / SINGLE).read_bytes()


def test_the_head_that_was_left_aside_comes_back(bert):
    berts.change(bert, architectures=["BertModel"])
    with pytest.warns(CheckpointWarning):
        assert same(bert, again(bert))


def test_shards_come_back_as_one_file(bert):
    expected = berts.tensors(bert)
    found = berts.tensors(again(berts.shards(bert)))
    assert found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in found)


def test_pickles_come_back_as_safetensors(bert):
    weights = berts.tensors(bert)
    weights["cls.predictions.decoder.weight"] = weights["bert.embeddings.word_embeddings.weight"]
    torch.save(weights, bert / "pytorch_model.bin")
    (bert / SINGLE).unlink()
    found = berts.tensors(again(bert, allow_pickle=True))
    assert found.keys() == weights.keys() and all(torch.equal(found[name], weights[name]) for name in found)


@torch.no_grad()
@pytest.mark.parametrize("kind", [MaskedLanguageModel, SequenceClassification, QuestionAnswering, CausalLanguageModel])
def test_a_model_of_ours_is_read_by_the_reference(reference, tmp_path, kind):
    labels = ("sad", "plain", "glad") if kind is SequenceClassification else ()
    decoder = kind is CausalLanguageModel
    folder = berts.folder(tmp_path / "m", kind, labels, classes=max(2, len(labels)), decoder=decoder)
    architecture = json.loads((folder / "config.json").read_text())["architectures"][0]
    other = getattr(reference, architecture).from_pretrained(folder).eval()
    found = store.load(folder)
    assert found.labels == labels == tuple(other.config.id2label.values())[: len(labels)]
    ids = torch.tensor([[2, 5, 6, 7, 3]])
    answer, expected = found.model(ids), other(input_ids=ids)
    answer = answer if isinstance(answer, torch.Tensor) else answer.start
    assert torch.allclose(answer, expected["start_logits" if kind is QuestionAnswering else "logits"], atol=1e-5)
    cutter = reference.AutoTokenizer.from_pretrained(folder)
    assert cutter("the food was good")["input_ids"] == found.tokens.cut("the food was good", 40).ids


@torch.no_grad()
def test_what_was_learned_is_saved(reference, bert):
    found = store.load(bert)
    found.model.embed.pieces.weight[7] += 1.0
    store.export(bert.with_name("learned"), found)
    back = store.load(bert.with_name("learned"))
    assert torch.equal(back.model.embed.pieces.weight, found.model.embed.pieces.weight)
    other = reference.AutoModelForMaskedLM.from_pretrained(bert.with_name("learned")).eval()
    ids = torch.tensor([[2, 5, 7]])
    assert torch.allclose(back.model(ids), other(input_ids=ids).logits, atol=1e-5)


@torch.no_grad()
def test_a_tied_weight_that_stands_twice_in_the_file_is_learned_once(bert):
    weights = berts.tensors(bert)
    weights["cls.predictions.decoder.weight"] = weights["bert.embeddings.word_embeddings.weight"].clone()
    found = store.load(berts.put(bert, weights))
    found.model.embed.pieces.weight[7] += 1.0
    store.export(bert.with_name("learned"), found)
    saved = berts.tensors(bert.with_name("learned"))
    assert torch.equal(saved["cls.predictions.decoder.weight"], saved["bert.embeddings.word_embeddings.weight"])
    assert store.load(bert.with_name("learned")).model.config.tied


def test_a_new_head_is_saved_under_its_own_name(reference, bert):
    with pytest.warns(CheckpointWarning):
        found = store.load(bert, head="SequenceClassification", labels=("a", "b", "c"))
    store.export(bert.with_name("new"), found)
    back = store.load(bert.with_name("new"))
    assert type(back.model) is SequenceClassification and back.labels == ("a", "b", "c")
    assert (back.unused, back.fresh) == ((), ())
    other = reference.AutoModelForSequenceClassification.from_pretrained(bert.with_name("new")).eval()
    with torch.no_grad():
        ids = torch.tensor([[2, 5, 3]])
        assert torch.allclose(back.model(ids), other(input_ids=ids).logits, atol=1e-5)


def test_a_config_that_the_format_cannot_say_is_not_saved(bert):
    found = store.load(bert)
    odd = berts.model(pooler="relu", first=3)
    with pytest.raises(UsageError, match="cannot say first=3, pooler='relu'"):
        store.export(bert.with_name("odd"), replace(found, model=odd, origin=None))
    assert not bert.with_name("odd").exists()


def test_what_was_exported_is_checked_against_its_manifest(bert):
    folder = again(bert)
    assert (folder / MANIFEST).exists()
    damaged = bytearray((folder / SINGLE).read_bytes())
    damaged[-3] ^= 1
    (folder / SINGLE).write_bytes(damaged)
    with pytest.raises(store.CheckpointError, match=r"model\.safetensors is not what was saved"):
        store.load(folder)


def test_only_berts_are_exported_and_only_others_saved(folder, bert, tmp_path):
    with pytest.raises(UsageError, match="is of no family of the hub"):
        store.export(tmp_path / "x", store.load(folder))
    with pytest.raises(UsageError, match="export"):
        store.save(tmp_path / "x", store.load(bert).model, made.definition(), "# card")
    with pytest.raises(UsageError, match="and has the head it has"):
        store.load(folder, head="Bert")

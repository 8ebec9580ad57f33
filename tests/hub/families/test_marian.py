"""Marian's translators: the numbers of the reference, saved back byte for byte; whatever is wrong with one is named."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import glassformer as gf
from glassformer.errors import CheckpointError, UsageError
from glassformer.hub import config as configs
from glassformer.hub import store
from glassformer.hub.weights import SINGLE, CheckpointWarning
from glassformer.models.seq2seq import Translator, TranslatorConfig
from tests.hub import berts, marians
from tests.hub.families.test_gpt2 import again, refused, same

LAST = marians.LAST
SOURCE = torch.tensor([[3, 4, 5, 6, 2, 0], [LAST, LAST, LAST, 8, 9, 0]])
WRITTEN = torch.tensor([[LAST, 4, 8, 2], [LAST, 3, 7, 9]])
FIELDS = {
    "plain": {},
    "scaled": {"scale_embedding": True, "activation_function": "swish"},
    "uneven": {"encoder_layers": 1, "decoder_layers": 3, "encoder_attention_heads": 2, "encoder_ffn_dim": 28},
}


def theirs(reference, folder, **fields):
    """A random model of the reference, saved by it, with a tokenizer's files beside it."""
    sizes = {"d_model": 12, "encoder_layers": 2, "decoder_layers": 2, "max_position_embeddings": 40}
    sizes |= {"encoder_attention_heads": 3, "decoder_attention_heads": 3, "encoder_ffn_dim": 20, "decoder_ffn_dim": 24}
    ids = {"pad_token_id": LAST, "decoder_start_token_id": LAST, "eos_token_id": 0, "forced_eos_token_id": 0}
    torch.manual_seed(0)
    model = reference.MarianMTModel(reference.MarianConfig(vocab_size=LAST + 1, **sizes | ids | fields)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "embed_positions" not in name:
                weight.normal_(0.0, 0.3)
        model.final_logits_bias.normal_(0.0, 0.3)
    marians.tokens(folder)
    model.save_pretrained(folder)
    return model


@pytest.fixture
def marian(tmp_path):
    return marians.folder(tmp_path / "marian")


# the reference


@torch.no_grad()
@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize("padded", ["left", "right"])
def test_its_answers_are_the_references_and_it_is_saved_back_byte_for_byte(reference, tmp_path, fields, padded):
    other = theirs(reference, tmp_path / "m", **FIELDS[fields])
    found = store.load(tmp_path / "m")
    assert type(found.model) is Translator and not found.model.training and found.unused == found.fresh == ()
    assert found.stops == {0} and found.labels == () and found.target is not None
    rows = [SOURCE[0], SOURCE[1][3:]]  # the reference counts padding on the left: each text by itself
    said = [other(input_ids=row[None], decoder_input_ids=WRITTEN[k : k + 1]) for k, row in enumerate(rows)]
    source = SOURCE if padded == "left" else torch.stack([SOURCE[0], SOURCE[1].roll(3)])
    memory = found.model.read(source, source != LAST)
    expected = torch.cat([each.logits for each in said])
    assert torch.allclose(found.model(WRITTEN, memory=memory), expected, atol=1e-5, rtol=0)
    again_read = found.model.read(source, source != LAST)
    stepped = [found.model(WRITTEN[:, k : k + 1], memory=again_read) for k in range(4)]
    assert torch.allclose(torch.cat(stepped, dim=1), expected, atol=1e-5, rtol=0)
    assert same(tmp_path / "m", again(tmp_path / "m"))


@torch.no_grad()
def test_every_stream_is_the_references(reference, tmp_path):
    other = theirs(reference, tmp_path / "m", scale_embedding=True)
    model, first = store.load(tmp_path / "m").model, SOURCE[:1]
    said = other(input_ids=first, decoder_input_ids=WRITTEN[:1], output_hidden_states=True)
    with gf.listen(model, ("*stream", "*final")) as tape:
        model(WRITTEN[:1], memory=model.read(first))
    for prefix, streams in (("encoder.", said.encoder_hidden_states), ("", said.decoder_hidden_states)):
        found = [tape[f"{prefix}embed.stream"], *(tape[f"{prefix}layers.{k}.stream"] for k in range(2))]
        for mine, expected in zip(found, streams, strict=True):
            assert torch.allclose(mine, expected, atol=1e-5, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("scaled", [True, False])
def test_a_translator_of_ours_is_read_by_the_reference(reference, tmp_path, scaled):
    folder = marians.folder(tmp_path / "m", scaled=scaled, activation="swish")
    other = reference.MarianMTModel.from_pretrained(folder).eval()
    found = store.load(folder)
    expected = other(input_ids=SOURCE[:1], decoder_input_ids=WRITTEN[:1]).logits
    answer = found.model(WRITTEN[:1], memory=found.model.read(SOURCE[:1]))
    assert torch.allclose(answer, expected, atol=1e-5, rtol=0)
    assert found.model.predict.bias.abs().sum() > 0


@torch.no_grad()
def test_what_was_learned_is_saved(marian):
    found = store.load(marian)
    found.model.layers[1].cross.k.weight[3] += 1.0
    found.model.predict.bias[2] += 1.0
    store.export(marian.with_name("learned"), found)
    before, after = berts.tensors(marian), berts.tensors(marian.with_name("learned"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"model.decoder.layers.1.encoder_attn.k_proj.weight", "final_logits_bias"}
    assert after["final_logits_bias"].shape == (1, LAST + 1)


# what files are like


def test_tables_that_stand_several_times_in_a_file_are_one(marian):
    weights = berts.tensors(marian)
    shared = weights["model.shared.weight"]
    more = ("model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight", "lm_head.weight")
    weights |= {name: shared.clone() for name in more}
    weights |= {f"model.{side}.embed_positions.weight": torch.zeros(40, 12) for side in ("encoder", "decoder")}
    found = store.load(berts.put(marian, {name: weight.half() for name, weight in weights.items()}))
    assert found.unused == () and found.model.config.tied
    assert found.model.encoder.embed.positions.table.abs().sum() > 1  # sines, whatever the file has
    assert (again(marian) / SINGLE).read_bytes() == (marian / SINGLE).read_bytes()
    weights["model.decoder.embed_tokens.weight"][3, 4] += 1.0
    refused(berts.put(marian, weights), r"holds two different tensors for embed\.pieces\.weight")


def test_shards_are_read_and_what_is_not_finite_is_named(marian):
    weights = berts.tensors(marian)
    weights["model.encoder.layers.2.fc1.weight"][3, 4] = float("inf")
    berts.shards(berts.put(marian, weights))
    with pytest.warns(
        CheckpointWarning, match=r"1 weights hold NaN or infinity.*encoder\.layers\.2\.mlp\.inward\.weight"
    ):
        store.load(marian)


@pytest.mark.parametrize(
    ("name", "change", "line"),
    [
        ("model.shared.weight", lambda t: t[:-1], "see vocab_size"),
        ("final_logits_bias", lambda t: t[0], rf"file \({LAST + 1},\), model \(1, {LAST + 1}\); see vocab_size"),
        (
            "model.decoder.layers.0.fc1.weight",
            lambda t: t[1:],
            r"file \(23, 12\), model \(24, 12\); see decoder_ffn_dim",
        ),
        (
            "model.encoder.layers.0.fc1.weight",
            lambda t: t[1:],
            r"file \(19, 12\), model \(20, 12\); see encoder_ffn_dim",
        ),
        ("model.decoder.layers.1.encoder_attn.q_proj.bias", lambda t: t[1:], "see d_model"),
    ],
)
def test_another_shape_prints_both_and_the_field(marian, name, change, line):
    weights = berts.tensors(marian)
    refused(berts.put(marian, weights | {name: change(weights[name]).contiguous()}), line)


def test_a_weight_that_is_missing_or_that_nobody_knows_is_an_error(marian):
    weights = berts.tensors(marian)
    for name in weights:
        left = {key: value for key, value in weights.items() if key != name}
        refused(berts.put(marian, left), f"not in the files: {name}")
    refused(berts.change(berts.put(marian, weights), encoder_layers=5), r"encoder\.layers\.\*.*see encoder_layers")
    berts.change(berts.put(marian, weights | {"model.decoder.layer_norm.weight": torch.ones(12)}), encoder_layers=3)
    refused(marian, r"no place in the model for model\.decoder\.layer_norm\.weight")


CONFIG = {"model_type": "marian", "architectures": ["MarianMTModel"], "vocab_size": 9, "d_model": 12}
CONFIG |= {"pad_token_id": 8, "decoder_start_token_id": 8, "eos_token_id": 0}
CONFIG |= {"encoder_attention_heads": 3, "decoder_attention_heads": 3}


def read(fields):
    return configs.read(json.dumps(fields).encode(), Path("somewhere/config.json")).config


def test_what_it_does_not_say_is_what_the_reference_takes_for_granted(reference):
    spelt = json.loads(reference.MarianConfig().to_json_string(use_diff=False))
    assert read({"model_type": "marian"}) == read(spelt)
    assert read(CONFIG).positions == "marian" and read(CONFIG).block == "post" and read(CONFIG).bias


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"d_model": 13}, "width 13 does not divide into 3 heads"),
        ({"encoder_attention_heads": 5}, "width 12 does not divide into 5 heads"),
        ({"encoder_layers": 1 << 20}, "encoder_layers is 1048576; a whole number from 1 to 1,024"),
        ({"pad_token_id": 9}, "padding is piece 9, there are 9"),
        ({"decoder_start_token_id": None}, "decoder_start_token_id is None; a whole number"),
        ({"activation_function": "swsh"}, "did you mean swish"),
        ({"normalize_before": True}, "normalize_before is True; only false can be read here"),
        ({"share_encoder_decoder_embeddings": False}, "only true can be read here"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings is False; only true can be read here"),
        ({"activation_dropout": 0.5}, r"activation_dropout is 0\.5; only 0 or 0\.0 can be read here"),
        ({"architectures": ["MarianForCausalLM"]}, "'MarianForCausalLM', which is not known for model_type 'marian'"),
        ({"scale_embedding": "yes"}, "scale_embedding is 'yes'; true or false"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_with_a_field_is_named(change, line):
    with pytest.raises(CheckpointError, match=line) as raised:
        read(CONFIG | change)
    assert str(raised.value).isprintable() and len(str(raised.value)) < 450


def test_positions_that_no_memory_holds_are_refused(marian):
    refused(berts.change(marian, max_position_embeddings=1 << 24), "16,777,216 positions of 12 are too many")


def test_a_translator_that_the_format_cannot_say_is_not_exported(marian):
    found = store.load(marian)
    odd = replace(found, model=marians.model(positions="halves", block="pre", tied=False), origin=None)
    with pytest.raises(UsageError, match="cannot say block='pre', positions='halves', tied=False"):
        store.export(marian.with_name("odd"), odd)
    with pytest.raises(UsageError, match="there is no head 'Bert' of the family marian; known: Translator"):
        store.load(marian, head="Bert")


# folders of ours


@torch.no_grad()
def test_a_translator_is_saved_as_a_folder_of_ours_too(marian, tmp_path):
    found = store.load(marian)
    config = replace(found.model.config, positions="interleaved", bias=False, encoder_heads=None, encoder_hidden=None)
    model = Translator(config).eval()
    for weight in model.parameters():
        weight.copy_(weight.half())
    store.save(tmp_path / "ours", model, found.tokens.definition, "# a card", ())
    back = store.load(tmp_path / "ours")
    assert back.stops == {0} and back.labels == () and back.model.config == config
    expected, answer = (each(WRITTEN, memory=each.read(SOURCE, SOURCE != LAST)) for each in (model, back.model))
    assert torch.equal(expected, answer)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"encoder_layers": 1 << 20}, "encoder_layers is 1048576"),
        ({"encoder_hidden": 1 << 19}, "its sizes ask for"),
        ({"start": -1}, "start is -1; a whole number from 0|start is piece -1"),
        ({"heads": "2"}, "describes no model"),
        ({"length": 1 << 20, "width": 1 << 12}, "describes no model"),
    ],
)
def test_sizes_of_a_folder_of_ours_are_bounded(marian, tmp_path, change, line):
    found = store.load(marian)
    store.save(
        tmp_path / "ours", Translator(TranslatorConfig(LAST + 1, 12, 3, 1, 1, 20)), found.tokens.definition, "#", ()
    )
    berts.change(tmp_path / "ours", **change)
    manifest = json.loads((tmp_path / "ours" / "manifest.json").read_text())
    manifest["config.json"] = hashlib.sha256((tmp_path / "ours" / "config.json").read_bytes()).hexdigest()
    (tmp_path / "ours" / "manifest.json").write_text(json.dumps(manifest))
    refused(tmp_path / "ours", line)

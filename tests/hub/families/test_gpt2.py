"""GPT-2 checkpoints: the numbers of the reference, saved back byte for byte; whatever is wrong with one is named."""

import json
from pathlib import Path

import pytest
import torch

import glassformer as gf
from glassformer.errors import CheckpointError, UsageError
from glassformer.hub import config as configs
from glassformer.hub import store
from glassformer.hub.weights import SINGLE, CheckpointWarning
from glassformer.models.gpt2 import Gpt2, Gpt2Classifier, Gpt2Config, Gpt2Writer
from tests.hub import berts, gpt2s

IDS = torch.tensor([[2, 5, 6, 7, 3, 9, 3], [2, 8, 7, 3, 11, 4, 300]])
LEFT = torch.tensor([[True] * 7, [False] * 3 + [True] * 4])
ENDS = {"Model": Gpt2, "LMHeadModel": Gpt2Writer, "ForSequenceClassification": Gpt2Classifier}
FIELDS = {
    "plain": {},
    "wide": {"n_inner": None, "n_head": 2, "activation_function": "relu", "layer_norm_epsilon": 1e-6},
    "scaled": {"scale_attn_by_inverse_layer_idx": True, "scale_attn_weights": False, "n_layer": 3},
}
MODELS = [(end, fields) for end in ENDS for fields in FIELDS]


def theirs(reference, folder, end="LMHeadModel", **fields):
    """A random model of the reference, saved by it, with a tokenizer beside it."""
    sizes = {"n_embd": 12, "n_layer": 2, "n_head": 3, "n_inner": 20, "n_positions": 40, "num_labels": 3}
    ends = {"bos_token_id": 330, "eos_token_id": 330, "pad_token_id": 330}
    config = reference.GPT2Config(vocab_size=331, **sizes | ends | fields)
    torch.manual_seed(0)
    model = getattr(reference, f"GPT2{end}")(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0.0, 0.3)
    gpt2s.tokens(folder)
    model.save_pretrained(folder)
    return model


@pytest.fixture
def gpt2(tmp_path):
    return gpt2s.folder(tmp_path / "gpt2")


def refused(folder, line, **asked):
    with pytest.raises(CheckpointError, match=line) as raised:
        store.load(folder, **asked)
    text = str(raised.value)
    assert text.isprintable() and len(text) < 900 and raised.value.exit_code == 4


def again(folder):
    """Loaded, saved beside, and the new folder."""
    store.export(folder.with_name("again"), store.load(folder))
    return folder.with_name("again")


def same(one, other):
    return {file.name for file in one.iterdir() if file.read_bytes() != (other / file.name).read_bytes()} == set()


# the reference


@torch.no_grad()
@pytest.mark.parametrize(("end", "fields"), MODELS)
def test_its_answers_are_the_references_and_it_is_saved_back_byte_for_byte(reference, tmp_path, end, fields):
    other = theirs(reference, tmp_path / "m", end, **FIELDS[fields])
    found = store.load(tmp_path / "m")
    assert type(found.model) is ENDS[end] and not found.model.training and found.unused == found.fresh == ()
    assert len(found.labels) == (3 if end == "ForSequenceClassification" else 0)
    assert found.stops == ({330} if end == "LMHeadModel" else set())
    places = (LEFT.long().cumsum(1) - 1).clamp(min=0)
    said = other(input_ids=IDS, attention_mask=LEFT.long(), position_ids=places, output_hidden_states=True)
    with gf.listen(found.model, ("*stream", "final")) as tape:
        answer = found.model(IDS, LEFT)
    shown = ... if end == "ForSequenceClassification" else LEFT
    assert torch.allclose(answer[shown], said[0][shown], atol=1e-5, rtol=0)
    streams = [tape["embed.stream"], *(tape[f"layers.{k}.stream"] for k in range(len(said.hidden_states) - 2))]
    for mine, expected in zip([*streams, tape["final"]], said.hidden_states, strict=True):
        assert torch.allclose(mine[LEFT], expected[LEFT], atol=1e-5, rtol=0)
    assert same(tmp_path / "m", again(tmp_path / "m"))


@torch.no_grad()
@pytest.mark.parametrize("kind", ENDS.values(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("tied", [True, False])
def test_a_model_of_ours_is_read_by_the_reference(reference, tmp_path, kind, tied):
    labels = ("sad", "plain", "glad") if kind is Gpt2Classifier else ()
    folder = gpt2s.folder(tmp_path / "m", kind, labels, tied=tied, classes=max(2, len(labels)), scaled=tied)
    architecture = json.loads((folder / "config.json").read_text())["architectures"][0]
    other = getattr(reference, architecture).from_pretrained(folder, pad_token_id=330).eval()
    found = store.load(folder)
    assert found.labels == labels == tuple(other.config.id2label.values())[: len(labels)]
    assert torch.allclose(found.model(IDS), other(input_ids=IDS)[0], atol=1e-5)
    cutter = reference.AutoTokenizer.from_pretrained(folder)
    text = "the film wasn't bad — 家族 <|endoftext|>"
    ids = found.tokens.cut(text, 40).ids
    assert cutter(text, split_special_tokens=True)["input_ids"] == ids and cutter.decode(ids) == found.tokens.decode(
        ids
    )


@torch.no_grad()
def test_what_was_learned_is_saved(reference, gpt2):
    found = store.load(gpt2)
    found.model.layers[1].attention.k.weight[3] += 1.0
    found.model.embed.pieces.weight[7] += 1.0
    store.export(gpt2.with_name("learned"), found)
    other = reference.AutoModelForCausalLM.from_pretrained(gpt2.with_name("learned")).eval()
    assert torch.allclose(found.model(IDS), other(input_ids=IDS).logits, atol=1e-5)
    before, after = berts.tensors(gpt2), berts.tensors(gpt2.with_name("learned"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"transformer.h.1.attn.c_attn.weight", "transformer.wte.weight"}


# what files are like


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_other_precisions_buffers_and_names_without_a_body_come_back(gpt2, kind):
    weights = {name.removeprefix("transformer."): value.to(kind) for name, value in berts.tensors(gpt2).items()}
    weights["h.0.attn.bias"] = torch.ones(1, 1, 40, 40).tril()
    weights["h.1.attn.masked_bias"] = torch.tensor(-1e4)
    weights["lm_head.weight"] = weights["wte.weight"].clone()
    found = store.load(berts.put(gpt2, weights))
    assert found.unused == () and found.model.config.tied and found.model.embed.pieces.weight.dtype == torch.float32
    assert (again(gpt2) / SINGLE).read_bytes() == (gpt2 / SINGLE).read_bytes()


def test_shards_are_read(gpt2):
    expected = store.load(gpt2).model.state_dict()
    found = store.load(berts.shards(gpt2)).model.state_dict()
    assert all(torch.equal(found[name], weight) for name, weight in expected.items())


def test_pickles_are_read_when_they_are_trusted(gpt2):
    torch.save(berts.tensors(gpt2), gpt2 / "pytorch_model.bin")
    (gpt2 / SINGLE).unlink()
    refused(gpt2, "has its weights only as pytorch_model.bin")
    assert store.load(gpt2, allow_pickle=True).unused == ()


def test_other_vectors_for_what_is_predicted_are_kept_apart_aloud(gpt2):
    weights = berts.tensors(gpt2)
    berts.put(gpt2, weights | {"lm_head.weight": weights["transformer.wte.weight"] + 1.0})
    with pytest.warns(CheckpointWarning, match="tie_word_embeddings is true, but"):
        found = store.load(gpt2)
    assert not found.model.config.tied and torch.equal(found.model.predict.weight, found.model.embed.pieces.weight + 1)


def test_weights_that_are_not_finite_are_named_in_a_warning(gpt2):
    weights = berts.tensors(gpt2)
    weights["transformer.h.1.attn.c_attn.weight"][3, 14] = float("nan")
    berts.put(gpt2, weights)
    with pytest.warns(CheckpointWarning, match=r"1 weights hold NaN or infinity.*layers\.1\.attention\.k\.weight"):
        store.load(gpt2)


def test_a_writer_of_a_body_needs_no_new_weights(tmp_path):
    folder = gpt2s.folder(tmp_path / "body", Gpt2)
    found = store.load(folder, head="Gpt2Writer")
    assert type(found.model) is Gpt2Writer and found.fresh == () and found.stops == {found.tokens.end} == {330}
    with pytest.warns(CheckpointWarning, match=r"classifier\.weight begin anew"):
        found = store.load(folder, head="Gpt2Classifier", labels=("a", "b", "c"))
    assert found.fresh == ("classifier.weight",) and found.labels == ("a", "b", "c")
    with pytest.raises(UsageError, match="there is no head 'Pooled' of the family gpt2; known: Gpt2, Gpt2Writer"):
        store.load(folder, head="Pooled")
    with pytest.raises(UsageError, match="'Gpt2' of the family bert"):
        store.load(berts.folder(tmp_path / "bert"), head="Gpt2")


# faults


@pytest.mark.parametrize(
    ("name", "change", "line"),
    [
        ("wte.weight", lambda t: t[:-1], r"file \(330, 12\), model \(331, 12\); see vocab_size"),
        ("wpe.weight", lambda t: t[:9], r"file \(9, 12\), model \(40, 12\); see n_positions"),
        ("h.1.attn.c_attn.weight", lambda t: t.T, r"file \(36, 12\), model \(12, 36\); see n_embd"),
        ("h.1.attn.c_attn.bias", lambda t: t[:12], r"file \(12,\), model \(36,\); see n_embd"),
        ("h.0.mlp.c_fc.weight", lambda t: t[:, 1:], r"file \(12, 19\), model \(12, 20\); see n_inner"),
        ("h.0.mlp.c_proj.weight", lambda t: t[1:], r"file \(19, 12\), model \(20, 12\); see n_inner"),
    ],
)
def test_another_shape_prints_both_and_the_field(gpt2, name, change, line):
    weights = berts.tensors(gpt2)
    weights[f"transformer.{name}"] = change(weights[f"transformer.{name}"]).contiguous()
    refused(berts.put(gpt2, weights), rf"transformer\.{name}: {line}")


def test_a_weight_that_is_missing_or_that_nobody_knows_is_an_error(gpt2):
    weights = berts.tensors(gpt2)
    for name in weights:
        left = {key: value for key, value in weights.items() if key != name}
        refused(berts.put(gpt2, left), f"not in the files: {name}")
    refused(berts.put(gpt2, weights | {"h.7.ln_1.weight": torch.ones(12)}), "no place in the model for h.7.ln_1.weight")
    refused(berts.change(berts.put(gpt2, weights), n_layer=3), r"not in the files: transformer\.h\.2\..*see n_layer")


CONFIG = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 331, "n_embd": 12, "n_head": 3}


def test_what_it_does_not_say_is_what_the_reference_takes_for_granted(reference):
    said = configs.read(b'{"model_type": "gpt2"}', Path("config.json")).config
    spelt = json.loads(reference.GPT2Config().to_json_string(use_diff=False))
    assert said == configs.read(json.dumps(spelt).encode(), Path("config.json")).config == Gpt2Config()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"n_embd": "12"}, "n_embd is '12'; a whole number from 1"),
        ({"n_embd": 1 << 40}, "n_embd is 1099511627776"),
        ({"n_head": 5}, "width 12 does not divide into 5 heads"),
        ({"n_inner": 0}, "n_inner is 0; a whole number from 1 to 16,777,216, or null was expected"),
        ({"activation_function": "gelu_nwe"}, "activation_function is 'gelu_nwe'.*did you mean gelu_new"),
        ({"attn_pdrop": 2}, "attn_pdrop is 2; a number from 0 to 1"),
        ({"layer_norm_epsilon": float("nan")}, "layer_norm_epsilon is nan"),
        ({"scale_attn_weights": 1}, "scale_attn_weights is 1; true or false"),
        ({"add_cross_attention": True}, "add_cross_attention is True; only false can be read here"),
        ({"add_cross_attention": 0}, "add_cross_attention is 0; only false can be read here"),
        ({"reorder_and_upcast_attn": "yes"}, "reorder_and_upcast_attn is 'yes'; only false or true can be read"),
        (
            {"architectures": ["GPT2DoubleHeadsModel"]},
            "'GPT2DoubleHeadsModel', which is not known for model_type 'gpt2'",
        ),
        ({"architectures": ["GPT2ForTokenClassification"]}, "did you mean GPT2ForSequenceClassification"),
        ({"architectures": ["T5"]}, "known: GPT2Model, GPT2LMHeadModel, GPT2ForSequenceClassification"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_with_a_field_is_named(change, line):
    with pytest.raises(CheckpointError, match=line) as raised:
        configs.read(json.dumps(CONFIG | change).encode(), Path("somewhere/config.json"))
    assert str(raised.value).isprintable() and len(str(raised.value)) < 450


@pytest.mark.parametrize(("told", "stops"), [(5, {5}), ([5, 7], {5, 7}), (None, {330})])
def test_what_ends_a_text_is_what_the_config_says_or_the_tokenizer(gpt2, told, stops):
    assert store.load(berts.change(gpt2, eos_token_id=told)).stops == stops


@pytest.mark.parametrize("told", [331, -1, "end", True, [5, 331], {"a": 1}])
def test_an_end_that_is_no_piece_is_named(gpt2, told):
    refused(
        berts.change(gpt2, eos_token_id=told),
        r"config\.json: eos_token_id names .*; a piece from 0 to 330 was expected",
    )


def test_a_tokenizer_with_more_pieces_than_the_model_is_refused(tmp_path):
    refused(
        gpt2s.folder(tmp_path / "m", vocabulary=330), "the tokenizer has 331 pieces, vocab_size in config.json is 330"
    )


# its reader


def test_it_has_a_reader_that_generates(gpt2):
    reader = gf.load(gpt2)
    assert "generate" in reader.kind.verbs and reader.longest == 40 and reader.labels == ()
    with pytest.raises(UsageError, match="give one text, there are two"):
        reader("the film", "was good")


def test_a_body_alone_says_how_to_load_it(tmp_path):
    with pytest.raises(UsageError, match="says nothing: load it with head='Gpt2Writer'"):
        gf.load(gpt2s.folder(tmp_path / "body", Gpt2))


def test_a_classifier_answers(tmp_path):
    reader = gf.load(gpt2s.folder(tmp_path / "m", Gpt2Classifier, ("sad", "glad")))
    answers = reader.answer_all(["the film was good", "bad"])
    alone = [reader("the film was good"), reader("bad")]
    assert [each.label for each in answers] == [each.label for each in alone]
    assert answers[1].probability["glad"] == pytest.approx(alone[1].probability["glad"], abs=1e-6)

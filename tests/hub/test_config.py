"""config.json: each field translated once, in both directions; whatever is wrong with one is named."""

import json
from pathlib import Path

import pytest

from glassformer.errors import CheckpointError
from glassformer.hub import config as configs
from glassformer.models.bert import BertConfig

PATH = Path("somewhere/config.json")
BERT = {"architectures": ["BertForMaskedLM"], "model_type": "bert", "vocab_size": 99, "hidden_size": 12}
BERT |= {"num_attention_heads": 3, "num_hidden_layers": 2}


def described(**fields):
    said = {key: value for key, value in (BERT | fields).items() if value != "gone"}
    return configs.read(json.dumps(said).encode(), PATH)


def test_each_field_has_a_field_here():
    config = described(hidden_act="relu", layer_norm_eps=1e-6, type_vocab_size=1, classifier_dropout=0.5).config
    assert (config.vocabulary, config.width, config.heads, config.layers) == (99, 12, 3, 2)
    assert (config.activation, config.epsilon, config.types, config.head_dropout) == ("relu", 1e-6, 1, 0.5)
    assert config.hidden == BertConfig().hidden and config.first == 0


def test_what_it_does_not_say_is_what_the_reference_takes_for_granted(reference):
    for name, kind in (("bert", "Bert"), ("roberta", "Roberta"), ("distilbert", "DistilBert")):
        said = json.dumps({"model_type": name}).encode()
        theirs = json.loads(getattr(reference, f"{kind}Config")().to_json_string(use_diff=False))
        assert configs.read(said, PATH).config == configs.read(json.dumps(theirs).encode(), PATH).config


def test_roberta_begins_to_count_after_its_padding():
    config = described(model_type="roberta", architectures=["RobertaModel"], pad_token_id=1).config
    assert (config.padding, config.first, config.predict) == (1, 2, "gelu")
    assert config.longest == config.length - 2


def test_distilbert_has_words_of_its_own():
    said = {"model_type": "distilbert", "dim": 24, "n_heads": 4, "n_layers": 3, "hidden_dim": 7, "activation": "relu"}
    config = configs.read(
        json.dumps(said | {"attention_dropout": 0.25, "seq_classif_dropout": 0.5}).encode(), PATH
    ).config
    assert (config.width, config.heads, config.layers, config.hidden) == (24, 4, 3, 7)
    assert (config.activation, config.attention_dropout, config.head_dropout) == ("relu", 0.25, 0.5)
    assert (config.types, config.pooler) == (0, "relu")
    assert configs.name_of("width", "distilbert") == "dim" and configs.name_of("width", "bert") == "hidden_size"


@pytest.mark.parametrize(
    ("fields", "labels"),
    [
        ({}, ("LABEL_0", "LABEL_1")),
        ({"num_labels": 3}, ("LABEL_0", "LABEL_1", "LABEL_2")),
        ({"_num_labels": 1}, ("LABEL_0",)),
        ({"id2label": {"1": "good", "0": "bad"}}, ("bad", "good")),
        ({"id2label": {"0": "<b>", "1": "\x1b[31m"}, "num_labels": 2}, ("<b>", "\x1b[31m")),
    ],
)
def test_labels_are_in_the_order_of_their_numbers(fields, labels):
    found = described(**fields)
    assert found.labels == labels and found.config.classes == len(labels)


def test_without_model_type_the_architecture_says_the_family():
    assert described(model_type="gone", architectures=["RobertaForMaskedLM"]).family == "roberta"
    assert described(architectures="gone").end == ""
    with pytest.raises(CheckpointError, match=r"model_type is 'not there'|model_type is not there"):
        described(model_type="gone", architectures="gone")


@pytest.mark.parametrize("end", ["Model", "ForPreTraining", "LMHeadModel", "ForQuestionAnswering"])
def test_the_end_of_the_architecture_is_the_head(end):
    assert described(architectures=[f"Bert{end}"]).end == end


def test_fields_it_does_not_know_are_kept():
    found = described(colour="green", torch_dtype="float16")
    assert found.fields["colour"] == "green"
    assert configs.write(found, found.config, "BertForMaskedLM", ()) == dict(found.fields)


def test_what_changed_since_is_written():
    from dataclasses import replace

    found = described()
    fields = configs.write(found, replace(found.config, vocabulary=120, tied=False), "BertForMaskedLM", ())
    assert fields == BERT | {"vocab_size": 120, "tie_word_embeddings": False}
    fields = configs.write(found, replace(found.config, classes=3), "BertForSequenceClassification", ("a", "b", "c"))
    assert fields["id2label"] == {"0": "a", "1": "b", "2": "c"} and fields["label2id"]["c"] == 2
    assert fields["architectures"] == ["BertForSequenceClassification"]
    assert configs.read(json.dumps(fields).encode(), PATH).labels == ("a", "b", "c")


def test_pruned_heads_are_read_and_written():
    found = described(pruned_heads={"1": [2, 0], "0": []})
    assert found.config.pruned == ((1, (0, 2)),)


WRONG = {
    "empty": (b"", "describes no model"),
    "no JSON": (b"{", "describes no model"),
    "no text": (b"\xff\xfe\x00", "describes no model"),
    "a list": (b"[]", r"a table of fields was expected, not \[\]"),
    "null": (b"null", "a table of fields was expected"),
    "nested": (b"[" * 100_000, "describes no model"),
    "nested tables": (b'{"a":' * 100_000, "describes no model"),
    "a number without end": (b'{"vocab_size": ' + b"9" * 10_000 + b"}", "describes no model"),
    "another family": (
        {"model_type": "t5"},
        "model_type is 't5'; one of bert, roberta, distilbert, gpt2.* was expected",
    ),
    "code as a family": ({"model_type": "__import__('os')"}, "model_type is"),
    "family a list": ({"model_type": ["bert"]}, "model_type is"),
    "unknown architecture": (
        {"architectures": ["BertForMaskdLM"]},
        "'BertForMaskdLM', which is not known for model_type 'bert'; did you mean BertForMaskedLM",
    ),
    "architecture of another family": ({"architectures": ["RobertaModel"]}, "architectures names 'RobertaModel'"),
    "architecture a path": ({"architectures": ["../../etc/passwd"]}, "architectures names"),
    "architectures a word": ({"architectures": "BertModel"}, "a list of one name was expected"),
    "positions misspelt": (
        {"position_embedding_type": "relative_keys"},
        "position_embedding_type is 'relative_keys'; one of absolute, relative_key, relative_key_query was expected"
        "; did you mean relative_key",
    ),
    "positions none": ({"position_embedding_type": "none"}, "position_embedding_type is 'none'; one of absolute"),
    "activation misspelt": ({"hidden_act": "gleu"}, "hidden_act is 'gleu'; one of .* was expected; did you mean gelu"),
    "activation code": ({"hidden_act": "os.system"}, "hidden_act is 'os.system'"),
    "activation a number": ({"hidden_act": 1}, "hidden_act is 1; one of"),
    "width text": ({"hidden_size": "12"}, "hidden_size is '12'; a whole number from 1 to"),
    "width true": ({"hidden_size": True}, "hidden_size is True"),
    "width 12.0": ({"hidden_size": 12.0}, r"hidden_size is 12\.0"),
    "width null": ({"hidden_size": None}, "hidden_size is None"),
    "width zero": ({"hidden_size": 0}, "hidden_size is 0"),
    "width negative": ({"hidden_size": -12}, "hidden_size is -12"),
    "width absurd": ({"hidden_size": 1 << 62}, "hidden_size is 4611686018427387904"),
    "layers absurd": ({"num_hidden_layers": 1 << 20}, "num_hidden_layers is 1048576; a whole number from 1 to 1,024"),
    "heads that do not divide": ({"num_attention_heads": 5}, "width 12 does not divide into 5 heads"),
    "padding beyond the pieces": ({"pad_token_id": 99}, "pad_token_id is 99, vocab_size only 99"),
    "length too short": (
        {"model_type": "roberta", "architectures": ["RobertaModel"], "max_position_embeddings": 2, "pad_token_id": 1},
        "max_position_embeddings is 2, but positions begin at 2",
    ),
    "dropout above one": ({"hidden_dropout_prob": 1.5}, r"hidden_dropout_prob is 1\.5; a number from 0 to 1"),
    "dropout NaN": (b'{"model_type": "bert", "hidden_dropout_prob": NaN}', "hidden_dropout_prob is nan"),
    "epsilon infinite": (b'{"model_type": "bert", "layer_norm_eps": Infinity}', "layer_norm_eps is inf"),
    "switch a number": ({"is_decoder": 1}, "is_decoder is 1; true or false was expected"),
    "cross without decoder": ({"add_cross_attention": True}, "cross-attention is a decoder's"),
    "problem unknown": ({"problem_type": "regresion"}, "did you mean regression"),
    "labels a list": ({"id2label": ["a"]}, "id2label is"),
    "labels with a gap": ({"id2label": {"0": "a", "2": "b"}}, "id2label numbers its labels 0, 2"),
    "labels twice the same": ({"id2label": {"0": "a", "1": "a"}}, "id2label names 1 different labels"),
    "labels and their number": ({"id2label": {"0": "a"}, "num_labels": 2}, "num_labels is 2"),
    "labels numbers": ({"id2label": {"0": 5}}, "id2label is"),
    "labels absurd": ({"num_labels": 1 << 40}, "num_labels is"),
    "pruned a list": ({"pruned_heads": [1]}, "pruned_heads is"),
    "pruned heads that are not there": ({"pruned_heads": {"0": [7]}}, "pruned names layer"),
    "pruned layers that are not there": ({"pruned_heads": {"7": [0]}}, "pruned names layer"),
    "all heads pruned": ({"pruned_heads": {"0": [0, 1, 2]}}, "pruned names layer"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_named_with_its_value_and_what_is_allowed(kind):
    change, line = WRONG[kind]
    content = change if isinstance(change, bytes) else json.dumps(BERT | change).encode()
    with pytest.raises(CheckpointError, match=line) as raised:
        configs.read(content, PATH)
    text = str(raised.value)
    assert text.isprintable() and len(text) < 450 and "config.json" in text and raised.value.exit_code == 4


@pytest.mark.parametrize(
    ("ours", "family", "weight", "theirs"),
    [
        ("hidden", "marian", "layers.0.mlp.inward.weight", "decoder_ffn_dim"),
        ("hidden", "marian", "encoder.layers.0.mlp.inward.weight", "encoder_ffn_dim"),
        ("layers", "marian", "encoder.layers.3.mlp.inward.weight", "encoder_layers"),
        ("width", "marian", "encoder.layers.3.mlp.inward.weight", "d_model"),
        ("width", "gpt2", "", "n_embd"),
        ("length", "roberta", "", "max_position_embeddings"),
        ("nothing of theirs", "bert", "", "nothing of theirs"),
    ],
)
def test_a_field_of_ours_is_called_as_the_file_calls_it(ours, family, weight, theirs):
    assert configs.name_of(ours, family, weight) == theirs


@pytest.mark.parametrize(
    ("told", "stops"),
    [
        (None, set()),
        (0, {0}),
        (98, {98}),
        ([3, 98, 3], {3, 98}),
        ([], set()),
        (99, 99),
        (-1, -1),
        ([3, True], True),
        ("x" * 99, "x"),
    ],
)
def test_what_ends_a_text_is_pieces_of_the_vocabulary_alone(told, stops):
    found = described(eos_token_id=told)
    if isinstance(stops, set):
        assert configs.stops(found, PATH) == stops
    else:
        with pytest.raises(
            CheckpointError, match=f"eos_token_id names .*{stops}.*; a piece from 0 to 98 was"
        ) as raised:
            configs.stops(found, PATH)
        assert len(str(raised.value)) < 150


def test_another_number_of_classes_without_names_has_numbered_ones_and_the_old_number_goes():
    from dataclasses import replace

    found = described(num_labels=2)
    fields = configs.write(found, replace(found.config, classes=3), "BertForSequenceClassification", ())
    assert fields["id2label"] == {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"} and "num_labels" not in fields
    assert configs.read(json.dumps(fields).encode(), PATH).config.classes == 3
    same = configs.write(found, found.config, "BertForSequenceClassification", ())
    assert same["num_labels"] == 2 and "id2label" not in same


def test_labels_are_counted_to_the_last_that_is_allowed():
    assert len(described(num_labels=1 << 16).labels) == 1 << 16
    for wrong in ({"num_labels": (1 << 16) + 1}, {"num_labels": 0}, {"num_labels": True}):
        with pytest.raises(
            CheckpointError, match=f"num_labels is {wrong['num_labels']}; a whole number from 1 to 65,536"
        ):
            described(**wrong)

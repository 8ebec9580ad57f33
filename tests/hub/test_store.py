"""Models in and out of folders: round trips, and every way a folder can be wrong."""

import json
import os
import random

import pytest
import safetensors.torch
import torch

import glassformer as gf
from glassformer.errors import CheckpointError, GlassformerError, MissingError, UsageError
from glassformer.hub import store
from glassformer.hub.files import MANIFEST
from tests import made, small

FILES = ("config.json", "model.safetensors", "tokenizer.json", "manifest.json", "CARD.md")
VOCABULARY = len(made.tokens())
MODELS = {
    "classifier": lambda: made.classifier(),
    "three classes": lambda: made.classifier(classes=3, block="pre", positions="learned", pool="max"),
    "bag of words": made.bag,
    "generator": lambda: small.generator(vocabulary=VOCABULARY),
    "whole dropout": lambda: made.classifier(dropout=0),
}


@pytest.mark.parametrize("kind", MODELS)
def test_what_is_saved_is_loaded_with_its_weights_rounded_to_float16(tmp_path, kind):
    model = MODELS[kind]()
    labels = made.THREE if kind == "three classes" else made.TWO
    made.folder(tmp_path / "m", model, labels)
    checkpoint = store.load(tmp_path / "m")
    assert (checkpoint.name, checkpoint.labels, checkpoint.folder) == ("m", labels, tmp_path / "m")
    assert type(checkpoint.model) is type(model) and checkpoint.model.config == model.config
    assert not checkpoint.model.training
    for name, weight in checkpoint.model.state_dict().items():
        assert weight.dtype == torch.float32
        torch.testing.assert_close(weight, model.state_dict()[name].half().float(), rtol=0, atol=0)
    assert checkpoint.tokens.definition == made.definition()


def test_saving_again_gives_the_same_bytes(folder, tmp_path):
    checkpoint = store.load(folder)
    store.save(
        tmp_path / "again", checkpoint.model, checkpoint.tokens.definition, store.card(folder), checkpoint.labels
    )
    for name in FILES:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.parametrize("value", [1e6, -1e6, float("nan"), float("inf")])
def test_a_weight_that_float16_cannot_hold_is_not_saved(tmp_path, value):
    model = made.classifier()
    with torch.no_grad():
        model.head.weight[0, 0] = value
    with pytest.raises(UsageError, match=r"head\.weight holds a weight that is not finite or beyond float16's 65,504"):
        made.folder(tmp_path / "m", model)
    assert not (tmp_path / "m").exists()


# damage that the manifest finds


def test_a_flipped_bit_anywhere_is_found(folder):
    chance = random.Random(0)
    sizes = {name: (folder / name).stat().st_size for name in FILES}
    for _ in range(100):
        name = chance.choices(FILES, sizes.values())[0] if chance.random() < 0.5 else chance.choice(FILES)
        at, whole = chance.randrange(sizes[name]), (folder / name).read_bytes()
        damaged = bytearray(whole)
        damaged[at] ^= 1 << chance.randrange(8)
        (folder / name).write_bytes(damaged)
        with pytest.raises(CheckpointError) as raised:
            store.load(folder)
        assert name in str(raised.value) or name == MANIFEST
        (folder / name).write_bytes(whole)
    store.load(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_anywhere_is_found(folder, name):
    whole = (folder / name).read_bytes()
    for k in range(32):
        (folder / name).write_bytes(whole[: len(whole) * k // 32])
        with pytest.raises(CheckpointError, match=r"manifest|is not what was saved"):
            store.load(folder)


@pytest.mark.parametrize("name", FILES[:3])
def test_a_file_that_is_gone_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=rf"{name} cannot be read: No such file.*again"):
        store.load(folder)


# damage that the manifest does not find, because it was made again


def weights(folder):
    return safetensors.torch.load_file(folder / "model.safetensors")


def reshaped(tensors):
    return tensors | {"head.weight": tensors["head.weight"].T.contiguous()}


def without(tensors, name="head.bias"):
    return {key: value for key, value in tensors.items() if key != name}


def with_value(tensors, value):
    tensors["layers.0.mlp.inward.weight"][3, 2] = value
    return tensors


ALTERED = {
    "a tensor missing": (without, r"head\.bias: file nothing, model \(2,\)"),
    "a tensor too many": (lambda t: t | {"extra": torch.zeros(2)}, r"extra: file \(2,\), model nothing"),
    "a hostile name": (lambda t: t | {"\x1b[31m../../etc": torch.zeros(2)}, "file"),
    "another shape": (reshaped, r"head\.weight: file \(12, 2\), model \(2, 12\)"),
    "nothing at all": (lambda t: {}, r"its sizes ask for [\d,]+ weights, model\.safetensors has 16 bytes"),
    "NaN": (lambda t: with_value(t, float("nan")), r"layers\.0\.mlp\.inward\.weight: not finite"),
    "infinity": (lambda t: with_value(t, float("inf")), "not finite"),
    "whole numbers": (lambda t: t | {"head.bias": torch.zeros(2, dtype=torch.int8)}, "holds torch.int8; float16"),
    "double": (lambda t: t | {"head.bias": torch.full((2,), 1e300, dtype=torch.float64)}, "holds torch.float64"),
    "float8": (lambda t: t | {"head.bias": torch.zeros(2).to(torch.float8_e4m3fn)}, "holds torch.float8"),
    "complex": (lambda t: t | {"head.bias": torch.zeros(2, dtype=torch.complex64)}, "holds torch.complex64"),
    "many tensors": (lambda t: t | {f"t{k}": torch.zeros(1) for k in range(20_000)}, "and 19997 more"),
}


@pytest.mark.parametrize("kind", ALTERED)
def test_weights_that_are_not_the_models_are_found(folder, forge, kind):
    change, line = ALTERED[kind]
    forge("model.safetensors", safetensors.torch.save(change(weights(folder))))
    with pytest.raises(CheckpointError, match=line) as raised:
        store.load(folder)
    assert str(raised.value).isprintable() and len(str(raised.value)) < 500


HEADER = {"t": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4]}}
NO_WEIGHTS = {
    "empty": b"",
    "zeros": bytes(1000),
    "random": random.Random(0).randbytes(5000),
    "header beyond the end": (1 << 60).to_bytes(8, "little") + b"{}",
    "header is no JSON": (4).to_bytes(8, "little") + b"{{{{",
    "a shape that is not there": (h := json.dumps(HEADER).encode(), len(h).to_bytes(8, "little") + h + bytes(4))[1],
    "pickle": b"\x80\x04cos\nsystem\n(S'echo owned'\ntR.",
    "zip": b"PK\x03\x04" + bytes(200),
}


@pytest.mark.parametrize("kind", NO_WEIGHTS)
def test_what_is_no_weight_file_is_refused(folder, forge, kind):
    forge("model.safetensors", NO_WEIGHTS[kind])
    with pytest.raises(CheckpointError, match=r"model\.safetensors") as raised:
        store.load(folder)
    assert str(raised.value).isprintable()


CONFIG = {"family": "classifier", "labels": list(made.TWO)}
CONFIGS = {
    "a list": "[]",
    "null": "null",
    "a number": "5",
    "nested": "[" * 100_000,
    "nested in a field": '{"family": ' + "[" * 100_000,
    "no text": "\xff\xfe\x00",
    "no family": {"family": None},
    "unknown family": {"family": "os.system"},
    "family a list": {"family": ["classifier"]},
    "family a table": {"family": {"a": 1}},
    "another family": {"family": "generator"},
    "extra field": {"code": "import os"},
    "labels missing": {"labels": None},
    "labels a word": {"labels": "ab"},
    "labels numbers": {"labels": [1, 2]},
    "labels too many": {"labels": ["a", "b", "c"]},
    "labels too few": {"labels": ["a"]},
    "labels twice the same": {"labels": ["a", "a"]},
    "width text": {"width": "12"},
    "width a fraction": {"width": 12.5},
    "width 12.0": {"width": 12.0},
    "width true": {"width": True},
    "width nothing": {"width": None},
    "width zero": {"width": 0},
    "width negative": {"width": -12},
    "width absurd": {"width": 1 << 62},
    "width beyond any number": {"width": 10**400},
    "width too large": {"width": 1 << 20, "heads": 1},
    "heads do not divide": {"heads": 5},
    "heads zero": {"heads": 0},
    "layers absurd": {"layers": 1 << 20},
    "layers many": {"layers": 1000},
    "length absurd": {"length": 1 << 20, "width": 1 << 14},
    "length long": {"length": 1 << 20, "width": 128, "heads": 1, "hidden": 1, "layers": 1},
    "hidden absurd": {"hidden": 1 << 20},
    "vocabulary absurd": {"vocabulary": 1 << 20},
    "vocabulary another": {"vocabulary": VOCABULARY - 1},
    "vocabulary text": {"vocabulary": "many"},
    "vocabulary missing": {"vocabulary": None},
    "classes absurd": {"classes": 1 << 20, "labels": ["a", "b"]},
    "classes one": {"classes": 1, "labels": ["a", "b"]},
    "dropout text": {"dropout": "0.1"},
    "dropout two": {"dropout": 2},
    "block unknown": {"block": "sandwich"},
    "block a list": {"block": []},
    "positions a path": {"positions": "../../etc/passwd"},
    "pool a table": {"pool": {"a": "b"}},
    "bag absurd": json.dumps(CONFIG | {"family": "bag-of-words", "vocabulary": 1 << 20, "classes": 1 << 20}),
    "bag large": json.dumps({"family": "bag-of-words", "labels": [str(k) for k in range(1 << 16)]})[:-1]
    + f', "vocabulary": {1 << 20}, "classes": {1 << 16}}}',
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_config_that_describes_no_model_is_refused_before_anything_is_allocated(folder, forge, kind):
    change = CONFIGS[kind]
    if isinstance(change, dict):
        change = json.dumps(json.loads((folder / "config.json").read_text()) | change)
    forge("config.json", change.encode("latin-1"))
    with pytest.raises(CheckpointError) as raised:
        store.load(folder)
    line = str(raised.value)
    assert line.isprintable() and len(line) < 500 and str(folder) in line


@pytest.mark.parametrize("field", ["family", "labels", "vocabulary"])
def test_a_field_that_is_missing_is_named(folder, forge, field):
    config = json.loads((folder / "config.json").read_text())
    del config[field]
    forge("config.json", json.dumps(config).encode())
    with pytest.raises(CheckpointError, match=field):
        store.load(folder)


def test_a_tokenizer_of_another_size_is_refused(folder, forge):
    forge("tokenizer.json", made.definition(["one", "two"]).encode())
    with pytest.raises(CheckpointError, match=r"tokenizer\.json has \d+ pieces, config\.json says \d+"):
        store.load(folder)
    forge("tokenizer.json", b"\xff\xfe")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json"):
        store.load(folder)


def test_a_hundred_random_alterations_load_or_are_one_line(folder, forge):
    """With the manifest made again: whatever gets through is a model that answers."""
    chance = random.Random(1)
    whole = {name: (folder / name).read_bytes() for name in FILES[:3]}
    for _ in range(100):
        name = chance.choice(FILES[:3])
        damaged = bytearray(whole[name])
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(min(len(damaged), 2000))] = chance.randrange(256)
        forge(name, bytes(damaged))
        try:
            assert gf.Reader(store.load(folder))("good food").label in made.TWO
        except GlassformerError as error:
            assert len(str(error)) < 600
        except ValueError as error:  # two labels that the alteration renamed
            assert name == "config.json" and "label" in str(error)
        forge(name, whole[name])


# finding


CLASSIFIERS = {"bag-of-words", "sentiment", "sentiment-plain", "tiny"}


def test_the_models_that_are_shipped_are_whole():
    assert store.shipped() == gf.shipped() == sorted(store.shipped()) and set(store.shipped()) >= CLASSIFIERS
    for name in store.shipped():
        checkpoint = store.load(name)
        assert checkpoint.labels == (made.TWO if name in CLASSIFIERS else ()) and checkpoint.name == name
        assert bool(checkpoint.stops) <= (name not in CLASSIFIERS)
        row = store.summary(name)
        assert row["parameters"] == sum(weight.numel() for weight in checkpoint.model.parameters())
        assert row["bytes"] == sum(file.stat().st_size for file in checkpoint.folder.iterdir())
        assert store.card(name).startswith("#")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "sentimnt",
            "did you mean sentiment or sentiment-plain\\? shipped: bag-of-words, .*sentiment, sentiment-plain, tiny;",
        ),
        ("xyzzy", "no model 'xyzzy'; shipped: bag-of-words"),
        ("", "shipped|manifest"),
        ("x" * 5000, "there is no model"),
        ("a\x00b", "there is no model"),
        ("../shipped/sentiment", "there is no model"),
        ("sentiment/../sentiment", "there is no model"),
        ("/nowhere/at/all", "there is no model"),
    ],
    ids=lambda value: ascii(value[:12]),
)
def test_a_model_that_is_not_there_is_missing_and_the_nearest_named(name, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingError, match=line) as raised:
        store.load(name)
    assert str(raised.value).isprintable()


def test_a_folder_in_the_way_does_not_hide_a_shipped_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sentiment").mkdir()
    assert store.find("sentiment") == store.SHIPPED / "sentiment"
    made.folder(tmp_path / "mine")
    assert store.load("mine").folder == store.find("./mine")


def test_a_folder_from_the_hub_is_loaded_by_its_path(bert, tmp_path, monkeypatch):
    (bert / "README.md").write_bytes(b"# caf\xe9")
    checkpoint = store.load(bert)
    assert (checkpoint.name, checkpoint.folder, checkpoint.labels) == ("bert", bert, ())
    assert (checkpoint.most, checkpoint.pooling, checkpoint.normalised) == (40, "mean", False)
    assert store.card(bert) == "# caf\ufffd"
    monkeypatch.chdir(tmp_path)
    assert store.load("bert").name == store.load("./bert").name == "bert"


def test_a_folder_with_weights_and_no_config_is_broken_and_an_empty_one_is_none(bert, tmp_path):
    (bert / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"config\.json cannot be read: No such file"):
        store.load(bert)
    with pytest.raises(MissingError, match="holds no model"):
        store.load(tmp_path)
    (tmp_path / "bert_model.ckpt.index").write_bytes(b"")  # as Google published it in 2018, without a config.json
    with pytest.raises(CheckpointError, match="only for TensorFlow 1"):
        store.load(tmp_path)


def test_a_card_is_read_as_text_whatever_its_bytes(folder, forge):
    forge("CARD.md", b"# caf\xe9 \x1b[31m")
    assert store.card(folder) == "# caf\ufffd \x1b[31m"
    os.remove(folder / "CARD.md")
    with pytest.raises(CheckpointError, match=r"CARD\.md cannot be read"):
        store.card(folder)

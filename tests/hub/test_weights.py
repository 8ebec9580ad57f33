"""Files of weights: read where they are whole, refused by name where they are not, whatever is in them."""

import json
import os
import random
import resource
import struct
import time

import pytest
import safetensors.torch
import torch

from glassformer.errors import CheckpointError
from glassformer.hub import weights
from glassformer.hub.weights import INDEX, PICKLED, SINGLE, CutShort
from tests.hub import berts
from tests.hub.berts import with_header

F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def test_what_there_is_is_known_before_it_is_read(bert):
    found = weights.look(bert)
    expected = berts.tensors(bert)
    assert found.stored.keys() == expected.keys() and found.bytes == (bert / SINGLE).stat().st_size
    assert all(found.stored[name].shape == tuple(tensor.shape) for name, tensor in expected.items())
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.tensors().items())


def test_the_order_is_that_of_the_file(tmp_path):
    safetensors.torch.save_file({"b": torch.zeros(3), "a": torch.zeros(3, dtype=torch.int64)}, tmp_path / SINGLE)
    assert list(weights.look(tmp_path).stored) == ["a", "b"]  # the widest first, then by name


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64])
def test_every_precision_is_read_as_it_is(tmp_path, kind):
    safetensors.torch.save_file({"a": torch.tensor([1, 0, 3]).to(kind)}, tmp_path / SINGLE)
    assert weights.look(tmp_path).tensors()["a"].dtype == kind


# one file


def claim(**changes):
    return with_header({"t": F32 | changes}, bytes(8))


MALFORMED = {
    "empty": b"",
    "two bytes": b"{}",
    "a length alone": struct.pack("<Q", 2),
    "no tensors": with_header({}),
    "only a note": with_header({"__metadata__": {"format": "pt"}}),
    "zeros": bytes(1000),
    "random": random.Random(0).randbytes(5000),
    "header beyond the end": struct.pack("<Q", 1 << 60) + b"{}",
    "header a little beyond the end": struct.pack("<Q", 100) + b"{}" + bytes(50),
    "header of a gigabyte": struct.pack("<Q", 1 << 30) + b"{}",
    "header no JSON": with_header(b"{{{{"),
    "header no text": with_header(b"\xff\xfe\xfd"),
    "header nested": with_header(b"[" * 100_000),
    "header nested tables": with_header(b'{"a":' * 100_000),
    "header a list": with_header([]),
    "header null": with_header(None),
    "entry a number": with_header({"t": 5}),
    "entry null": with_header({"t": None}),
    "kind missing": with_header({"t": {"shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
    "kind unknown": claim(dtype="F31"),
    "kind code": claim(dtype="__import__('os')"),
    "kind a list": claim(dtype=["F32"]),
    "kind eight bits": with_header({"t": F32 | {"dtype": "F8_E4M3", "data_offsets": [0, 2]}}, bytes(2)),
    "shape text": claim(shape="2"),
    "shape negative": claim(shape=[-2]),
    "shape a fraction": claim(shape=[2.0]),
    "shape true": claim(shape=[True, 2]),
    "shape absurd": claim(shape=[1 << 40]),
    "shape that overflows": claim(shape=[1 << 59, 1 << 59, 1 << 59]),
    "shape of many axes": claim(shape=[1] * 1000),
    "another shape": claim(shape=[3]),
    "places missing": with_header({"t": {"dtype": "F32", "shape": [2]}}, bytes(8)),
    "places backwards": claim(data_offsets=[8, 0]),
    "places beyond the end": claim(data_offsets=[800, 808]),
    "places negative": claim(data_offsets=[-8, 0]),
    "places three": claim(data_offsets=[0, 4, 8]),
    "a hole": with_header({"t": F32, "u": F32 | {"data_offsets": [16, 24]}}, bytes(24)),
    "one on the other": with_header({"t": F32, "u": F32 | {"data_offsets": [4, 12]}}, bytes(12)),
    "more than it says": with_header({"t": F32}, bytes(80)),
    "less than it says": with_header({"t": F32}, bytes(7)),
    "pickle": b"\x80\x04cos\nsystem\n(S'echo owned'\ntR.",
    "zip": b"PK\x03\x04" + bytes(200),
    "many tensors": with_header(
        {f"t{k}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for k in range(200_000)}
    ),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_what_is_no_weight_file_is_refused_by_name(tmp_path, kind):
    (tmp_path / SINGLE).write_bytes(MALFORMED[kind])
    with pytest.raises(CheckpointError, match=r"model\.safetensors") as raised:
        weights.look(tmp_path).tensors()
    text = str(raised.value)
    assert text.isprintable() and len(text) < 500 and raised.value.exit_code == 4


def malformed(seed, whole):
    """A real file with some bytes of its header, some of its fields, or its length changed."""
    chance = random.Random(seed)
    length = struct.unpack("<Q", whole[:8])[0]
    if seed % 3 == 0:
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(8 + length)] = chance.randrange(256)
        return bytes(damaged)
    header = json.loads(whole[8 : 8 + length])
    name = chance.choice([name for name in header if name != "__metadata__"])
    odd = [None, -1, 0, 1 << 70, 1.5, "x", [], [0], [0, 0], [1 << 40], {}, True, "F16", "I64", "BOOL"]
    for _ in range(chance.randint(1, 3)):
        header[name][chance.choice(["dtype", "shape", "data_offsets"])] = chance.choice(odd)
    return with_header(header, whole[8 + length :])


def test_five_hundred_altered_files_are_read_or_refused_by_name(bert):
    """In seconds, with little memory, and whatever gets through fits what it says."""
    whole, refused, before = (bert / SINGLE).read_bytes(), 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    for seed in range(500):
        (bert / SINGLE).write_bytes(malformed(seed, whole))
        try:
            found = weights.look(bert)
            assert all(tuple(t.shape) == found.stored[name].shape for name, t in found.tensors().items())
        except CheckpointError as error:
            assert len(str(error)) < 500 and str(error).isprintable()
            refused += 1
    assert refused > 400
    assert time.monotonic() - began < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes


def test_a_file_cut_short_anywhere_is_known_to_be(bert):
    whole = (bert / SINGLE).read_bytes()
    for k in range(64):
        (bert / SINGLE).write_bytes(whole[: len(whole) * k // 64])
        with pytest.raises(CutShort, match=r"is cut short.*fetch it again"):
            weights.look(bert)


@pytest.mark.parametrize("name", [SINGLE, INDEX])
@pytest.mark.parametrize("swap", ["folder", "pipe", "endless"])
def test_what_is_no_file_is_refused_at_once(bert, name, swap):
    """A pipe would block for ever, /dev/zero would fill the memory."""
    (bert / SINGLE).unlink()
    make = {"folder": os.mkdir, "pipe": os.mkfifo, "endless": lambda path: os.symlink("/dev/zero", path)}
    make[swap](bert / name)
    with pytest.raises(CheckpointError, match="is no file"):
        weights.look(bert)


# several files and an index


@pytest.mark.parametrize("count", [1, 3])
def test_shards_are_read_as_one(bert, count):
    expected = berts.tensors(bert)
    found = weights.look(berts.shards(bert, count))
    assert len(found.files) == count
    assert {name: tensor.tolist() for name, tensor in found.tensors().items()} == {
        name: tensor.tolist() for name, tensor in expected.items()
    }


def index(change):
    def apply(folder):
        said = json.loads((folder / INDEX).read_text())
        (folder / INDEX).write_text(json.dumps(change(said)))

    return apply


def placed(name, file):
    return lambda said: said | {"weight_map": said["weight_map"] | {name: file}}


FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
BIAS = "cls.predictions.transform.dense.bias"  # in the first
INDEXES = {
    "empty": (lambda folder: (folder / INDEX).write_bytes(b""), "cannot be read"),
    "no text": (lambda folder: (folder / INDEX).write_bytes(b"\xff\xfe"), "cannot be read"),
    "nested": (lambda folder: (folder / INDEX).write_bytes(b"[" * 100_000), "cannot be read"),
    "huge": (lambda folder: (folder / INDEX).write_bytes(b" " * 26_000_000), "more than 25,000,000 bytes"),
    "a list": (index(lambda said: []), "has no weight_map"),
    "no map": (index(lambda said: {}), "has no weight_map"),
    "an empty map": (index(lambda said: {"weight_map": {}}), "has no weight_map"),
    "a map of numbers": (index(placed(BIAS, 5)), "names the file 5"),
    "many tensors": (index(lambda s: {"weight_map": {str(k): FIRST for k in range(100_001)}}), "1 to 100,000"),
    "many files": (
        index(lambda said: {"weight_map": {str(k): f"m{k}.safetensors" for k in range(2000)}}),
        "names 2,000 files",
    ),
    "a path outside": (index(placed(BIAS, "../secret.safetensors")), "no plain name in the folder"),
    "an absolute path": (index(placed(BIAS, "/etc/passwd")), "no plain name in the folder"),
    "a path inside": (index(placed(BIAS, "a/b.safetensors")), "no plain name in the folder"),
    "a hidden file": (index(placed(BIAS, ".x.safetensors")), "no plain name in the folder"),
    "another kind of file": (index(placed(BIAS, "config.json")), "no plain name in the folder"),
    "a hostile name": (index(placed(BIAS, "\x1b[31m.safetensors")), "no plain name in the folder"),
    "a file that is gone": (lambda folder: (folder / SECOND).unlink(), f"names {SECOND}, which is not there"),
    "a file that is cut": (lambda f: (f / SECOND).write_bytes((f / SECOND).read_bytes()[:-9]), "is cut short"),
    "a file that is none": (lambda folder: (folder / SECOND).write_bytes(b"x" * 99), "fetch it again"),
    "a tensor elsewhere": (index(placed(BIAS, SECOND)), f"about {BIAS}.*it says {SECOND}, found {FIRST}"),
    "a tensor nowhere": (index(placed("extra", FIRST)), f"about extra: it says {FIRST}, found in no file"),
    "a tensor it does not name": (
        index(lambda s: {"weight_map": {k: v for k, v in s["weight_map"].items() if k != BIAS}}),
        f"about {BIAS}: it says nothing, found {FIRST}",
    ),
}


@pytest.mark.parametrize("kind", INDEXES)
def test_an_index_that_does_not_fit_its_files_is_refused(bert, kind):
    damage, line = INDEXES[kind]
    damage(berts.shards(bert))
    with pytest.raises(CheckpointError, match=line) as raised:
        weights.look(bert).tensors()
    assert str(raised.value).isprintable() and len(str(raised.value)) < 500


# what is not read


def test_pickles_are_read_only_when_asked_for(bert):
    torch.save(berts.tensors(bert), bert / PICKLED)
    (bert / SINGLE).unlink()
    with pytest.raises(CheckpointError, match=r"only as pytorch_model\.bin, a pickle, .*--allow-pickle-weights"):
        weights.look(bert)
    assert weights.look(bert, allow_pickle=True).stored.keys() == weights.look(bert, True).tensors().keys()


def test_shards_of_pickles_are_read_too(bert):
    expected = berts.tensors(bert)
    torch.save(expected, bert / "pytorch_model-00001-of-00001.bin")
    (bert / SINGLE).unlink()
    places = dict.fromkeys(expected, "pytorch_model-00001-of-00001.bin")
    (bert / weights.PICKLED_INDEX).write_text(json.dumps({"weight_map": places}))
    assert weights.look(bert, allow_pickle=True).stored.keys() == expected.keys()
    with pytest.raises(CheckpointError, match="--allow-pickle-weights"):
        weights.look(bert)


def test_a_pickle_beside_a_safer_file_is_not_looked_at(bert):
    (bert / PICKLED).write_bytes(b"cos\nsystem\n(S'echo owned'\ntR.")
    assert weights.look(bert, allow_pickle=True).files == (bert / SINGLE,)


@pytest.mark.parametrize(
    ("name", "what"),
    [("tf_model.h5", "TensorFlow"), ("bert_model.ckpt.index", "TensorFlow 1"), ("flax_model.msgpack", "Flax")],
)
def test_weights_for_other_libraries_are_pointed_to_their_converter(bert, name, what):
    (bert / SINGLE).rename(bert / name)
    with pytest.raises(CheckpointError, match=rf"only for {what} \({name}\); with transformers 4\.57.*save_pretrained"):
        weights.look(bert, allow_pickle=True)


def test_no_weights_at_all(bert):
    (bert / SINGLE).unlink()
    with pytest.raises(CheckpointError, match=r"has no weights: no model\.safetensors"):
        weights.look(bert)


def test_small_files_are_bounded(tmp_path):
    path = tmp_path / "config.json"
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        weights.read_json(path)
    path.write_bytes(b" " * 101)
    with pytest.raises(CheckpointError, match="more than 100 bytes"):
        weights.read_bytes(path, 100)
    path.write_bytes(b"[1]")
    assert weights.read_json(path) == [1]

"""Old pickled weights: tensors come out, and nothing else ever happens."""

import io
import os
import pickle
import random
import resource
import zipfile

import pytest
import torch

from glassformer.errors import CheckpointError
from glassformer.hub import pickled

WEIGHTS = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.ones(2, dtype=torch.float16)}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "pytorch_model.bin"


@pytest.mark.parametrize("packed", [True, False], ids=["zip", "before 1.6"])
def test_tensors_come_out_by_name(file, packed):
    model = torch.nn.Linear(3, 2)  # its state dict carries a version along
    for weights in (WEIGHTS, model.state_dict(), {"p": torch.nn.Parameter(torch.ones(2))}):
        torch.save(weights, file, _use_new_zipfile_serialization=packed)
        found = pickled.tensors(file)
        assert found.keys() == weights.keys()
        assert all(
            torch.equal(found[name], weight) and not found[name].requires_grad for name, weight in weights.items()
        )


def test_tied_tensors_and_slices_come_out_whole(file):
    table = torch.randn(4, 3)
    torch.save({"in": table, "out": table, "part": table[1:3], "turned": table.T}, file)
    found = pickled.tensors(file)
    assert torch.equal(found["out"], table) and torch.equal(found["turned"], table.T)


class Owned:
    """A pickle of this makes a file when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


class Made:
    """A pickle of this calls `function` when it is read."""

    def __init__(self, function, *given):
        self.function, self.given = function, given

    def __reduce__(self):
        return self.function, self.given


@pytest.mark.parametrize("packed", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_nothing_is_run(file, tmp_path, packed, protocol):
    weights = {"a": torch.zeros(2), "b": Owned(tmp_path / "owned")}
    torch.save(weights, file, _use_new_zipfile_serialization=packed, pickle_protocol=protocol)
    with pytest.raises(CheckpointError, match=r"which is no tensor; nothing of it was run|cannot be read"):
        pickled.tensors(file)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "thing",
    [
        Made(bytearray, 10**10),
        Made(eval, "1"),
        Made(getattr, "a", "upper"),
        Made(torch.zeros, 10**10),
        [torch.zeros(1)],
        "text",
        {"a": 5},
        {"a": [torch.zeros(1)]},
        {5: torch.zeros(1)},
        {"a": torch.zeros(2, 2).to_sparse()},
        None,
    ],
    ids=lambda thing: str(thing)[:20],
)
def test_what_is_no_table_of_tensors_is_refused(file, thing):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    torch.save(thing, file)
    with pytest.raises(CheckpointError) as raised:
        pickled.tensors(file)
    assert str(raised.value).isprintable() and len(str(raised.value)) < 500
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def rezipped(file, compress=zipfile.ZIP_STORED, **replaced):
    """The archive again, with some of its parts replaced."""
    with zipfile.ZipFile(file) as archive:
        parts = {part.filename: archive.read(part) for part in archive.infolist()}
    top = next(iter(parts)).split("/")[0]
    with zipfile.ZipFile(file, "w", compress) as archive:
        for name, content in (parts | {f"{top}/{name}": content for name, content in replaced.items()}).items():
            archive.writestr(name, content)


def test_a_bomb_is_not_unpacked(file):
    torch.save(WEIGHTS, file)
    rezipped(file, zipfile.ZIP_DEFLATED, **{"data/0": bytes(300_000_000)})
    assert file.stat().st_size < 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CheckpointError, match="is compressed, or says it holds more than it does"):
        pickled.tensors(file)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_second_pickle_is_refused(file):
    torch.save(WEIGHTS, file)
    rezipped(file, **{"more.pkl": pickle.dumps(5)})
    with pytest.raises(CheckpointError, match=r"holds 2 pickles"):
        pickled.tensors(file)


def test_a_tensor_larger_than_its_numbers_is_refused(file):
    """A million rows that are one row in truth."""
    torch.save({"a": torch.zeros(1, 64).expand(1 << 20, 64)}, file)
    with pytest.raises(CheckpointError, match=r"asks for more than its .* bytes hold"):
        pickled.tensors(file)


def test_many_large_tensors_of_the_same_numbers_are_refused(file):
    table = torch.zeros(500, 500).T
    torch.save({str(k): table for k in range(100)}, file)
    with pytest.raises(CheckpointError, match=r"asks for more than its .* bytes hold"):
        pickled.tensors(file)


@pytest.mark.parametrize(
    "content", [b"", b"x", b"PK\x03\x04" + bytes(99), bytes(1000), b"\x80\x02.", b"\x80\x02]" * 99]
)
def test_rubbish_is_refused(file, content):
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin"):
        pickled.tensors(file)


@pytest.mark.parametrize("packed", [True, False], ids=["zip", "before 1.6"])
def test_cut_short_or_altered_it_is_read_or_refused(file, packed):
    torch.save(WEIGHTS, file, _use_new_zipfile_serialization=packed)
    whole, chance, refused = file.read_bytes(), random.Random(0), 0
    cut = [whole[: len(whole) * k // 32] for k in range(32)]
    flipped = [bytearray(whole) for _ in range(100)]
    for damaged in flipped:
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    for damaged in (*cut, *flipped):
        file.write_bytes(damaged)
        try:
            pickled.tensors(file)
        except CheckpointError as error:
            assert len(str(error)) < 500
            refused += 1
    assert refused >= 32


def test_a_stream_of_instructions_has_an_end(file):
    """A pickle of many small steps, none of which is forbidden."""
    stream = io.BytesIO()
    stream.write(b"\x80\x02" + b"K\x01" * 2_000_000 + b".")
    file.write_bytes(stream.getvalue())
    with pytest.raises(CheckpointError, match=r"no tensor|cannot be read"):
        pickled.tensors(file)

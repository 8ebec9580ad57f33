"""A picture comes back from its bytes as it went in, or within the rounding that the header names."""

import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from glassformer.show import packed
from tests.show.pictures import picture


def test_every_bit_comes_back():
    made = picture()
    for deflate in (False, True):
        back = packed.unpack(packed.pack(made, deflate))
        assert list(back["arrays"]) == list(made["arrays"])
        for name, array in made["arrays"].items():
            assert back["arrays"][name].tobytes() == array.tobytes() and back["arrays"][name].shape == array.shape
    assert back["text"] == made["text"] and back["model"] == made["model"] and back["left"] is None
    assert back["effects"]["heads"]["zero"] == [
        pytest.approx(row, rel=1e-8) for row in made["effects"]["heads"]["zero"]
    ]


def test_the_bytes_are_laid_down_as_the_contract_says():
    """Read by hand: magic, length, JSON, zeros up to a multiple of eight, each array at one."""
    content = packed.pack({"text": "x", "arrays": {"a": np.float32([1, 2, 3]), "b": np.array([7], np.int64)}})
    assert content[:4] == b"GFP1"
    (length,) = struct.unpack("<I", content[4:8])
    fields = json.loads(content[8 : 8 + length])
    start = -(-(8 + length) // 8) * 8
    assert fields["arrays"]["a"] == {"shape": [3], "dtype": "f32", "at": 0}
    assert fields["arrays"]["b"] == {"shape": [1], "dtype": "i32", "at": 16}
    assert content[8 + length : start].strip(b"\0") == b""
    assert struct.unpack("<3f", content[start : start + 12]) == (1, 2, 3)
    assert struct.unpack("<i", content[start + 16 : start + 20]) == (7,)


def test_a_file_is_deflated_by_zlib():
    made = picture()
    assert zlib.decompress(packed.pack(made, deflate=True)) == packed.pack(made)


@given(
    arrays.arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 20)), elements=st.floats(-1e3, 1e3, width=32))
)
def test_rounding_is_within_one_step(array):
    """sqrt code: neighbours are (2k+1)/steps² of the largest apart, so half of that at most is lost."""
    entry = packed.rounded(array)
    back = packed.unpack(packed.joined({}, {"a": entry}))["arrays"]["a"]
    largest, steps = np.abs(array).max(), packed.STEPS[entry.entry["dtype"]]
    root = np.sqrt(np.abs(array) / (largest or 1))
    allowed = largest * (root / steps + 0.25 / steps**2) * 1.001 + 1e-6
    assert (np.abs(back - array) <= allowed).all()


@pytest.mark.parametrize("steps", [7, 15, 31, 63])
def test_fewer_steps_take_fewer_values_and_keep_the_ends(steps):
    array = np.linspace(0, 3**0.5, 1000, dtype=np.float32)[None] ** 2
    back = packed.unpack(packed.joined({}, {"a": packed.rounded(array, steps)}))["arrays"]["a"]
    assert len(np.unique(back)) == steps + 1
    assert back[0, 0] == 0 and back[0, -1] == pytest.approx(3)


def test_signs_are_kept():
    back = packed.unpack(packed.joined({}, {"a": packed.rounded(np.float32([[-2, 0, 1]]))}))["arrays"]["a"]
    assert np.allclose(back, [[-2, 0, 1]], atol=0.02)


def test_of_some_heads_the_others_are_not_numbers():
    array = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    for made in (packed.whole(array, [1, 3]), packed.rounded(array, heads=[1, 3])):
        back = packed.unpack(packed.joined({}, {"a": made}))["arrays"]["a"]
        assert np.allclose(back[[1, 3]], array[[1, 3]], atol=0.2) and np.isnan(back[[0, 2]]).all()


def test_a_number_of_the_header_is_the_same_float32_and_what_is_none_is_null():
    values = np.random.default_rng(0).standard_normal(200).astype(np.float32)
    fields = {"a": values.tolist(), "b": [float("nan"), float("inf"), np.float32(1)], "c": (True, None, "x\ud800")}
    read = json.loads(packed.header(fields))
    assert (np.float32(read["a"]) == values).all()
    assert read["b"] == [None, None, 1.0] and read["c"][:2] == [True, None]


@pytest.mark.parametrize("content", [b"", b"GFP", b"not a picture", zlib.compress(b"nor this")])
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(ValueError, match="GFP1"):
        packed.unpack(content)

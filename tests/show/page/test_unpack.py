"""The page's `unpack` reads what Python's `pack` writes, whole, rounded, of some heads or deflated, and no more."""

import numpy as np
import pytest

from glassformer.show import fitted, packed
from tests.show.page import modules
from tests.show.pictures import minilm, picture

READ = (
    "const { unpack } = await import('/base/unpack.js');"
    "const bytes = new Uint8Array(await (await fetch('/held/picture')).arrayBuffer());"
    "try { const { arrays, ...rest } = await unpack(bytes);"
    " const plain = (each) => ({ ...each, data: [...each.data].map((x) => (Number.isNaN(x) ? null : x)) });"
    " return JSON.stringify([rest, Object.fromEntries(Object.entries(arrays).map(([k, v]) => [k, plain(v)]))]);"
    "} catch (error) { return JSON.stringify(error.message); }"
)


def read(content):
    with modules.opened({"picture": content}) as page:
        return modules.run(page, READ)


def same(found, wanted):
    data = np.array([np.nan if each is None else each for each in found["data"]], np.float64)
    assert found["shape"] == list(wanted.shape)
    assert np.array_equal(data, wanted.astype(np.float64).ravel(), equal_nan=True)


@pytest.mark.parametrize("deflate", [False, True])
def test_every_bit_arrives(deflate):
    made = picture()
    rest, arrays = read(packed.pack(made, deflate))
    assert rest["words"] == made["words"] and rest["effects"]["edges_of"] == 56
    assert set(arrays) == set(made["arrays"])
    for name, array in made["arrays"].items():
        same(arrays[name], array)
        assert arrays[name]["rounded"] is False


def test_what_a_budget_rounded_or_left_out_reads_as_in_python():
    content = fitted.fitted(minilm(70), 200_000)
    rest, arrays = read(content)
    wanted = packed.unpack(content)
    assert rest["left"] == wanted["left"]
    for name in ("layers.0.attention.weights", "layers.3.attention.cells", "layers.5.attention.brought"):
        if name in wanted["arrays"]:
            assert arrays[name]["rounded"] is True
            found = np.array([np.nan if x is None else x for x in arrays[name]["data"]])
            assert np.allclose(found, wanted["arrays"][name].ravel(), atol=1e-6, equal_nan=True)


def test_of_heads_that_were_not_kept_there_is_no_number():
    array = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    content = packed.joined({}, {"a": packed.whole(array, [1, 3]), "b": packed.rounded(array, heads=[0])})
    _, arrays = read(content)
    for name in "ab":
        same(arrays[name], packed.unpack(content)["arrays"][name])


def test_halves_are_read():
    array = np.float16([0, 1, -2.5, 6e-5, 6e-8, 65504, np.inf, np.nan])
    content = packed.joined({}, {"a": packed.Packed({"shape": [8], "dtype": "f16"}, array.tobytes())})
    with modules.opened({"picture": content}) as page:
        asked = READ.replace(
            "JSON.stringify([rest", "JSON.stringify([...arrays.a.data].map(String)); return JSON.stringify([rest"
        )
        assert [float(each.replace("Infinity", "inf")) for each in modules.run(page, asked)] == pytest.approx(
            array.astype(float), nan_ok=True
        )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GFP1",
        b"not a picture at all",
        packed.pack(picture())[:-1000],
        packed.joined({}, {"a": packed.Packed({"shape": [2], "dtype": "f99"}, b"12345678")}),
        packed.joined({}, {"a": packed.Packed({"shape": [1 << 20, 1 << 20], "dtype": "u8"}, b"")}),
    ],
)
def test_what_is_no_picture_is_an_error_and_no_hang(content):
    assert isinstance(read(content), str)

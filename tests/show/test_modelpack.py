"""Models as bytes of the page's own format."""

import zlib

from glassformer.show.modelpack import packed_models
from glassformer.show.packed import unpack


def test_raw_bytes_come_back_as_they_were():
    header, weights = {"kind": "models", "reference": ["a ’b’"]}, {"one": b"\0\xff123", "two": bytes(range(256)) * 5}
    content = packed_models(header, weights)
    assert zlib.decompress(content) == packed_models(header, weights, deflate=False)
    found = unpack(content)
    assert {name: array.tobytes() for name, array in found.pop("arrays").items()} == weights
    assert found == header

"""Models as bytes of the format GFP1, for a page that runs them itself: the header, and raw bytes beside it."""

from collections.abc import Mapping
from typing import Any

from glassformer.show.packed import Packed, joined


def packed_models(header: Mapping[str, Any], weights: Mapping[str, bytes], deflate: bool = True) -> bytes:
    """header and weights: of `explain.pack.models_pack`.  The page's `openPack` reads what this gives."""
    arrays = {name: Packed({"shape": [len(each)], "dtype": "u8"}, each) for name, each in weights.items()}
    return joined(header, arrays, deflate)

"""A picture as bytes, and back: the format GFP1 that docs/page.md lays down and the page's `unpack` reads.

    GFP1 · u32 length of the header · the header as JSON · zeros up to a multiple of 8 · the arrays, each at such a one

A picture is a dict: the header's fields, and `arrays` {name: numpy array}.  What it holds is written whole (f32, i32)
or *rounded* to one byte a number, small values told apart better than large ones; of a value a head, some heads only.
"""

import json
import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

MAGIC, EVERY = b"GFP1", 8
KINDS = {"f32": "<f4", "f16": "<f2", "u8": "u1", "i8": "i1", "i32": "<i4"}
DIGITS = 9  # of a number in the header: any float32 survives that
STEPS = {"u8": 255, "i8": 127}


@dataclass(frozen=True)
class Packed:
    """One array as it is written.  entry: what the header says of it, without its place; content: its bytes."""

    entry: dict[str, Any]
    content: bytes

    @property
    def deflated(self) -> int:
        """About how many bytes it takes in a file."""
        return len(zlib.compress(self.content, 6))


def whole(array: np.ndarray, heads: list[int] | None = None) -> Packed:
    """Every bit: integers as i32, all else as f32.  heads: those that are kept, where not all are."""
    dtype = "i32" if array.dtype.kind in "iub" else "f32"
    return _packed(array, dtype, array, {}, heads)


def rounded(array: np.ndarray, steps: int | None = None, heads: list[int] | None = None) -> Packed:
    """One byte a number: u8 where nothing is negative, else i8.

    steps: how many different sizes are told apart, at most what a byte can; fewer deflate better.
    """
    kept = array if heads is None else array[heads]
    dtype = "i8" if (kept < 0).any() else "u8"
    most, largest = STEPS[dtype], float(np.abs(kept).max(initial=0.0))
    steps = min(steps or most, most)
    root = np.sqrt(np.abs(array) / (largest or 1.0))
    code = np.sign(array) * np.round(np.round(root * steps) * (most / steps))
    return _packed(array, dtype, code, {"code": "sqrt", "largest": largest}, heads)


def _packed(array: np.ndarray, dtype: str, code: np.ndarray, more: dict[str, Any], heads: list[int] | None) -> Packed:
    kept = {} if heads is None else {"heads": list(heads)}
    content = (code if heads is None else code[heads]).astype(KINDS[dtype]).tobytes()
    return Packed({"shape": list(array.shape), "dtype": dtype, **more, **kept}, content)


def pack(picture: Mapping[str, Any], deflate: bool = False) -> bytes:
    """All of `picture`, exact.  deflate: for a file; over the loopback plain bytes are quicker."""
    return joined(picture, {name: whole(np.asarray(array)) for name, array in picture["arrays"].items()}, deflate)


def joined(picture: Mapping[str, Any], arrays: Mapping[str, Packed], deflate: bool = True) -> bytes:
    """The header of `picture` and arrays that are packed already."""
    at, entries = 0, {}
    for name, each in arrays.items():
        entries[name] = {**each.entry, "at": at}
        at += _up(len(each.content))
    head = header({**picture, "arrays": entries})
    start = MAGIC + len(head).to_bytes(4, "little") + head
    content = b"".join(map(_padded, (start, *(each.content for each in arrays.values()))))
    return zlib.compress(content, 9) if deflate else content


def header(fields: Mapping[str, Any], digits: int = DIGITS) -> bytes:
    """As JSON that any reader takes: so many digits a number, null for what is none."""
    plain = _plain(fields, digits)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _plain(thing: Any, digits: int) -> Any:
    if isinstance(thing, Mapping):
        return {str(key): _plain(value, digits) for key, value in thing.items()}
    if isinstance(thing, str | bool | int) or thing is None:
        return thing
    if isinstance(thing, Iterable):
        return [_plain(value, digits) for value in thing]
    number = float(thing)
    return float(f"{number:.{digits}g}") if math.isfinite(number) else None


def _up(size: int) -> int:
    return -(-size // EVERY) * EVERY


def _padded(content: bytes) -> bytes:
    return content.ljust(_up(len(content)), b"\0")


def unpack(content: bytes) -> dict[str, Any]:
    """The picture in `content`; of heads that were not kept the numbers are NaN.  Raises ValueError where there is
    none.
    """
    if not content.startswith(MAGIC):
        content = _inflated(content)
    length = int.from_bytes(content[4:8], "little")
    fields = json.loads(content[8 : 8 + length])
    start = _up(8 + length)
    fields["arrays"] = {name: _unpacked(content, start, entry) for name, entry in fields["arrays"].items()}
    return fields


def left_of(content: bytes) -> dict[str, Any] | None:
    """What a packed picture says that it had no room for."""
    content = content if content.startswith(MAGIC) else _inflated(content)
    return json.loads(content[8 : 8 + int.from_bytes(content[4:8], "little")]).get("left")


def _inflated(content: bytes) -> bytes:
    try:
        content = zlib.decompress(content)
    except zlib.error:
        content = b""
    if not content.startswith(MAGIC):
        raise ValueError("these bytes hold no picture: they do not begin with GFP1")
    return content


def _unpacked(content: bytes, start: int, entry: dict[str, Any]) -> np.ndarray:
    shape, heads = entry["shape"], entry.get("heads")
    kept = shape if heads is None else [len(heads), *shape[1:]]
    raw = np.frombuffer(content, KINDS[entry["dtype"]], math.prod(kept), start + entry["at"]).reshape(kept)
    if entry.get("code") == "sqrt":
        raw = (np.sign(raw) * (raw / STEPS[entry["dtype"]]) ** 2 * entry["largest"]).astype(np.float32)
    if heads is None:
        return raw
    array = np.full(shape, np.nan, np.float32)
    array[heads] = raw
    return array

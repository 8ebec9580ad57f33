"""Standard input as it arrives: whole lines, in bounded memory, without waiting for more than is there."""

import os
from collections.abc import Iterator

LONGEST_LINE = 1 << 20  # bytes; of a longer line only this much is read
CHUNK = 1 << 16


def arriving(descriptor: int) -> Iterator[list[str]]:
    """The lines that have arrived, as often as some have.  Bytes that are no UTF-8 become U+FFFD."""
    rest = b""
    while chunk := os.read(descriptor, CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[:LONGEST_LINE]
        if lines:
            yield [_decoded(line) for line in lines]
    if rest:
        yield [_decoded(rest)]


def _decoded(line: bytes) -> str:
    return line[:LONGEST_LINE].removesuffix(b"\r").decode("utf-8", "replace")

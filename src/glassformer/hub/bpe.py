"""Byte-pair encoding from scratch: how GPT-2 cuts text, in the order in which it happens.

    words    apart: letters, digits or signs, each with the one space before it; and English endings such as 's
    bytes    of each word in UTF-8, each written as one visible character, so that no text is ever unknown
    merges   of two neighbours into one, the pair that was learned first always first, until no pair is left

Sennrich et al. 2016, "Neural machine translation of rare words with subword units", section 3.2 (the merges);
Radford et al. 2019, section 2.2 (bytes, and words that no merge crosses).  What is a letter, Python's Unicode tables
say; the `tokenizers` library, which this is held equal to, has its own, of another year with another Python.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

ENDINGS = re.compile(r"'(?:s|t|re|ve|m|ll|d)")
PRINTED = (*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1))
LETTERS = [chr(byte) for byte in PRINTED]  # bytes that are visible as they are; the others, in order, from Ā on
OTHERS = [byte for byte in range(256) if byte not in PRINTED]
VISIBLE = dict(zip([*PRINTED, *OTHERS], LETTERS + [chr(256 + k) for k in range(len(OTHERS))], strict=True))
SEPARATORS = "\x1c\x1d\x1e\x1f"  # of files and records: to Python space, to Unicode not
BYTES = {character: byte for byte, character in VISIBLE.items()}


@dataclass(frozen=True)
class BytePairs:
    """vocabulary: piece → id; merges: pairs of pieces, in the order in which they were learned."""

    vocabulary: Mapping[str, int]
    merges: tuple[tuple[str, str], ...]

    @cached_property
    def ranks(self) -> dict[tuple[str, str], int]:
        return {pair: rank for rank, pair in enumerate(self.merges)}

    def cut(self, text: str) -> list[str]:
        """The pieces of `text`."""
        return [piece for word in words(text) for piece in self.pieces(visible(word))]

    def ids(self, text: str) -> list[int]:
        return [self.vocabulary[piece] for piece in self.cut(text)]

    def pieces(self, word: str) -> list[str]:
        """The pair that was learned first is merged, everywhere in the word; and again, until no pair is left."""
        parts = list(word)
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: self.ranks.get(pair, len(self.ranks)))
            if best not in self.ranks:
                break
            parts = merged(parts, best)
        return parts

    def text(self, pieces: Iterable[str]) -> str:
        """What the pieces say; bytes that are no whole character are �."""
        return bytes(BYTES[character] for piece in pieces for character in piece).decode(errors="replace")


def merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    """`pair` as one, wherever it stands, from the left."""
    done: list[str] = []
    for part in parts:
        together = bool(done) and (done[-1], part) == pair
        done[-1:] = [done[-1] + part] if together else [*done[-1:], part]
    return done


def visible(word: str) -> str:
    """The bytes of a word, one visible character each: " é" is "ĠÃ©"."""
    return "".join(VISIBLE[byte] for byte in word.encode())


def words(text: str) -> Iterator[str]:
    """Runs of letters, of digits and of signs, each with a space before it; what is left of spaces by itself."""
    at = 0
    while at < len(text):
        end = _end(text, at)
        yield text[at:end]
        at = end


def _end(text: str, at: int) -> int:
    """Where the word that begins at `at` ends: at the end of 's, of letters, of digits, of signs, or of spaces."""
    if found := ENDINGS.match(text, at):
        return found.end()
    begin = at + (text[at] == " " and at + 1 < len(text) and kind_of(text[at + 1]) != "space")
    kind, end = kind_of(text[begin]), begin + 1
    while end < len(text) and kind_of(text[end]) == kind:
        end += 1
    more = kind == "space" and end < len(text) and end - at > 1
    return end - more  # of several spaces the last belongs to the word that follows


def kind_of(character: str) -> str:
    r"""A letter is Unicode's \p{L}, a digit \p{N}."""
    if character.isspace() and character not in SEPARATORS:
        return "space"
    return {"L": "letter", "N": "digit"}.get(unicodedata.category(character)[0], "sign")

"""WordPiece from scratch: how BERT cuts text, in the order in which it happens.

    clean     control characters out, every kind of space one space, Chinese characters words of their own
    plain     accents off and small letters, where the vocabulary is uncased
    words     apart at spaces, and at each sign of punctuation
    pieces    of each word the longest beginning that is in the vocabulary, then of the rest, marked ##

Schuster & Nakajima 2012, "Japanese and Korean voice search"; Wu et al. 2016, section 4.1 (longest match first);
Devlin et al. 2019 (the cleaning).  Each character carries the place it came from, so a piece knows its span.
The `tokenizers` library, which this is held equal to, keeps to the Unicode tables of 2015 for what is a mark or a
sign: it cuts some younger characters otherwise.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, groupby

Placed = tuple[str, int]  # a character, and where in the text it stands

LONGEST_WORD = 100  # characters; a longer one is unknown
CHINESE = (
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x2B81F), (0x2B920, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)  # fmt: skip
CUT_OUT = {"Cc", "Cf", "Co"}  # Unicode's names for control, format and private characters


@dataclass(frozen=True)
class WordPiece:
    """vocabulary: piece → id; lower: small letters only; accents: kept or not, None for as `lower` says."""

    vocabulary: Mapping[str, int]
    unknown: str = "[UNK]"
    lower: bool = True
    accents: bool | None = None
    chinese: bool = True

    def cut(self, text: str) -> list[tuple[str, tuple[int, int]]]:
        """The pieces of `text`, each with its span."""
        characters = list(clean(text, self.chinese))
        if not (not self.lower if self.accents is None else self.accents):
            characters = [each for each in decomposed(characters) if unicodedata.category(each[0]) != "Mn"]
        if self.lower:
            characters = [(small, at) for character, at in characters for small in character.lower()]
        return [piece for word in words(characters) for piece in self.pieces(word)]

    def pieces(self, word: list[Placed]) -> Iterator[tuple[str, tuple[int, int]]]:
        """Longest match first.  A word of which any part is unknown is unknown as a whole."""
        text, begin, found = "".join(character for character, _ in word), 0, []
        while begin < len(text) <= LONGEST_WORD:
            ends = range(len(text), begin, -1)
            names = (("##" if begin else "") + text[begin:end] for end in ends)
            end, name = next((pair for pair in zip(ends, names, strict=True) if pair[1] in self.vocabulary), (0, ""))
            if not end:
                break
            found.append((name, (word[begin][1], word[end - 1][1] + 1)))
            begin = end
        yield from found if begin == len(text) else [(self.unknown, (word[0][1], word[-1][1] + 1))]


def clean(text: str, chinese: bool = True) -> Iterator[Placed]:
    """Without control characters; with a space for every kind of space, and around Chinese characters."""
    for at, character in enumerate(text):
        if character in "\t\n\r" or unicodedata.category(character)[0] == "Z":
            yield " ", at
        elif chinese and any(first <= ord(character) <= last for first, last in CHINESE):
            yield from ((" ", at), (character, at), (" ", at))
        elif unicodedata.category(character) not in CUT_OUT and character != "\ufffd":
            yield character, at


def decomposed(characters: list[Placed]) -> list[Placed]:
    """é as e and an accent, accents in their canonical order: Unicode's normal form D."""
    parts = [(part, at) for character, at in characters for part in unicodedata.normalize("NFD", character)]
    starts = accumulate(unicodedata.combining(part) == 0 for part, _ in parts)  # an accent belongs to what it follows
    order = sorted(zip(starts, parts, strict=True), key=lambda pair: (pair[0], unicodedata.combining(pair[1][0])))
    return [(part, at) for (_, (part, _)), (_, at) in zip(order, parts, strict=True)]


def words(characters: list[Placed]) -> Iterator[list[Placed]]:
    """Runs of what is neither space nor punctuation, and each sign of punctuation by itself."""
    for kind, run in groupby(characters, key=lambda placed: kind_of(placed[0])):
        together = list(run)
        if kind != "space":
            yield from ([each] for each in together) if kind == "sign" else [together]


def kind_of(character: str) -> str:
    """Punctuation is Unicode's, and every ASCII sign: `$` and `+` too."""
    sign = character.isascii() and character.isprintable() and not character.isalnum()
    if character.isspace():
        return "space"
    return "sign" if sign or unicodedata.category(character)[0] == "P" else "letter"

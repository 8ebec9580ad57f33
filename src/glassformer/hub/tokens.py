"""From text to pieces and back: a `tokenizers` tokenizer, and where in the text each piece stands."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from glassformer.errors import CheckpointError, UsageError, one_line

LONGEST_TEXT = 1_000_000  # characters; a longer one is refused before it costs memory


@dataclass(frozen=True)
class Word:
    """A word as the reader wrote it, and the pieces it was cut into."""

    text: str
    pieces: tuple[int, ...]  # positions in the sentence


@dataclass(frozen=True)
class Pieces:
    """A text as a model reads it.  ids, names and spans have one entry a position."""

    text: str
    ids: list[int]
    names: list[str]  # as in the vocabulary: "rest", "##aurant"
    spans: list[tuple[int, int]]  # characters of `text`
    words: list[Word]
    left_out: int = 0  # pieces beyond what the model can read
    unread: str = field(default="", repr=False)  # the text they stand for

    def word_at(self, position: int) -> int:
        """The number of the word that the piece at `position` belongs to."""
        return next(k for k, word in enumerate(self.words) if position in word.pieces)


class Tokens:
    """A vocabulary and the rules by which text is cut into it."""

    def __init__(self, definition: str):
        """`definition`: the text of a tokenizer.json.  Raises CheckpointError where it is not one."""
        with _panics():
            self._tokenizer = Tokenizer.from_str(definition)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._tokenizer.encode_special_tokens = True  # "[MASK]" typed by a person is text
        self.definition = definition
        self.padding = self._id("[PAD]")
        self.unknown = self._id("[UNK]")
        self.mask = self._id("[MASK]")
        if sorted(self._tokenizer.get_vocab().values()) != list(range(len(self))):
            raise CheckpointError(f"tokenizer.json does not number its {len(self)} pieces from 0 on; make it again")
        self._encoded(["a", "⸻"])  # some files fail only here, or at what they do not know

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    def name(self, id: int) -> str:
        return self._tokenizer.id_to_token(id) or "[UNK]"

    def vocabulary(self) -> list[str]:
        """Every piece, by id."""
        return [self.name(id) for id in range(len(self))]

    def cut(self, text: str, most: int) -> Pieces:
        """Cut `text` into at most `most` pieces; the rest is counted in `left_out`, never dropped in silence.

        Raises UsageError for a text that is empty, holds no readable character, or is not valid Unicode.
        """
        return self._pieces(text, self._encoded([checked(text)])[0], most)

    def cut_many(self, texts: list[str], most: int) -> list[Pieces]:
        """`cut` for many texts at once, faster.  A text with nothing to read gives no pieces instead of an error."""
        return [_pieces(text, encoding, most) for text, encoding in zip(texts, self._encoded(texts), strict=True)]

    def readable(self, pieces: Pieces) -> bool:
        """At least one piece is in the vocabulary: otherwise a model would answer blindly."""
        return any(id != self.unknown for id in pieces.ids)

    def _encoded(self, texts: list[str]) -> list[Encoding]:
        with _panics():
            return self._tokenizer.encode_batch(texts, add_special_tokens=False)

    def _pieces(self, text: str, encoding: Encoding, most: int) -> Pieces:
        pieces = _pieces(text, encoding, most)
        if not pieces.ids:
            raise UsageError(f"the text {one_line(text, 40)!r} holds nothing to read; give at least one word")
        if not self.readable(pieces):
            raise UsageError(f"no word of {one_line(text, 40)!r} is in the vocabulary; the model would answer blindly")
        return pieces

    def _id(self, name: str) -> int:
        id = self._tokenizer.token_to_id(name)
        if id is None:
            raise CheckpointError(f"tokenizer.json has no {name} piece; it needs [PAD], [UNK] and [MASK]")
        return id


@contextmanager
def _panics() -> Iterator[None]:
    """Whatever a crafted file makes of the tokenizer is a CheckpointError; Rust's panic is no Exception."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise CheckpointError(f"tokenizer.json cannot be used: {one_line(error)}") from None


def pad(rows: Sequence[Sequence[int]], padding: int = 0) -> tuple[Tensor, Tensor]:
    """Rows of ids as one (b, n) tensor, and which of it is real (b, n)."""
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.full((len(rows), max(1, int(lengths.max()))), padding)  # b n
    for k, row in enumerate(rows):
        ids[k, : len(row)] = torch.tensor(row, dtype=torch.long)
    return ids, torch.arange(ids.size(1)) < lengths[:, None]


def checked(text: str) -> str:
    """`text`, if a model can be asked about it.  Raises UsageError that says why not."""
    if not text.strip():
        raise UsageError('the text is empty; give a sentence, such as "this restaurant was not terrible"')
    if len(text) > LONGEST_TEXT:
        raise UsageError(f"the text has {len(text):,} characters; at most {LONGEST_TEXT:,} can be read at once")
    broken = next((k for k, c in enumerate(text) if "\ud800" <= c <= "\udfff"), None)
    if broken is not None:
        code = f"U+{ord(text[broken]):04X}"
        raise UsageError(f"character {broken} of the text is half a character ({code}); pass UTF-8 text")
    return text


def _pieces(text: str, encoding: Encoding, most: int) -> Pieces:
    spans = encoding.offsets[:most]
    unread = text[encoding.offsets[most][0] :] if len(encoding.ids) > most else ""
    words = _words(text, spans, encoding.word_ids[:most])
    left_out = max(0, len(encoding.ids) - most)
    return Pieces(text, encoding.ids[:most], encoding.tokens[:most], spans, words, left_out, unread)


def _words(text: str, spans: list[tuple[int, int]], numbers: list[int | None]) -> list[Word]:
    positions: dict[int | None, list[int]] = {}
    for position, number in enumerate(numbers):
        positions.setdefault(number, []).append(position)
    return [Word(text[spans[own[0]][0] : spans[own[-1]][1]], tuple(own)) for own in positions.values()]

"""From text to pieces and back: a `tokenizers` tokenizer, and where in the text each piece stands."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from glassformer.errors import CheckpointError, UsageError, one_line

LONGEST_TEXT = 1_000_000  # characters; a longer one is refused before it costs memory
LARGEST_ID = 1 << 24
ROLES = {  # what a piece is for: what files call that, and what the piece is called where they do not say
    "padding": ("pad_token", "[PAD]", "<pad>"),
    "unknown": ("unk_token", "[UNK]", "<unk>"),
    "mask": ("mask_token", "[MASK]", "<mask>"),
    "end": ("eos_token", "</s>", "<|endoftext|>"),
}
NEEDED = ("padding", "unknown", "mask")  # by a model that fills masks
NONE = -1  # the id of a piece that there is none of


@dataclass(frozen=True)
class Word:
    """A word as the reader wrote it, and the pieces it was cut into."""

    text: str
    pieces: tuple[int, ...]  # positions in the sentence


@dataclass(frozen=True)
class Pieces:
    """A text, or two, as a model reads it.  ids, names, spans and types have one entry a position."""

    text: str
    ids: list[int]
    names: list[str]  # as in the vocabulary: "rest", "##aurant"
    spans: list[tuple[int, int]]  # characters of `text`, or of `second` where the type is 1
    words: list[Word]
    left_out: int = 0  # pieces beyond what the model can read
    unread: str = field(default="", repr=False)  # the text they stand for
    types: list[int] = field(default_factory=list, repr=False)  # 0 in the first text, 1 in the second
    specials: frozenset[int] = frozenset()  # positions that no text stands at: [CLS], [SEP]
    second: str | None = None

    def word_at(self, position: int) -> int:
        """The number of the word that the piece at `position` belongs to."""
        return next(k for k, word in enumerate(self.words) if position in word.pieces)


@dataclass(frozen=True)
class Frame:
    """What stands around one text, or two.  slots: (id of a special piece, its type), or the number of a text."""

    slots: tuple[tuple[int, int] | int, ...] = (0,)
    typed: bool = False  # the tokenizer itself tells the two texts apart

    @property
    def specials(self) -> int:
        return sum(not isinstance(slot, int) for slot in self.slots)

    def fill(self, texts: Sequence[list[int]]) -> list[int]:
        return [id for slot in self.slots for id in (texts[slot] if isinstance(slot, int) else slot[:1])]


class Tokens:
    """A vocabulary and the rules by which text is cut into it."""

    def __init__(
        self,
        definition: str,
        called: Mapping[str, str] | None = None,
        types: int = 1,
        needs: tuple[str, ...] = NEEDED,
    ):
        """`definition`: the text of a tokenizer.json.  Raises CheckpointError where it is not one.

        called: what pieces with a role are called, `{"mask_token": "<mask>"}`, where it is not the usual;
        types: how many texts the model tells apart; needs: roles without whose piece it is of no use.  The id of a
        role that no piece has is NONE, but for padding, which may be any piece: `real` says where it stands.
        """
        self._tokenizer = _tokenizer(definition)
        self.definition = definition
        self._names = {role: self._called(role, called or {}) for role in ROLES}
        ids = {role: self._id(name, role in needs) for role, name in self._names.items()}
        self.unknown, self.mask, self.end = (ids[role] for role in ("unknown", "mask", "end"))
        self.padding = next(id for id in (ids["padding"], self.end, 0) if id != NONE)
        self.mask_name = self._names["mask"]
        vocabulary = self._tokenizer.get_vocab()
        self._size = 1 + max(vocabulary.values())
        if (
            len(set(vocabulary.values())) < len(vocabulary)
            or not 0 <= min(vocabulary.values()) < self._size <= LARGEST_ID
        ):
            raise CheckpointError(
                f"tokenizer.json does not number its {len(vocabulary)} pieces from 0 on; make it again"
            )
        self._encoded(["a", "⸻"])  # some files fail only here, or at what they do not know
        with panics():
            self._one, self._two = _frame(self._tokenizer, 1), _frame(self._tokenizer, 2)
        self.types = types > 1 and self._two.typed
        framed = {slot[0] for slot in self._one.slots if not isinstance(slot, int)}
        self._silent = frozenset({id for id in ids.values() if id not in (NONE, self.unknown)} | framed)

    def __len__(self) -> int:
        return self._size

    def id(self, name: str) -> int | None:
        """The id of a piece by what it is called; None where there is no such piece."""
        return self._tokenizer.token_to_id(name)

    def name(self, id: int) -> str:
        return (self._tokenizer.id_to_token(id) if id >= 0 else None) or self._names["unknown"]

    def vocabulary(self) -> list[str]:
        """Every piece, by id."""
        return [self.name(id) for id in range(len(self))]

    def cut(self, text: str, most: int, second: str | None = None, masks: bool = False) -> Pieces:
        """Cut `text`, and a `second`, into at most `most` pieces; the rest is counted in `left_out`, never dropped in
        silence, and taken from the longer text first.

        masks: the mask piece, written as `mask_name`, is one; without it whatever is typed is text.
        Raises UsageError for a text that is empty, holds no readable character, or is not valid Unicode.
        """
        texts = [checked(each) for each in (text, second) if each is not None]
        tokenizer = self._with_mask if masks else self._tokenizer
        pieces = self._pieces(texts, self._encoded(texts, tokenizer), most)
        if len(pieces.ids) == len(pieces.specials):
            raise UsageError(f"the text {one_line(text, 40)!r} holds nothing to read; give at least one word")
        if not self.readable(pieces):
            raise UsageError(f"no word of {one_line(text, 40)!r} is in the vocabulary; the model would answer blindly")
        return pieces

    def cut_many(self, texts: list[str], most: int, seconds: list[str] | None = None) -> list[Pieces]:
        """`cut` for many texts at once, faster.  A text with nothing to read gives no pieces instead of an error."""
        pairs = [
            list(pair) for pair in (zip(texts, strict=True) if seconds is None else zip(texts, seconds, strict=True))
        ]
        encoded = iter(self._encoded([text for pair in pairs for text in pair]))
        return [self._pieces(pair, [next(encoded) for _ in pair], most) for pair in pairs]

    def encode_many(self, texts: list[str], most: int, seconds: list[str] | None = None) -> list[list[int]]:
        """The ids of `cut_many` and nothing else: the fastest way from text to model."""
        with panics():
            rows = [
                [encoding.ids for encoding in self._tokenizer.encode_batch_fast(each, add_special_tokens=False)]
                for each in (texts, seconds)
                if each is not None
            ]
        frame = self._frame(len(rows), most)
        room = most - frame.specials
        if len(rows) == 1:
            return [frame.fill([ids[:room]]) for ids in rows[0]]
        return [
            frame.fill([ids[:n] for ids, n in zip(pair, shares(pair, room), strict=True)])
            for pair in zip(*rows, strict=True)
        ]

    def begun(self, text: str, framed: bool = True) -> list[int]:
        """The ids of a text that goes on: with what begins a text, where it is `framed`, without what would end it."""
        slots = self._one.slots[: self._one.slots.index(0)] if framed else ()
        return [*(slot[0] for slot in slots if not isinstance(slot, int)), *self._encoded([whole(text)])[0].ids]

    def decode(self, ids: Iterable[int]) -> str:
        """The text that pieces stand for, without what is special; what is no whole character is �."""
        said = [id for id in ids if id >= 0 and id not in self._silent]
        with panics():
            return self._tokenizer.decode(said, skip_special_tokens=True)

    def spoken(self, ids: Iterable[int], after: Sequence[int] = ()) -> Iterator[str]:
        """`decode` while the pieces come, one at a time: text as soon as its characters are whole.

        after: what was told before, which decides what stands between it and what follows.
        """
        before = list(after)  # told, and needed still
        new: list[int] = []
        for id in ids:
            new.append(id)
            told, text = self.decode(before), self.decode([*before, *new])
            if len(text) > len(told) and not text.endswith("\ufffd"):
                yield text[len(told) :]
                before, new = new, []
        if rest := self.decode([*before, *new])[len(self.decode(before)) :]:
            yield rest

    def called(self) -> dict[str, str]:
        """What the pieces with a role are called, `{"mask_token": "<mask>"}`, for those that there are."""
        there = {role: name for role, name in self._names.items() if self._id(name, False) != NONE}
        return {ROLES[role][0]: name for role, name in there.items()}

    def readable(self, pieces: Pieces) -> bool:
        """At least one piece of the text is in the vocabulary: otherwise a model would answer blindly."""
        return any(id != self.unknown and k not in pieces.specials for k, id in enumerate(pieces.ids))

    @property
    def specials(self) -> int:
        """How many positions of one text are [CLS], [SEP] and the like."""
        return self._one.specials

    def _frame(self, texts: int, most: int) -> Frame:
        frame = self._one if texts == 1 else self._two
        if texts == 2 and not frame.specials:
            raise UsageError("this model reads one text at a time: its tokenizer has nothing to stand between two")
        if most <= frame.specials:
            raise UsageError(f"{most} pieces hold no text: {frame.specials} of them are special; allow more")
        return frame

    def _encoded(self, texts: list[str], tokenizer: Tokenizer | None = None) -> list[Encoding]:
        with panics():
            return (tokenizer or self._tokenizer).encode_batch(texts, add_special_tokens=False)

    def _pieces(self, texts: list[str], encodings: list[Encoding], most: int) -> Pieces:
        """The frame, with of each text as many pieces as there is room for."""
        frame = self._frame(len(texts), most)
        room = shares([encoding.ids for encoding in encodings], most - frame.specials)
        rows: list[tuple[int, str, tuple[int, int], int, tuple[int, int | None]]] = []
        for k, slot in enumerate(frame.slots):
            if isinstance(slot, int):
                rows += _rows(encodings[slot], slot, room[slot])
            else:
                end = (rows[-1][2][1] if rows and rows[-1][3] == slot[1] else 0,) * 2
                rows.append((slot[0], self.name(slot[0]), end, slot[1], (-1, k)))
        ids, names, spans, types, numbers = (list(column) for column in zip(*rows, strict=True)) if rows else ([],) * 5
        unread = [
            text[encoding.offsets[n][0] :]
            for text, encoding, n in zip(texts, encodings, room, strict=True)
            if n < len(encoding.ids)
        ]
        return Pieces(
            text=texts[0],
            ids=ids,
            names=names,
            spans=spans,
            words=_words(texts, names, spans, numbers),
            left_out=sum(len(encoding.ids) for encoding in encodings) - sum(room),
            unread=" ".join(unread),
            types=types,
            specials=frozenset(k for k, (which, _) in enumerate(numbers) if which < 0),
            second=texts[1] if len(texts) > 1 else None,
        )

    @cached_property
    def _with_mask(self) -> Tokenizer:
        """The same, but for the mask: what is special is taken for text, so here it is not special."""
        definition = json.loads(self.definition)
        for added in definition["added_tokens"]:
            added["special"] = added["special"] and added["content"] != self.mask_name
        return _tokenizer(json.dumps(definition))

    def _called(self, role: str, called: Mapping[str, str]) -> str:
        key, *usual = ROLES[role]
        there = (name for name in usual if self._tokenizer.token_to_id(name) is not None)
        return called.get(key) or next(there, usual[0])

    def _id(self, name: str, needed: bool) -> int:
        id = self._tokenizer.token_to_id(name)
        if id is None and needed:
            raise CheckpointError(f"tokenizer.json has no {one_line(name, 40)} piece; it needs [PAD], [UNK] and [MASK]")
        return NONE if id is None else id


def shares(texts: Sequence[Sequence[int]], room: int) -> list[int]:
    """How many pieces of each of one or two texts find room: the longer one is cut first."""
    lengths = [len(text) for text in texts]
    if sum(lengths) <= room:
        return lengths
    if len(lengths) == 1:
        return [room]
    less = min(lengths)
    more = less if less > room else max(less, room - less)
    if less + more > room:
        less, more = room // 2, room - room // 2
    return [less, more] if lengths[0] <= lengths[1] else [more, less]


@contextmanager
def panics(what: str = "tokenizer.json cannot be used") -> Iterator[None]:
    """Whatever a crafted file makes of the tokenizer is a CheckpointError; Rust's panic is no Exception."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, CheckpointError):
        raise
    except BaseException as error:
        raise CheckpointError(f"{what}: {one_line(error)}") from None


def _tokenizer(definition: str) -> Tokenizer:
    with panics():
        made = Tokenizer.from_str(definition)
    made.no_padding()
    made.no_truncation()
    made.encode_special_tokens = True  # "[MASK]" typed by a person is text
    return made


def _frame(tokenizer: Tokenizer, texts: int) -> Frame:
    """What the tokenizer puts around texts, read off an example."""
    sample = next((text for text in "a1.e我" if tokenizer.encode(text, add_special_tokens=False).ids), None)
    if sample is None:
        return Frame(tuple(range(texts)))
    made = tokenizer.encode(sample, sample if texts == 2 else None)
    slots: list[tuple[int, int] | int] = []
    typed, seen = any(made.type_ids), 0
    for id, kind, text in zip(made.ids, made.type_ids, made.sequence_ids, strict=True):
        if text is None:
            slots.append((id, kind if typed else int(seen > 1)))  # RoBERTa types nothing: <s> A </s> </s> B </s>
            seen += bool(seen)
        elif text not in slots:
            slots.append(text)
            seen += 1
    if [slot for slot in slots if isinstance(slot, int)] != list(range(texts)):
        raise ValueError(f"its post-processor does not put {texts} texts in order")
    return Frame(tuple(slots), typed)


def pad(rows: Sequence[Sequence[int]], padding: int = 0, left: bool = False) -> tuple[Tensor, Tensor]:
    """Rows of ids as one (b, n) tensor, and which of it is real (b, n).  left: padding before a text, not after it."""
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.full((len(rows), max(1, int(lengths.max()))), padding)  # b n
    for k, row in enumerate(rows):
        start = ids.size(1) - len(row) if left else 0
        ids[k, start : start + len(row)] = torch.tensor(row, dtype=torch.long)
    real = torch.arange(ids.size(1)) < lengths[:, None]
    return ids, real.flip(1) if left else real


def checked(text: str) -> str:
    """`text`, if a model can be asked about it.  Raises UsageError that says why not."""
    if not text.strip():
        raise UsageError('the text is empty; give a sentence, such as "this restaurant was not terrible"')
    return whole(text)


def whole(text: str) -> str:
    """`text`, if a tokenizer can read it.  Raises UsageError that says why not."""
    if len(text) > LONGEST_TEXT:
        raise UsageError(f"the text has {len(text):,} characters; at most {LONGEST_TEXT:,} can be read at once")
    broken = next((k for k, c in enumerate(text) if "\ud800" <= c <= "\udfff"), None)
    if broken is not None:
        code = f"U+{ord(text[broken]):04X}"
        raise UsageError(f"character {broken} of the text is half a character ({code}); pass UTF-8 text")
    return text


def _rows(encoding: Encoding, which: int, most: int) -> Iterator[tuple]:
    """A text's pieces: id, name, span, type, and the number of the word in the text."""
    numbers = ((which, number) for number in encoding.word_ids[:most])
    columns = encoding.ids[:most], encoding.tokens[:most], encoding.offsets[:most], [which] * most, numbers
    return zip(*columns)  # noqa: B905 as long as the shortest


def _words(texts: list[str], names: list[str], spans: list[tuple[int, int]], numbers: list) -> list[Word]:
    positions: dict[tuple[int, int | None], list[int]] = {}
    for position, number in enumerate(numbers):
        positions.setdefault(number, []).append(position)
    words = []
    for (which, _), own in positions.items():
        written = names[own[0]] if which < 0 else texts[which][spans[own[0]][0] : spans[own[-1]][1]]
        words.append(Word(written.strip() or written, tuple(own)))
    return words

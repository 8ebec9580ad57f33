"""A model that translates: an encoder reads a text, and a decoder writes another one of it, piece by piece."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor

from glassformer.errors import CheckpointError, UsageError, did_you_mean, one_line
from glassformer.explain.answers import Said, Translated
from glassformer.explain.batch import Batch, Translation
from glassformer.explain.measure import Measure, log_odds
from glassformer.explain.writes import Writes
from glassformer.hub.store import Checkpoint
from glassformer.hub.tokens import Pieces, Word, pad
from glassformer.models.decoding import Until, write

FEW = 33  # pieces written of a text that means are taken over, at most, its beginning included
DRAWN = 8  # pieces of a text that is made up
MOST = 128  # pieces that are written at most, where nothing is said
CODE = re.compile(r">>(\S+)<<")  # the piece that says which language is to be written


class Translates(Writes):
    """What is written of a text, and of each of its pieces, why it is that one."""

    what = "translates a text"
    where = "where it is written"
    verbs = ("explain", "why", "translate")

    def __init__(self, checkpoint: Checkpoint):
        super().__init__(checkpoint)
        self.stops, self.settings = checkpoint.stops, _settings(checkpoint)

    @property
    def looks_ahead(self) -> bool:
        """What is written may not; what is read may."""
        return False

    @cached_property
    def languages(self) -> dict[str, str]:
        """Languages that it can be asked to write, and the piece that asks for each; none where it writes but one."""
        found = ((CODE.fullmatch(name), name) for name in self.tokens.vocabulary())
        return {match[1]: name for match, name in found if match}

    def cut(self, text: str, most: int, second: str | None = None, joint: bool = False) -> Translation:
        """What is written of `text`: the model's own translation, or `second`.  Raises UsageError."""
        source = self.read(text, most)
        if second is None:
            return self.written(source, self._own([source], most)[0])
        return replace(self.written(source, self._given(second, most)), own=False)

    def references(self, texts: Sequence[str], most: int) -> list[Pieces]:
        """What it writes of each of `texts`; where none of them can be read, of as many drawn of its own pieces."""
        known = [pieces for pieces in self.tokens.cut_many(list(texts), most) if self.tokens.readable(pieces)]
        sources = known or self.tokens.cut_many(self._drawn(len(texts), min(DRAWN, most // 2)), most)
        return [self.written(*each) for each in zip(sources, self._own(sources, min(most, FEW)), strict=True)]

    def _drawn(self, count: int, length: int) -> list[str]:
        """Texts of pieces that can be told, the same at every call."""
        told = [
            text for id in range(len(self.tokens)) if (text := self.tokens.decode([id])) and id != self.tokens.unknown
        ]
        which = torch.randint(len(told), (count, length), generator=torch.Generator().manual_seed(0))
        return [" ".join(told[k] for k in row) for row in which.tolist()]

    def read(self, text: str, most: int, to: str | None = None, origin: str | None = None) -> Pieces:
        """The pieces that the encoder reads.  to, origin: languages, by their codes.  Raises UsageError."""
        for what, given in (("source_lang", origin), ("target_lang", to)):
            if given is not None and not (what == "target_lang" and self.languages):
                self._speaks(what, given)
        if to is not None and self.languages:
            text = f"{self._code(to)} {text}"
        if self.languages and not CODE.match(text):
            raise UsageError(f"{self.name} writes several languages; say which with --to: {_few(self.languages)}")
        return self.tokens.cut(text, most)

    def _speaks(self, what: str, given: str) -> None:
        """Raise UsageError where its files do not name this language."""
        side, named = {"source_lang": "from", "target_lang": "to"}[what], self.settings.get(what)
        if named is None:
            raise UsageError(f"{self.name} does not say which languages it knows; leave --{side} out")
        if named != given:
            raise UsageError(f"{self.name} translates {side} {named}, not {side} {one_line(given, 40)}")

    def _code(self, to: str) -> str:
        if to not in self.languages:
            close = did_you_mean(to, list(self.languages))
            raise UsageError(
                f"{self.name} does not write {one_line(to, 40)!r}{close or ';'} there is {_few(self.languages)}"
            )
        return self.languages[to]

    @torch.inference_mode()
    def _own(self, sources: Sequence[Pieces], most: int) -> list[list[int]]:
        """Of each text the likeliest piece at every step, up to the one that ends it."""
        memory = self.model.read(*pad([source.ids for source in sources], self.tokens.padding))
        until = Until(min(MOST, most - 1), self.stops, self.tokens.padding)
        start = torch.full((len(sources), 1), self.model.config.start)
        try:
            steps = [step.ids.tolist() for step in write(self.model, start, memory=memory, until=until)]
        except ValueError as error:  # the text has been checked: it is the model
            raise CheckpointError(f"{self.name}: {one_line(error)}") from None
        return [list(takewhile(lambda id: id not in self.stops, row)) for row in zip(*steps, strict=True)]

    def _given(self, text: str, most: int) -> list[int]:
        ids = self.target.begun(text, framed=False)
        if not ids:
            raise UsageError(f"the translation {one_line(text, 40)!r} holds nothing to write; give one word or more")
        if len(ids) >= most:
            raise UsageError(f"the translation has {len(ids):,} pieces, {self.name} writes {most - 1:,}; shorten it")
        return ids

    def written(self, source: Pieces, ids: Sequence[int]) -> Translation:
        """What the decoder reads: the piece that begins a text, then `ids`."""
        start, told = self.model.config.start, ""
        words, spans = [Word(self.shown(start), (0,))], [(0, 0)]
        for k, id in enumerate(ids, 1):
            text = self.target.decode(ids[:k])
            new = text[len(told) :]
            if k == 1 or not new.strip() or new[0].isspace() or not words[-1].text.strip():
                words.append(Word(new.strip() or self.shown(id), (k,)))
            else:
                words[-1] = Word(words[-1].text + new, (*words[-1].pieces, k))
            spans.append((len(told), len(text)))
            told = text
        all_ids = [start, *ids]
        return Translation(
            text=told,
            ids=all_ids,
            names=[self.shown(id) for id in all_ids],
            spans=spans,
            words=words,
            left_out=source.left_out,
            unread=source.unread,
            types=[0] * len(all_ids),
            specials=frozenset({0}),
            source=source,
        )

    def ask(self, batch: Batch) -> Tensor:
        return self.run(batch)

    def at(self, batch: Batch) -> Tensor:
        """The position that is asked which piece follows: (b,)."""
        assert batch.at is not None
        return batch.at

    def measure(self, batch: Batch, output: Any) -> Measure:
        """The log-odds of the piece that is written there; behind the last one, of the likeliest."""
        at = int(self.at(batch)[0])
        last = at + 1 == batch.ids.size(1)
        return self.about(int(output[0, at].argmax() if last else batch.ids[0, at + 1]), batch)

    def answers(self, cut: list[Pieces], batch: Batch, output: Any) -> list[Said]:
        rows = output[torch.arange(len(batch)), self.at(batch)]  # b v
        odds = [log_odds(row[None], int(row.argmax())).item() for row in rows]
        said: list[Said] = []
        for pieces, found, value in zip(cut, self.candidates(rows), odds, strict=True):
            assert isinstance(pieces, Translation) and pieces.source is not None
            said.append(Translated(pieces.source.text, found, value, pieces.left_out, written=pieces.text))
        return said

    def shown(self, id: int) -> str:
        """A piece as it is called: ▁ is where a word begins."""
        return self.tokens.name(id)

    def piece(self, text: str) -> int:
        """The piece that `text` is, as it is called, or as a word begins with it.  Raises UsageError."""
        for name in (text, f"▁{text}"):
            if (id := self.tokens.id(name)) is not None:
                return id
        cut = " ".join(map(self.shown, self.target.begun(text, framed=False)))
        raise UsageError(f"{one_line(text, 40)!r} is no piece ({one_line(cut, 80)}); ask about one piece")


def _settings(checkpoint: Checkpoint) -> dict[str, Any]:
    """What the files of a folder of the hub say of languages: source_lang, target_lang."""
    files = {} if checkpoint.origin is None else checkpoint.origin.files
    try:
        found = json.loads(files.get("tokenizer_config.json", b"{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _few(names: Sequence[str] | dict[str, str]) -> str:
    names = sorted(names)
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")

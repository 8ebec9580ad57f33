"""A text that goes on: how it is asked for, and what is written, as it comes.  Its pieces are chosen by `decoding`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from glassformer.errors import CheckpointError, UsageError, one_line
from glassformer.explain.answers import Candidate
from glassformer.explain.wanted import go_on
from glassformer.explain.writes import Writes
from glassformer.hub.store import Checkpoint
from glassformer.hub.tokens import NONE, pad
from glassformer.models.beams import Search, beams
from glassformer.models.decoding import Pick, Until, greedy, sample, write

MOST = 64


@dataclass(frozen=True)
class How:
    """How a text is to go on.

    most: pieces at most; temperature, top_k, top_p, seed: pieces are drawn (models.decoding.sample) where one of these
    is given, else each is the likeliest; beams: how many continuations are kept, of which the likeliest is written;
    stop: texts before which it ends; slide: the oldest pieces are left behind where there is no room; choices: how many
    of the likeliest pieces are told for each.  Raises UsageError.
    """

    most: int = MOST
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    beams: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    slide: bool = False
    choices: int = 0

    def __post_init__(self):
        if self.beams is not None and (self.drawn or self.slide):
            raise UsageError("beams keep what is likeliest: nothing is drawn, and nothing left behind; choose one")
        if "" in self.stop:
            raise UsageError("a stop of no characters would end every text at once; give one or more")
        if not 0 <= self.choices <= 1000:
            raise UsageError(f"{self.choices} choices cannot be told; give 0 to 1000")
        try:
            self.pick(), self.search, Until(self.most)
        except ValueError as error:
            raise UsageError(one_line(error)) from None

    @classmethod
    def of(cls, asked: dict[str, Any]) -> Self:
        """stop: one text or several.  Raises UsageError."""
        stop = asked.get("stop") or ()
        return cls(**asked | {"stop": (stop,) if isinstance(stop, str) else tuple(stop)})

    @property
    def drawn(self) -> bool:
        return any(each is not None for each in (self.temperature, self.top_k, self.top_p, self.seed))

    @property
    def search(self) -> Search | None:
        return None if self.beams is None else Search(self.beams)

    def pick(self) -> Pick:
        """How each piece is chosen; the same seed draws the same pieces."""
        if not self.drawn:
            return greedy
        generator = torch.Generator().manual_seed(self.seed or 0)
        return sample(1.0 if self.temperature is None else self.temperature, self.top_k, self.top_p, generator)


@dataclass(frozen=True)
class Piece:
    """A piece that was written.  probability: among all pieces, as the model said, whatever it was drawn from; choices:
    the likeliest there.
    """

    piece: str
    id: int
    probability: float
    choices: list[Candidate] = field(default_factory=list)


@dataclass(frozen=True)
class Written:
    """text: what was written behind the prompt.  stopped: `most` pieces, at the `end` of a text, before a `stop`, where
    there was no `room` to read more, or `interrupted`.
    """

    model: str
    prompt: str
    text: str
    pieces: list[Piece]
    stopped: str

    @property
    def between(self) -> str:
        """What stands between the two where they are shown."""
        return ""

    @property
    def log_probability(self) -> float:
        """Of all pieces together."""
        return sum(torch.tensor([each.probability for each in self.pieces], dtype=torch.float64).log().tolist())


class Chosen(NamedTuple):
    """A piece, and the logits (v,) of all pieces there."""

    id: int
    logits: Tensor


class Writing:
    """A text that is being written: iterate for text as it comes; `written` is what there is of it so far."""

    def __init__(self, kind: Writes, prompt: str, ids: Sequence[int], chosen: Iterable[Chosen], how: How, ends: "Ends"):
        """ids: of what stands before it."""
        self.kind, self.prompt, self.ids, self.how, self.ends = kind, prompt, ids, how, ends
        self.chosen, self.pieces, self.text, self.stopped = iter(chosen), [], "", "interrupted"

    @property
    def written(self) -> Written:
        return Written(self.kind.name, self.prompt, self.text, self.pieces, self.stopped)

    def __iter__(self) -> Iterator[str]:
        held = ""  # what may be the beginning of a stop
        for text in self.kind.target.spoken(self._told(), self.ids):
            held += text
            ends = [at for stop in self.how.stop if (at := held.find(stop)) >= 0]
            safe = min(ends) if ends else len(held) - _begun(held, self.how.stop)
            yield from self._say(held[:safe])
            if ends:
                self.stopped = "stop"
                return
            held = held[safe:]
        yield from self._say(held)

    def _say(self, text: str) -> Iterator[str]:
        if text:
            self.text += text
            yield text

    def _told(self) -> Iterator[int]:
        """The pieces, until the text ends."""
        for id, logits in self.chosen:
            self.pieces.append(self._piece(id, logits))
            if id in self.ends.stops:
                self.stopped = "end"
                return
            yield id
        self.stopped = "room" if self.ends.room else "most"

    def _piece(self, id: int, logits: Tensor) -> Piece:
        share = logits.double().softmax(dim=-1)[id].item()
        choices = self.kind.candidates(logits[None], self.how.choices)[0] if self.how.choices else []
        return Piece(self.kind.shown(id), id, share, choices)


def _begun(text: str, stops: Iterable[str]) -> int:
    """How many of the last characters may be the beginning of a stop."""
    return max((k for stop in stops for k in range(1, len(stop)) if text.endswith(stop[:k])), default=0)


class Ends(NamedTuple):
    """stops: pieces that end a text; room: fewer pieces find room than were asked for; most: how many do."""

    stops: frozenset[int]
    room: bool
    most: int


class Writer:
    """A model that writes, asked for texts.  longest: the most pieces it reads."""

    def __init__(self, checkpoint: Checkpoint, kind: Writes, longest: int):
        self.name, self.model, self.tokens, self.kind, self.longest = (
            checkpoint.name,
            kind.model,
            kind.tokens,
            kind,
            longest,
        )
        self.stops = checkpoint.stops or frozenset({self.tokens.end} - {NONE})

    def start(self, prompt: str, how: How) -> Writing:
        """One text.  Raises UsageError where there is nothing to go on from, or no room."""
        ids = self._ids(prompt, how)
        ends = self._ends(ids, how)
        found = self._beams(ids, how, ends) if how.search else (each for (each,) in self._steps([ids], how, ends))
        return Writing(self.kind, prompt, ids, self._checked(found), how, ends)

    def all(self, prompts: Sequence[str], how: How) -> list[Written]:
        """Many texts, together where all have room, in their order."""
        rows = [self._ids(prompt, how) for prompt in prompts]
        if how.search or how.slide or len(rows) < 2 or any(self._ends(ids, how).room for ids in rows):
            return [_finished(self.start(prompt, how)) for prompt in prompts]
        ends = self._ends(max(rows, key=len), how)
        columns = zip(*self._checked(self._steps(rows, how, ends)), strict=True)
        each = zip(prompts, rows, columns, strict=True)
        return [_finished(Writing(self.kind, prompt, ids, chosen, how, ends)) for prompt, ids, chosen in each]

    def _ids(self, prompt: str, how: How) -> list[int]:
        ids = self.tokens.begun(prompt)
        if not ids:
            raise UsageError(
                f"the prompt is empty, and {self.name} has no piece that begins a text; give it a beginning"
            )
        if len(ids) > self.longest and not how.slide:
            asked = f"the prompt has {len(ids):,} pieces, {self.name} reads {self.longest:,}"
            raise UsageError(f"{asked}; shorten it, or leave its oldest pieces behind: --slide, slide=True")
        return ids

    def _ends(self, ids: Sequence[int], how: How) -> Ends:
        room = how.most if how.slide else 1 + self.longest - len(ids)
        return Ends(self.stops, room < how.most, min(room, how.most))

    def _steps(self, rows: list[list[int]], how: How, ends: Ends) -> Iterator[list[Chosen]]:
        ids, real = pad(rows, self.tokens.padding, left=True)
        until = Until(ends.most, self.stops, self.tokens.padding, how.slide)
        for step in write(self.model, ids, real, pick=how.pick(), until=until):
            go_on()
            yield [Chosen(id, logits) for id, logits in zip(step.ids.tolist(), step.logits, strict=True)]

    def _beams(self, ids: list[int], how: How, ends: Ends) -> Iterator[Chosen]:
        """The likeliest of all, read once more for what each of its pieces was chosen from."""
        until, search = Until(ends.most, self.stops, self.tokens.padding), how.search
        assert search is not None
        best = next(iter(beams(self.model, torch.tensor([ids]), search=search, until=until)[0]), None)
        written = () if best is None else best.ids
        with torch.inference_mode():
            logits = self.model(torch.tensor([[*ids, *written]])[:, : self.longest])[0, len(ids) - 1 :]  # n v
        yield from map(Chosen, written, logits)

    def _checked(self, chosen: Iterator) -> Iterator:
        try:
            yield from chosen
        except ValueError as error:  # what was asked for has been checked: it is the model
            raise CheckpointError(f"{self.name}: {one_line(error)}") from None


def _finished(writing: Writing) -> Written:
    for _ in writing:
        pass
    return writing.written

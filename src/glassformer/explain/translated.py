"""Texts that are translated: how it is asked for, and what comes of it, chosen by `decoding` and `beams`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from glassformer.errors import UsageError
from glassformer.explain.translates import MOST, Translates
from glassformer.explain.wanted import go_on
from glassformer.explain.written import Chosen, Ends, How, Writer, Writing, Written
from glassformer.hub.store import Checkpoint
from glassformer.hub.tokens import Pieces, pad
from glassformer.models.beams import Beam, Search, beams
from glassformer.models.decoding import Until, write


@dataclass(frozen=True)
class Way(How):
    """As `How`; length_penalty: of beams, above 0 for longer translations (models.beams.Search); to, origin: languages
    by their codes, for a model that knows some.
    """

    most: int = MOST
    length_penalty: float = 1.0
    to: str | None = None
    origin: str | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.length_penalty != 1.0 and self.beams is None:
            raise UsageError("a length penalty says which of several beams is the best; ask for beams")

    @property
    def search(self) -> Search | None:
        return None if self.beams is None else Search(self.beams, self.length_penalty)


@dataclass(frozen=True)
class Hypothesis:
    """A translation that a search kept.  score: log-probability / pieces ** length penalty."""

    text: str
    pieces: list[str]
    score: float


@dataclass(frozen=True)
class Rendering(Written):
    """text: what was written of the `prompt`; beams: all that the search kept, the best first; left_out: pieces of the
    prompt that were not read.
    """

    beams: list[Hypothesis] = field(default_factory=list)
    left_out: int = 0

    @property
    def between(self) -> str:
        return " → "


class Interpreter(Writer):
    """A translator, asked for texts.  Raises UsageError."""

    def __init__(self, checkpoint: Checkpoint, kind: Translates, longest: int):
        super().__init__(checkpoint, kind, longest)
        self.reads = kind

    def begin(self, text: str, way: Way) -> Writing:
        """One text, as it comes.  Raises UsageError for an empty one, and for one that is too long."""
        source, ends = self._whole(text, way), self._ends([0], way)
        greedy = (each for (each,) in self._greedy([source], way, ends))
        best = (each for _, chosen in self._search([source], way, ends) for each in chosen)
        return self._writing(text, self._checked(best if way.search else greedy), way, ends)

    def render(self, text: str, way: Way) -> Rendering:
        """One text.  Raises UsageError where `begin` does."""
        return next(self._rendered([text], {0: self._whole(text, way)}, way))

    def _whole(self, text: str, way: Way) -> Pieces:
        source = self.reads.read(text, self.longest, way.to, way.origin)
        if source.left_out:
            many = f"the text has {len(source.ids) + source.left_out:,} pieces, {self.name} reads {self.longest:,}"
            raise UsageError(f"{many}; shorten it")
        return source

    def together(self, texts: Sequence[str], way: Way) -> list[Rendering]:
        """Many texts side by side, in their order; of one with nothing to read, nothing."""
        read = {k: pieces for k, text in enumerate(texts) if (pieces := self._read(text, way)) is not None}
        done = dict(zip(read, self._rendered(texts, read, way), strict=True))
        return [done.get(k) or Rendering(self.name, text, "", [], "end") for k, text in enumerate(texts)]

    def _read(self, text: str, way: Way) -> Pieces | None:
        if not text.strip():
            return None
        try:
            return self.reads.read(text, self.longest, way.to, way.origin)
        except UsageError:
            if way.to or way.origin or self.reads.languages:
                raise
            return None

    def _rendered(self, texts: Sequence[str], read: dict[int, Pieces], way: Way) -> Iterator[Rendering]:
        sources, ends = list(read.values()), self._ends([0], way)
        if not sources:
            return
        if way.search:
            found = self._checked(self._search(sources, way, ends))
            kept = [([self._hypothesis(beam) for beam in all_kept], chosen) for all_kept, chosen in found]
        else:
            columns = zip(*self._checked(self._greedy(sources, way, ends)), strict=True)
            kept = [([], chosen) for chosen in columns]
        for (k, source), (hypotheses, chosen) in zip(read.items(), kept, strict=True):
            writing = self._writing(texts[k], iter(chosen), way, ends)
            for _ in writing:
                pass
            written = writing.written
            facts = (written.model, written.prompt, written.text, written.pieces, written.stopped)
            yield Rendering(*facts, hypotheses, source.left_out)

    def _writing(self, text: str, chosen: Iterator[Chosen], way: Way, ends: Ends) -> Writing:
        return Writing(self.kind, text, [], chosen, way, ends)

    def _hypothesis(self, beam: Beam) -> Hypothesis:
        return Hypothesis(self.reads.target.decode(beam.ids), [self.kind.shown(id) for id in beam.ids], beam.score)

    def _batch(self, sources: Sequence[Pieces]) -> tuple[Tensor, Tensor, Tensor]:
        """ids and real of what is read, (b, n) each, and the piece that every text begins with, (b, 1)."""
        ids, real = pad([source.ids for source in sources], self.tokens.padding)
        return ids, real, torch.full((len(sources), 1), self.model.config.start)

    def _greedy(self, sources: Sequence[Pieces], way: Way, ends: Ends) -> Iterator[list[Chosen]]:
        ids, real, start = self._batch(sources)
        with torch.inference_mode():
            memory = self.model.read(ids, real)
        until = Until(ends.most, self.stops, self.tokens.padding)
        for step in write(self.model, start, memory=memory, pick=way.pick(), until=until):
            go_on()
            yield [Chosen(id, logits) for id, logits in zip(step.ids.tolist(), step.logits, strict=True)]

    @torch.inference_mode()
    def _search(self, sources: Sequence[Pieces], way: Way, ends: Ends) -> Iterator[tuple[list[Beam], list[Chosen]]]:
        """Of each text all that was kept, and the best of it with what each of its pieces was chosen from."""
        (ids, real, start), search = self._batch(sources), way.search
        assert search is not None
        until = Until(ends.most, self.stops, self.tokens.padding)
        found = beams(self.model, start, memory=self.model.read(ids, real), search=search, until=until)
        best = [kept[0].ids if kept else () for kept in found]
        written, _ = pad([[self.model.config.start, *each] for each in best], self.tokens.padding)
        logits = self.model(written[:, : self.longest], memory=self.model.read(ids, real))  # b n v
        chosen = [list(map(Chosen, each, rows)) for each, rows in zip(best, logits, strict=True)]
        yield from zip(found, chosen, strict=True)

"""Beam search: several continuations of each text side by side, of which the likeliest are kept.

At each step every continuation is continued by every piece.  What ends among the best `width` is put aside; of what
goes on the best `width` are kept.  Sutskever et al. 2014, section 3.2; Wu et al. 2016, section 7.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from glassformer.models.decoding import Until, following, make_room, prompted
from glassformer.parts.attention import Memory

Text = tuple[int, ...]


class Beam(NamedTuple):
    """ids: what was written, its end included; score: log-probability of it all / length ** length_penalty."""

    ids: Text
    score: float


@dataclass(frozen=True)
class Search:
    """width: how many continuations are kept; length_penalty: above 0 for longer ones, 0 for the likeliest.

    early: be content with the first `width` that end.  If not, a text is done once the likeliest that goes on, were it
    to end here, would be no better than the worst that has ended: the rule of transformers with
    `early_stopping=False`.  A longer one might still be, where length_penalty is above 0.
    """

    width: int = 4
    length_penalty: float = 1.0
    early: bool = False

    def __post_init__(self):
        if self.width < 1 or self.width % 1:
            keeps = "keeps nothing" if self.width < 1 else "is no number of continuations"
            raise ValueError(f"a beam of width {self.width} {keeps}: give 1 or more")

    def score(self, likelihood: float, length: int) -> float:
        return likelihood / length**self.length_penalty

    def candidates(self, until: Until, expected: Tensor) -> int:
        """How many ways to go on are looked at, so that `width` are left where all others end."""
        return min(self.width * max(2, 1 + len(until.stop)), expected[0].numel())

    def kept(self, ended: list[Beam], found: list[tuple[float, Text, bool]]) -> list[Beam]:
        """The best that have ended, those among `found` (log-probability, text, whether it ends) included."""
        more = [Beam(text, self.score(score, len(text))) for score, text, ends in found if ends and score > -torch.inf]
        return sorted(ended + more, key=lambda beam: -beam.score)[: self.width]

    def over(self, ended: list[Beam], likelihood: float, length: int) -> bool:
        """Whether a text is done: `ended`, the best first, and how likely the best is that goes on, `length` pieces."""
        if likelihood == -torch.inf or len(ended) < self.width:
            return likelihood == -torch.inf
        return self.early or self.score(likelihood, length) <= ended[-1].score


@torch.inference_mode()
def beams(
    model: nn.Module,
    ids: Tensor,
    real: Tensor | None = None,
    memory: Memory | None = None,
    search: Search = Search(),
    until: Until = Until(),  # noqa: B008 (it never changes)
) -> list[list[Beam]]:
    """The best continuations found of each text, the best first: `width` of them, or fewer where there are no more.

    ids: (b, n) prompts; real: (b, n) True for real pieces, all when left out, padding on the left; memory: what was
    read before, and a source; the search uses it up.  Raises ValueError where `write` does; it never slides.
    """
    memory = Memory() if memory is None else memory
    expected = _first(model, ids, prompted(ids, real), memory, search.width)  # b s v
    scores = torch.full_like(expected[..., 0], -torch.inf).index_fill(1, ids.new_zeros(1), 0.0)  # b s
    written: list[list[Text]] = [[()] * search.width for _ in ids]
    ended, going = [[] for _ in ids], set(range(len(ids)))
    for length in range(1, until.most + 1):
        best, which = (scores[..., None] + expected).flatten(1).topk(search.candidates(until, expected))  # b r
        source, piece = which // expected.size(-1), which % expected.size(-1)
        stops = until.ends(piece) | (length == until.most)
        texts = _continued(written, source, piece)
        for row in going:
            found = zip(best[row].tolist(), texts[row], stops[row].tolist(), strict=True)
            ended[row] = search.kept(ended[row], list(found)[: search.width])
        scores, kept = best.masked_fill(stops, -torch.inf).topk(search.width)  # b s
        going = {row for row in going if not search.over(ended[row], scores[row, 0].item(), length)}
        if not going:
            break
        written = [[some[each] for each in row] for some, row in zip(texts, kept.tolist(), strict=True)]
        expected = _next(model, piece.gather(1, kept), source.gather(1, kept), memory)  # b s v
    return ended


def _first(model: nn.Module, ids: Tensor, real: Tensor, memory: Memory, width: int) -> Tensor:
    """log P(piece | prompt), the same for all that begin there: (b, s, v)."""
    make_room(memory, ids.size(1), model.config.longest)  # type: ignore[union-attr]
    expected = following(model, ids, real, memory).float().log_softmax(dim=-1)  # b v
    memory.choose(torch.arange(len(ids), device=ids.device).repeat_interleave(width))
    return expected[:, None].expand(-1, width, -1)  # b s v


def _next(model: nn.Module, piece: Tensor, source: Tensor, memory: Memory) -> Tensor:
    """log P(piece | text) of each text that goes on as the one that stood at `source`.  (b, s) → (b, s, v)."""
    memory.choose((source + source.size(1) * torch.arange(len(source), device=source.device)[:, None]).flatten())
    make_room(memory, 1, model.config.longest)  # type: ignore[union-attr]
    return following(model, piece.view(-1, 1), None, memory).float().log_softmax(dim=-1).view(*piece.shape, -1)  # b s v


def _continued(written: list[list[Text]], source: Tensor, piece: Tensor) -> list[list[Text]]:
    """The texts of all candidates.  source, piece: (b, r), which text goes on, and with what."""
    each = zip(written, source.tolist(), piece.tolist(), strict=True)
    return [[(*texts[one], end) for one, end in zip(ones, ends, strict=True)] for texts, ones, ends in each]

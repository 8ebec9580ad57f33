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


class Beam(NamedTuple):
    """ids: what was written, its end included; score: log-probability of it all / length ** length_penalty."""

    ids: tuple[int, ...]
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
        if self.width < 1:
            raise ValueError(f"a beam of width {self.width} keeps nothing: give 1 or more")

    def score(self, likelihood: float, length: int) -> float:
        return likelihood / length**self.length_penalty

    def over(self, ended: list[Beam], likelihood: float, length: int) -> bool:
        """Whether a text is done: `ended`, the best first, and how likely the best is that goes on, `length` pieces."""
        better = not self.early and self.score(likelihood, length) > ended[-1].score if ended else True
        return likelihood == -torch.inf or (len(ended) == self.width and not better)


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
    read before, and a source.  Raises ValueError where `write` does.
    """
    memory, real = Memory() if memory is None else memory, prompted(ids, real)
    ended: list[list[Beam]] = [[] for _ in ids]
    going, written, scores = set(range(len(ids))), ids[:, None, :0], torch.zeros(len(ids), 1, device=ids.device)
    for length in range(1, until.most + 1):
        likely = scores[..., None] + _expected(model, ids, real, memory, scores.size(1))  # b s v
        best, texts, source = _candidates(likely, written, search.width * max(2, 1 + len(until.stop)))
        stops = until.ends(texts[..., -1]) | (length == until.most)  # b r
        for row in going:
            found = _stopped(best[row], texts[row], stops[row], search)
            ended[row] = sorted([*ended[row], *found], key=lambda beam: -beam.score)[: search.width]
        scores, kept = best.masked_fill(stops, -torch.inf).topk(min(search.width, best.size(1)))  # b s
        going = {row for row in going if not search.over(ended[row], scores[row, 0].item(), length)}
        if not going:
            break
        memory.choose(_rows(source.gather(1, kept), likely.size(1)))
        written = torch.stack([text[row] for text, row in zip(texts, kept, strict=True)])  # b s n
        ids, real = written[..., -1:].flatten(0, 1), None
    return ended


def _expected(model: nn.Module, ids: Tensor, real: Tensor | None, memory: Memory, beside: int) -> Tensor:
    """log P(piece | text), of each text all that stand `beside` one another: (b, s, v)."""
    make_room(memory, ids.size(1), model.config.longest)  # type: ignore[union-attr]
    return following(model, ids, real, memory).float().log_softmax(dim=-1).unflatten(0, (-1, beside))  # b s v


def _candidates(likely: Tensor, written: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The likeliest ways to go on.  (b, s, v), (b, s, n) → (b, r), texts (b, r, n), of which (b, r)."""
    best, which = likely.flatten(1).topk(min(count, likely[0].numel()))  # b r
    source, piece = which // likely.size(-1), which % likely.size(-1)
    before = torch.stack([text[row] for text, row in zip(written, source, strict=True)])  # b r n
    return best, torch.cat([before, piece[..., None]], dim=-1), source


def _stopped(best: Tensor, texts: Tensor, stops: Tensor, search: Search) -> list[Beam]:
    """What ends among the best `width` candidates of one text."""
    found = zip(best.tolist(), texts.tolist(), stops.tolist()[: search.width], strict=False)
    likely = ((score, tuple(ids)) for score, ids, stop in found if stop and score > -torch.inf)
    return [Beam(ids, search.score(score, len(ids))) for score, ids in likely]


def _rows(source: Tensor, beside: int) -> Tensor:
    """Which rows of the batch these continuations come from, of which each text has some `beside` one another."""
    return (source + beside * torch.arange(len(source), device=source.device)[:, None]).flatten()

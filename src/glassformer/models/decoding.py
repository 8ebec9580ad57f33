"""How a model writes: one piece after the other, each picked from what the model expects next.

    write      continue texts, a step at a time
    greedy     the likeliest piece
    sample     a piece drawn by its probability, of all, of the k likeliest, or of the nucleus

Several continuations at once are in `beams.py`.  A model is known by its promise only: `model(ids, real,
memory=memory)` gives logits (b, n, v), and `model.config.longest` is the most positions it reads.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from glassformer.parts.attention import Memory
from glassformer.parts.kernels.likeness import last_only
from glassformer.tape import fused

Pick = Callable[[Tensor], Tensor]
"""Logits (b, v) → ids (b,)."""


@dataclass(frozen=True)
class Until:
    """When a text ends, and what stands behind its end.

    most: the most pieces that are written; stop: pieces that end a text; padding: what a text that has ended writes
    while others go on; slide: once there is no room for another piece, the older half of what was read is left behind
    and the newer read anew (an error otherwise).
    """

    most: int = 64
    stop: Collection[int] = ()
    padding: int = 0
    slide: bool = False

    def __post_init__(self):
        if self.most < 0:
            raise ValueError(f"most is {self.most}: no text gets shorter by writing; give 0 or more pieces")

    def ends(self, ids: Tensor) -> Tensor:
        """Which of these pieces end a text: the shape of ids, True where one does."""
        return torch.isin(ids, ids.new_tensor(sorted(self.stop)))


class Step(NamedTuple):
    """ids: (b,) the piece that each text goes on with; logits: (b, v) what it was picked from; done: (b,) has ended."""

    ids: Tensor
    logits: Tensor
    done: Tensor


def greedy(logits: Tensor) -> Tensor:
    """The likeliest piece; of several the first.  (b, v) → (b,)."""
    return logits.argmax(dim=-1)  # b


def sample(
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Pick:
    """Draw a piece by its probability, as `probabilities` gives it.  temperature 0 is `greedy`."""
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature {temperature} is no temperature: give 0 (the likeliest piece) or more")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k={top_k} leaves no piece to draw: give 1 or more, or None for all")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p={top_p} is no share of the probability: give more than 0, at most 1")
    if temperature == 0:
        return greedy
    return lambda logits: _draw(probabilities(logits, temperature, top_k, top_p), generator)


def probabilities(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """softmax(logits / temperature), of the pieces that are left.  (b, v) → (b, v); each row sums to one.

    top_k: the k likeliest (Fan et al. 2018, section 5.1).  top_p: of these the nucleus, the fewest likeliest whose
    probabilities sum to p (Holtzman et al. 2020, section 3.1).
    """
    scores = (logits.float() - logits.max(dim=-1, keepdim=True).values) / temperature
    if top_k is None and top_p is None:
        return scores.softmax(dim=-1)
    best, pieces = scores.topk(min(top_k or logits.size(-1), logits.size(-1)))  # b r
    share = nucleus(best.softmax(dim=-1), top_p or 1.0)
    return torch.zeros_like(scores).scatter(-1, pieces, share / share.sum(dim=-1, keepdim=True))


def nucleus(share: Tensor, top_p: float) -> Tensor:
    """The fewest first that sum to top_p, zero for the rest.  share: (b, r), the largest first → (b, r)."""
    before = share.double().cumsum(dim=-1) - share
    return share if top_p == 1 else share.masked_fill(before >= top_p, 0.0)


def _draw(probability: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.multinomial(probability, 1, generator=generator)[:, 0]  # b


def write(
    model: nn.Module,
    ids: Tensor,
    real: Tensor | None = None,
    memory: Memory | None = None,
    pick: Pick = greedy,
    until: Until = Until(),
) -> Iterator[Step]:
    """Continue texts piece by piece.  A generator: stop asking, and nothing more is computed.

    ids: (b, n) prompts; real: (b, n) True for real pieces, all when left out, padding on the left; memory: what was
    read before, and a source; it has read everything but the last piece when the loop is over.  Raises ValueError
    for an empty prompt, for one longer than the model reads, and for logits that are no numbers.
    """
    return _steps(model, ids, prompted(ids, real), Memory() if memory is None else memory, pick, until)


@torch.inference_mode()
def _steps(model: nn.Module, ids: Tensor, real: Tensor, memory: Memory, pick: Pick, until: Until) -> Iterator[Step]:
    done, new = torch.zeros_like(real[:, 0]), ids.size(1)  # b
    for _ in range(until.most):
        new = make_room(memory, new, model.config.longest, ids.size(1) * until.slide)  # type: ignore[union-attr]
        logits = following(model, ids[:, -new:], real[:, -new:], memory)  # b v
        chosen = pick(logits).masked_fill(done, until.padding)  # b
        done = done | until.ends(chosen)
        yield Step(chosen, logits, done)
        if done.all():
            return
        new, ids, real = 1, _longer(ids, chosen), _longer(real, ~done)  # b n


def _longer(rows: Tensor, last: Tensor) -> Tensor:
    return torch.cat([rows, last[:, None]], dim=1)  # b n


def make_room(memory: Memory, new: int, longest: int, known: int = 0) -> int:
    """How many of the last pieces are to be read: `new`, where there is room for them.

    known: how many there are; where it is 0, none is left behind, and ValueError says what does not fit.
    """
    if memory.length + new <= longest:
        return new
    if not known:
        asked = f"{memory.length + new} pieces, the model reads {longest}"
        raise ValueError(f"{asked}: shorten the prompt, write fewer, or have `write` slide")
    memory.forget()
    return min(known, max(longest // 2, 1))


def prompted(ids: Tensor, real: Tensor | None) -> Tensor:
    """What is real of a prompt, (b, n).  Raises ValueError where there is nothing that could be continued."""
    real = torch.ones_like(ids, dtype=torch.bool) if real is None else real
    if not ids.numel():
        raise ValueError(f"a prompt of shape {tuple(ids.shape)} is empty: give each text one piece or more")
    if not real[:, -1].all():
        row = int(real[:, -1].long().argmin())
        raise ValueError(f"text {row} of the prompt ends in padding: put padding on the left, before the text")
    return real


@fused(last_only, hides=None)
def last(model: nn.Module, ids: Tensor, real: Tensor | None, memory: Memory) -> Tensor:
    """What the model says after the last position: (b, v)."""
    return model(ids, real, memory=memory)[:, -1]  # b v


def following(model: nn.Module, ids: Tensor, real: Tensor | None, memory: Memory) -> Tensor:
    """The same, of which something can be picked.  Raises ValueError where it is NaN, +∞, or −∞ for every piece."""
    logits = last(model, ids, real, memory)  # b v
    most = logits.amax(dim=-1)  # b
    if not most.isfinite().all():
        raise ValueError(f"nothing can be picked from logits whose largest is {most.tolist()}: check the weights")
    return logits

"""The guess at each position is held against the piece that came next: −log p, the mean over n − 1 of them."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Property, Stage, Stages
from glassformer.models.losses import cross_entropy


def key(logits: Tensor, ids: Tensor) -> Stages:
    guesses, came = logits[:-1], ids[1:]
    each = [cross_entropy(guess[None], piece[None]) for guess, piece in zip(guesses, came, strict=True)]
    return Stages(surprise=torch.stack(each), loss=cross_entropy(guesses, came))


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def text(n: int, v: int, scale: float = 1.0) -> Case:
        ids = torch.randint(v, (n,), generator=draw)
        return Case((scale * drawn(draw, n, v), ids), f"{n} pieces, {v} that may come")

    return [
        Case((whole(draw, 4, 3), torch.tensor([0, 2, 1, 1])), "4 pieces, 3 that may come"),
        Case((whole(draw, 3, 5), torch.tensor([4, 1, 3])), "3 pieces, 5 that may come"),
        text(6, 4),
        text(5, 7, 2.0),
        text(8, 6, 0.5),
        Case((30 * drawn(draw, 4, 5), torch.randint(5, (4,), generator=draw)), "large scores"),
        Case((2 * drawn(draw, 2, 6), torch.randint(6, (2,), generator=draw)), "2 pieces, one question"),
    ]


def _of(scores: Callable[[Tensor], Tensor]) -> Callable:
    """What stands at the piece that came."""
    return lambda s: scores(s.guesses).gather(-1, s.came[:, None])[:, 0]


def _as(does: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    return lambda s: does(s.guesses, F.one_hot(s.came, s.guesses.size(-1)).to(s.guesses.dtype))


NEXT = "hold logits[:-1] against ids[1:]: what stands at i is followed by ids[i + 1]"
SURPRISE = "the loss of a position is −log p of the piece that came: F.cross_entropy(guesses, came)"
MEAN = "take the mean over the n − 1 positions that are asked"

BOARD = Board(
    "logits ids",
    Step("guesses", lambda s: s.logits[:-1], hidden=True),
    Step(
        "came",
        lambda s: s.ids[1:],
        Wrong("the guess is held against the piece that was read", lambda s: s.ids[:-1], NEXT),
        Wrong("the pieces are in reverse", lambda s: s.ids.flip(0)[1:], NEXT, rare=True),
        hidden=True,
    ),
    Step(
        "surprise",
        lambda s: F.cross_entropy(s.guesses, s.came, reduction="none"),
        Wrong("the minus is missing", _of(lambda g: g.log_softmax(-1)), SURPRISE),
        Wrong("the logit of the right piece, no softmax", _of(lambda g: -g), SURPRISE),
        Wrong("the logit of the right piece, no softmax", _of(lambda g: g), SURPRISE),
        Wrong("softmax twice", _of(lambda g: -g.softmax(-1).log_softmax(-1)), "hand F.cross_entropy the logits as is"),
        Wrong("no logarithm", _of(lambda g: -g.softmax(-1)), SURPRISE),
        Wrong("no logarithm", _of(lambda g: 1 - g.softmax(-1)), SURPRISE),
        Wrong("no logarithm", _of(lambda g: g.softmax(-1)), SURPRISE),
        Wrong("the logarithm of base 2", _of(lambda g: -g.log_softmax(-1) / math.log(2)), "take the natural logarithm"),
        Wrong("the logarithm of base 10", _of(lambda g: -g.log_softmax(-1) / math.log(10)), "the natural logarithm"),
        Wrong("the softmax is over the positions", _of(lambda g: -g.log_softmax(0)), "softmax over the pieces, dim −1"),
        Wrong("squares instead of −log p", _as(lambda g, t: (g.softmax(-1) - t).square().mean(-1)), SURPRISE),
        Wrong("squares instead of −log p", _as(lambda g, t: (g.softmax(-1) - t).square().sum(-1)), SURPRISE),
        Wrong("squares of the logits", _as(lambda g, t: (g - t).square().mean(-1)), SURPRISE),
        Wrong(
            "each piece is a question of its own",
            _as(lambda g, t: F.binary_cross_entropy_with_logits(g, t, reduction="none").mean(-1)),
            "one piece comes: a softmax over all of them, not a sigmoid each",
        ),
        Wrong(
            "the labels are smoothed",
            lambda s: F.cross_entropy(s.guesses, s.came, reduction="none", label_smoothing=0.1),
            "leave label_smoothing away",
        ),
        Wrong("the entropy of the guesses", _as(lambda g, t: -(g.softmax(-1) * g.log_softmax(-1)).sum(-1)), SURPRISE),
        Wrong("the surprise of the likeliest piece", _as(lambda g, t: -g.log_softmax(-1).amax(-1)), SURPRISE),
        Wrong("divided by how many pieces there are", _as(lambda g, t: -(t * g.log_softmax(-1)).mean(-1)), SURPRISE),
    ),
    Step(
        "loss",
        lambda s: s.surprise.mean(),
        Wrong("the sum instead of the mean", lambda s: s.surprise.sum(), MEAN),
        Wrong("divided by n, not by n − 1", lambda s: s.surprise.sum() / len(s.ids), MEAN),
        Wrong("divided by n − 2", lambda s: s.surprise.sum() / (len(s.ids) - 2), MEAN, rare=True),
        Wrong("only the last question counts", lambda s: s.surprise[-1], MEAN),
        Wrong("only the first question counts", lambda s: s.surprise[0], MEAN),
        Wrong("the first question is left out", lambda s: s.surprise[1:].mean(), MEAN),
        Wrong("the last question is left out", lambda s: s.surprise[:-1].mean(), MEAN),
        Wrong("the largest loss instead of the mean", lambda s: s.surprise.max(), MEAN, rare=True),
        Wrong("the median instead of the mean", lambda s: s.surprise.median(), MEAN, rare=True),
        Wrong("perplexity", lambda s: s.surprise.mean().exp(), "leave .exp() away: the loss is the mean of −log p"),
        Wrong("the mean of p before the logarithm", lambda s: -(-s.surprise).exp().mean().log(), MEAN),
    ),
)


def _both(guesses: slice, came: slice) -> dict[str, Any]:
    return {"guesses": lambda s: s.logits[guesses], "came": lambda s: s.ids[came]}


EVERY, FRONT, BACK = slice(None), slice(1, None), slice(None, -1)
MORE = (
    BOARD.across("nothing is shifted", NEXT, "every guess is held against the piece just read", **_both(EVERY, EVERY)),
    BOARD.across("shifted the wrong way", NEXT, "the guess is held against the piece before", **_both(FRONT, BACK)),
    BOARD.across("both are cut at the front", NEXT, "nothing is shifted", **_both(FRONT, FRONT)),
    BOARD.across("shifted by two", NEXT, "a piece is skipped", **_both(slice(None, -2), slice(2, None))),
    BOARD.across(
        "the last guess is held against the first piece",
        "nothing follows the last piece: cut it off instead of rolling",
        guesses=lambda s: s.logits,
        came=lambda s: s.ids.roll(-1),
    ),
    BOARD.across(
        "rolled the wrong way",
        NEXT,
        guesses=lambda s: s.logits,
        came=lambda s: s.ids.roll(1),
    ),
    BOARD.across(
        "the last guess is held against piece 0",
        "nothing follows the last piece: ask nothing there",
        guesses=lambda s: s.logits,
        came=lambda s: F.pad(s.ids[1:], (0, 1)),
    ),
    BOARD.across(
        "the last guess is held against the last piece again",
        "nothing follows the last piece: ask nothing there",
        guesses=lambda s: s.logits,
        came=lambda s: torch.cat([s.ids[1:], s.ids[-1:]]),
    ),
)


# right, each in another way


def by_gather(logits, ids):
    return -logits.log_softmax(-1)[:-1].gather(1, ids[1:, None]).mean()


def by_indexing(logits, ids):
    places = torch.arange(len(ids) - 1)
    return (logits[:-1].logsumexp(-1) - logits[places, ids[1:]]).sum() / len(places)


def by_loops(logits, ids):
    total = torch.zeros(())
    for i in range(len(ids) - 1):
        total = total - torch.log_softmax(logits[i], dim=0)[ids[i + 1]]
    return total / (len(ids) - 1)


def by_one_hot(logits, ids):
    came = F.one_hot(ids[1:], logits.size(-1)).float()
    return torch.einsum("nv,nv->", -F.log_softmax(logits[:-1], dim=-1), came) / came.size(0)


def by_ignoring(logits, ids):
    return F.cross_entropy(logits, torch.cat([ids[1:], ids.new_tensor([-100])]))


def by_nll(logits, ids):
    return F.nll_loss(F.log_softmax(logits.narrow(0, 0, len(ids) - 1), -1), ids.narrow(0, 1, len(ids) - 1))


def by_doubles(logits, ids):
    each = F.cross_entropy(logits[:-1].double(), ids[1:], reduction="none")
    return each.mean().float()


def _last(function, case: Case) -> str:
    logits, ids = case.arguments
    other = logits.clone()
    other[-1] = other[-1].flip(0) + torch.arange(logits.size(-1))
    away = abs(float(function(other, ids)) - float(function(logits, ids)))
    return (
        f"What is guessed behind the last piece must not count; your loss changes by {number(away)}."
        if away > 1e-3
        else ""
    )


def _shifted(function, case: Case) -> str:
    logits, ids = case.arguments
    away = abs(float(function(logits + 1, ids)) - float(function(logits, ids)))
    return f"1 more for every logit changes no share; your loss changes by {number(away)}." if away > 1e-3 else ""


EXERCISE = Exercise(
    name="generator",
    cases=cases,
    key=key,
    switchboard=BOARD,
    stages=(Stage("surprise"), Stage("loss", ("surprise",))),
    mistakes=(*BOARD.mistakes, *MORE),
    right=(by_gather, by_indexing, by_loops, by_one_hot, by_ignoring, by_nll, by_doubles),
    properties=(Property("the last guess is not asked", _last), Property("only differences count", _shifted)),
    learned=(0,),
    hints=(
        "The guess at position i is about ids[i + 1]: the last guess and the first piece have no partner.",
        "logits[:-1] are the n − 1 guesses, ids[1:] the n − 1 pieces that came.",
        "F.cross_entropy(guesses, came) takes logits, does the softmax itself and gives the mean of −log p.",
    ),
    explanation="A text is its own teacher: moved by one it says at every position what was right, and all n − 1 "
    "questions are asked in one pass.",
)

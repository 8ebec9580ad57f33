"""The steps of a loss over shifted texts and of what comes next, and every wrong way for each."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.exercise import Mistake


def _of(scores: Callable[[Tensor], Tensor]) -> Callable:
    """What stands at the piece that came."""
    return lambda s: scores(s.guesses).gather(-1, s.came[..., None])[..., 0]


def _as(does: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    return lambda s: does(s.guesses, F.one_hot(s.came, s.guesses.size(-1)).to(s.guesses.dtype))


def _where(chosen: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """chosen: of the places (n − 1,) and of how many questions each text asks (b, 1), which count."""
    return lambda s: s.asked_right & chosen(torch.arange(s.ids.size(1) - 1), s.asked_right.sum(1, keepdim=True))


def _means(s: Any, fewest: int = 0) -> Tensor:
    """Of texts that ask `fewest` questions or more: the mean of their means, 0 for one that asks none."""
    many = s.asked.sum(1)
    return ((s.each * s.asked).sum(1) / many.clamp(min=1))[many >= fewest].mean()


def _at(s: Any, values: Tensor | None = None) -> Tensor:
    values = s.logits if values is None else values
    return values[torch.arange(len(s.ids)), s.at]


def _everywhere(s: Any, place: int) -> Tensor:
    return torch.full((len(s.ids),), place % s.ids.size(1))


NEXT = "hold logits[:, :-1] against ids[:, 1:]: what stands at i is followed by ids[:, i + 1]"
SURPRISE = "the loss of a position is −log p of the piece that came: F.cross_entropy(guesses, came)"
MEAN = "take the mean over all real pieces but the first of each text"
REAL = "real[:, 1:] says which of the pieces that came are none: make them −100, which F.cross_entropy leaves out"
LAST = "a text ends at real.sum(dim=1) − 1; what is guessed there comes next"
LIKELIEST = "the piece is the place of the largest score: logits[torch.arange(b), last].argmax(dim=-1)"
BOTH = "give back two tensors: the loss (), and the next pieces (b,)"

BOARD = Board(
    "logits ids real",
    Step("guesses", lambda s: s.logits[:, :-1], hidden=True),
    Step(
        "came",
        lambda s: s.ids[:, 1:],
        Wrong("the guess is held against the piece that was read", lambda s: s.ids[:, :-1], NEXT),
        Wrong("the pieces are in reverse", lambda s: s.ids.flip(1)[:, 1:], NEXT, rare=True),
        hidden=True,
    ),
    Step("asked_right", lambda s: s.real[:, 1:], hidden=True),
    Step(
        "asked",
        lambda s: s.asked_right,
        Wrong("padding counts in the loss", lambda s: torch.ones_like(s.asked_right), REAL),
        Wrong("the mask is not shifted", lambda s: s.real[:, :-1], f"the piece that came has to be real: {REAL}"),
        Wrong("only padding counts in the loss", lambda s: ~s.asked_right, REAL, rare=True),
        Wrong("piece 0 is taken for padding in the loss", lambda s: s.ids[:, 1:] != 0, f"0 is a piece too: {REAL}"),
        Wrong("piece 0 is left out of the loss", lambda s: s.asked_right & (s.ids[:, 1:] != 0), REAL, rare=True),
        Wrong("the first question is left out", _where(lambda at, many: at > 0), MEAN),
        Wrong("the last question of each text is left out", _where(lambda at, many: at < many - 1), MEAN),
        Wrong("only the last question of each text counts", _where(lambda at, many: at == many - 1), MEAN, rare=True),
        Wrong("only the first question counts", _where(lambda at, many: at == 0), MEAN, rare=True),
        Wrong(
            "only the first text counts",
            lambda s: s.asked_right & (torch.arange(len(s.ids)) < 1)[:, None],
            MEAN,
            rare=True,
        ),
        hidden=True,
    ),
    Step(
        "each",
        _of(lambda g: -g.log_softmax(-1)),
        Wrong("the minus is missing", _of(lambda g: g.log_softmax(-1)), SURPRISE),
        Wrong("the logit of the right piece, no softmax", _of(lambda g: -g), SURPRISE),
        Wrong("the logit of the right piece, no softmax", _of(lambda g: g), SURPRISE, rare=True),
        Wrong("softmax twice", _of(lambda g: -g.softmax(-1).log_softmax(-1)), "hand F.cross_entropy the logits as is"),
        Wrong("no logarithm", _of(lambda g: -g.softmax(-1)), SURPRISE),
        Wrong("no logarithm", _of(lambda g: 1 - g.softmax(-1)), SURPRISE, rare=True),
        Wrong("no logarithm", _of(lambda g: g.softmax(-1)), SURPRISE, rare=True),
        Wrong(
            "the logarithm of base 2",
            _of(lambda g: -g.log_softmax(-1) / math.log(2)),
            "take the natural logarithm",
            rare=True,
        ),
        Wrong(
            "the logarithm of base 10",
            _of(lambda g: -g.log_softmax(-1) / math.log(10)),
            "the natural logarithm",
            rare=True,
        ),
        Wrong("the softmax is over the positions", _of(lambda g: -g.log_softmax(-2)), "over the pieces, dim −1"),
        Wrong(
            "squares instead of −log p", _as(lambda g, t: (g.softmax(-1) - t).square().mean(-1)), SURPRISE, rare=True
        ),
        Wrong("squares instead of −log p", _as(lambda g, t: (g.softmax(-1) - t).square().sum(-1)), SURPRISE, rare=True),
        Wrong("squares of the logits", _as(lambda g, t: (g - t).square().mean(-1)), SURPRISE, rare=True),
        Wrong(
            "each piece is a question of its own",
            _as(lambda g, t: F.binary_cross_entropy_with_logits(g, t, reduction="none").mean(-1)),
            "one piece comes: a softmax over all of them, not a sigmoid each",
            rare=True,
        ),
        Wrong(
            "the labels are smoothed",
            _as(lambda g, t: -((0.9 * t + 0.1 / g.size(-1)) * g.log_softmax(-1)).sum(-1)),
            "leave label_smoothing away",
            rare=True,
        ),
        Wrong(
            "the entropy of the guesses",
            _as(lambda g, t: -(g.softmax(-1) * g.log_softmax(-1)).sum(-1)),
            SURPRISE,
            rare=True,
        ),
        Wrong(
            "the surprise of the likeliest piece", _as(lambda g, t: -g.log_softmax(-1).amax(-1)), SURPRISE, rare=True
        ),
        Wrong(
            "divided by how many pieces there are",
            _as(lambda g, t: -(t * g.log_softmax(-1)).mean(-1)),
            SURPRISE,
            rare=True,
        ),
        hidden=True,
    ),
    Step("counted", lambda s: s.each[s.asked], hidden=True),
    Step(
        "loss",
        lambda s: s.counted.mean(),
        Wrong("the sum instead of the mean", lambda s: s.counted.sum(), MEAN),
        Wrong("the mean of the texts' means", _means, f"short texts would count more: {MEAN}"),
        Wrong("the mean of the texts' means", lambda s: _means(s, fewest=1), f"short texts would count more: {MEAN}"),
        Wrong("divided by all places, padding too", lambda s: s.counted.sum() / s.asked.numel(), MEAN),
        Wrong("divided by all real pieces, the first ones too", lambda s: s.counted.sum() / s.real.sum(), MEAN),
        Wrong(
            "divided by all places, the first and padding too",
            lambda s: s.counted.sum() / s.ids.numel(),
            MEAN,
            rare=True,
        ),
        Wrong("divided by how many texts there are", lambda s: s.counted.sum() / len(s.ids), MEAN),
        Wrong(
            "a loss for each text",
            lambda s: (s.each * s.asked).sum(1) / s.asked.sum(1),
            f"one number: {MEAN}",
            rare=True,
        ),
        Wrong("the losses are given back one by one", lambda s: s.counted, f"one number: {MEAN}", rare=True),
        Wrong("the largest loss instead of the mean", lambda s: s.counted.max(), MEAN, rare=True),
        Wrong("the median instead of the mean", lambda s: s.counted.median(), MEAN, rare=True),
        Wrong("perplexity", lambda s: s.counted.mean().exp(), "leave .exp() away: the loss is the mean of −log p"),
        Wrong("the mean of p before the logarithm", lambda s: -(-s.counted).exp().mean().log(), MEAN, rare=True),
    ),
    Step(
        "at",
        lambda s: s.real.sum(1) - 1,
        Wrong("the last column answers, padding or not", lambda s: _everywhere(s, -1), LAST),
        Wrong("the last column but one answers", lambda s: _everywhere(s, -2), LAST, rare=True),
        Wrong("the first position answers", lambda s: _everywhere(s, 0), LAST),
        Wrong("the position before a text's last piece answers", lambda s: s.real.sum(1) - 2, LAST),
        Wrong("the position behind a text's last piece answers", lambda s: s.real.sum(1), LAST),
        Wrong(
            "the position behind a text's last piece answers",
            lambda s: s.real.sum(1).clamp(max=s.ids.size(1) - 1),
            LAST,
            rare=True,
        ),
        Wrong("the position behind a text's last piece answers", lambda s: s.real.int().argmin(1), LAST, rare=True),
        Wrong(
            "all texts end where the longest does",
            lambda s: _everywhere(s, int(s.real.sum(1).max()) - 1),
            LAST,
            rare=True,
        ),
        Wrong(
            "all texts end where the first does", lambda s: _everywhere(s, int(s.real[0].sum()) - 1), LAST, rare=True
        ),
        Wrong("pieces 0 are not counted to a text's length", lambda s: (s.ids != 0).sum(1) - 1, LAST),
        hidden=True,
    ),
    Step(
        "scores",
        _at,
        Wrong("the scores of all places are averaged", lambda s: s.logits.mean(1), LAST, rare=True),
        Wrong(
            "the scores of all real places are averaged",
            lambda s: (s.logits * s.real[..., None]).sum(1),
            LAST,
            rare=True,
        ),
        Wrong("the largest score of any place", lambda s: s.logits.amax(1), LAST, rare=True),
        Wrong(
            "the softmax is over the positions, then the largest",
            lambda s: _at(s, s.logits.softmax(1)),
            LIKELIEST,
            rare=True,
        ),
        hidden=True,
    ),
    Step(
        "pieces",
        lambda s: s.scores.argmax(-1),
        Wrong("the least likely piece", lambda s: s.scores.argmin(-1), LIKELIEST),
        Wrong("the second likeliest piece", lambda s: s.scores.topk(2).indices[:, 1], LIKELIEST, rare=True),
        Wrong("counted from 1", lambda s: s.scores.argmax(-1) + 1, f"ids count from 0: {LIKELIEST}", rare=True),
        Wrong("the score instead of the piece", lambda s: s.scores.amax(-1), LIKELIEST),
        Wrong("the share instead of the piece", lambda s: s.scores.softmax(-1).amax(-1), LIKELIEST, rare=True),
        Wrong("all scores instead of the piece", lambda s: s.scores, LIKELIEST, rare=True),
        Wrong("all shares instead of the piece", lambda s: s.scores.softmax(-1), LIKELIEST, rare=True),
        Wrong("the text instead of the piece", lambda s: s.scores.argmax(0), LIKELIEST, rare=True),
        Wrong("one piece for all texts", lambda s: s.scores.argmax(), LIKELIEST, rare=True),
        Wrong("one piece for all texts", lambda s: s.scores.argmax(-1)[0], LIKELIEST, rare=True),
        Wrong("one piece for all texts", lambda s: s.scores.argmax(-1)[-1], LIKELIEST, rare=True),
        Wrong("each piece keeps an axis of one", lambda s: s.scores.argmax(-1, keepdim=True), "(b,) is wanted"),
        Wrong("a piece for every position", lambda s: s.logits.argmax(-1), LAST),
        Wrong("the last piece that was read", lambda s: _at(s, s.ids), LIKELIEST),
    ),
    Step(
        "answer",
        lambda s: (s.loss, s.pieces),
        Wrong("the two are exchanged", lambda s: (s.pieces, s.loss), BOTH),
        Wrong("the loss is a plain number", lambda s: (float(s.loss), s.pieces), f"nothing learns from that: {BOTH}"),
        Wrong("the pieces are a list", lambda s: (s.loss, s.pieces.tolist()), BOTH, rare=True),
    ),
)


def _both(guesses: slice, came: slice, asked: slice) -> dict[str, Any]:
    return {
        "guesses": lambda s: s.logits[:, guesses],
        "came": lambda s: s.ids[:, came],
        "asked_right": lambda s: s.real[:, asked],
    }


def _not_cut(came: Callable[[Tensor], Tensor]) -> dict[str, Any]:
    """Every real place asks, the last one too."""
    return {"guesses": lambda s: s.logits, "came": lambda s: came(s.ids), "asked_right": lambda s: s.real}


EVERY, FRONT, BACK = slice(None), slice(1, None), slice(None, -1)
MISTAKES = (
    *BOARD.mistakes,
    BOARD.across("nothing is shifted", NEXT, "each guess is held against what was read", **_both(EVERY, EVERY, EVERY)),
    BOARD.across(
        "shifted the wrong way", NEXT, "a guess is held against the piece before", **_both(FRONT, BACK, FRONT)
    ),
    BOARD.across("shifted the wrong way", NEXT, "a guess is held against the piece before", **_both(FRONT, BACK, BACK)),
    BOARD.across("both are cut at the front", NEXT, "nothing is shifted", **_both(FRONT, FRONT, FRONT)),
    BOARD.across("both are cut at the end", NEXT, "nothing is shifted", **_both(BACK, BACK, BACK)),
    BOARD.across(
        "shifted by two", NEXT, "a piece is skipped", **_both(slice(None, -2), slice(2, None), slice(2, None))
    ),
    BOARD.across(
        "the last guess is held against the first piece",
        "nothing follows the last piece: cut its guess off instead of rolling",
        **_not_cut(lambda ids: ids.roll(-1, 1)),
    ),
    BOARD.across("rolled the wrong way", NEXT, **_not_cut(lambda ids: ids.roll(1, 1))),
    BOARD.across(
        "the last guess is held against piece 0",
        "nothing follows the last piece: ask nothing there",
        **_not_cut(lambda ids: F.pad(ids[:, 1:], (0, 1))),
    ),
    BOARD.across(
        "the last guess is held against the last piece again",
        "nothing follows the last piece: ask nothing there",
        **_not_cut(lambda ids: torch.cat([ids[:, 1:], ids[:, -1:]], 1)),
    ),
    BOARD.across(
        "one text runs into the next",
        f"shift first, flatten then: {NEXT}",
        "the end of a text is asked for the first piece of the next one",
        guesses=lambda s: s.logits.flatten(0, 1)[:-1],
        came=lambda s: s.ids.flatten()[1:],
        asked=lambda s: s.real.flatten()[1:],
    ),
    BOARD.across(
        "padding is not heeded at all",
        f"{REAL}; {LAST}",
        "padding counts in the loss, and answers",
        asked=lambda s: torch.ones_like(s.asked_right),
        at=lambda s: _everywhere(s, -1),
    ),
    BOARD.across(
        "`real` is turned round",
        "real is True for real pieces",
        "padding counts, and nothing else",
        asked=lambda s: ~s.asked_right,
        at=lambda s: (~s.real).sum(1) - 1,
    ),
    Mistake(
        "the loss is detached",
        "loss",
        "the numbers are right, but nothing is learned from them: drop .detach() or no_grad.",
        wrong=lambda logits, ids, real: BOARD(logits.detach(), ids, real),
        gradients=True,
    ),
)

"""The loss of a tagger: padding does not count, class 0 does."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Property, Stages
from glassformer.models.losses import cross_entropy, of_the_text


def key(logits: Tensor, labels: Tensor, real: Tensor) -> Stages:
    return Stages(answer=cross_entropy(logits, of_the_text(labels, real)))


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(make, lengths: tuple[int, ...], n: int, c: int, about: str) -> Case:
        b = len(lengths)
        real = torch.arange(n) < torch.tensor(lengths)[:, None]
        labels = torch.randint(c, (b, n), generator=draw)
        labels[:, 0], labels[:, 1] = 0, 1
        return Case((make(draw, b, n, c), labels * real, real), about)

    return [
        one(whole, (3,), 4, 3, "3 pieces and padding, 3 classes"),
        one(drawn, (4, 2), 4, 3, "2 sentences, 3 classes"),
        one(drawn, (5, 2, 3), 5, 4, "3 sentences, 4 classes"),
        one(lambda *a: 3 * drawn(*a), (2, 6, 4, 3), 6, 5, "4 sentences, 5 classes, sure of itself"),
        one(drawn, (4, 4), 4, 6, "2 sentences without padding, 6 classes"),
    ]


def _each(s, logs: Tensor | None = None, labels: Tensor | None = None) -> Tensor:
    """−log p of the label at each place: (b, n)."""
    logs = s.logits.log_softmax(-1) if logs is None else logs
    return -logs.gather(-1, (s.labels if labels is None else labels)[..., None])[..., 0]


def _mean(each: Tensor, of: Tensor) -> Tensor:
    return (each * of).sum() / of.sum().clamp(min=1)


PADDING = "`real` says what is padding: labels.masked_fill(~real, −100), which cross_entropy leaves out"
LOGITS = "F.cross_entropy takes the logits as they are, and has softmax and logarithm in it"
MEAN = "the mean over all real pieces of the batch"
BOARD = Board(
    "logits labels real",
    Step(
        "each",
        _each,
        Wrong("softmax is taken twice", lambda s: _each(s, s.logits.softmax(-1).log_softmax(-1)), LOGITS),
        Wrong("no softmax", lambda s: _each(s, s.logits), LOGITS),
        Wrong("no logarithm", lambda s: _each(s, s.logits.softmax(-1)), LOGITS),
        Wrong("the sign is turned", lambda s: -_each(s), "the loss is −log p, 0 at best"),
        Wrong("softmax over the pieces", lambda s: _each(s, s.logits.log_softmax(1)), "over the classes, dim −1"),
        Wrong(
            "the labels are one piece late",
            lambda s: _each(s, labels=s.labels.roll(1, 1)),
            "each piece has its own label",
        ),
        Wrong(
            "the labels are one piece early",
            lambda s: _each(s, labels=s.labels.roll(-1, 1)),
            "each piece has its own label",
        ),
        Wrong(
            "the labels are one too small",
            lambda s: _each(s, labels=(s.labels - 1).clamp(min=0)),
            "classes count from 0; a label less is another class",
        ),
        Wrong(
            "the logits are reshaped, not flattened",
            lambda s: _each(s, s.logits.transpose(0, 1).reshape(s.logits.shape).log_softmax(-1)),
            "logits.flatten(0, 1) keeps the pieces in order",
        ),
        Wrong("powers of two instead of e", lambda s: _each(s) / math.log(2), "the natural logarithm"),
        Wrong(
            "labels are smoothed",
            lambda s: 0.9 * _each(s) - 0.1 * s.logits.log_softmax(-1).mean(-1),
            "no smoothing is asked for",
        ),
        Wrong(
            "every piece is asked for class 0", lambda s: _each(s, labels=0 * s.labels), "the right class is in labels"
        ),
        hidden=True,
    ),
    Step(
        "asked",
        lambda s: s.real,
        Wrong(
            "class 0 is left out",
            lambda s: s.labels != 0,
            f"0 is a class too: {PADDING}",
            "ignore_index=0 leaves out what is padding, and everything of class 0",
        ),
        Wrong("padding counts", lambda s: torch.ones_like(s.real), PADDING),
        Wrong("only padding counts", lambda s: ~s.real, f"it is the other way round: {PADDING}"),
        Wrong("class 1 is left out", lambda s: s.real & (s.labels != 1), PADDING),
        Wrong("the last class is left out", lambda s: s.real & (s.labels != s.logits.size(-1) - 1), PADDING),
        Wrong(
            "the first piece is left out",
            lambda s: s.real & (torch.arange(s.real.size(1)) > 0),
            "every real piece counts",
        ),
        Wrong(
            "the last piece is left out",
            lambda s: s.real & (torch.arange(s.real.size(1)) < s.real.sum(1, True) - 1),
            "every real piece counts",
        ),
        Wrong(
            "only the first piece counts",
            lambda s: s.real & (torch.arange(s.real.size(1)) == 0),
            "every real piece counts",
        ),
        hidden=True,
    ),
    Step(
        "answer",
        lambda s: _mean(s.each, s.asked),
        Wrong("the sum instead of the mean", lambda s: (s.each * s.asked).sum(), MEAN),
        Wrong("divided by all places, padding too", lambda s: (s.each * s.asked).mean(), MEAN),
        Wrong(
            "divided by how many are not of class 0", lambda s: (s.each * s.asked).sum() / (s.labels != 0).sum(), MEAN
        ),
        Wrong("divided by the sentences", lambda s: (s.each * s.asked).sum() / len(s.labels), MEAN),
        Wrong(
            "the mean of the sentences' means",
            lambda s: ((s.each * s.asked).sum(1) / s.asked.sum(1)).mean(),
            f"short sentences would count more: {MEAN}",
        ),
        Wrong("the losses are given back one by one", lambda s: s.each * s.asked, f"one number, {MEAN}"),
        Wrong("the largest loss is given back", lambda s: (s.each * s.asked).max(), MEAN),
        Wrong("a loss for each sentence", lambda s: (s.each * s.asked).sum(1) / s.asked.sum(1), f"one number, {MEAN}"),
    ),
)


# right, each in another way


def by_choosing(logits, labels, real):
    return F.cross_entropy(logits[real], labels[real])


def by_logarithms(logits, labels, real):
    logs = F.log_softmax(logits, dim=-1)
    right = logs.gather(2, labels.unsqueeze(-1)).squeeze(-1)
    return -(right * real).sum() / real.sum()


def by_weighing(logits, labels, real):
    each = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    return (each * real.float()).sum() / real.float().sum()


def by_one_hot(logits, labels, real):
    right = (logits * F.one_hot(labels, logits.size(-1))).sum(-1)
    return (logits.logsumexp(-1) - right)[real].mean()


def by_loops(logits, labels, real):
    total, count = torch.tensor(0.0), 0
    for b in range(len(labels)):
        for n in range(labels.size(1)):
            if real[b, n]:
                total = total - logits[b, n].log_softmax(0)[labels[b, n]]
                count += 1
    return total / count


def by_another_number(logits, labels, real):
    """Padding gets a number that is no class: here −1."""
    asked = torch.where(real, labels, -1)
    return F.nll_loss(logits.log_softmax(-1).view(-1, logits.size(-1)), asked.view(-1), ignore_index=-1)


def by_doubles(logits, labels, real):
    return by_choosing(logits.double(), labels, real).float()


def _every_class(function, case: Case) -> str:
    """A piece of class 0 has a loss."""
    logits, labels, real = case.arguments
    all_zero, none = torch.zeros_like(labels), torch.ones_like(real)
    loss = float(function(torch.zeros_like(logits), all_zero, none))
    right = math.log(logits.size(-1))
    if abs(loss - right) < 1e-3:
        return ""
    return f"Where every label is class 0 and nothing is known, the loss is {number(right)}; yours is {number(loss)}."


def _padding(function, case: Case) -> str:
    logits, labels, real = case.arguments
    away = abs(
        float(function(logits + 5.0 * ~real[..., None] * torch.arange(logits.size(-1)), labels, real))
        - float(function(logits, labels, real))
    )
    return f"What is said of padding changes your loss by {number(away)}; it must not." if away > 1e-4 else ""


EXERCISE = Exercise(
    name="bug-labels",
    cases=cases,
    key=key,
    switchboard=BOARD,
    mistakes=BOARD.mistakes,
    right=(by_choosing, by_logarithms, by_weighing, by_one_hot, by_loops, by_another_number, by_doubles),
    properties=(Property("every class is learned", _every_class), Property("padding does not count", _padding)),
    learned=(0,),
    hints=(
        "Which labels does the code leave out? Count how many of the real pieces are among them.",
        "0 means two things here: a class, and padding. `real` tells them apart.",
        "labels.masked_fill(~real, -100), then cross_entropy leaves out −100 and nothing else.",
    ),
    explanation="A number that means two things is a bug that trains: what is left out needs a number no class has. "
    "Next: a mask that stands in the wrong place.",
)

"""Each guess is held against the piece that came next, the mean of real ones; at a text's end it is what comes next."""

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.generator_steps import BOARD, MISTAKES
from glassformer.learn.bank.words import drawing, drawn, number
from glassformer.learn.exercise import Case, Exercise, Property, Stage, Stages
from glassformer.models.decoding import greedy
from glassformer.models.losses import cross_entropy, of_the_text


def key(logits: Tensor, ids: Tensor, real: Tensor) -> Stages:
    loss = cross_entropy(logits[:, :-1], of_the_text(ids, real)[:, 1:])
    pieces = greedy(torch.stack([text[kept][-1] for text, kept in zip(logits, real, strict=True)]))
    return Stages(loss=loss, pieces=pieces, answer=(loss, pieces))


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)

    def one(lengths: tuple[int, ...], n: int, v: int, about: str, scale: float = 1.0, padding: int = 0) -> Case:
        """scale 0: whole numbers, no two alike at one position."""
        real = torch.arange(n) < torch.tensor(lengths)[:, None]
        ids = torch.randint(v, real.shape, generator=draw)
        ids[0, 1] = 0  # a piece as any other
        scores = drawn(draw, *real.shape, v)
        scores = scale * scores if scale else scores.argsort(-1).float()
        return Case((scores, ids.masked_fill(~real, padding), real), f"{about}, {v} pieces that may come")

    return [
        one((4, 2), 4, 3, "texts of 4 and 2 pieces", scale=0),
        one((3,), 3, 5, "one text of 3 pieces", scale=0),
        one((5, 5), 5, 7, "2 texts without padding", scale=2.0),
        one((2, 1, 2), 2, 6, "texts of 2, 1 and 2 pieces"),
        one((4, 7, 5), 8, 6, "large scores, padding behind all texts", scale=30.0, padding=1),
        one((6, 1, 4, 3), 6, 5, "4 texts, one of them of one piece"),
        one((5, 3, 2), 6, 4, "3 texts, padding behind all of them"),
    ]


# right, each in another way


def by_gather(logits, ids, real):
    each = -logits.log_softmax(-1)[:, :-1].gather(2, ids[:, 1:, None])[..., 0]
    last = (real.long().sum(-1) - 1)[:, None, None].expand(-1, 1, logits.size(-1))
    return (each * real[:, 1:]).sum() / real[:, 1:].sum(), logits.gather(1, last).squeeze(1).max(-1).indices


def by_choosing(logits, ids, real):
    kept = real[:, 1:]
    ends = real & ~F.pad(real[:, 1:], (0, 1))
    return F.cross_entropy(logits[:, :-1][kept], ids[:, 1:][kept]), logits[ends].argmax(1)


def by_loops(logits, ids, real):
    total, many, pieces = torch.zeros(()), 0, []
    for b in range(len(ids)):
        n = int(real[b].sum())
        for i in range(n - 1):
            total, many = total - torch.log_softmax(logits[b, i], dim=0)[ids[b, i + 1]], many + 1
        pieces.append(int(logits[b, n - 1].argmax()))
    return total / many, torch.tensor(pieces)


def by_texts(logits, ids, real):
    """Text by text without its padding; the sum of all, divided once."""
    texts = [(scores[kept], pieces[kept]) for scores, pieces, kept in zip(logits, ids, real, strict=True)]
    losses = [F.cross_entropy(scores[:-1], pieces[1:], reduction="sum") for scores, pieces in texts]
    asked = sum(len(pieces) - 1 for _, pieces in texts)
    return torch.stack(losses).sum() / asked, torch.stack([scores[-1].argmax() for scores, _ in texts])


def by_ignoring(logits, ids, real):
    """All logits are asked, those that nothing follows about −100."""
    labels = torch.full_like(ids, -100)
    labels[:, :-1] = torch.where(real[:, 1:], ids[:, 1:], -100)
    places = real.cumsum(1).argmax(1)
    ends = [scores[at] for scores, at in zip(logits, places, strict=True)]
    return F.cross_entropy(logits.transpose(1, 2), labels), torch.stack(ends).argmax(-1)


def by_one_hot(logits, ids, real):
    came = F.one_hot(ids[:, 1:], logits.size(-1)).float() * real[:, 1:, None]
    loss = torch.einsum("bnv,bnv->", -F.log_softmax(logits[:, :-1], dim=-1), came) / came.sum()
    at_end = F.one_hot(real.sum(1) - 1, real.size(1)).to(logits.dtype)
    return loss, torch.einsum("bn,bnv->bv", at_end, logits).topk(1).indices.flatten()


def by_weights(logits, ids, real):
    weights = real[:, 1:].float() / real[:, 1:].sum()
    right = logits[:, :-1].gather(-1, ids[:, 1:].unsqueeze(-1)).squeeze(-1)
    loss = ((logits[:, :-1].logsumexp(-1) - right) * weights).sum()
    return loss, logits.softmax(-1)[range(len(ids)), real.int().flip(1).argmax(1).neg() - 1].argmax(-1)


def by_nll_in_doubles(logits, ids, real):
    logs = F.log_softmax(logits.double(), dim=-1).narrow(1, 0, ids.size(1) - 1)
    came = ids.narrow(1, 1, ids.size(1) - 1).clone()
    came[~real[:, 1:]] = -1
    loss = F.nll_loss(logs.reshape(-1, logs.size(-1)), came.reshape(-1), ignore_index=-1)
    return loss.float(), logits.argmax(-1).gather(1, real.sum(1, keepdim=True) - 1).squeeze(1)


def _form(function, case: Case) -> str:
    answer, (_, ids, _) = function(*case.arguments), case.arguments
    shapes = [tuple(each.shape) if isinstance(each, Tensor) else type(each).__name__ for each in answer]
    if len(answer) == 2 and shapes == [(), (len(ids),)]:
        return ""
    return f"Two tensors are wanted, of the shapes () and ({len(ids)},); yours are {shapes}."


def _padding(function, case: Case) -> str:
    """What stands at padding, and is guessed there, changes nothing."""
    logits, ids, real = case.arguments
    other = logits + 9.0 * ~real[..., None] * torch.arange(logits.size(-1)).flip(0)
    (loss, pieces), (one, another) = function(*case.arguments), function(other, torch.where(real, ids, 1), real)
    if (away := abs(float(one) - float(loss))) > 1e-3:
        return f"What stands at padding must not count; your loss changes by {number(away)}."
    return "" if torch.equal(pieces, another) else "What is guessed at padding changes your next pieces; it must not."


def _shifted(function, case: Case) -> str:
    logits, *more = case.arguments
    away = abs(float(function(logits + 1, *more)[0]) - float(function(logits, *more)[0]))
    return f"1 more for every logit changes no share; your loss changes by {number(away)}." if away > 1e-3 else ""


EXERCISE = Exercise(
    name="generator",
    cases=cases,
    key=key,
    switchboard=BOARD,
    stages=(Stage("loss"), Stage("pieces"), Stage("answer", ("loss", "pieces"))),
    mistakes=MISTAKES,
    right=(
        by_gather,
        by_choosing,
        by_loops,
        by_texts,
        by_ignoring,
        by_one_hot,
        by_weights,
        by_nll_in_doubles,
    ),
    properties=(
        Property("a loss, and a piece for each text", _form),
        Property("padding does not count", _padding),
        Property("only differences count", _shifted),
    ),
    learned=(0,),
    hints=(
        "The guess at position i is about ids[:, i + 1]: the last guess and the first piece have no partner.",
        "logits[:, :-1] are the guesses, ids[:, 1:] what came; where real[:, 1:] is False, −100 makes F.cross_entropy "
        "leave it out. It takes (m, v) and (m,): flatten both.",
        "A text's last real piece stands at real.sum(dim=1) − 1: logits[torch.arange(b), last] is (b, v), and argmax "
        "over the last axis the piece that follows.",
    ),
    explanation="A text is its own teacher: moved by one it says at every position what was right, and all questions "
    "are asked in one pass. Only at its end nothing is known, and there the generator writes.",
)

"""softmax(x·xᵀ) · x: every word a mixture of its sentence."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Mistake, Property, Stage, Stages
from glassformer.learn.heard import heard
from glassformer.parts.attention import plain


def key(x: Tensor) -> Stages:
    stages, mixed = heard(plain, x)
    return Stages(scores=stages["scores"], weights=stages["weights"], mixture=mixed)


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)
    return [
        Case((torch.tensor([[[1.0, 0.0, 1.0, 0.0], [0.0, 2.0, 0.0, 1.0], [1.0, 1.0, -1.0, 0.0]]]),), "3 words"),
        Case((whole(draw, 2, 3, 4, most=1) + 0.5,), "2 sentences of 3 words"),
        Case((drawn(draw, 2, 5, 3),), "2 sentences of 5 words, 3 features"),
        Case((0.5 * drawn(draw, 3, 4, 6),), "3 sentences of 4 words, 6 features"),
        Case((2 * drawn(draw, 3, 6, 4),), "large scores"),
        Case((0.5 * drawn(draw, 2, 4, 4),), "as many words as features"),
    ]


WITH = "every word with every word of its sentence: x @ x.transpose(-2, -1)"
ROWS = "softmax over the last axis makes each row sum to 1: dim=-1, then weights @ x"
MIX = "mix the words: weights @ x"
PLAIN = "here the bare dot products are the scores"

BOARD = Board(
    "x",
    Step(
        "scores",
        lambda s: s.x @ s.x.mT,
        Wrong("divided by √w", lambda s: s.x @ s.x.mT / math.sqrt(s.x.size(-1)), f"{PLAIN}; √ comes in the next one"),
        Wrong("divided by w", lambda s: s.x @ s.x.mT / s.x.size(-1), PLAIN),
        Wrong("divided by the number of words", lambda s: s.x @ s.x.mT / s.x.size(-2), PLAIN),
        Wrong("cosine instead of dot product", lambda s: _unit(s.x) @ _unit(s.x).mT, PLAIN),
        Wrong("negative distance instead of dot product", lambda s: -torch.cdist(s.x, s.x).square(), WITH),
        Wrong("distance instead of dot product", lambda s: torch.cdist(s.x, s.x), WITH),
        Wrong("the words are added, not multiplied", lambda s: s.x.sum(-1)[:, :, None] + s.x.sum(-1)[:, None], WITH),
        Wrong("not transposed", lambda s: s.x @ s.x, WITH),
        Wrong("reshaped instead of transposed", lambda s: s.x @ s.x.reshape(len(s.x), s.x.size(2), -1), WITH),
        Wrong("features are matched with features", lambda s: s.x.mT @ s.x, WITH),
        Wrong("a word is kept from itself", lambda s: _hidden(s.x @ s.x.mT, torch.eye), "every word sees itself too"),
        Wrong("no word looks ahead", lambda s: _hidden(s.x @ s.x.mT, _ahead), "here every word sees all words"),
        Wrong("the signs are lost", lambda s: (s.x @ s.x.mT).abs(), PLAIN),
        Wrong("only the first sentence is matched", lambda s: (s.x @ s.x.mT)[:1].expand(len(s.x), -1, -1), WITH),
    ),
    Step(
        "weights",
        lambda s: s.scores.softmax(-1),
        Wrong(
            "softmax over the rows",
            lambda s: s.scores.softmax(-2),
            ROWS,
            "the columns of the weights you mix with sum to 1, not the rows",
        ),
        Wrong("softmax over the sentences", lambda s: s.scores.softmax(0), ROWS),
        Wrong("softmax over all pairs", lambda s: s.scores.flatten(1).softmax(1).view_as(s.scores), ROWS),
        Wrong("softmax over everything", lambda s: s.scores.flatten().softmax(0).view_as(s.scores), ROWS),
        Wrong("no softmax", lambda s: s.scores, ROWS, "the scores are used as weights"),
        Wrong("softmax twice", lambda s: s.scores.softmax(-1).softmax(-1), "take it once"),
        Wrong("exponentials that are not divided", lambda s: s.scores.exp(), ROWS),
        Wrong("the scores are divided by their sum", lambda s: s.scores / s.scores.sum(-1, keepdim=True), ROWS),
        Wrong("sigmoid instead of softmax", lambda s: s.scores.sigmoid(), ROWS),
        Wrong("the logarithm of softmax", lambda s: s.scores.log_softmax(-1), "softmax, not log_softmax"),
        Wrong("the worst match gets most", lambda s: (-s.scores).softmax(-1), "leave the sign of the scores"),
        Wrong("only the best match counts", lambda s: F.one_hot(s.scores.argmax(-1), s.x.size(1)).float(), ROWS),
        Wrong("scaled after the softmax", lambda s: s.scores.softmax(-1) / math.sqrt(s.x.size(-1)), ROWS),
    ),
    Step(
        "mixture",
        lambda s: s.weights @ s.x,
        Wrong("the weights are given back", lambda s: s.weights, MIX),
        Wrong("the mean of the words", lambda s: s.x.mean(1, keepdim=True).expand_as(s.x), MIX),
        Wrong("the sum of the words", lambda s: s.x.sum(1, keepdim=True).expand_as(s.x), MIX),
        Wrong("the word itself is added", lambda s: s.weights @ s.x + s.x, "that comes with the block; here only mix"),
        Wrong("divided by the number of words", lambda s: s.weights @ s.x / s.x.size(1), "the shares sum to 1 already"),
        Wrong("one vector for the whole sentence", lambda s: (s.weights @ s.x).mean(1), "one mixture for each word"),
        Wrong("one vector for the whole sentence", lambda s: (s.weights @ s.x).sum(1), "one mixture for each word"),
        Wrong("softmax of the mixture", lambda s: (s.weights @ s.x).softmax(-1), MIX),
        Wrong("the scores are mixed", lambda s: s.weights @ s.scores, MIX),
    ),
)


def _unit(x: Tensor) -> Tensor:
    return F.normalize(x, dim=-1)


def _ahead(n: int) -> Tensor:
    return torch.ones(n, n).triu(1)


def _hidden(scores: Tensor, which) -> Tensor:
    return scores.masked_fill(which(scores.size(-1)).bool(), -torch.inf)


# right, each in another way


def by_loops(x):
    sentences = []
    for sentence in x:
        rows = []
        for word in sentence:
            powers = torch.stack([(word * other).sum() for other in sentence]).exp()
            rows.append(
                torch.stack([power / powers.sum() * other for power, other in zip(powers, sentence, strict=True)]).sum(
                    0
                )
            )
        sentences.append(torch.stack(rows))
    return torch.stack(sentences)


def by_bmm(x):
    return torch.bmm(F.softmax(torch.bmm(x, x.transpose(1, 2)), dim=2), x)


def by_einsum(x):
    weights = torch.einsum("biw,bjw->bij", x, x).softmax(dim=-1)
    return torch.einsum("bij,bjw->biw", weights, x)


def by_kernel(x):
    return F.scaled_dot_product_attention(x, x, x, scale=1.0)


def by_exponentials(x):
    scores = x @ x.mT
    powers = (scores - scores.amax(-1, keepdim=True)).exp()
    return (powers @ x) / powers.sum(-1, keepdim=True)


def by_symmetry(x):
    """x·xᵀ is symmetric: softmax down its columns gives the same, turned."""
    return (x @ x.mT).softmax(dim=1).mT @ x


def by_broadcasting(x):
    scores = (x[:, :, None] * x[:, None]).sum(-1)
    return (scores.double().softmax(-1).float()[..., None] * x[:, None]).sum(2)


def by_numbers(x):
    done = []
    for sentence in x.tolist():
        for word in sentence:
            powers = [math.exp(sum(a * b for a, b in zip(word, other, strict=True))) for other in sentence]
            shares = [power / sum(powers) for power in powers]
            done.append(
                [sum(s * v for s, v in zip(shares, feature, strict=True)) for feature in zip(*sentence, strict=True)]
            )
    return torch.tensor(done).view(x.shape)


def _between(function, case: Case) -> str:
    (x,) = case.arguments
    out = function(x)
    if out.shape != x.shape:
        return ""
    beyond = torch.maximum(out - x.amax(1, keepdim=True), x.amin(1, keepdim=True) - out).max()
    return f"A mixture lies between the words; yours goes {number(beyond)} beyond them." if beyond > 1e-4 else ""


def _order(function, case: Case) -> str:
    (x,) = case.arguments
    away = (function(x.flip(1)) - function(x).flip(1)).abs().max()
    return (
        f"The order of the words must not matter; turned round, yours changes by {number(away)}." if away > 1e-4 else ""
    )


def _alone(function, case: Case) -> str:
    (x,) = case.arguments
    away = (function(x[:1]) - function(x)[:1]).abs().max()
    return f"Sentences must not meet; alone, your first one changes by {number(away)}." if away > 1e-4 else ""


EXERCISE = Exercise(
    name="self-attention",
    cases=cases,
    key=key,
    switchboard=BOARD,
    stages=(Stage("scores"), Stage("weights", ("scores",)), Stage("mixture", ("weights",))),
    mistakes=(
        *BOARD.mistakes,
        Mistake(
            "the weights are detached",
            "weights",
            "the numbers are right, but no gradient goes through the weights: drop .detach() or no_grad.",
            wrong=lambda x: (x @ x.mT).softmax(-1).detach() @ x,
            gradients=True,
        ),
    ),
    right=(by_loops, by_bmm, by_einsum, by_kernel, by_exponentials, by_symmetry, by_broadcasting, by_numbers),
    properties=(
        Property("a mixture lies between the words", _between),
        Property("words are a set", _order),
        Property("sentences do not meet", _alone),
    ),
    learned=(0,),
    axes={"scores": "word word", "weights": "word word", "mixture": "word feature"},
    hints=(
        "Three steps: scores between all pairs of words, softmax over each row, the weighted sum of the words.",
        "x @ x.transpose(-2, -1) holds the dot product of word i and word j at [sentence, i, j].",
        "weights @ x adds the words up, each times its share.",
    ),
    explanation="That is self-attention; all that follows only decides better who matches whom, and what is mixed.",
)

"""Feature times feature, added up."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from glassformer.learn.bank.steps import Board, Step, Wrong
from glassformer.learn.bank.words import drawing, drawn, number, whole
from glassformer.learn.exercise import Case, Exercise, Property, Stages
from glassformer.parts.attention import dot


def key(a: Tensor, b: Tensor) -> Stages:
    return Stages(answer=dot(a[None], b[None])[0, 0])


def cases(seed: int) -> list[Case]:
    draw = drawing(seed)
    return [
        Case((torch.tensor([1.0, 2.0, 0.0, -1.0]), torch.tensor([3.0, 1.0, 5.0, 2.0])), "4 features"),
        Case((whole(draw, 5, most=3) + 0.5, whole(draw, 5, most=3) - 0.5), "5 features"),
        Case((drawn(draw, 8), drawn(draw, 8)), "8 features"),
        Case((3 * drawn(draw, 33), drawn(draw, 33)), "33 features"),
    ]


BOTH = "multiply feature by feature, then add all the products up"
ALL = "add up over every feature, from the first to the last"
BARE = "the bare sum of the products is wanted"

BOARD = Board(
    "a b",
    Step(
        "products",
        lambda s: s.a * s.b,
        Wrong("the vectors are added, not multiplied", lambda s: s.a + s.b, BOTH),
        Wrong("the vectors are subtracted", lambda s: s.a - s.b, BOTH),
        Wrong("the squared distance", lambda s: (s.a - s.b).square(), BOTH),
        Wrong("a is multiplied by itself", lambda s: s.a * s.a, "one factor is of a, the other of b"),
        Wrong("b is multiplied by itself", lambda s: s.b * s.b, "one factor is of a, the other of b"),
        Wrong("divided instead of multiplied", lambda s: s.a / s.b, BOTH),
        Wrong("the signs are lost", lambda s: (s.a * s.b).abs(), "a negative product makes the match worse: keep it"),
        Wrong("the products are squared", lambda s: (s.a * s.b).square(), "add up the products as they are"),
        Wrong("b is read backwards", lambda s: s.a * s.b.flip(0), "the same feature of both: a[f] * b[f]"),
        Wrong("b is one feature off", lambda s: s.a * s.b.roll(1), "the same feature of both: a[f] * b[f]"),
        Wrong("the first feature is missing", lambda s: (s.a * s.b)[1:], ALL),
        Wrong("the last feature is missing", lambda s: (s.a * s.b)[:-1], ALL),
        Wrong("only the first feature counts", lambda s: (s.a * s.b)[:1], ALL),
        Wrong(
            "every feature meets every other",
            lambda s: torch.outer(s.a, s.b),
            "only the same feature of both: a[f] * b[f], then add up",
            "each feature of a meets all of b, as the sum of a times the sum of b does",
        ),
        hidden=True,
    ),
    Step(
        "answer",
        lambda s: s.products.sum(),
        Wrong("the products are not added up", lambda s: s.products, "one number is wanted: .sum()"),
        Wrong("the mean instead of the sum", lambda s: s.products.mean(), "add up: .sum(), not .mean()"),
        Wrong("the products are multiplied with each other", lambda s: s.products.prod(), "add them up: .sum()"),
        Wrong("only the largest product counts", lambda s: s.products.max(), "add all of them up: .sum()"),
        Wrong("divided by √d", lambda s: s.products.sum() / math.sqrt(len(s.a)), f"{BARE}; √d comes in exercise 4"),
        Wrong("cosine instead of dot product", lambda s: s.products.sum() / (s.a.norm() * s.b.norm()), BARE),
        Wrong("divided by the length of a", lambda s: s.products.sum() / s.a.norm(), BARE),
        Wrong("divided by the length of b", lambda s: s.products.sum() / s.b.norm(), BARE),
        Wrong("the root is taken", lambda s: s.products.sum().sqrt(), BARE),
        Wrong("the sign is turned", lambda s: -s.products.sum(), "a good match is a large number"),
        Wrong("the sign of the sum is lost", lambda s: s.products.sum().abs(), "words that disagree match negatively"),
        Wrong("negative matches become 0", lambda s: s.products.sum().relu(), "words that disagree match negatively"),
        Wrong("softmax instead of a sum", lambda s: s.products.softmax(0), BARE),
        Wrong("given back as a matrix", lambda s: s.products.sum()[None, None], "one number, of shape (), is wanted"),
        Wrong("given back as a list of one", lambda s: s.products.sum()[None], "one number, of shape (), is wanted"),
    ),
)


# right, each in another way


def by_matmul(a, b):
    return a @ b


def by_kernel(a, b):
    return torch.dot(a, b)


def by_einsum(a, b):
    return torch.einsum("d,d->", a, b)


def by_loop(a, b):
    total = torch.tensor(0.0)
    for f in range(len(a)):
        total = total + a[f] * b[f]
    return total


def by_zip(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def by_numbers(a, b):
    return torch.tensor(sum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True)))


def by_matrices(a, b):
    return (a.view(1, -1) @ b.view(-1, 1)).squeeze()


def by_linear(a, b):
    return F.linear(a, b.unsqueeze(0)).squeeze(0)


def by_doubles(a, b):
    return torch.tensordot(a.double(), b.double(), dims=1).float()


def _either_way(function, case: Case) -> str:
    a, b = case.arguments
    away = (function(a, b) - function(b, a)).abs().max()
    return f"a matches b as well as b matches a; yours differ by {number(away)}." if away > 1e-4 else ""


def _twice(function, case: Case) -> str:
    a, b = case.arguments
    away = (function(2 * a, b) - 2 * function(a, b)).abs().max()
    return f"Twice as large an a matches twice as well; yours is {number(away)} off." if away > 1e-3 else ""


EXERCISE = Exercise(
    name="dot-product",
    cases=cases,
    key=key,
    switchboard=BOARD,
    mistakes=BOARD.mistakes,
    right=(by_matmul, by_kernel, by_einsum, by_loop, by_zip, by_numbers, by_matrices, by_linear, by_doubles),
    properties=(Property("the same either way", _either_way), Property("twice as large, twice as well", _twice)),
    learned=(0, 1),
    hints=(
        "Two steps: multiply what stands at the same place in both, then add everything up.",
        "a * b multiplies two tensors feature by feature.",
        "(a * b).sum() is one number.",
    ),
    explanation="The dot product is large where both are large in the same features. Next: scores become shares.",
)

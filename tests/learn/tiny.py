"""An exercise of two lines, 2·x and then 2·x + y, so small that every number can be followed in the head."""

import torch

from glassformer.learn.exercise import Case, Exercise, Mistake, Stage, Stages


def board(x, y, factor=2.0, sign=1.0, broken=()):
    if len(x) in broken:
        raise ValueError("not of this length")
    return Stages(doubled=x * factor, answer=x * factor + sign * y)


def by_numpy(x, y):
    return torch.from_numpy(2 * x.numpy() + y.numpy())


def cases(seed):
    chance = torch.Generator().manual_seed(seed)
    x, y = torch.tensor([[1.0, 2.0], [3.0, 5.0]]), torch.tensor([[7.0, 11.0], [13.0, 17.0]])
    return [Case((x, y), "whole numbers"), Case(tuple(torch.randn(2, 3, 4, generator=chance)), "any numbers")]


ONCE = Mistake("not doubled", "doubled", "2·x is wanted.", {"factor": 1.0})
THRICE = Mistake("tripled", "doubled", "3·x is too much.", {"factor": 3.0})
LESS = Mistake(
    "subtracted", "answer", lambda seen: f"{float(seen.theirs.flatten()[0]):g} is too little.", {"sign": -1.0}
)
CUT = Mistake("cut off", "doubled", "x is detached.", wrong=lambda x, y: x.detach() * 2 + y, gradients=True)


def exercise(**changes):
    told = {
        "cases": cases,
        "key": board,
        "mistakes": (ONCE, THRICE, LESS, CUT),
        "right": (by_numpy,),
        "hints": ("think",),
        "explanation": "",
        "stages": (Stage("doubled"), Stage("answer", ("doubled",))),
        "switchboard": board,
        "learned": (0,),
    }
    return Exercise("dot-product", **told | changes)

"""python -m tests.learn.apart.score: of the wrong answers kept apart, how many are rejected, placed and named."""

import importlib
import sys
from functools import cache
from itertools import product

import torch

from glassformer.learn.check import check
from tests.learn.apart.second import LOTS

NAMES = ("attention", "causal", "multi-head", "layer-norm")
WITH_RIGHT = ("third", "fourth", "fifth")
WHICH = ("first", "second", *WITH_RIGHT)


def lot(name, which):
    """The module of an exercise's lot, with WRONG, and from the third on RIGHT."""
    return importlib.import_module(f"tests.learn.apart.{which}_{name.replace('-', '_')}")


@cache
def judged(name, which="first"):
    """(apart, result) of every wrong answer of one exercise in one of the lots."""
    wrong = LOTS[name] if which == "second" else lot(name, which).WRONG
    return [(apart, check(apart.thing, name)) for apart in wrong]


@cache
def refused(name, which):
    """(thing, result) of every right answer of such a lot that is not taken as right."""
    results = [(thing, check(thing, name)) for thing in lot(name, which).RIGHT]
    return [(thing, result) for thing, result in results if not result.passed]


def placed(apart, result):
    return result.stage in apart.stage.split("|")


def named(apart, result):
    return any(words in (result.mistake or "") for words in apart.named.split("|"))


def main(names=NAMES):
    torch.set_num_threads(1)
    for name, which in product(names, WHICH):
        results = judged(name, which)
        for apart, result in results:
            if result.passed or not placed(apart, result) or not named(apart, result):
                wanted = f"{apart.stage}: {apart.named}"
                print(f"  {apart.thing.__name__}: {wanted!r}, got {result.stage}: {result.mistake}: {result.message}")
        counts = [sum(map(lambda pair, count=count: count(*pair), results)) for count in (placed, named)]
        rejected = sum(not result.passed for _, result in results)
        print(f"{name}, {which} lot: of {len(results)} {rejected} rejected, {counts[0]} placed, {counts[1]} named")
    for name, which in product(names, WITH_RIGHT):
        for thing, result in refused(name, which):
            print(f"  {thing.__name__} is right, got {result.stage}: {result.mistake}: {result.message}")
        right = len(lot(name, which).RIGHT)
        print(f"{name}, {which} lot: of {right} right answers {right - len(refused(name, which))} accepted")


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)

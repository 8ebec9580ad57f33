"""python -m tests.learn.apart.score: of the wrong answers kept apart, how many are rejected, placed and named."""

import importlib
import sys
from functools import cache
from itertools import product

import torch

from glassformer.learn.check import check
from tests.learn.apart.second import LOTS

NAMES = ("attention", "causal", "multi-head", "layer-norm")


@cache
def judged(name, second=False):
    """(apart, result) of every wrong answer of one exercise."""
    module = importlib.import_module(f"tests.learn.apart.{name.replace('-', '_')}")
    return [(apart, check(apart.thing, name)) for apart in (LOTS[name] if second else module.WRONG)]


def placed(apart, result):
    return result.stage in apart.stage.split("|")


def named(apart, result):
    return any(words in (result.mistake or "") for words in apart.named.split("|"))


def main(names=NAMES):
    torch.set_num_threads(1)
    for name, second in product(names, (False, True)):
        results = judged(name, second)
        for apart, result in results:
            if result.passed or not placed(apart, result) or not named(apart, result):
                wanted = f"{apart.stage}: {apart.named}"
                print(f"  {apart.thing.__name__}: {wanted!r}, got {result.stage}: {result.mistake}: {result.message}")
        counts = [sum(map(lambda pair, count=count: count(*pair), results)) for count in (placed, named)]
        rejected = sum(not result.passed for _, result in results)
        lot = f"{name}, second lot" if second else name
        print(f"{lot}: of {len(results)} {rejected} rejected, {counts[0]} placed, {counts[1]} named")


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)

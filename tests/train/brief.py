"""A recipe of seconds: run as a program, it trains and says where it is, so that a test can kill it."""

import sys
from pathlib import Path

import torch

from glassformer.train import material, recipes, run

BRIEF = recipes.Recipe(
    "brief",
    "made by the tests",
    (("sst2/train", 1),),
    generated=120,
    opening=40,
    lesson=5,
    batch=8,
    epochs=2.0,
    warmup=3,
)


def install() -> None:
    """Make the recipe known and everything small."""
    recipes.RECIPES["brief"] = BRIEF
    material.VOCABULARY = 400
    run.SAVE_EVERY = 7


if __name__ == "__main__":
    torch.set_num_threads(1)
    install()
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else None
    run.train("brief", Path(sys.argv[1]), Path(sys.argv[2]), (0,), steps)

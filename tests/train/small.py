"""Recipes of seconds for models that write, and their data; run as a program, one trains, so that it can be killed."""

import dataclasses
import random
import sys
from pathlib import Path

import torch

from glassformer.train import recipes, run
from tests.train import made

TEXT = "the soup is hot.\nthe song is long!\n" * 40
NOUNS = {"Hund": "dog", "Haus": "house", "Baum": "tree", "Mann": "man"}
VERBS = {"schläft": "sleeps", "steht": "stands", "fällt": "falls"}
SIZES = {"steps": 24, "width": 16, "heads": 2, "hidden": 16, "look": 9, "warmup": 3, "threads": 1}
RECIPES = {
    "reverse": dataclasses.replace(recipes.RECIPES["reverse"], **SIZES, batch=8),
    "characters": dataclasses.replace(
        recipes.RECIPES["characters"], **SIZES, layers=1, batch=4, length=16, dropout=0.1
    ),
    "translate": dataclasses.replace(
        recipes.RECIPES["translate"], **SIZES, layers=1, encoder_layers=1, batch=64, pieces=90, length=24
    ),
}


def captions(count: int, seed: int) -> list[dict]:
    """Pairs that can be learned word by word."""
    rng = random.Random(seed)
    drawn = [(rng.choice(list(NOUNS.items())), rng.choice(list(VERBS.items()))) for _ in range(count)]
    return [{"de": f"Der {de} {steht}.", "en": f"The {en} {stands}."} for (de, en), (steht, stands) in drawn]


def folder(place: Path) -> Path:
    """Both data sets, in miniature."""
    for seed, (split, count) in enumerate((("train", 60), ("validation", 8), ("test", 8))):
        made.write(place / f"multi30k_de_en/{split}.jsonl.gz", captions(count, seed))
        text = TEXT if split == "train" else TEXT[:200] + "Z"
        made.write(place / f"tiny_shakespeare/{split}.jsonl.gz", [{"text": text}])
    return place


def install(save_every: int = 7) -> None:
    """Make everything small."""
    recipes.RECIPES.update(RECIPES)
    run.SAVE_EVERY = save_every


if __name__ == "__main__":
    torch.set_num_threads(1)
    install()
    run.train(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))

"""A data folder in miniature, written by the tests: the real one is not in the repository."""

import gzip
import json
import os
from pathlib import Path

import pytest

from glassformer.train import data

GOOD, BAD = ("good", "fine", "lovely", "great"), ("bad", "poor", "awful", "dull")
THINGS = ("film", "soup", "room", "waiter", "phone", "story", "hotel", "song", "garden", "bread")


def sentences(frame: str) -> list[dict]:
    """One row a thing and word, with its label."""
    rows = []
    for label, words in ((0, BAD), (1, GOOD)):
        rows += [{"text": frame.format(thing=t, word=w), "label": label} for t in THINGS for w in words]
    return rows


def write(path: Path, rows: list[dict]) -> None:
    """As `<data set>/<split>.jsonl.gz`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def folder(place: Path) -> Path:
    """Every file that the recipes read."""
    frames = {
        "sst2/train": "the {thing} was {word}",
        "sst2/train_sentences": "a {word} {thing} , all of it was {word}",
        "sst2/validation": "this {thing} is {word}",
        "sst2/test": "that {thing} is {word}",
        "restaurant_reviews/train": "our {thing} was very {word} !",
        "restaurant_reviews/test": "our {thing} is very {word} !",
        "customer_reviews/train": "my {thing} seems {word} .",
        "customer_reviews/test": "my {thing} looks {word} .",
        "imdb/unsupervised_15k": "i saw the {thing} and it was {word} , not {word} .",
        **{f"negation/{suite}": "it was a {word} {thing} , " + suite for suite in data.SUITES},
    }
    for name, frame in frames.items():
        write(place / f"{name}.jsonl.gz", sentences(frame))
    return place


def real() -> Path:
    """The real data, or skip: it is test material that stays out of the repository."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    place = Path(os.environ.get("GLASSFORMER_DATA", beside))
    if not (place / "sst2" / "validation.jsonl.gz").is_file():
        pytest.skip(f"no data in {place}; set GLASSFORMER_DATA to the folder that holds sst2/ and negation/")
    return place

"""Labelled sentences from the project's data folder: `<data set>/<split>.jsonl.gz`, one JSON object a line."""

import gzip
import json
import re
import unicodedata
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path

from glassformer.errors import CheckpointError, MissingError, one_line

FETCH = "point --data (or GLASSFORMER_DATA) at the folder that holds sst2/, negation/ and the other data sets"
KINDS = {"label": int}  # of the fields that hold no text
SUITES = ("templates", "checklist", "contrast_sets_imdb", "counterfactual_imdb")


@dataclass(frozen=True)
class Example:
    """One sentence and its label: 0 negative, 1 positive.  group: the phenomenon or construction it belongs to."""

    text: str
    label: int
    group: str = ""


def read(data: Path, name: str) -> list[Example]:
    """The examples of `data/name.jsonl.gz`, such as "sst2/train"; labels other than 0 and 1 are left out.

    Raises MissingError where the file is not there, CheckpointError where a line of it cannot be read or none is left.
    """
    path = data / f"{name}.jsonl.gz"
    found = [Example(r["text"], r["label"], r.get("phenomenon", "")) for r in rows(path) if r["label"] in (0, 1)]
    if not found:
        raise CheckpointError(f"{path} labels no sentence 0 or 1; fetch the file again")
    return found


def read_texts(data: Path, name: str) -> list[str]:
    """The bare texts of a file, labelled or not.  Raises as `read` does."""
    return [row["text"] for row in rows(data / f"{name}.jsonl.gz", ("text",))]


def rows(path: Path, fields: tuple[str, ...] = ("text", "label")) -> list[dict]:
    """The objects of a file, each with these fields at least.  Raises MissingError, CheckpointError."""
    if not path.is_file():
        raise MissingError(f"there is no {path}; {FETCH}")
    found: list[dict] = []
    try:
        with gzip.open(path, "rt", encoding="utf8") as lines:
            for line in lines:
                found.append(_checked(json.loads(line), fields))
    except (OSError, EOFError, ValueError) as error:
        where = f"{path}, line {len(found) + 1}"
        raise CheckpointError(f"{where} cannot be read: {one_line(error, 80)}; fetch the file again") from None
    if not found:
        raise CheckpointError(f"{path} holds no line; fetch the file again")
    return found


def _checked(row: object, fields: tuple[str, ...]) -> dict:
    if not isinstance(row, dict) or not all(isinstance(row.get(name), KINDS.get(name, str)) for name in fields):
        raise ValueError(f"a JSON object with {' and '.join(fields)} was expected")
    return row


def normalised(text: str) -> str:
    """Letters and digits alone, lower case, no accents: sentences alike but for spacing and punctuation are equal."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("’", "'"))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    joined = re.sub(r"\s?(n't|'s|'re|'ve|'ll|'d|'m)\b", r"\1", plain).replace("'", "")  # the Treebank's spaces
    return " ".join(re.findall(r"[a-z0-9]+", joined))


def kept_apart(data: Path) -> set[str]:
    """Every sentence that nothing may be trained on, normalised: the suites, SST-2 validation and test."""
    names = [f"negation/{suite}" for suite in SUITES] + ["sst2/validation", "sst2/test"]
    return {normalised(text) for name in names for text in read_texts(data, name)}


def without(examples: Iterable[Example], apart: Set[str]) -> tuple[list[Example], int]:
    """The examples that are not among the sentences kept apart, and how many were dropped."""
    examples = list(examples)
    kept = [example for example in examples if normalised(example.text) not in apart]
    return kept, len(examples) - len(kept)

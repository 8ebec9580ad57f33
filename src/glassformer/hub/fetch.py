"""Models from the Hugging Face hub: from its cache at once, else fetched, and never a long wait for an answer.

`huggingface_hub` does the fetching and owns the cache.  What is added here is only that an id, a network or half of
a download that is not there is said within two seconds: left alone, it asks five times with growing pauses.
"""

import contextlib
import os
import re
import sys
import threading
from pathlib import Path
from typing import Any

from glassformer.errors import CheckpointError, MissingError, one_line
from glassformer.hub import rules, sentence
from glassformer.hub.weights import INDEX, PICKLED, PICKLED_INDEX, SINGLE, CutShort, look, nothing

PATIENCE = 1.5  # seconds for the hub's first answer; HF_HUB_ETAG_TIMEOUT says another number
OFFLINE = ("GLASSFORMER_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
READ = ("config.json", "README.md", *rules.FILES, *sentence.FILES)  # beside the weights
OWNED = {  # names that people know without their owner
    "bert-base-uncased": "google-bert",
    "bert-base-cased": "google-bert",
    "bert-large-uncased": "google-bert",
    "bert-base-multilingual-cased": "google-bert",
    "roberta-base": "FacebookAI",
    "roberta-large": "FacebookAI",
    "distilbert-base-uncased": "distilbert",
    "distilroberta-base": "distilbert",
    "all-MiniLM-L6-v2": "sentence-transformers",
}


def is_id(name: str) -> bool:
    """`owner/name`, or a name alone that an old cache may have, each with or without `@revision`."""
    plain = r"[A-Za-z0-9_][\w.-]{0,95}"
    return re.fullmatch(rf"({plain}/)?{plain}(@\w[\w./-]{{0,200}})?", name, re.ASCII) is not None and ".." not in name


def did_you_mean(name: str) -> str:
    """The hub id of a model that is known without its owner."""
    owner = OWNED.get(name.partition("@")[0])
    return f"; did you mean {owner}/{name}?" if owner else ""


def folder(name: str, allow_pickle: bool = False) -> Path | None:
    """The folder of a hub id, fetched if need be; None where it is a name alone that no cache has.

    Raises MissingError where it is not there and cannot be had, or only half of it is there.
    """
    id, _, revision = name.partition("@")
    there = _cached(id, revision or None)
    problem = "it is not in the cache of the hub" if there is None else _incomplete(there, allow_pickle)
    if there is not None and not problem:
        return there
    if "/" not in id and there is None:
        return None
    if there is not None and "cut short" in problem:
        raise MissingError(f"{problem}; delete {there.parents[1]} first: only half of it was fetched")
    if switch := next((name for name in OFFLINE if _is_on(os.environ.get(name))), None):
        raise MissingError(
            f"{one_line(name, 60)}: {problem}, and {switch} forbids to fetch it; take {switch} away, "
            "or give the path of a folder"
        )
    _fetch(id, revision or None, allow_pickle)
    there = _cached(id, revision or None)
    if there is None or (problem := _incomplete(there, allow_pickle)):
        raise MissingError(f"{one_line(name, 60)} was fetched, but {problem}; try again")
    return there


def _is_on(value: str | None) -> bool:
    return (value or "").upper() in ("1", "ON", "YES", "TRUE")


def _cached(id: str, revision: str | None) -> Path | None:
    """The folder in the hub's cache that has at least the config of this model."""
    from huggingface_hub import try_to_load_from_cache

    try:
        path = try_to_load_from_cache(id, "config.json", revision=revision)
    except (ValueError, OSError):  # an id that the hub would not have
        return None
    return Path(path).parent if isinstance(path, str) else None


def _incomplete(there: Path, allow_pickle: bool) -> str:
    """Why a folder of the cache is only half of a model, or "" where it is whole."""
    try:
        look(there, allow_pickle)
    except CutShort as error:
        return str(error)
    except CheckpointError as error:
        fetched = any((there / name).exists() for name in (SINGLE, PICKLED))
        return "" if fetched else f"the cache has only a part of it ({one_line(error, 300)})"
    tokenizer = any((there / name).exists() for name in ("tokenizer.json", "vocab.txt", "vocab.json"))
    return "" if tokenizer else "the cache has only a part of it: no tokenizer"


def _fetch(id: str, revision: str | None, allow_pickle: bool) -> None:
    """Fetch what is read of a model, and nothing else."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import disable_progress_bars

    names = _wanted(_asked(id, revision), id, allow_pickle)
    if not sys.stderr.isatty():
        disable_progress_bars()
    for name in names:
        try:
            hf_hub_download(id, name, revision=revision, etag_timeout=_patience() * 4)
        except Exception as error:
            raise MissingError(
                f"{id}: {name} could not be fetched: {_why(error)}; try again: what is there already is kept"
            ) from None


def _wanted(there: list[str], id: str, allow_pickle: bool) -> list[str]:
    """Of the files of a model, those that are read."""
    forms = [rf"{re.escape(SINGLE)}", rf"{re.escape(INDEX)}|model-\d+-of-\d+\.safetensors"]
    if allow_pickle:
        forms += [rf"{re.escape(PICKLED)}", rf"{re.escape(PICKLED_INDEX)}|pytorch_model-\d+-of-\d+\.bin"]
    weights = next((found for form in forms if (found := [name for name in there if re.fullmatch(form, name)])), [])
    if not weights:
        raise CheckpointError(f"{id} {nothing(set(there))}")
    return [name for name in READ if name in there] + weights


def _asked(id: str, revision: str | None) -> list[str]:
    """The names of a model's files, as the hub says.  One question, answered in time or not at all."""
    answer: dict[str, Any] = {}

    def ask() -> None:
        try:
            from huggingface_hub import HfApi

            answer["info"] = HfApi().model_info(id, revision=revision, timeout=_patience())
        except BaseException as error:
            answer["error"] = error

    asking = threading.Thread(target=ask, daemon=True)  # a name server may keep it waiting for longer than any timeout
    asking.start()
    asking.join(_patience() + 0.3)
    if "info" in answer:
        return [each.rfilename for each in answer["info"].siblings or ()]
    raise MissingError(_unanswered(id, revision, answer.get("error")))


def _patience() -> float:
    with contextlib.suppress(ValueError):
        return max(0.1, float(os.environ.get("HF_HUB_ETAG_TIMEOUT", PATIENCE)))
    return PATIENCE


def _unanswered(id: str, revision: str | None, error: BaseException | None) -> str:
    """Why the hub did not say what files a model has, and what to do."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "GatedRepoError" in kinds:
        return f"{id} is gated: accept its terms on its page on the hub, log in with `hf auth login`, and try again"
    if "RevisionNotFoundError" in kinds:
        return f"{id} has no revision {one_line(revision, 60)}; leave @… out for the newest"
    if kinds & {"RepositoryNotFoundError", "HFValidationError"}:
        where = "no folder of that name here, and no such model on the hub"
        return f"there is no model {id!r}: {where}; if it is private, log in with `hf auth login`"
    if "HfHubHTTPError" in kinds:
        return f"{id} is not in the cache, and the hub answers: {_why(error)}; try again later"
    why = f"did not answer in {_patience():g} s" if error is None else f"cannot be reached ({_why(error)})"
    slow = "; on a slow line set HF_HUB_ETAG_TIMEOUT=10" if error is None else ""
    return f"{id} is not in the cache, and the hub {why}: go online and try again, or give the path of a folder{slow}"


def _why(error: BaseException | None) -> str:
    return one_line(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__, 120)

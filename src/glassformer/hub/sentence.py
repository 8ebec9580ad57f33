"""How a sentence-transformers folder makes one vector of a text: data, never the code that the files name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassformer.errors import CheckpointError, one_line
from glassformer.hub.weights import read_json

FILES = ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json", "1_Pooling/config.json")
POOLINGS = ("mean", "cls", "max")
STEPS = ("Transformer", "Pooling", "Normalize")


@dataclass(frozen=True)
class Sentence:
    """pooling: of many positions into one vector; normalised: to length 1; most: pieces it reads, or None; lowered:
    the text is put in small letters before it is cut."""

    pooling: str = "mean"
    normalised: bool = False
    most: int | None = None
    lowered: bool = False


def read(folder: Path) -> Sentence:
    """What the folder says of sentence vectors; the usual where it says nothing.  Raises CheckpointError."""
    if not (folder / "modules.json").exists():
        return Sentence()
    steps = [_step(folder / "modules.json", each) for each in _list(folder / "modules.json")]
    pooling = next((_pooling(folder / path / "config.json") for kind, path in steps if kind == "Pooling"), "mean")
    normalised = any(kind == "Normalize" for kind, _ in steps)
    return Sentence(pooling, normalised, *_reading(folder / "sentence_bert_config.json"))


def _list(path: Path) -> list[Any]:
    found = read_json(path)
    if not isinstance(found, list) or len(found) > 20:
        raise CheckpointError(f"{path} is no list of a few steps; fetch it again")
    return found


def _step(path: Path, step: Any) -> tuple[str, str]:
    """The kind of a step and its folder, which is a plain name inside the checkpoint's."""
    kind, place = (step.get(key) if isinstance(step, dict) else None for key in ("type", "path"))
    if not isinstance(kind, str) or not isinstance(place, str):
        raise CheckpointError(f"{path} describes a step wrongly: {one_line(step, 80)}")
    name = kind.rpartition(".")[2]
    if name not in STEPS:
        raise CheckpointError(f"{path} asks for a {one_line(repr(name), 40)} step; known: {', '.join(STEPS)}")
    if place and (Path(place).name != place or place in (".", "..")):
        raise CheckpointError(f"{path} names the folder {one_line(repr(place), 60)}, which is no plain name inside it")
    return name, place


def _pooling(path: Path) -> str:
    """`pooling_mode`, or the one switch of the older form that is on."""
    said = read_json(path)
    if not isinstance(said, dict):
        raise CheckpointError(f"{path} is no table of settings; fetch it again")
    switches = {key: value for key, value in said.items() if key.startswith("pooling_mode_")}
    on = [key.removeprefix("pooling_mode_").removesuffix("_tokens") for key, value in switches.items() if value]
    on = ["cls" if name == "cls_token" else name for name in on]
    asked = said.get("pooling_mode", on[0] if len(on) == 1 else on or "mean")
    asked = asked[0] if isinstance(asked, list) and len(asked) == 1 else asked
    if not isinstance(asked, str) or asked not in POOLINGS:
        raise CheckpointError(f"{path} asks for the pooling {one_line(asked, 60)}; known: {', '.join(POOLINGS)}")
    return asked


def _reading(path: Path) -> tuple[int | None, bool]:
    """The most pieces it reads, and whether the text is put in small letters first."""
    said = read_json(path) if path.exists() else {}
    if not isinstance(said, dict):
        raise CheckpointError(f"{path} is no table of settings; fetch it again")
    most = said.get("max_seq_length")
    if most is not None and (type(most) is not int or not 3 <= most <= 1 << 20):
        raise CheckpointError(f"{path}: max_seq_length is {one_line(repr(most), 40)}; a whole number was expected")
    return most, bool(said.get("do_lower_case"))

"""The state of an unfinished run in one file, replaced whole: a run that is killed, even while it saves, can go on."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import safe_open
from torch import Tensor

from glassformer.errors import CheckpointError, UsageError, WriteError, one_line
from glassformer.train.loop import Log, State
from glassformer.train.recipes import UNSAID, Recipe

SHORT = 20  # characters of a value that is told


def fingerprint(recipe: Recipe, seed: int, rows: Sequence[Sequence[int]], labels: Sequence[int]) -> str:
    """What must be the same for a run to go on: the recipe, the seed, the sentences and how they are cut."""
    digest = hashlib.sha256(json.dumps([list(rows), list(labels)]).encode()).hexdigest()
    return json.dumps({**recipe.facts(), "seed": seed, "data": digest}, sort_keys=True)


def save(path: Path, state: State, mark: str) -> None:
    """Write `state` as `path`, whole or not at all.  Raises WriteError."""
    tensors = {f"model.{name}": value for name, value in state.model.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in state.average.state_dict().items()}
    for number, values in state.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in values.items()}
    log = json.dumps(dataclasses.asdict(state.log))
    write_file(path, safetensors.torch.save(tensors, {"step": str(state.step), "mark": mark, "log": log}))


def write_file(path: Path, content: bytes) -> None:
    """Write `content` as `path`, whole or not at all, and on the disk when this returns.  Raises WriteError."""
    beside = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror}; choose another --out") from None


def resume(path: Path, state: State, mark: str) -> None:
    """Put what was saved into `state`; nothing where there is no file.

    Raises UsageError where the file belongs to another recipe, seed or data, CheckpointError where it is broken.
    """
    if not path.exists():
        return
    try:
        with safe_open(path, "pt") as file:
            about, tensors = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as error:
        raise CheckpointError(f"{path} cannot be read: {one_line(error, 80)}; delete it to start again") from None
    if about.get("mark") != mark:
        differ = differences(json.loads(about.get("mark", "{}")), json.loads(mark))
        raise UsageError(f"{path} is an unfinished run of another kind ({differ}); choose another --out or delete it")
    _fill(state, tensors, int(about["step"]))
    state.log = Log(**json.loads(about.get("log", "{}")))


def differences(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What two runs are known by and differ in, each with both values where they are short."""
    was, now = UNSAID | old, UNSAID | new
    names = [name for name in now if was.get(name) != now[name]]
    return ", ".join(_both(name, was.get(name), now[name]) for name in names) or "unknown"


def _both(name: str, was: Any, now: Any) -> str:
    told = max(len(str(was)), len(str(now))) <= SHORT
    return f"{name} {was} there, {now} here" if told else name


def _fill(state: State, tensors: dict[str, Tensor], step: int) -> None:
    state.model.load_state_dict(_under(tensors, "model."))
    state.average.load_state_dict(_under(tensors, "average."))
    layout = state.optimiser.state_dict()
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _under(tensors, "optimiser.").items():
        number, _, kind = name.partition(".")
        moments.setdefault(int(number), {})[kind] = value
    state.optimiser.load_state_dict({"state": moments, "param_groups": layout["param_groups"]})
    state.step = step


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

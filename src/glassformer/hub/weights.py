"""The tensors of a checkpoint in the Hugging Face format, looked at before any of them is read.

Three forms: `model.safetensors`; several of them and an index; and, only when asked for, the old pickled
`pytorch_model.bin`, whose every instruction is looked at before it is followed.
"""

import json
import math
import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import safe_open
from torch import Tensor

from glassformer.errors import CheckpointError, one_line
from glassformer.hub import pickled

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLED, PICKLED_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
ELSEWHERE = {  # files for other libraries, and how the last transformers that knows them reads them
    "tf_model.h5": ("TensorFlow", "from_pretrained(folder, from_tf=True)"),
    "model.ckpt.index": ("TensorFlow 1", "from_pretrained(folder, from_tf=True), with bert_config.json as config.json"),
    "bert_model.ckpt.index": ("TensorFlow 1", "from_pretrained(folder, from_tf=True), with the files as model.ckpt.*"),
    "flax_model.msgpack": ("Flax", "from_pretrained(folder, from_flax=True)"),
}
MOST_TENSORS, MOST_FILES, LONGEST_HEADER = 100_000, 1_000, 25_000_000
FLOATS = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64}
WHOLE = {"I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "U8": torch.uint8, "BOOL": torch.bool}
BYTES = {name: kind.itemsize for name, kind in (FLOATS | WHOLE).items()}


class CheckpointWarning(UserWarning):
    """A checkpoint was read, but something about it is odd: weights that are not finite, or that were not used."""


class CutShort(CheckpointError):
    """A file of weights ends before its own header says."""


@dataclass(frozen=True)
class Stored:
    """A tensor in a file, not read yet.  kind: a key of FLOATS or WHOLE."""

    file: Path
    kind: str
    shape: tuple[int, ...]


class Weights:
    """The tensors of a folder: `stored` says what there is, in the order of the files; `tensors` reads."""

    def __init__(
        self, files: tuple[Path, ...], stored: Mapping[str, Stored], loaded: Mapping[str, Tensor] | None = None
    ):
        self.files, self.stored = files, stored
        self._loaded = loaded  # what came out of a pickle, which is read whole or not at all

    @property
    def bytes(self) -> int:
        return sum(file.stat().st_size for file in self.files)

    def tensors(self) -> dict[str, Tensor]:
        """All of them, as they are stored: views of the files, which are read when they are first looked at."""
        if self._loaded is not None:
            return dict(self._loaded)
        with ExitStack() as stack:
            opened = {file: stack.enter_context(_opened(file)) for file in self.files}
            return {name: opened[each.file].get_tensor(name) for name, each in self.stored.items()}


def look(folder: Path, allow_pickle: bool = False) -> Weights:
    """What weights `folder` has.  Raises CheckpointError where it has none that may be read, or broken ones."""
    if (folder / SINGLE).exists():
        return _whole((folder / SINGLE,))
    if (folder / INDEX).exists():
        return _sharded(folder, INDEX, _whole)
    if allow_pickle and (folder / PICKLED_INDEX).exists():
        return _sharded(folder, PICKLED_INDEX, _unpickled)
    if allow_pickle and (folder / PICKLED).exists():
        return _unpickled((folder / PICKLED,))
    raise CheckpointError(f"{folder} {nothing({path.name for path in folder.iterdir()})}")


def nothing(names: set[str]) -> str:
    """Why a folder with these files has no weights to read, and what to do."""
    if names & {PICKLED, PICKLED_INDEX}:
        return (
            f"has its weights only as {PICKLED}, a pickle, which can run code; if you trust where it comes from, "
            "give --allow-pickle-weights (allow_pickle=True): only its tensors are read"
        )
    if found := sorted(names & set(ELSEWHERE)):
        library, how = ELSEWHERE[found[0]]
        return (
            f"has its weights only for {library} ({found[0]}); with transformers 4.57, the last that reads them, "
            f"convert them: {how}, then save_pretrained(new_folder)"
        )
    return f"has no weights: no {SINGLE} and no {INDEX}; fetch the model again"


def of_numbers(name: str, stored: Stored, folder: Path) -> None:
    """Raises CheckpointError where a tensor holds something else than numbers with a fraction."""
    if stored.kind not in FLOATS:
        raise CheckpointError(
            f"{folder}: {one_line(name, 60)} is stored as {stored.kind}; {', '.join(FLOATS)} can be read"
        )


def _sharded(folder: Path, index: str, read: Any) -> Weights:
    """The files that an index names, each tensor in the file it is said to be in, and nowhere else."""
    places = _index(folder / index)
    files = tuple(dict.fromkeys(folder / file for file in places.values()))
    for file in files:
        if not file.is_file():
            raise CheckpointError(f"{folder / index} names {file.name}, which is not there; fetch the model again")
    found = read(files)
    for name in {**places, **found.stored}:
        said, there = places.get(name), found.stored.get(name)
        if there is None or said != there.file.name:
            where = there.file.name if there else "in no file"
            raise CheckpointError(
                f"{folder / index} and the files disagree about {one_line(name, 60)}: it says "
                f"{said or 'nothing'}, found {where}; fetch the model again"
            )
    return found


def _index(path: Path) -> dict[str, str]:
    """Which file each tensor is in, by a name that can be no path."""
    table = read_json(path, LONGEST_HEADER)
    places = table.get("weight_map") if isinstance(table, dict) else None
    if not isinstance(places, dict) or not places or len(places) > MOST_TENSORS:
        raise CheckpointError(f"{path} has no weight_map of 1 to {MOST_TENSORS:,} tensors; fetch the model again")
    for file in places.values():
        if not isinstance(file, str) or not re.fullmatch(r"\w[\w.-]{0,200}\.(safetensors|bin)", file, re.ASCII):
            raise CheckpointError(
                f"{path} names the file {one_line(repr(file), 60)}, which is no plain name in the folder"
            )
    if len(set(places.values())) > MOST_FILES:
        raise CheckpointError(f"{path} names {len(set(places.values())):,} files; at most {MOST_FILES:,} are read")
    return places


def _whole(files: tuple[Path, ...]) -> Weights:
    """What the headers of safetensors files say."""
    stored: dict[str, Stored] = {}
    for file in files:
        stored |= header(file)
    if not stored or len(stored) > MOST_TENSORS:
        raise CheckpointError(f"{files[0]} holds {len(stored):,} tensors; 1 to {MOST_TENSORS:,} were expected")
    return Weights(files, stored)


def header(file: Path) -> dict[str, Stored]:
    """The tensors that a safetensors file says it has, if it is long enough.  Raises CheckpointError, CutShort."""
    if not file.is_file():
        raise CheckpointError(f"{file} is no file; fetch the model again")
    try:
        with file.open("rb") as opened:
            table, begin = _header(opened, file)
    except (ValueError, RecursionError, OSError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{file} cannot be read: {one_line(error)}; fetch it again") from None
    table.pop("__metadata__", None)
    ends = [_tensor_end(file, name, entry) for name, entry in table.items()]
    if (size := file.stat().st_size) != begin + max(ends, default=0):
        kind, what = (
            (CutShort, "is cut short") if size < begin + max(ends, default=0) else (CheckpointError, "is too long")
        )
        raise kind(
            f"{file} {what}: it has {size:,} bytes, its header says {begin + max(ends, default=0):,}; fetch it again"
        )
    by_place = sorted(table, key=lambda name: table[name]["data_offsets"])
    return {name: Stored(file, table[name]["dtype"], tuple(table[name]["shape"])) for name in by_place}


def _header(opened: IO[bytes], file: Path) -> tuple[dict[str, Any], int]:
    begins = opened.read(8)
    length = int.from_bytes(begins, "little")
    size = file.stat().st_size
    if size < 8 + 2:
        raise CutShort(f"{file} is cut short: {size} bytes are no weights; fetch it again")
    if begins == b"version ":
        raise CutShort(f"{file} is a Git LFS pointer, not the weights: run `git lfs pull` in its folder")
    if length > LONGEST_HEADER:
        raise CheckpointError(f"{file} is no safetensors file: its header would have {length:,} bytes; fetch it again")
    if size < 8 + length:
        raise CutShort(f"{file} is cut short: it has {size:,} bytes, its header alone {8 + length:,}; fetch it again")
    table = json.loads(opened.read(length))
    if not isinstance(table, dict):
        raise ValueError("its header is no table")
    return table, 8 + length


def _tensor_end(file: Path, name: str, entry: Any) -> int:
    """Where in the file a tensor ends, if its entry makes sense."""
    if not _sound(entry):
        raise CheckpointError(f"{file} describes the tensor {one_line(name, 60)} wrongly: {one_line(entry, 80)}")
    kind, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    if kind not in BYTES:
        known = ", ".join(FLOATS)
        raise CheckpointError(f"{file} holds {one_line(name, 60)} as {one_line(kind, 20)}; {known} can be read")
    if math.prod(shape) * BYTES[kind] != end - begin:
        raise CheckpointError(
            f"{file}: {one_line(name, 60)} of shape {tuple(shape)} is not {end - begin:,} bytes of {kind}"
        )
    return end


def _sound(entry: Any) -> bool:
    """A tensor's entry has a kind, a shape of at most eight axes, and where it begins and ends."""
    if not isinstance(entry, dict) or not isinstance(entry.get("dtype"), str):
        return False
    shape, span = entry.get("shape"), entry.get("data_offsets")
    if not isinstance(shape, list) or not isinstance(span, list) or len(shape) > 8 or len(span) != 2:
        return False
    return all(type(size) is int and 0 <= size < 1 << 60 for size in [*shape, *span])


def _opened(file: Path) -> Any:
    try:
        return safe_open(file, "pt")
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # what Rust panics with is no Exception
        raise CheckpointError(f"{file} cannot be read: {one_line(error)}; fetch it again") from None


def _unpickled(files: tuple[Path, ...]) -> Weights:
    stored: dict[str, Stored] = {}
    loaded: dict[str, Tensor] = {}
    names = {kind: name for name, kind in (FLOATS | WHOLE).items()}
    for file in files:
        for name, tensor in pickled.tensors(file).items():
            if tensor.dtype not in names:
                raise CheckpointError(
                    f"{file} holds {one_line(name, 60)} as {tensor.dtype}; {', '.join(FLOATS)} can be read"
                )
            stored[name] = Stored(file, names[tensor.dtype], tuple(tensor.shape))
            loaded[name] = tensor
    return Weights(files, stored, loaded)


def read_json(path: Path, most: int = 1 << 20) -> Any:
    """What a JSON file says, if it has at most `most` bytes.  Raises CheckpointError."""
    try:
        return json.loads(read_bytes(path, most))
    except (ValueError, RecursionError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} cannot be read: {one_line(error)}; fetch it again") from None


def read_bytes(path: Path, most: int = 1 << 20) -> bytes:
    """The content of a small file.  Raises CheckpointError where it is no file, or has more than `most` bytes."""
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path} is no file; fetch the model again")
    try:
        with path.open("rb") as opened:
            content = opened.read(most + 1)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}; fetch the model again") from None
    if len(content) > most:
        raise CheckpointError(f"{path} has more than {most:,} bytes; such a file is not read")
    return content

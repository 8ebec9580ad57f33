"""Tensors out of a `pytorch_model.bin`: a pickle whose every instruction is looked at before any is followed.

`torch.load(weights_only=True)` runs no code, but it still makes what a pickle asks for, however large.  So the
names a pickle may use are a short list, and nothing in the archive may be compressed: what it makes is then at
most as large as the file.
"""

import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from glassformer.errors import CheckpointError, one_line

STORAGES = "Float Double Half BFloat16 Long Int Short Char Byte Bool".split()
NAMES = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    *(f"torch {kind}Storage" for kind in STORAGES),
}
DATA = {
    "MARK",
    "STOP",
    "PROTO",
    "FRAME",
    "POP",
    "POP_MARK",
    "NONE",
    "NEWTRUE",
    "NEWFALSE",
    "REDUCE",
    "BUILD",
    "BINPERSID",
}
DATA |= {
    "BININT",
    "BININT1",
    "BININT2",
    "LONG1",
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BINFLOAT",
    "INT",
    "LONG",
    "UNICODE",
}
DATA |= {
    "EMPTY_TUPLE",
    "TUPLE",
    "TUPLE1",
    "TUPLE2",
    "TUPLE3",
    "EMPTY_DICT",
    "DICT",
    "SETITEM",
    "SETITEMS",
    "EMPTY_LIST",
}
DATA |= {"LIST", "APPEND", "APPENDS", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET", "MEMOIZE", "SHORT_BINSTRING"}
MOST_STEPS = 1_000_000
LEGACY_PARTS = 5  # pickles in a file of before PyTorch 1.6: a number, a version, the system, the weights, their keys


def tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a `pytorch_model.bin`, by name.  Raises CheckpointError for whatever is anything else."""
    if not file.is_file():
        raise CheckpointError(f"{file} is no file; fetch the model again")
    try:
        packed = zipfile.is_zipfile(file)
        (_check_archive if packed else _check_legacy)(file)
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=True if packed else None)
        return _tensors(content, file)
    except CheckpointError:
        raise
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise CheckpointError(f"{file} cannot be read: {one_line(error)}; fetch it again") from None


def _check_archive(file: Path) -> None:
    """As large as what it holds, and with one pickle that only makes tensors."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        packed = [part for part in parts if part.compress_type != zipfile.ZIP_STORED]
        if packed or len(parts) > 200_000 or sum(part.file_size for part in parts) > file.stat().st_size:
            raise CheckpointError(f"{file} is compressed, or says it holds more than it does; it was not unpacked")
        pickles = [part for part in parts if part.filename.endswith(".pkl")]
        if len(pickles) != 1 or not pickles[0].filename.endswith("data.pkl"):
            raise CheckpointError(f"{file} holds {len(pickles)} pickles; one, data.pkl, was expected")
        with archive.open(pickles[0]) as opened:
            _check(opened, file)


def _check_legacy(file: Path) -> None:
    with file.open("rb") as opened:
        for _ in range(LEGACY_PARTS):
            _check(opened, file)


def _check(opened: IO[bytes], file: Path) -> None:
    """Every instruction of a pickle moves data, or asks for one of NAMES."""
    for step, (name, argument) in enumerate(_steps(opened)):
        asked = argument if name == "GLOBAL" else None
        if step > MOST_STEPS or (asked not in NAMES if asked else name not in DATA):
            what = asked or name
            raise CheckpointError(f"{file} asks for {one_line(what, 60)}, which is no tensor; nothing of it was run")


def _steps(opened: IO[bytes]) -> Iterator[tuple[str, Any]]:
    for instruction, argument, _ in pickletools.genops(opened):
        yield instruction.name, argument


def _tensors(content: Any, file: Path) -> dict[str, Tensor]:
    named = isinstance(content, dict) and all(isinstance(name, str) for name in content)
    if not named or not all(isinstance(value, Tensor) and value.layout == torch.strided for value in content.values()):
        raise CheckpointError(f"{file} does not hold tensors by name alone; save the model again with save_pretrained")
    size = file.stat().st_size
    held = {value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() for value in content.values()}
    copied = sum(value.nbytes for value in content.values() if not value.is_contiguous())
    if max(sum(held.values()), copied) > 4 * size or any(value.nbytes > size for value in content.values()):
        raise CheckpointError(f"{file} asks for more than its {size:,} bytes hold; it was not read")
    return {name: value.detach().contiguous() for name, value in content.items()}

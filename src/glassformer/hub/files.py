"""Files that are whole or not there: written beside their place and moved in, and checked against a manifest."""

import ctypes
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from glassformer.errors import CheckpointError, MissingError, WriteError, one_line

MANIFEST = "manifest.json"


def write_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Write `files` as `folder`, with a manifest of their sha256; an older folder of that name is replaced at once.

    A name may have one folder in it: `1_Pooling/config.json`.

    Raises WriteError, and leaves what was there, where the place cannot be written or holds anything else.
    """
    folder = folder.resolve()
    manifest = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    files = {**files, MANIFEST: (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()}
    try:
        _replaceable(folder, files)
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for name, content in files.items():
                (beside / name).parent.mkdir(exist_ok=True)
                (beside / name).write_bytes(content)
            beside.chmod(0o755)
            _move_in(beside, folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(f"cannot write {folder}: {error.strerror}; choose another folder") from None


def _replaceable(folder: Path, files: dict[str, bytes]) -> None:
    """Only an older model may be replaced: whatever else stands there would be lost."""
    if folder.exists() and not folder.is_dir():
        raise WriteError(f"{folder} is a file; choose another folder")
    mine = {name.partition("/")[0] for name in files}
    other = sorted({path.name for path in folder.iterdir()} - mine) if folder.exists() else []
    if other:
        raise WriteError(f"{folder} holds {other[0]!r}, which is no part of a model and would be lost; choose another")


def _move_in(new: Path, place: Path) -> None:
    """Put `new` at `place`; afterwards what stood there stands at `new`."""
    if not place.exists():
        os.replace(new, place)
    elif not _exchanged(new, place):
        old = new.with_name(f"{new.name}.old")
        os.replace(place, old)
        try:
            os.replace(new, place)
        except OSError:
            os.replace(old, place)
            raise
        os.replace(old, new)


def _exchanged(one: Path, other: Path) -> bool:
    """Swap two folders in one step where the system can, so that nobody ever finds neither."""
    exchange = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    here, both = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of rename(2)
    return exchange is not None and exchange(here, os.fsencode(one), here, os.fsencode(other), both) == 0


def read_folder(folder: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """The contents of `names` in `folder`, each equal to its sha256 in the manifest.

    Raises MissingError where the folder or its manifest is not there, CheckpointError where a file is missing
    or is not what was written: no weight format notices a flipped bit by itself.
    """
    if not (folder / MANIFEST).is_file():
        raise MissingError(f"{folder} holds no model: neither config.json and weights nor {MANIFEST}; fetch it again")
    manifest = _manifest(folder)
    return {name: _checked(folder / name, manifest.get(name)) for name in names}


def check_folder(folder: Path) -> None:
    """Where `folder` has a manifest, every file it names is what was written.  Raises CheckpointError."""
    if not (folder / MANIFEST).is_file():
        return
    for name, expected in _manifest(folder).items():
        if not re.fullmatch(r"(\w[\w.-]*/)?\w[\w.-]*", name, re.ASCII):
            raise CheckpointError(f"{folder / MANIFEST} names {one_line(repr(name), 60)}, which is no file of a model")
        _checked(folder / name, expected, keep=False)


def _manifest(folder: Path) -> dict[str, str]:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{folder / MANIFEST} cannot be read: {one_line(error)}") from None
    if not isinstance(manifest, dict):
        raise CheckpointError(f"{folder / MANIFEST} is not a table of file names and sha256")
    return manifest


def _checked(path: Path, expected: str | None, keep: bool = True) -> bytes:
    """The content of a file that is what was saved; nothing of it where it need not be kept in memory."""
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path} is no file; install or fetch the model again")
    try:
        with path.open("rb") as opened:
            content = opened.read() if keep else b""
            found = hashlib.sha256(content) if keep else hashlib.file_digest(opened, "sha256")
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}; fetch the model again") from None
    if found.hexdigest() != expected:
        raise CheckpointError(
            f"{path} is not what was saved: {path.stat().st_size:,} bytes with sha256 {found.hexdigest()[:12]}…, "
            f"the manifest says {one_line(str(expected)[:12])}…; install or fetch the model again"
        )
    return content

"""An explanation as one HTML file: `glassformer explain TEXT --html FILE`."""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassformer.errors import UsageError, WriteError, one_line
from glassformer.verbs.asking import address_of, not_read, say
from glassformer.verbs.options import Change, Drawn

if TYPE_CHECKING:
    from glassformer.explain.explanation import Explanation
    from glassformer.explain.reader import Reader

LEAST_BESIDE = 700_000  # bytes for all that is not the model


def check(wanted: Drawn) -> Path | None:
    """The file to write, while nothing has been computed yet.  Raises UsageError, WriteError."""
    if wanted.html is None:
        if wanted.with_model:
            raise UsageError("--with-model puts the model into a page; name its file with --html")
        return None
    if wanted.json:
        raise UsageError("--html writes a page, --json prints a document; choose one")
    file = wanted.html
    if not file.parent.is_dir():
        raise WriteError(f"there is no folder {one_line(file.parent, 100)} to write {one_line(file.name, 60)} in")
    if file.is_dir():
        raise WriteError(f"{one_line(file, 100)} is a folder; name a file in it")
    if file.exists() and not _is_page(file):
        raise WriteError(f"{one_line(file, 100)} is there already and is no HTML; choose another name")
    return file


def _is_page(file: Path) -> bool:
    """What may be written over: a page, or a file with nothing in it."""
    if not file.is_file():
        return False
    with open(file, "rb") as given:
        beginning = given.read(200).lstrip().lower()
    return not beginning or beginning.startswith((b"<!doctype html", b"<html"))


def write_page(
    file: Path, x: "Explanation", reader: "Reader", change: Change, address: str | None, with_model: bool
) -> None:
    """Make the page, write it whole or not at all, and say what it holds."""
    from glassformer.explain.carried import carried
    from glassformer.show.page import made

    models = packs(reader) if with_model else None
    choices = change.choices(x)
    where = "" if address is None else str(x.at(address_of(address)))
    begin = {"address": where, "switches": [str(choice) for choice in choices]}
    title = f"{x.text[:80]} · {reader.name} · Glassformer"
    page = made(carried(x, choices, change.against), models=models, begin=begin, title=title)
    content = page.html.encode()
    put(file, content)
    not_read(x.left_out)
    say(f"{one_line(file, 200)}: {len(content):,} bytes, opens in any browser and fetches nothing{_left(page.left[0])}")


def _left(left: dict[str, Any] | None) -> str:
    """What the bytes had no room for."""
    if left is None:
        return "; every number is in it, exact"
    heads = left["exact_heads"]
    exact = [] if heads is None else [f"exact: {len(heads)} head{'s' * (len(heads) != 1)}"]
    return "".join(f"; {each}" for each in [*exact, *(f"rounded: {r}" for r in left["rounded"]), *_out(left["out"])])


def _out(out: list[str]) -> list[str]:
    return [f"left out: {', '.join(out)}"] if out else []


def packs(reader: "Reader") -> dict[str, bytes]:
    """The model, and of those it stands beside as many as fit, so that the page can run them.  Raises UsageError."""
    from glassformer.explain.carried import SMALL
    from glassformer.explain.pack import models_pack
    from glassformer.explain.reader import COMPANIONS
    from glassformer.hub.store import shipped
    from glassformer.show.modelpack import packed_models
    from glassformer.show.page import MOST_WITH_MODELS

    beside, size = [name for name in (SMALL, *COMPANIONS) if name in shipped()], 0
    for count in range(len(beside), -1, -1):
        content = packed_models(*models_pack([reader, *beside[:count]]))
        size = len(content) * 4 // 3
        if size <= MOST_WITH_MODELS - LEAST_BESIDE:
            return {reader.name: content}
    raise UsageError(
        f"{reader.name} takes {size:,} bytes of a page that may have {MOST_WITH_MODELS:,}; "
        "leave --with-model out, or serve it: glassformer open"
    )


def put(file: Path, content: bytes) -> None:
    """Write `file` whole or not at all.  Raises WriteError."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{file.name[:40]}.", dir=file.parent)
        try:
            with open(handle, "wb") as given:
                given.write(content)
                given.flush()
                os.fsync(given.fileno())
            os.chmod(name, 0o666 & ~_mask())
            os.replace(name, file)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        raise WriteError(f"{one_line(file, 100)} could not be written: {one_line(error.strerror or error)}") from None


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

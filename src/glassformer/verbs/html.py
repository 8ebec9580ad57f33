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
    from glassformer.explain.choices import Choice
    from glassformer.explain.explanation import Explanation
    from glassformer.explain.reader import Reader

NEWCOMER, STUDY = "this restaurant was not terrible", "Thinking Machines"
SMALL = "tiny"  # the shipped model whose whole sums fit the screen
MOST_SMALL = 64  # pieces of a text that it is shown beside


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
    from glassformer.show.page import made

    models = packs(reader) if with_model else None
    choices = change.choices(x)
    switches = [str(choice) for choice in choices]
    begin = {"address": "" if address is None else str(x.at(address_of(address))), "switches": switches}
    pictures = [_main(x, choices), *_others(x, reader, change.against)]
    page = made(pictures, models=models, begin=begin, title=f"{x.text[:80]} · {reader.name} · Glassformer")
    content = page.html.encode()
    put(file, content)
    not_read(x.left_out)
    say(f"{one_line(file, 200)}: {len(content):,} bytes, opens in any browser and fetches nothing{_left(page.left[0])}")


def _left(left: dict[str, Any] | None) -> str:
    """What the bytes had no room for."""
    if left is None:
        return "; every number is in it, exact"
    heads = left["exact_heads"]
    exact = [] if heads is None else [f"exact: {len(heads)} heads"]
    return "".join(f"; {each}" for each in [*exact, *(f"rounded: {r}" for r in left["rounded"]), *_out(left["out"])])


def _out(out: list[str]) -> list[str]:
    return [f"left out: {', '.join(out)}"] if out else []


def packs(reader: "Reader") -> dict[str, bytes]:
    raise NotImplementedError


def _main(x: "Explanation", choices: list["Choice"]) -> dict[str, Any]:
    """The picture of the text, and what switches do: those that were asked for first."""
    picture = x.picture()
    asked = {" + ".join(map(str, some)): _told(x, some) for some in [choices, *([each] for each in choices)] if some}
    return _portable({**picture, "whatifs": {**asked, **x.whatifs(picture)}})


def _told(x: "Explanation", choices: list["Choice"]) -> dict[str, Any]:
    found = x.what_if(*choices)
    controls = [[name, after] for name, after in found.controls.items()]
    return {"after": found.after, "baseline": found.baseline, "controls": controls}


def _portable(picture: dict[str, Any]) -> dict[str, Any]:
    """A file goes to others: of a model's folder only its name."""
    given = picture["model"]["given"]
    return (
        {**picture, "model": {**picture["model"], "given": picture["model"]["name"]}}
        if os.path.isabs(given)
        else picture
    )


def _others(x: "Explanation", reader: "Reader", against: str | None) -> list[dict[str, Any]]:
    """The other sentence, and what the small model makes of this one, of the newcomer's and of the study's."""
    from glassformer.explain.reader import companion
    from glassformer.hub.store import shipped

    found = [] if against is None else [_portable(reader.explain(against).picture())]
    if SMALL not in shipped():
        return found
    small = companion(SMALL)
    texts = [NEWCOMER, STUDY]
    if reader.name != SMALL and x.second is None and _fits(small, x.text):
        texts.insert(0, x.text)
    return found + [small.explain(text).picture() for text in dict.fromkeys(texts)]


def _fits(reader: "Reader", text: str) -> bool:
    try:
        pieces = reader.cut(text)
    except UsageError:
        return False
    return len(pieces.ids) <= MOST_SMALL and not pieces.left_out


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

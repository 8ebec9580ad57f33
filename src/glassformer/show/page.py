"""The page: one self-contained HTML file that fetches nothing, carried as a file, in a notebook, or by a server.

Style, script and data stand inside it.  Its policy lets this one script and this one style run, by their hashes, and
nothing else; every label is text.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from glassformer.show.fitted import fitted
from glassformer.show.modules import join
from glassformer.show.packed import left_of, pack

FOLDER = Path(str(files("glassformer"))) / "show" / "page"
MOST = 1_000_000  # bytes of a file without models,
MOST_WITH_MODELS = 8_000_000  # and with them
CARRIERS = {"file": "carriers/file.js", "model": "carriers/model.js", "live": "carriers/live.js"}
ROOM = 120  # bytes of the markup around a picture
LEAST = 2_000  # bytes of a picture's share; with less there is none
Picture = Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """left: of each picture what its bytes had no room for, in words; None where all of it is there."""

    html: str
    left: list[dict[str, Any] | None]


def page(pictures: Sequence[Picture], **how: Any) -> str:
    """The HTML of `pictures`; the options are those of `made`."""
    return made(pictures, **how).html


def made(
    pictures: Sequence[Picture],
    *,
    models: Mapping[str, bytes] | None = None,
    live: Mapping[str, Any] | None = None,
    begin: Mapping[str, Any] | None = None,
    title: str = "Glassformer",
    most: int | None = None,
) -> Page:
    """A page of `pictures`, of which the first is looked at first.

    models: packed models by name, so that the text can be changed in the file; live: what a page that is served asks
    for first; begin: the address and the switches it opens with; most: bytes of the whole, 1 MB (8 MB with models)
    when left out: pictures get what is left of it.  Raises ValueError where not even their names fit.
    """
    carrier = "live" if live is not None else "model" if models else "file"
    whole = MOST_WITH_MODELS if models else MOST
    known = {"carrier": carrier, "live": live, "begin": begin, "decoding": _decoding()}
    facts = json.dumps(known).replace("<", "\\u003c")
    held = [_block("facts", "facts", facts)]
    held += [_block("model", name, _text(each)) for name, each in (models or {}).items()]
    room = (most or whole) - len(_document(title, carrier, held).encode())
    content = shared(pictures, room * 3 // 4 - ROOM * len(pictures))
    blocks = [_block("picture", f"picture-{k}", _text(each)) for k, each in enumerate(content)]
    return Page(_document(title, carrier, held + blocks), [left_of(each) for each in content])


def shared(pictures: Sequence[Picture], room: int) -> list[bytes]:
    """Each picture in its share of `room` bytes: small ones first, and what they leave goes to the large."""
    done: dict[int, bytes] = {}
    sizes = [sum(array.nbytes for array in picture["arrays"].values()) for picture in pictures]
    for k in sorted(range(len(pictures)), key=lambda k: sizes[k]):
        done[k] = fitted(pictures[k], max(LEAST, room // (len(pictures) - len(done))))
        room -= len(done[k])
    return [done[k] for k in range(len(pictures))]


@cache
def _decoding() -> str:
    """How shipped models write, step by step, for the gallery."""
    from glassformer.explain.decoded import decoded  # here, so that whoever draws nothing does not wait for torch

    return _text(pack(decoded(), deflate=True))


def policy(carrier: str) -> str:
    """The Content-Security-Policy of a page: its own script, its own style, pictures that it makes itself."""
    script, style = (hash_of(each) for each in (script_of(carrier), style_of()))
    connect = "connect-src 'self'; " if carrier == "live" else ""
    return (
        f"default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data: blob:; {connect}"
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def hash_of(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


@cache
def script_of(carrier: str) -> str:
    """All modules that a page carried so needs; one for files leaves the forward pass out."""
    return join(CARRIERS[carrier], lambda path: (FOLDER / path).read_text(encoding="utf-8"))


@cache
def style_of() -> str:
    """Every style sheet, the page's own before those of single panels, without comments and indentation."""
    sheets = sorted(FOLDER.rglob("*.css"), key=lambda file: (len(file.relative_to(FOLDER).parts), file))
    text = re.sub(r"/\*.*?\*/", "", "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets), flags=re.DOTALL)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _document(title: str, carrier: str, blocks: Iterable[str]) -> str:
    holes = {
        "policy": html.escape(policy(carrier)),
        "title": html.escape(title),
        "style": style_of(),
        "script": script_of(carrier),
        "data": "\n".join(blocks),
    }
    template = (FOLDER / "index.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda hole: holes[hole[1]], template)


def _block(what: str, name: str, content: str) -> str:
    """Data that no browser runs."""
    return (
        f'<script type="application/octet-stream" data-what="{what}" data-name="{html.escape(name)}">{content}</script>'
    )


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()

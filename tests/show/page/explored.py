"""The explore view in a headless Chromium, on pictures of the shipped model: what tests of panels and keys open."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import glassformer as gf
from glassformer.show.packed import pack
from tests.show.page.modules import FOLDER, heard, opened, run

TEXT = "this restaurant was not terrible"
OTHER = "the food was good but the service was not"
WINDOW = {"width": 1440, "height": 900}

OPEN = """
const [later, never] = [setTimeout, clearTimeout];
Object.assign(window, {
  waiting: new Set(), // what comes in a moment
  setTimeout(act, wait = 0) {
    const id = later(() => (waiting.delete(id), act()), wait);
    if (wait < 300) waiting.add(id);
    return id;
  },
  clearTimeout: (id) => (waiting.delete(id), never(id)),
});
const { store } = await import("/base/store.js");
const { unpack } = await import("/base/unpack.js");
const { startAsking } = await import("/base/ask.js");
const { startKeys } = await import("/base/keys.js");
const { FileSource } = await import("/sources/file.js");
for (const name of ["panels/keysheet", "panels/status", "views/explore"]) await import(`/${name}.js`);
const bytes = async (name) => new Uint8Array(await (await fetch(`/held/${name}`)).arrayBuffer());
const pictures = await Promise.all(given.names.map(async (name) => unpack(await bytes(name))));
Object.assign(window, { store, pictures });
startKeys();
startAsking();
const [source, picture] = [new FileSource({ pictures }), pictures[0]];
store.set({ source, picture, address: given.address ?? "" });
document.body.append(...["gf-status", "gf-explore", "gf-keys"].map((name) => document.createElement(name)));
return "null";
"""


@cache
def explained(text: str = TEXT) -> Any:
    return gf.load("sentiment").explain(text)


@cache
def picture(text: str = TEXT) -> dict[str, Any]:
    return explained(text).picture()


@contextmanager
def explored(*texts: str, held: dict[str, bytes] | None = None, address: str | None = None) -> Iterator[Any]:
    """The explore view on pictures of `texts`, or on the packed pictures that are held."""
    content = held or {f"p{k}": pack(picture(text)) for k, text in enumerate(texts or (TEXT,))}
    with opened(content, WINDOW) as page, heard(page, "pageerror") as failed:
        page.add_style_tag(content="\n".join(sheet.read_text() for sheet in sheets()))
        run(page, OPEN, {"names": list(content), "address": address})
        page.wait_for_selector("gf-sheet .ring", state="attached")
        settle(page)
        yield page
        assert not failed


def sheets() -> list[Path]:
    return [FOLDER / name for name in ("page.css", "panels.css", "print.css")]


def held_in(page: Any, name: str) -> Any:
    """What the store holds under a name."""
    return page.evaluate("(name) => store.get(name)", name)


def settle(page: Any) -> None:
    """Until what follows the cursor has followed it: nothing is awaited, and what was drawn is on the screen."""
    page.wait_for_function("() => !waiting.size && !store.get('busy')")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

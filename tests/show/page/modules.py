"""The page's ES modules in a headless Chromium, without a network: `page.evaluate` of what they make of plain data.

CI has Chromium, and perhaps no other engine that runs JavaScript.  One browser serves the whole session, since
Playwright takes one connection a thread, and a page serves one test after another, each from an empty document.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

ORIGIN = "http://modules.test"
FOLDER = Path(str(files("glassformer"))) / "show" / "page"
TYPES = {".html": "text/html", ".js": "text/javascript"}
VIEWPORT = {"width": 1280, "height": 720}
PLAIN = {"media": "screen", "color_scheme": "light", "reduced_motion": "no-preference", "forced_colors": "none"}
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

_idle: list[Any] = []  # pages that no test has open
_wound: list[Any] = []  # those whose clock is not the world's any more


def chromium() -> str | None:
    """Where Chromium is: named by GLASSFORMER_CHROMIUM, else on the path."""
    named = os.environ.get("GLASSFORMER_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


@cache
def browser() -> Any:
    """The browser of this session.  Skips where there is no Playwright, or no Chromium; CI has to have both."""
    where = chromium()
    if where is None and os.environ.get("CI"):
        pytest.fail("there is no Chromium, and CI tests the page: .ci/run installs one")
    playwright = pytest.importorskip("playwright.sync_api")
    if where is None:
        pytest.skip("there is no Chromium; name one with GLASSFORMER_CHROMIUM")
    return playwright.sync_playwright().start().chromium.launch(executable_path=where, args=["--no-sandbox"])


@contextmanager
def heard(tab: Any, event: str, say: Callable[[Any], Any] = str) -> Iterator[list[Any]]:
    """What a page says of an event, as it comes."""
    said: list[Any] = []

    def hear(each: Any) -> None:
        said.append(say(each))

    tab.on(event, hear)
    yield said
    tab.remove_listener(event, hear)


def dismissed(dialog: Any) -> str:
    """What a dialog says, which would hold up the page."""
    dialog.dismiss()
    return dialog.message


@contextmanager
def lent(viewport: Mapping[str, int] = VIEWPORT, **look: str) -> Iterator[Any]:
    """An empty page.  A test that passes gives it back: another one would cost a process and 2 s of a core."""
    tab = _idle.pop() if _idle else browser().new_context().new_page()
    try:
        tab.set_viewport_size(viewport)
        tab.emulate_media(**PLAIN | look)
        yield tab
        tab.goto("about:blank")
        tab.mouse.move(0, 0)
        tab.unroute_all()
    except BaseException:
        tab.context.close()
        raise
    if tab in _wound:
        tab.context.close()
    else:
        _idle.append(tab)


def wind(tab: Any) -> Any:
    """The clock of a page, which a test moves; nobody else gets that page."""
    tab.clock.install()
    _wound.append(tab)
    return tab.clock


@contextmanager
def opened(held: Mapping[str, bytes] | None = None, viewport: Mapping[str, int] = VIEWPORT) -> Iterator[Any]:
    """A page that can import the modules by their paths, "/engine/tokens.js", and fetch what is held, "/held/NAME".

    Every other request fails, and so does the test that made it.
    """
    refused: list[str] = []

    def serve(route: Any) -> None:
        path = route.request.url.removeprefix(ORIGIN + "/")
        body = (held or {}).get(path.removeprefix("held/")) if path.startswith("held/") else _file(path)
        if not route.request.url.startswith(ORIGIN) or body is None:
            refused.append(route.request.url)
            return route.abort()
        suffix = Path(path).suffix if path else ".html"
        return route.fulfill(body=body, content_type=TYPES.get(suffix, "application/octet-stream"))

    with lent(viewport) as page:
        page.route("**/*", serve)
        page.goto(f"{ORIGIN}/")
        yield page
    assert not refused


def _file(path: str) -> bytes | None:
    if not path:
        return b"<!doctype html><title>modules</title>"
    file = FOLDER / path
    return file.read_bytes() if file.is_file() and file.suffix == ".js" else None


def run(page: Any, body: str, given: Any = None) -> Any:
    """What an async function of `given` returns as JSON: `const { Tokens } = await import("/engine/tokens.js"); …`."""
    return json.loads(page.evaluate(f"async (given) => {{ {body} }}", given) or "null")

"""A whole page, as one file opened in a headless Chromium: nothing may be fetched, and no script may fail."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from glassformer.explain.explanation import Explanation
from glassformer.explain.reader import read
from glassformer.show import page
from tests import made
from tests.show.page import modules

SENTENCE = "this restaurant was not terrible"
AXE = {"resultTypes": ["violations"], "rules": {"region": {"enabled": False}}}  # whose violation is a moderate one
WINDOW = {"width": 1280, "height": 800}


@cache
def small(text: str = SENTENCE, companions: tuple[str, ...] = ("bag-of-words",)) -> Explanation:
    """A text through a model of width 8 with two heads of width 4, of random numbers that do not change."""
    reader = made.reader(made.classifier(width=8, heads=2, layers=2), name="small")
    return reader.explain(text, beside=companions)


@cache
def shipped(text: str = SENTENCE) -> Explanation:
    return read("sentiment").explain(text)


@contextmanager
def opened(
    folder: Path,
    pictures: Sequence[Mapping[str, Any]],
    begin: Mapping[str, Any],
    viewport: Mapping[str, int] = WINDOW,
    **look: str,
) -> Iterator[Any]:
    """The page of `pictures`, from a file, beginning with `begin`."""
    file = folder / "page.html"
    file.write_text(page.page(pictures, begin=begin), encoding="utf-8")
    with modules.lent(viewport, **look) as tab, ExitStack() as hearing:
        asked = hearing.enter_context(modules.heard(tab, "request", lambda request: request.url.split("#")[0]))
        failed = hearing.enter_context(modules.heard(tab, "pageerror"))
        told = hearing.enter_context(modules.heard(tab, "console", lambda line: (line.type, line.text)))
        tab.route("**/*", lambda route: route.continue_() if route.request.url == file.as_uri() else route.abort())
        tab.goto(file.as_uri())
        tab.wait_for_selector("html[data-ready]")
        yield tab
        assert set(asked) == {file.as_uri()}
        assert not failed, failed
        assert not [text for kind, text in told if kind == "error"], told


def violations(tab: Any) -> list[str]:
    """What axe finds serious or critical."""
    pytest.importorskip("axe_playwright_python")
    if not tab.evaluate("'axe' in window"):
        tab.evaluate((files("axe_playwright_python") / "axe.min.js").read_text())
    found = tab.evaluate("how => axe.run(how)", AXE)["violations"]
    bad = [each for each in found if each["impact"] in ("serious", "critical")]
    return [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in bad]


def until(tab: Any, expression: str, given: Any = None, seconds: float = 10.0) -> None:
    """Wait for an expression to be true.  (The page's policy forbids what Playwright would wait with.)"""
    end = time.monotonic() + seconds
    while not tab.evaluate(expression, given):
        assert time.monotonic() < end, f"never true: {expression} of {given}"
        tab.wait_for_timeout(20)


def nodes(tab: Any) -> int:
    return tab.evaluate("document.querySelectorAll('*').length")


def number(text: str) -> float:
    """A number as the page writes it."""
    return float(text.replace("−", "-").replace("~0", "0").lstrip("+"))

"""A model that writes, on the page: what comes next is the answer, read off layer by layer; from a file, and live."""

import re

import pytest

import glassformer as gf
from glassformer.explain.carried import carried
from glassformer.show.packed import pack
from tests import made
from tests.hub import gpt2s
from tests.show.page import modules, whole
from tests.show.page.explored import explored, settle
from tests.verbs.test_open import opened

VIEWS = ("gallery", "viewer", "explore", "steps")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(gpt2s.folder(tmp_path_factory.mktemp("models") / "writer"))


@pytest.fixture(scope="module")
def x(folder):
    return gf.load(folder).explain(made.SENTENCE)


def percent(text):
    return float(re.search(r"([\d.]+) %", text)[1]) / 100


@pytest.mark.parametrize("name", made.WRITERS)
def test_the_answer_is_what_may_come_next(name):
    x = made.writer(name).explain(made.SENTENCE)
    with explored(held={"p": pack(x.picture())}) as page:
        settle(page)
        told = page.locator("gf-told").inner_text()
        assert "made goes on with" in told and "Who told terrible about" in told
        rows = page.locator("gf-told .next tr").all_inner_texts()
        for row, candidate in zip(rows, x.answer.candidates, strict=True):
            assert row.startswith(candidate.piece) and percent(row) == pytest.approx(candidate.probability, rel=0.06)
        readings = page.locator("gf-path .readout tr").all_inner_texts()
        assert [row.split("\t")[0].split("\n")[0].strip() for row in readings] == ["embedding", "after L0", "after L1"]
        for row, reading in zip(readings, x.story.readout, strict=True):
            assert all(each.piece in row for each in reading.candidates[:3])
        assert "zero is the border" not in page.locator("gf-strip").inner_text()
        assert "mean of all pieces" in page.locator("gf-sentence").inner_text()


def test_a_whole_page_of_it_opens_in_every_view(tmp_path, x):
    with whole.opened(tmp_path, carried(x), {}) as tab:
        assert "writer goes on with" in tab.locator("gf-told").inner_text()
        for view in VIEWS:
            tab.click(f"[data-view={view}]")
            tab.wait_for_selector(f"gf-{view}", state="attached")


def test_served_live_it_answers_another_text(folder):
    with opened(made.SENTENCE, "--model", folder, "--port", "0") as (_, port, token):
        context = modules.browser().new_context(viewport={"width": 1280, "height": 900})
        tab, failed = context.new_page(), []
        tab.on("pageerror", lambda error: failed.append(str(error)))
        tab.goto(f"http://127.0.0.1:{port}/?token={token}")
        tab.wait_for_selector("html[data-ready]")
        field = tab.locator("gf-sentence input[name=text]")
        field.fill("the food was")
        field.press("Enter")
        whole.until(tab, "() => document.title.startsWith('the food was')")
        answer = gf.load(folder)("the food was")
        rows = tab.locator("gf-told .next tr").all_inner_texts()
        assert [row.split("\t")[0].strip() for row in rows] == [each.piece for each in answer.candidates]
        context.close()
        assert not failed

"""The served page in a browser: a sentence typed, a switch, a model loaded; the same numbers as Python's."""

import re

import pytest

from glassformer.explain.reader import read
from tests import made
from tests.show.page import modules, whole
from tests.verbs.test_open import opened

OTHER = "the food was not good"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(made.folder(tmp_path_factory.mktemp("models") / "mine"))


@pytest.fixture(scope="module")
def served(folder):
    with opened(made.SENTENCE, "--model", folder, "--port", "0") as (process, port, token):
        yield process, port, token


@pytest.fixture
def tab(served):
    """A page of its own; nothing but this server is asked, and no script fails."""
    _, port, token = served
    context = modules.browser().new_context(viewport={"width": 1280, "height": 900})
    tab, failed, asked = context.new_page(), [], []
    tab.on("pageerror", lambda error: failed.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"http://127.0.0.1:{port}/?token={token}")
    tab.wait_for_selector("html[data-ready]")
    yield tab
    context.close()
    assert not failed
    assert all(url.startswith(f"http://127.0.0.1:{port}/") for url in asked)


def shown(tab):
    return tab.locator("gf-told").inner_text()


def test_it_opens_with_the_text_and_forgets_the_token(tab):
    assert "token" not in tab.url
    assert tab.locator("gf-sentence input[name=text]").input_value() == made.SENTENCE
    assert tab.evaluate("document.cookie") == ""


def test_a_sentence_that_is_typed_is_answered(tab, folder):
    field = tab.locator("gf-sentence input[name=text]")
    field.fill(OTHER)
    field.press("Enter")
    answer = read(folder)(OTHER)
    whole.until(tab, "(text) => document.title.startsWith(text)", OTHER)
    number = f"{abs(answer.log_odds):.3g}".rstrip("0").rstrip(".")
    assert answer.label in shown(tab) and number in shown(tab).replace(",", "")


def test_what_if_is_what_python_says(tab, folder):
    x = read(folder).explain(made.SENTENCE)
    wanted = x.cut("terrible", "not")
    with tab.expect_response("**/api/whatif") as answered:
        tab.evaluate("location.hash")
        tab.keyboard.press("Escape")
        tab.locator("gf-told").get_by_role("button", name=re.compile("cut it", re.IGNORECASE)).or_(
            tab.locator("gf-tray button").first
        ).first.click()
    found = answered.value.json()
    asked = answered.value.request.post_data_json["switches"]
    again = x.what_if(*map(x.switch, asked))
    assert found["after"] == pytest.approx(again.after, abs=1e-6) and found["what"] == again.what
    if asked == ["cut:4>3"]:
        assert found["after"] == pytest.approx(wanted.after, abs=1e-6)


def test_a_wrong_model_is_said_in_one_line(tab):
    load = tab.locator("gf-sentence input.load")
    load.fill("nowhere-at-all")
    load.press("Enter")
    alert = tab.locator("gf-status [role=alert]")
    alert.wait_for()
    assert "there is no model" in alert.inner_text()


def test_another_model_is_loaded_by_its_folder(tab, tmp_path):
    other = made.folder(tmp_path / "another", made.classifier(seed=3))
    load = tab.locator("gf-sentence input.load")
    load.fill(str(other))
    load.press("Enter")
    whole.until(tab, "() => document.title.includes('another')")
    assert read(str(other))(made.SENTENCE).label in shown(tab)


def test_a_server_that_has_gone_is_said(folder):
    with opened(made.SENTENCE, "--model", folder, "--port", "0") as (process, port, token):
        tab = modules.browser().new_page()
        tab.goto(f"http://127.0.0.1:{port}/?token={token}")
        tab.wait_for_selector("html[data-ready]")
        process.kill()
        process.wait()
        field = tab.locator("gf-sentence input[name=text]")
        field.fill(OTHER)
        field.press("Enter")
        alert = tab.locator("gf-status [role=alert]")
        alert.wait_for()
        assert "is glassformer open still running?" in alert.inner_text()
        tab.close()


def test_a_translator_is_asked_for_another_text_and_its_looks_are_drawn():
    with opened("3 1 4 1 5 9 2 6", "--model", "reverse", "--port", "0") as (_, port, token):
        context = modules.browser().new_context()
        tab, failed = context.new_page(), []
        tab.on("pageerror", lambda error: failed.append(str(error)))
        tab.goto(f"http://127.0.0.1:{port}/?token={token}")
        tab.wait_for_selector("table.looked")
        assert "6 2 9 5 1 4 1 3" in shown(tab)
        field = tab.locator("gf-sentence input[name=text]")
        field.fill("1 2 3 4 5 6 7 8")
        field.press("Enter")
        whole.until(tab, "() => document.title.startsWith('1 2 3')")
        tab.wait_for_selector("table.looked")
        assert "8 7 6 5 4 3 2 1" in shown(tab) and "Where did 8 come from?" in shown(tab)
        tab.get_by_text("Layers and heads").click()
        tab.select_option("[name=type]", "input-output")
        tab.locator("#viewer-looks-0").hover()
        row = tab.locator(".viewer-facts tbody tr").first.inner_text().split()
        weight = read("reverse").explain("1 2 3 4 5 6 7 8")["L0.cross.H0.weights[0,7]"].item()
        assert row[0] == "8" and float(row[1]) == pytest.approx(weight, rel=6e-3)
        context.close()
        assert not failed

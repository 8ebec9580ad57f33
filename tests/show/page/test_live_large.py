"""Budgets of the served page: twelve layers of twelve heads, and 512 pieces, which is all that a BERT reads.

The answer and the weights come first, and it is said that effects are being measured; who asks something else
meanwhile does not wait for them.  Narrow heads: what is bounded here grows with layers, heads and pieces.
"""

import pytest

from tests import made
from tests.show.page import modules, whole
from tests.verbs.test_open import opened

WORDS = "this restaurant was not terrible and the food is good".split()
LONG = " ".join((WORDS * 51)[:510])
OTHER = "the food was not good"
MOST_BYTES = 26_000_000  # of an answer: what is drawn at once
MOST_NODES = 2_000  # whatever the text, only what fits the window has elements
SOON = 60.0  # seconds, far more than any of this takes


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    """A page that has read a short text with the model, effects and all."""
    sizes = {"layers": 12, "heads": 12, "width": 48, "hidden": 64, "length": 512}
    folder = made.bert_folder(tmp_path_factory.mktemp("models") / "large", **sizes)
    browser = modules.browser()
    with opened(made.SENTENCE, "--model", str(folder), "--port", "0") as (_, port, token):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        tab, failed = context.new_page(), []
        tab.on("pageerror", lambda error: failed.append(str(error)))
        tab.goto(f"http://127.0.0.1:{port}/?token={token}")
        tab.wait_for_selector("html[data-ready]")
        yield tab
        context.close()
        assert not failed


def asks(tab, text):
    field = tab.locator("gf-sentence input[name=text]")
    field.fill(text)
    field.press("Enter")


def measured_first(response) -> bool:
    """Whether a response brings the effects that a picture still lacked."""
    return response.url.endswith("/api/more") and response.request.post_data_json["first"]


def test_the_answer_to_the_longest_text_comes_before_its_effects(tab):
    with tab.expect_response("**/api/picture", timeout=1000 * SOON) as answered:
        asks(tab, LONG)
    assert len(answered.value.body()) < MOST_BYTES
    whole.until(tab, "(text) => document.title.startsWith(text)", LONG[:20], seconds=SOON)
    whole.until(tab, "() => document.querySelector('gf-status .busy').textContent.includes('effects')", seconds=SOON)
    whole.until(tab, "() => document.querySelectorAll('gf-sheet canvas').length > 2", seconds=SOON)
    assert whole.nodes(tab) < MOST_NODES
    answer = tab.locator("gf-told").inner_text()
    assert "says" in answer and "told" not in answer
    assert "are being measured" in tab.locator("gf-sentence").inner_text()


def test_who_asks_something_else_does_not_wait_for_the_effects_of_before(tab):
    with tab.expect_response("**/api/picture", timeout=1000 * SOON) as answered:
        asks(tab, OTHER)
    assert answered.value.status == 200
    whole.until(tab, "(text) => document.title.startsWith(text)", OTHER, seconds=SOON)
    running = """async () => (await (await fetch("api/progress", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" })).json()).running"""
    assert tab.evaluate(running) != "effects"
    whole.until(tab, "() => document.querySelector('gf-status .busy').hidden", seconds=SOON)


def test_the_effects_of_a_long_text_arrive(tab):
    some = " ".join(WORDS * 10)
    with tab.expect_response(measured_first, timeout=1000 * SOON) as answered:  # cells of before may come between
        asks(tab, some)
    assert answered.value.status == 200
    whole.until(tab, "() => document.querySelector('gf-status .busy').hidden", seconds=SOON)
    assert "told" in tab.locator("gf-told").inner_text()
    assert whole.nodes(tab) < MOST_NODES

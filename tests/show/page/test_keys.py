"""The keys of docs/page.md, pressed on the explore view of the shipped model."""

import pytest

from tests.show.page.explored import OTHER, TEXT, explained, explored, held_in, settle


@pytest.fixture
def page():
    with explored(TEXT, OTHER, address="L0.H3.weights[4,3]") as page:
        page.evaluate("() => document.activeElement.blur()")
        yield page


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def test_arrows_move_the_cell_and_stop_at_the_edge(page):
    press(page, "ArrowLeft", "ArrowUp")
    assert held_in(page, "address") == "L0.H3.weights[3,2]"
    press(page, *["ArrowDown"] * 9, *["ArrowRight"] * 9)
    assert held_in(page, "address") == "L0.H3.weights[4,4]"


def test_brackets_change_the_layer_and_comma_and_point_the_head(page):
    press(page, "]")
    assert held_in(page, "address") == "L1.H3.weights[4,3]"
    press(page, ".")
    assert held_in(page, "address") == "L1.H0.weights[4,3]"  # round again
    press(page, ",", ",", "[", "[")
    assert held_in(page, "address") == "L0.H2.weights[4,3]"


@pytest.mark.parametrize(
    ("key", "switch"),
    [("x", "off:L0.H3:zero"), ("m", "word:3:mask"), ("s", "without:scaling"), (" ", "cell:L0.H3[4,3]")],
)
def test_a_switch_has_a_key_that_turns_it_on_and_off(page, key, switch):
    press(page, key)
    assert held_in(page, "switches") == [switch]
    press(page, key)
    assert held_in(page, "switches") == []


def test_z_takes_the_next_baseline_and_x_means_it(page):
    press(page, "z", "x")
    assert held_in(page, "switches") == ["off:L0.H3:mean"]
    press(page, "z", "x")
    assert held_in(page, "switches") == ["off:L0.H3:uniform"]  # of one place only one switch
    assert "a uniform mixture" in held_in(page, "said")


def test_what_x_changes_is_what_python_measures(page):
    press(page, "]", ",", ",", "x")
    page.wait_for_function("() => store.get('result')")
    after = explained().what_if(explained().switch("off:L1.H1:zero")).after
    assert held_in(page, "result")["after"] == pytest.approx(after, abs=1e-5)


@pytest.mark.parametrize(("key", "name"), [("d", "difference"), ("t", "table"), ("=", "exact"), ("P", "present")])
def test_a_way_of_showing_has_a_key_that_turns_it_on_and_off(page, key, name):
    press(page, key)
    assert held_in(page, name) is True
    press(page, key)
    assert held_in(page, name) is False


def test_h_hides_values_until_enter(page):
    press(page, "h")
    settle(page)
    assert page.locator("gf-told .numbers").evaluate("(each) => getComputedStyle(each).visibility") == "hidden"
    press(page, "Enter")
    settle(page)
    assert page.locator("gf-told .numbers").evaluate("(each) => getComputedStyle(each).visibility") == "visible"


def test_enter_opens_the_card_follows_an_operand_and_backspace_comes_back(page):
    page.locator("gf-sheet .weights .ring").focus()
    press(page, "Enter")
    assert page.evaluate("() => document.activeElement.closest('gf-card') !== null")
    page.locator("gf-card .operands .link").first.focus()
    press(page, "Enter")
    assert held_in(page, "address") == "L0.H3.q[4]"
    settle(page)
    assert page.locator("gf-card li").count() == 32  # the vector, each number a link to its own sum
    press(page, "Backspace")
    assert held_in(page, "address") == "L0.H3.weights[4,3]"


def test_c_asks_for_another_sentence_and_puts_it_below(page):
    press(page, "c")
    page.keyboard.type(OTHER)
    press(page, "Enter")
    page.wait_for_function("() => store.get('other')")
    settle(page)
    pairs = page.locator("gf-sentence .pair").all_inner_texts()
    assert any(pair.split("\n")[0].startswith("not") and pair.split("\n")[1].startswith("not") for pair in pairs)


def test_question_mark_lists_the_keys_and_escape_closes_the_list(page):
    press(page, "?")
    assert page.locator("gf-keys dialog").is_visible() and page.locator("gf-keys kbd").count() > 15
    press(page, "x")
    assert held_in(page, "switches") == []  # the page behind it hears nothing
    press(page, "Escape")
    assert not page.locator("gf-keys dialog").is_visible()


def test_a_text_box_keeps_its_letters(page):
    press(page, "c")
    page.keyboard.type("x = s?")
    assert held_in(page, "switches") == [] and held_in(page, "exact") is False


def test_single_letters_can_be_turned_off_but_not_the_arrows(page):
    press(page, "?")
    page.locator("gf-keys input[type=checkbox]").uncheck()
    press(page, "Escape", "x", "ArrowLeft")
    assert held_in(page, "switches") == [] and held_in(page, "address") == "L0.H3.weights[4,2]"


def test_a_clicker_goes_from_panel_to_panel_in_presentation_mode(page):
    press(page, "P")
    settle(page)
    tops = []
    for _ in range(3):
        press(page, "PageDown")
        settle(page)
        tops.append(page.evaluate("() => scrollY"))
    assert tops == sorted(set(tops)) and tops[0] > 0
    press(page, "PageUp")
    settle(page)
    assert page.evaluate("() => scrollY") < tops[-1]


def test_a_view_may_have_keys_of_its_own_that_come_first(page):
    page.evaluate(
        "async () => (await import('/base/keys.js')).bindKeys('explore', { x: () => store.set({ said: 'mine' }) })"
    )
    press(page, "x")
    assert held_in(page, "said") == "mine" and held_in(page, "switches") == []

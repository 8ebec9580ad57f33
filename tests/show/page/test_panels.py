"""The panels of the explore view: every number on the page is Python's, and says what kind of number it is."""

import csv
import math
import re

import pytest

from glassformer.show.packed import pack
from tests.show.page.explored import OTHER, TEXT, explained, explored, held_in, picture, settle

CELL = "L0.H3.weights[4,3]"


@pytest.fixture(scope="module")
def shown():
    """For tests that change nothing."""
    with explored(TEXT, OTHER, address=CELL) as page:
        page.evaluate("() => store.set({ exact: true })")
        settle(page)
        yield page


@pytest.fixture
def page():
    with explored(TEXT, OTHER, address=CELL) as page:
        yield page


def number(text):
    """The first number of a text, its minus made plain."""
    return float(re.search(r"[+-]?\d*\.?\d+(?:e[+-]?\d+)?", text.replace("−", "-"))[0])


def said_of(page, kind="weights"):
    return page.locator(f"gf-sheet .{kind} .ring").get_attribute("aria-label")


def fact(label, name):
    return number(label.split(f"{name} ", 1)[1])


# the answer


def test_the_page_opens_on_the_answer_and_the_question(shown):
    told = shown.locator("gf-told").inner_text()
    assert "positive" in told and "Who told terrible about not?" in told
    assert "terrible uses not." in told and "from positive to negative" in told
    assert "causal (−∞ before softmax, log-odds, n = 1, then 20)" in told


def test_it_looks_first_at_the_head_through_which_a_word_was_told():
    with explored() as page:
        assert held_in(page, "address") == CELL and said_of(page).startswith("terrible to not")


def test_each_word_says_what_it_adds(shown):
    words = shown.locator("gf-sentence .word").all_inner_texts()
    adds = explained().story.views[-1].adds
    assert [word.split()[0] for word in words] == explained().words
    shown_adds = [number(word.split("adds")[-1]) for word in words]
    assert shown_adds == pytest.approx(adds, abs=1e-6)


def test_nobody_is_said_to_use_anything_where_it_is_not_clear():
    unclear = {**picture(), "told": {**picture()["told"], "clear": False, "doubt": "alike"}}
    with explored(held={"unclear": pack(unclear)}) as page:
        told = page.locator("gf-told").inner_text()
        assert (
            "uses" not in told and "No word clearly told another" in told and "20 of 20 sentences alike agree" in told
        )


def test_the_baselines_are_always_there(shown):
    rows = shown.locator("gf-strip tbody tr").all()
    names = ["sentiment", *[each["name"] for each in picture()["baselines"]]]
    assert [row.locator("th").inner_text().split(" n =")[0] for row in rows] == names and len(names) == 6
    values = [number(row.locator(".number").inner_text()) for row in rows]
    assert values == pytest.approx([picture()["before"], *[each["value"] for each in picture()["baselines"]]], abs=1e-6)
    for row, each in zip(rows[1:], picture()["baselines"], strict=True):
        assert ("survives" in row.inner_text()) == each["survives"]


# the ladder


def test_the_ladder_says_what_changes_with_each_head_off(page):
    ring = page.locator("gf-ladder .ring")
    page.evaluate("() => store.set({ exact: true })")
    ring.focus()
    page.keyboard.press("Control+Home")
    for layer in range(2):
        for head in range(4):
            page.evaluate("([l, h]) => store.set({ address: `L${l}.H${h}.weights[4,3]` })", [layer, head])
            settle(page)
            label = ring.get_attribute("aria-label")
            assert label.startswith(f"L{layer} H{head}, effect ")
            assert fact(label, "effect") == pytest.approx(explained().off(f"L{layer}.H{head}").change, abs=1e-6)


def test_arrows_in_the_ladder_choose_heads_mlps_and_the_stream(page):
    page.locator("gf-ladder .ring").focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    label = page.locator("gf-ladder .ring").get_attribute("aria-label")
    assert label.startswith("MLP of layer 0") and held_in(page, "address").startswith("L0.mlp.out[")
    page.keyboard.press("x")
    page.wait_for_function("() => store.get('result')")
    assert held_in(page, "switches") == ["off:L0.mlp:zero"]
    page.keyboard.press("ArrowRight")
    settle(page)
    assert "stream after layer 0, read-out" in page.locator("gf-ladder .ring").get_attribute("aria-label")
    page.keyboard.press("Home")
    settle(page)
    assert held_in(page, "address") == "L0.H0.weights[4,3]"  # the cell stayed where it was


def test_a_question_filters_the_heads_and_the_table_goes_out_as_csv(page):
    page.locator("gf-ladder [data-key=find]").click()
    page.locator("gf-ladder [data-key=query]").fill("effect>0.4 or told<-1")
    page.keyboard.press("Enter")
    settle(page)
    found = {
        tuple(map(int, re.findall(r"\d+", each)))
        for each in page.locator("gf-ladder .found th .tool").all_inner_texts()
    }
    changes = {(layer, head): explained().off(f"L{layer}.H{head}").change for layer in range(2) for head in range(4)}
    told = picture()["told"]["by_head"]
    assert found == {(k, h) for (k, h), change in changes.items() if abs(change) > 0.4 or told[k][h] < -1}
    with page.expect_download() as download:
        page.locator("gf-ladder [data-key=csv]").click()
    rows = list(csv.reader(download.value.path().read_text().splitlines()))
    assert "causal (zero, log-odds, n = 1)" in rows[0][0] and len(rows) == 2 + len(found)
    assert float(rows[2][rows[1].index("change")]) == pytest.approx(min(changes.values(), key=lambda c: -abs(c)))


def test_a_question_that_is_none_is_answered_with_what_to_write(page):
    page.locator("gf-ladder [data-key=find]").click()
    page.locator("gf-ladder [data-key=query]").fill("efect>1")
    page.keyboard.press("Enter")
    settle(page)
    assert "there is no “efect”" in page.locator("gf-ladder .why").inner_text()


@pytest.mark.parametrize("shade", ["told", "weight", "mixture"])
def test_the_ladder_can_be_shaded_by_what_was_told(page, shade):
    page.evaluate("(shade) => store.set({ shade, exact: true })", shade)
    page.wait_for_function("() => !store.get('busy')")
    settle(page)
    value = fact(page.locator("gf-ladder .ring").get_attribute("aria-label"), "effect" if shade == "told" else shade)
    weights, mixture = explained()["L0.H3.weights"], explained().tape["layers.0.attention.v"][0, 3]
    out = explained()._reader.model.get_parameter("layers.0.attention.out.weight").unflatten(1, (4, -1))[:, 3]
    brought = weights * (mixture @ out.T).norm(dim=-1)
    wanted = {
        "told": picture()["told"]["by_head"][0][3],
        "weight": weights[4, 3].item(),
        "mixture": (brought / brought.sum(-1, keepdim=True))[4, 3].item(),
    }
    assert value == pytest.approx(wanted[shade], abs=1e-5)
    badge = page.locator("gf-ladder .badge").inner_text()
    assert badge.startswith("causal") == (shade == "told")


# the sheet


def test_every_cell_of_a_head_is_pythons_number(page):
    page.evaluate("() => store.set({ exact: true })")
    for i in range(5):
        for j in range(5):
            page.evaluate("([i, j]) => store.set({ address: `L0.H3.weights[${i},${j}]` })", [i, j])
            page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
            label = said_of(page)
            assert label.startswith(f"{explained().words[i]} to {explained().words[j]}")
            assert fact(label, "weight") == pytest.approx(explained()["L0.H3.weights"][i, j].item(), abs=1e-6)
            assert fact(label, "scaled") == pytest.approx(explained()["L0.H3.scaled"][i, j].item(), abs=1e-5)


def test_beside_each_weight_stands_its_effect_and_whether_it_was_measured(shown):
    cells = picture()["arrays"]["layers.0.attention.cells"][3]
    label = said_of(shown)
    exact = picture()["cells"]["exact"][0][3]
    assert fact(label, "effect") == pytest.approx(cells[4, 3], rel=1e-5)
    assert ("estimated" in label) == (not exact)
    caption = shown.locator("gf-sheet .effect figcaption").inner_text()
    assert ("(est.)" in caption) == (not exact)
    assert "causal (−∞ before softmax" in shown.locator("gf-sheet .badge").inner_text()


def test_hidden_special_pieces_are_said_and_nothing_is_shared_out_again():
    special = {**picture(), "special_pieces": [0, 4], "specials": [0, 4], "told": None}
    with explored(held={"special": pack(special)}, address="L0.H3.weights[1,3]") as page:
        before = said_of(page)
        page.locator("gf-sheet [data-key=sinks]").click()
        settle(page)
        weights = explained()["L0.H3.weights"][1:4]
        hidden = 100 * (weights[:, 0] + weights[:, 4]).mean().item()
        note = page.locator("gf-sheet .note").inner_text()
        assert f"take {hidden:.0f} % of the weight" in note and "not renormalised" in note
        assert said_of(page) == before
        assert page.locator("gf-sheet .weights [role=grid]").get_attribute("aria-colcount") == "3"


def test_after_a_switch_the_difference_is_shown():
    edited = explained().picture(switches=["cut:4>3"])
    with explored(held={"p": pack(picture()), "edited": pack(edited)}, address="L1.H1.weights[4,3]") as page:
        page.evaluate("() => store.set({ edited: pictures[1], difference: true, table: true, exact: true })")
        settle(page)
        change = edited["arrays"]["layers.1.attention.q"]  # the values after the switch are others
        assert change.shape == picture()["arrays"]["layers.1.attention.q"].shape
        cut = explained()._trial.switched(explained().switch("cut:4>3").switch).tape["layers.1.attention.weights"]
        wanted = (cut[0, 1] - explained()["L1.H1.weights"])[4, 3].item()
        shown = page.locator("gf-sheet .weights td.here").inner_text()
        assert number(shown) == pytest.approx(wanted, abs=1e-6)


def test_t_shows_real_tables_with_the_same_numbers(page):
    page.keyboard.press("t")
    page.evaluate("() => store.set({ exact: true })")
    settle(page)
    table = page.locator("gf-sheet .weights table")
    assert table.locator("thead th").all_inner_texts() == explained().words
    rows = [[number(cell) for cell in row.locator("td").all_inner_texts()] for row in table.locator("tbody tr").all()]
    assert [each for row in rows for each in row] == pytest.approx(
        explained()["L0.H3.weights"].flatten().tolist(), abs=1e-6
    )
    assert page.locator("gf-sheet canvas").count() == 0


def test_a_click_chooses_the_cell_under_it(page):
    page.locator("gf-sheet").scroll_into_view_if_needed()
    ring = page.locator("gf-sheet .weights .ring").bounding_box()
    page.mouse.click(ring["x"] + ring["width"] / 2 - 2 * (ring["width"] + 1), ring["y"] + ring["height"] / 2)
    settle(page)
    assert held_in(page, "address") == "L0.H3.weights[4,1]"
    assert said_of(page).startswith("terrible to restaurant")


def test_a_head_goes_out_as_svg_png_and_csv(page):
    for key, begins in (("sheet:svg", b"<svg"), ("sheet:png", b"\x89PNG"), ("sheet:csv", b"# ")):
        with page.expect_download() as download:
            page.locator(f'gf-sheet [data-key="{key}"]').click()
        content = download.value.path().read_bytes()
        assert content.startswith(begins) or content.startswith(b'"# ')
        assert key == "sheet:png" or "causal (−∞ before softmax" in content.decode()


# the card


@pytest.mark.parametrize("address", [CELL, "L1.H2.scores[0,4]", "L1.H0.scaled[2,2]", "L0.H1.z[3,7]"])
def test_the_card_does_the_sum_again(page, address):
    page.evaluate("(address) => store.set({ address, exact: true })", address)
    page.wait_for_function("(address) => document.querySelector('gf-card h2').textContent === address", arg=address)
    worked = explained().why(address)
    foot = page.locator("gf-card footer").inner_text()
    assert fact(foot, "recomputed here:") == pytest.approx(worked.recomputed, abs=1e-6)
    titles = page.locator("gf-card caption").all_inner_texts()
    assert len(titles) == len(worked.parts)
    operands = page.locator("gf-card .operands .link").all_inner_texts()
    assert operands == worked.operands


def test_the_products_and_their_running_total_stand_in_the_card(shown):
    rows = shown.locator("gf-card .sum").first.locator("tbody tr").all()
    worked = explained().why(CELL).parts[0]
    assert len(rows) == 32
    for row, (_, numbers) in zip(rows, worked.rows, strict=True):
        assert [number(each) for each in row.locator("td").all_inner_texts()] == pytest.approx(numbers, abs=1e-5)


def test_a_factor_is_a_link_to_its_own_address(page):
    page.wait_for_selector("gf-card .sum .link")
    page.locator("gf-card .sum .link").first.click()
    assert held_in(page, "address") == "L0.H3.q[4,0]"


# the path


def test_the_bars_of_the_path_add_up_to_the_answer(shown):
    rows = shown.locator("gf-path .waterfall tbody tr").all()
    values = [number(row.locator(".number").inner_text()) for row in rows]
    assert math.fsum(values[:-1]) == pytest.approx(values[-1], abs=1e-4)
    assert values[-1] == pytest.approx(explained().answer.value, abs=1e-4)
    assert "descriptive" in shown.locator("gf-path .badge").inner_text()


# what if


def test_a_cut_says_before_after_baseline_and_control(page):
    page.locator("gf-told [data-key=cut]").click()
    page.wait_for_selector("gf-tray .result")
    tray = page.locator("gf-tray").inner_text()
    cut = explained().cut("terrible", "not")
    ends = [number(each) for each in page.locator("gf-tray .end .value:last-child").all_inner_texts()]
    assert ends == pytest.approx([cut.before, cut.after], abs=0.005)
    assert "the answer turns" in tray and "0 of 1 change as much" in tray
    assert page.locator("gf-tray .badge").inner_text() == "causal (−∞ before softmax, log-odds, n = 1)"
    assert "the answer turns" in page.locator("gf-told .after").inner_text()


def test_a_head_off_stands_beside_the_same_switch_on_the_others(page):
    page.evaluate("() => store.set({ switches: ['off:L1.H1:zero'] })")
    page.wait_for_selector("gf-tray .result")
    what_if = explained().off("L1.H1")
    assert page.locator("gf-tray .numberline .control").count() == len(what_if.controls) == 7
    as_much = sum(abs(after - what_if.before) >= abs(what_if.change) for after in what_if.controls.values())
    assert f"{as_much} of 7 change as much" in page.locator("gf-tray .result .note").inner_text()


def test_undo_takes_the_last_switch_back_and_clear_all(page):
    page.evaluate("() => store.set({ switches: ['cut:4>3'] })")
    page.locator("gf-tray [data-key=undo]").click()
    assert held_in(page, "switches") == []
    page.evaluate("() => store.set({ switches: ['cut:4>3'] })")
    page.locator("gf-tray [data-key=clear]").click()
    settle(page)
    assert held_in(page, "switches") == [] and held_in(page, "result") is None


def test_a_word_is_switched_off_in_three_ways(page):
    page.locator("gf-sentence [data-word='4']").click()
    ways = page.locator("gf-sentence .choices .tool").all_inner_texts()
    for way, text in zip(["mask", "delete", "unseen"], ways, strict=True):
        change = explained().what_if(explained().switch(f"word:4:{way}")).change
        assert number(text) == pytest.approx(change, abs=0.006)
    page.locator("gf-sentence [data-key='way:delete']").click()
    page.wait_for_selector("gf-tray .result")
    assert held_in(page, "switches") == ["word:4:delete"]
    assert "terrible deleted" in page.locator("gf-sentence [data-word='4']").inner_text()


def test_what_a_source_cannot_do_is_said(page):
    assert page.locator("gf-sentence input[name=text]").is_disabled()
    assert "glassformer open" in page.locator("gf-sentence .why").inner_text()
    page.evaluate("() => store.set({ switches: ['cut:4>3', 'without:scaling'] })")
    page.wait_for_function("() => store.get('error')")
    settle(page)
    assert "glassformer open" in page.locator("gf-status .error").inner_text()

"""Who cannot see, or has no mouse, a narrow screen or other colours, and who has a text of 512 pieces."""

import io

import numpy as np
import pytest

import glassformer as gf
from glassformer.show.packed import pack, unpack
from tests.show.page.explored import OTHER, TEXT, explained, explored, held_in, picture, settle
from tests.show.page.modules import dismissed, heard
from tests.show.page.whole import violations

CELL = "L0.H3.weights[4,3]"
HOSTILE = "<script>document.title='x'</script> \u202egood\u200b <img src=x onerror=alert(1)> شكرا"
BOUND = 2500  # elements, whatever the text
MOVE = 16  # milliseconds of a cursor's move
NARROW = (320, 390, 768)


def test_a_walk_by_keys_alone_from_the_text_to_a_cells_exact_number():
    with explored(TEXT, OTHER, address=CELL) as page:
        page.keyboard.press("=")
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("() => document.activeElement.closest('gf-sheet .weights .grid') !== null"):
                break
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
        settle(page)
        label = page.evaluate("() => document.activeElement.getAttribute('aria-label')")
        assert label.startswith("not to was") and page.evaluate("() => document.activeElement.role") == "gridcell"
        weight = float(label.split("weight ")[1].split(",")[0])
        assert weight == pytest.approx(explained()["L0.H3.weights[3,2]"].item(), abs=1e-6)
        spoken = page.locator("gf-status [aria-live=polite]").inner_text()
        assert spoken == label


def test_each_panel_is_one_tab_stop():
    with explored(TEXT, OTHER, address=CELL) as page:
        stops = []
        for _ in range(40):
            page.keyboard.press("Tab")
            where = page.evaluate("() => document.activeElement.closest('gf-explore > *')?.localName ?? ''")
            if not where and stops:
                break
            stops += [where] if where else []
        order = ["gf-sentence", "gf-told", "gf-ladder", "gf-strip", "gf-sheet", "gf-card", "gf-path", "gf-tray"]
        assert stops == order  # the text box cannot be typed into in a file


def test_from_the_grid_the_arrows_lead_to_the_tools_and_back():
    with explored(address="L0.H0.weights[0,0]") as page:
        page.locator("gf-ladder .ring").focus()
        page.keyboard.press("ArrowUp")
        assert page.evaluate("() => document.activeElement.classList.contains('tool')")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("() => document.activeElement.classList.contains('ring')")


def test_the_active_cell_says_where_it_stands():
    with explored(address=CELL) as page:
        for kind in ("weights", "effect"):
            grid = page.locator(f"gf-sheet .{kind} [role=grid]")
            assert [grid.get_attribute(f"aria-{name}") for name in ("rowcount", "colcount")] == ["5", "5"]
            assert grid.locator("[role=row]").get_attribute("aria-rowindex") == "5"
            assert grid.locator("[role=gridcell]").get_attribute("aria-colindex") == "4"


def test_the_focus_stays_where_it_was_when_a_panel_is_drawn_again():
    with explored(address=CELL) as page:
        page.locator("gf-tray [data-key='switch:cut:4>3']").focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("gf-tray .result")
        settle(page)
        assert page.evaluate("() => document.activeElement.dataset.key") == "switch:cut:4>3"


@pytest.mark.parametrize("way", ["light", "dark", "tables", "narrow", "present"])
def test_axe_finds_no_serious_violation(way):
    with explored(TEXT, OTHER, address=CELL) as page:
        page.evaluate("() => { document.documentElement.lang = 'en'; }")
        if way == "dark":
            page.emulate_media(color_scheme="dark")
        if way == "narrow":
            page.set_viewport_size({"width": 390, "height": 844})
        page.evaluate("(way) => store.set({ table: way === 'tables', present: way === 'present' })", way)
        page.evaluate("() => store.set({ switches: ['cut:4>3'] })")
        page.locator("gf-ladder [data-key=find]").click()
        page.evaluate("() => document.dispatchEvent(new CustomEvent('gf-compare'))")
        page.wait_for_selector("gf-tray .result")
        assert violations(page) == []


def test_labels_made_of_markup_are_text_and_do_nothing():
    hostile = gf.load("sentiment").explain(HOSTILE).picture(full=False)
    with explored(held={"hostile": pack(hostile)}) as page, heard(page, "dialog", dismissed) as alarms:
        for key in ("t", "=", "x", "t"):
            page.keyboard.press(key)
            settle(page)
        assert not alarms and page.title() == "modules"
        assert page.evaluate("() => document.querySelectorAll('gf-explore script, gf-explore img').length") == 0
        text = page.locator("gf-explore").inner_text()
        assert "script" in text and not {"\u202e", "\u200b"} & set(text)


@pytest.mark.parametrize("width", NARROW)
def test_nothing_is_wider_than_a_narrow_screen(width):
    with explored(TEXT, OTHER, address=CELL) as page:
        page.set_viewport_size({"width": width, "height": 844})
        page.evaluate("() => store.set({ switches: ['cut:4>3'] })")
        page.wait_for_selector("gf-tray .result")
        settle(page)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def pixels(page, selector):
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(page.locator(selector).screenshot())).convert("RGB")).astype(int)


def test_under_forced_colours_no_cell_relies_on_a_colour():
    with explored(address=CELL) as page:
        page.emulate_media(forced_colors="active")
        settle(page)
        page.add_style_tag(content=".cover { visibility: hidden }")  # the ring has the system's highlight
        shown = pixels(page, "gf-sheet .effect .scroller")
        assert (shown.max(-1) - shown.min(-1)).max() <= 40  # grey, but for the edges of letters
        assert shown.min() < 60 < 200 < shown.max()  # and there is something to see


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_cells_follow_the_readers_scheme(scheme):
    with explored(address=CELL) as page:
        page.emulate_media(color_scheme=scheme)
        settle(page)
        corner = pixels(page, "gf-sheet .effect .scroller")[2, 2]
        assert (corner.mean() > 200) == (scheme == "light")


@pytest.fixture(scope="module")
def long():
    """512 pieces with numbers of their own, as an engineer has them."""
    generator = np.random.default_rng(0)
    n, whole = 512, picture()
    words = [f"word{k}" for k in range(n)]
    arrays = {f"layers.0.attention.{kind}": generator.normal(size=(4, n, 32)).astype("f4") for kind in "qkv"}
    arrays["layers.0.attention.brought"] = generator.random((4, n)).astype("f4")
    arrays["layers.0.attention.cells"] = generator.normal(size=(4, n, n)).astype("f4")
    nothing = {way: [None] * n for way in ("mask", "delete", "unseen")}
    effects = {**whole["effects"], "words": nothing, "edges": []}
    text = {"text": " ".join(words), "words": words, "pieces": words}
    places = {"word_of": list(range(n)), "word_pieces": [[k] for k in range(n)]}
    return pack({**whole, **text, **places, "told": None, "effects": effects, "arrays": arrays})


def test_a_text_of_512_pieces_is_drawn_by_its_window(long):
    with explored(held={"long": long}, address="L0.H0.weights[250,3]") as page:
        assert page.evaluate("() => document.querySelectorAll('*').length") < BOUND
        assert page.locator("gf-sheet .weights [role=grid]").get_attribute("aria-rowcount") == "512"
        assert page.locator("gf-sheet .ring").first.get_attribute("aria-label").startswith("word250 to word3,")
        size = page.evaluate(
            "() => { const c = document.querySelector('gf-sheet .weights canvas'); return [c.width, c.height]; }"
        )
        assert max(size) < 2000
        page.keyboard.press("t")
        settle(page)
        assert page.evaluate("() => document.querySelectorAll('*').length") < BOUND
        assert "cells are further off" in page.locator("gf-sheet caption").first.inner_text()


MOVES = """
async () => {
  const times = [];
  for (let k = 0; k < 40; k += 1) {
    const begun = performance.now();
    document.activeElement.dispatchEvent(
      new KeyboardEvent("keydown", { key: k % 2 ? "ArrowDown" : "ArrowRight", bubbles: true, cancelable: true })
    );
    await new Promise((done) => queueMicrotask(() => queueMicrotask(done)));
    document.body.offsetHeight;
    times.push(performance.now() - begun);
    await new Promise((done) => requestAnimationFrame(done));
  }
  return times.sort((a, b) => a - b)[20];
}
"""


def test_a_cursor_moves_within_a_frame_at_512_pieces(long):
    with explored(held={"long": long}, address="L0.H0.weights[250,3]") as page:
        page.locator("gf-sheet .weights .ring").focus()
        assert page.evaluate(MOVES) < MOVE
        assert held_in(page, "address") == "L0.H0.weights[270,23]"
        ring = page.locator("gf-sheet .weights .ring").bounding_box()
        window = page.locator("gf-sheet .weights .scroller").bounding_box()
        assert window["x"] < ring["x"] < window["x"] + window["width"]  # the window followed


def test_a_long_text_shows_the_pattern_of_every_head_small(long):
    thumbs = {f"layers.{k}.attention.thumb": np.eye(32, dtype="f4")[None].repeat(4, 0) for k in range(2)}
    with explored(held={"long": pack({**unpack(long), "arrays": {**unpack(long)["arrays"], **thumbs}})}) as page:
        page.wait_for_selector("gf-ladder [data-key=thumbs][aria-pressed=true]")
        settle(page)
        ring = page.locator("gf-ladder .ring").bounding_box()
        box = page.locator("gf-ladder .scroller").bounding_box()
        page.add_style_tag(content=".cover { visibility: hidden }")
        cell = pixels(page, "gf-ladder .scroller")
        x, y = (round(ring[side] - box[side]) for side in ("x", "y"))
        rows = [cell[y + k, x + 2 : x + 68].mean(-1) for k in (8, 30, 55)]
        assert all(row.min() < 80 for row in rows) and all(np.median(row) > 240 for row in rows)
        places = [int(row.argmin()) for row in rows]
        assert places[0] < 15 < places[1] < 45 < places[2]  # the diagonal


def test_the_whole_of_a_large_matrix_fits_where_it_is_asked_for(long):
    with explored(held={"long": long}, address="L0.H0.weights[250,3]") as page:
        page.locator("gf-sheet [data-key=whole]").click()
        settle(page)
        scroller = page.locator("gf-sheet .weights .scroller")
        sizes = scroller.evaluate(
            "(each) => [each.scrollWidth - each.clientWidth, each.scrollHeight - each.clientHeight]"
        )
        assert sizes[0] <= 1

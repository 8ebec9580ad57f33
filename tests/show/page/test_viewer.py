"""The viewer of lines: weights of all four types of attention, boxes of heads, hovering, keys, effects."""

import pytest
import torch

from glassformer.explain.picture import picture as of_trial
from glassformer.explain.reader import read
from glassformer.show.packed import pack
from tests import made
from tests.show.page import modules, translated, whole
from tests.show.pictures import picture

TYPES = {
    "input-input": "encoder.layers.{}.attention.weights",
    "input-output": "layers.{}.cross.weights",
    "output-output": "layers.{}.attention.weights",
}
WEIGHTS = (
    "const { weightsOfType } = await import('/views/viewer/attentions.js');"
    "const { unpack } = await import('/base/unpack.js');"
    "const picture = await unpack(new Uint8Array(await (await fetch('/held/picture')).arrayBuffer()));"
    "const source = { array: async (from, name) => from.arrays[name] };"
    "return JSON.stringify(await weightsOfType(source, picture, given));"
)
MOUNTED = (
    "const { store } = await import('/base/store.js'); const { FileSource } = await import('/sources/file.js');"
    "const { unpack } = await import('/base/unpack.js'); const { ViewerView } = await import('/views/viewer.js');"
    "const picture = await unpack(new Uint8Array(await (await fetch('/held/picture')).arrayBuffer()));"
    "store.set({ source: new FileSource({ pictures: [picture] }), picture });"
    "document.body.append(new ViewerView()); return null;"
)
LOOK = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": {"viewport": {"width": 390, "height": 800}}}


@pytest.fixture(scope="module")
def pair():
    return translated.translated()


@pytest.fixture(scope="module")
def viewer(tmp_path_factory):
    with whole.opened(tmp_path_factory.mktemp("viewer"), [whole.shipped().picture()], {"view": "viewer"}) as tab:
        tab.wait_for_selector(".head-box")
        yield tab


@pytest.fixture(scope="module")
def of_pair(pair):
    """The viewer alone, of a picture that no file is made of yet."""
    with modules.opened({"picture": pack(pair[0])}) as tab:
        modules.run(tab, MOUNTED)
        tab.wait_for_selector(".head-box")
        yield tab


def table(tab):
    """What stands beside the lines: {piece: [numbers]}."""
    lines = tab.locator(".viewer-facts tbody tr").all()
    return {
        line.locator("th").inner_text(): [whole.number(each.inner_text()) for each in line.locator("td").all()]
        for line in lines
    }


def point(tab, side, index):
    tab.locator(f"#viewer-{side}-{index}").hover()
    tab.wait_for_selector(f"#viewer-{side}-{index}[aria-selected=true]")


def test_the_weights_of_each_type_are_those_of_the_tape(pair):
    picture, tape = pair
    with modules.opened({"picture": pack(picture)}) as page:
        for name, site in TYPES.items():
            for layer in range(translated.LAYERS):
                for head in range(translated.HEADS):
                    given = {"type": name, "layer": layer, "head": head}
                    found = torch.tensor(modules.run(page, WEIGHTS, given))
                    torch.testing.assert_close(found, tape[site.format(layer)][0, head], atol=1e-6, rtol=0)


def test_all_is_the_three_in_one_matrix(pair):
    picture, tape = pair
    with modules.opened({"picture": pack(picture)}) as page:
        found = torch.tensor(modules.run(page, WEIGHTS, {"type": "all", "layer": 1, "head": 2}))
    read_at, written, crossed = (
        tape[TYPES[name].format(1)][0, 2] for name in ("input-input", "output-output", "input-output")
    )
    above = torch.cat([read_at, torch.zeros(len(read_at), len(written))], dim=1)
    torch.testing.assert_close(found, torch.cat([above, torch.cat([crossed, written], dim=1)]), atol=1e-6, rtol=0)


def test_types_and_sides_of_a_translator(of_pair, pair):
    tab, (_, tape) = of_pair, pair
    sides = {
        "input-input": ("SOURCE", "SOURCE"),
        "input-output": ("TARGET", "SOURCE"),
        "output-output": ("TARGET", "TARGET"),
    }
    for name, (looks, at) in sides.items():
        tab.select_option("[name=type]", name)
        tab.select_option("[name=layer]", "1")
        tab.wait_for_timeout(150)
        for side, expected in (("looks", looks), ("at", at)):
            assert tab.locator(f".is-{side} .token").all_inner_texts() == list(getattr(translated, expected))
        point(tab, "looks", 2)
        weights = tape[TYPES[name].format(1)][0, :, 2]
        for k, piece in enumerate(getattr(translated, at)):
            assert table(tab)[piece][:3] == pytest.approx(weights[:, k].tolist(), rel=6e-3, abs=1e-6)
    tab.select_option("[name=type]", "all")
    assert tab.locator(".is-looks .token").all_inner_texts() == [*translated.SOURCE, *translated.TARGET]


def test_each_box_says_what_its_head_changes(of_pair, pair):
    effects = pair[0]["effects"]
    of_pair.select_option("[name=type]", "input-output")
    of_pair.select_option("[name=layer]", "0")
    of_pair.wait_for_timeout(100)
    written = [whole.number(each.lstrip("+")) for each in of_pair.locator(".head-effect").all_inner_texts()]
    assert written == pytest.approx(effects["cross_heads"]["zero"][0], rel=6e-3)
    assert "causal (zero, first number, n = 1)" in of_pair.inner_text(".head-boxes")
    of_pair.select_option("[name=type]", "all")
    first = of_pair.locator(".head-effect").first.inner_text()
    assert all(word in first for word in ("input", "cross", "output"))


def test_hovering_a_piece_shows_who_it_looks_at_and_who_looks_at_it(viewer):
    x = whole.shipped()
    point(viewer, "looks", 4)
    weights = torch.stack([x[f"L0.H{head}.weights"] for head in range(4)])
    for k, piece in enumerate(x.pieces):
        expected = [*weights[:, 4, k].tolist(), weights[:, 4, k].mean().item()]
        assert table(viewer)[piece] == pytest.approx(expected, rel=6e-3)
    point(viewer, "at", 3)
    for k, piece in enumerate(x.pieces):
        assert table(viewer)[piece][:4] == pytest.approx(weights[:, k, 3].tolist(), rel=6e-3)
    assert "is looked at by" in viewer.inner_text(".viewer-facts caption")
    effects = x.picture()["effects"]["heads"]["zero"][0]
    written = [whole.number(each.lstrip("+")) for each in viewer.locator(".head-effect").all_inner_texts()]
    assert written == pytest.approx(effects, rel=6e-3)


def test_a_click_toggles_a_head_and_a_double_click_isolates_it(viewer):
    boxes = viewer.locator(".head-box input")
    on = lambda: [box.is_checked() for box in boxes.all()]  # noqa: E731
    boxes.nth(1).click()
    assert on() == [True, False, True, True]
    boxes.nth(1).click()
    viewer.locator(".head-name").nth(3).dblclick()
    assert on() == [False, False, False, True]
    point(viewer, "looks", 4)
    assert {len(row) for row in table(viewer).values()} == {2}
    viewer.locator(".head-name").nth(3).dblclick()
    assert on() == [True] * 4
    boxes.nth(2).focus()
    viewer.keyboard.press("Enter")
    assert on() == [False, False, True, False]
    viewer.keyboard.press("Enter")
    assert on() == [True] * 4


def test_of_one_head_alone_the_effect_of_each_cell_stands_beside_its_weight(viewer):
    x = whole.shipped()
    viewer.locator(".head-name").nth(3).dblclick()
    point(viewer, "looks", 4)
    written = {piece: row[1] for piece, row in table(viewer).items()}
    badges = viewer.locator(".viewer-facts .badge").all_inner_texts()
    viewer.locator(".head-name").nth(3).dblclick()  # all heads again, for the tests that follow
    cells = x.picture()["arrays"]["layers.0.attention.cells"][3, 4]
    assert written == {piece: pytest.approx(cells[k], rel=6e-3, abs=1e-6) for k, piece in enumerate(x.pieces)}
    assert badges == ["weights: descriptive", "causal (−∞ before softmax, log-odds, n = 1)"]  # measured


def test_keys_walk_the_pieces_and_keep_one(viewer):
    viewer.locator(".is-looks").focus()
    viewer.keyboard.press("Home")
    for _ in range(4):
        viewer.keyboard.press("ArrowDown")
    assert viewer.locator("#viewer-looks-4").get_attribute("aria-selected") == "true"
    viewer.keyboard.press("Enter")
    viewer.mouse.move(5, 5)
    assert "“terrible” looks at" in viewer.inner_text(".viewer-facts caption")
    whole.until(viewer, "() => decodeURIComponent(location.hash).includes('L0.H0.weights[4,3]')")
    viewer.keyboard.press("Escape")
    viewer.keyboard.press("ArrowRight")
    assert viewer.evaluate("document.activeElement.classList.contains('is-at')")


def test_the_lines_are_drawn_where_the_weights_are(viewer):
    """Of one head, between the row of a piece and each it looks at, the more opaque the heavier."""
    viewer.locator(".head-name").nth(3).dblclick()
    point(viewer, "looks", 4)
    middle = (
        "(k) => { const c = document.querySelector('.canvas-holder canvas'); const row = c.height / 5;"
        " const y = ((4.5 + k + 0.5) / 2) * row; const pen = c.getContext('2d');"
        " const d = pen.getImageData(c.width / 2 - 1, y - 3, 3, 7).data;"
        " return Math.max(...d.filter((_, i) => i % 4 === 3)); }"
    )
    alphas = [viewer.evaluate(middle, k) / 255 for k in range(5)]
    viewer.locator(".head-name").nth(3).dblclick()
    weights = whole.shipped()["L0.H3.weights"][4]
    assert alphas[3] == pytest.approx(weights[3].item(), abs=0.1)
    assert max(alphas[:3]) < 0.2


@pytest.mark.parametrize("look", LOOK)
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_window(tmp_path, look):
    with whole.opened(tmp_path, [whole.shipped().picture()], {"view": "viewer"}, **LOOK[look]) as tab:
        tab.wait_for_selector(".head-box")
        tab.locator("#viewer-looks-4").click()
        assert whole.violations(tab) == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_of_a_long_text_a_window_is_drawn_and_it_can_be_walked(tmp_path):
    x = read("sentiment").explain("the food was not good , " * 20, beside=())
    with whole.opened(tmp_path, [x.picture()], {"view": "viewer"}) as tab:
        tab.wait_for_selector(".head-box")
        assert tab.locator(".token").count() == 80
        assert whole.nodes(tab) < 700
        tab.locator(".token-column.is-looks").focus()
        tab.keyboard.press("End")
        last = len(x.pieces) - 1
        assert tab.locator(f"#viewer-looks-{last}").get_attribute("aria-selected") == "true"
        assert tab.locator(".token").count() == 80


def test_a_model_without_attention_is_told_so(tmp_path):
    x = read("bag-of-words").explain(whole.SENTENCE, beside=())
    with whole.opened(tmp_path, [x.picture()], {"view": "viewer"}) as tab:
        assert "has no attention" in tab.inner_text("gf-viewer")


def test_of_512_pieces_and_twelve_heads_little_is_drawn(tmp_path):
    big = picture(pieces=512, layers=1, heads=12, width=384)
    with whole.opened(tmp_path, [big], {"view": "viewer"}) as tab:
        tab.wait_for_selector(".head-box")
        point(tab, "looks", 3)
        assert whole.nodes(tab) < 500
        assert tab.evaluate("document.querySelector('.canvas-holder canvas').height") < 2000


@pytest.fixture(scope="module")
def translation():
    return made.translate_trial("the food was not terrible", "it was very good", 1, encoder_heads=3)


@pytest.fixture(scope="module")
def of_translator(tmp_path_factory, translation):
    """A whole page from a file, which fetches nothing, of a picture that Python made of a translator."""
    with whole.opened(tmp_path_factory.mktemp("translated"), [of_trial(translation)], {"view": "viewer"}) as tab:
        tab.wait_for_selector(".head-box")
        yield tab


def test_a_translator_of_python_is_drawn_from_a_file(of_translator, translation):
    tab, source, written = of_translator, translation.source.names, translation.pieces.names
    sides = {"input-input": (source, source), "input-output": (written, source), "output-output": (written, written)}
    kinds = {"input-input": "encoder_heads", "input-output": "cross_heads", "output-output": "heads"}
    effects = of_trial(translation)["effects"]
    for name, (looks, at) in sides.items():
        tab.select_option("[name=type]", name)
        tab.select_option("[name=layer]", "1")
        tab.wait_for_timeout(150)
        assert tab.locator(".is-looks .token").all_inner_texts() == looks
        point(tab, "looks", 1)
        weights = translation.tape[TYPES[name].format(1)][0, :, 1]
        found = table(tab)
        for piece, row in found.items():
            assert row[:3] == pytest.approx(weights[:, at.index(piece)].tolist(), rel=6e-3, abs=1e-6)
        told = [whole.number(each.lstrip("+")) for each in tab.locator(".head-effect").all_inner_texts()]
        assert told == pytest.approx(effects[kinds[name]]["zero"][1], rel=6e-3, abs=1e-4)


def test_the_looks_of_a_translator_are_walked_by_keys(of_translator, translation):
    tab = of_translator
    tab.select_option("[name=type]", "input-output")
    tab.locator(".is-looks").focus()
    tab.keyboard.press("End")
    last = len(translation.pieces.ids) - 1
    assert tab.locator(f"#viewer-looks-{last}").get_attribute("aria-selected") == "true"
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Home")
    assert tab.locator("#viewer-at-0").get_attribute("aria-selected") == "true"


@pytest.mark.parametrize("view", ["viewer", "explore"])
def test_a_page_of_a_translator_is_open_to_all(tmp_path, translation, view):
    with whole.opened(tmp_path, [of_trial(translation)], {"view": view}, color_scheme="dark") as tab:
        tab.wait_for_selector("gf-viewer .head-box" if view == "viewer" else ".question table.looked")
        assert whole.violations(tab) == []
        if view == "explore":
            assert tab.input_value("[name=text]") == "the food was not terrible"
            rows = tab.locator("table.looked tbody tr").all_inner_texts()
            assert [row.split()[0] for row in rows] == [word.text for word in translation.source.words]

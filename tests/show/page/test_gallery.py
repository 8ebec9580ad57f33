"""The gallery: every figure drawn from real numbers, its formulas held against the modules of `parts`."""

import re

import pytest
import torch

from glassformer.parts import embed
from glassformer.parts.attention import plain, scaled
from tests.show.page import modules, whole

IDS = [
    "six-steps",
    "matrix-form",
    "poster",
    "reasons",
    "positions",
    "position-products",
    "residual",
    "basic",
    "own-word",
    "112-14-088",
    "encoder-decoder-loop",
    "output-step",
    "target",
    "printed-rows",
    "greedy-and-beam",
]
THINKING = "Thinking Machines"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    pictures = [whole.small().picture(), whole.small(THINKING, ()).picture()]
    with whole.opened(tmp_path_factory.mktemp("gallery"), pictures, {"view": "gallery"}) as tab:
        tab.wait_for_selector("figure h2")
        yield tab


def choose(tab, name):
    tab.locator(f".gallery-list [data-figure='{name}']").click()
    tab.wait_for_selector(f"figure[data-figure='{name}']")
    return tab.locator(f"figure[data-figure='{name}']")


def texts(figure):
    return figure.locator("svg text").all_text_contents()


@pytest.mark.parametrize("layout", ["interleaved", "halves"])
@pytest.mark.parametrize("sizes", [(20, 512), (10, 64), (3, 4), (5, 2)])
def test_both_layouts_of_positions_are_those_of_parts(layout, sizes):
    name = {"interleaved": "interleavedPlaces", "halves": "halvedPlaces"}[layout]
    with modules.opened() as page:
        body = f"const m = await import('/views/gallery/places.js'); return JSON.stringify(m.{name}(...given));"
        rows = torch.tensor(modules.run(page, body, list(sizes)))
    torch.testing.assert_close(rows, getattr(embed, layout)(*sizes), atol=2e-6, rtol=0)


def test_basic_self_attention_is_the_rung_of_parts():
    x = torch.randn(6, 8)
    with modules.opened() as page:
        body = (
            "const { basicWeights } = await import('/views/gallery/basic.js');"
            "return JSON.stringify([basicWeights(given), basicWeights(given, Math.sqrt(8))]);"
        )
        found = torch.tensor(modules.run(page, body, x.tolist()))
    torch.testing.assert_close(found[0] @ x, plain(x), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found[1] @ x, scaled(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", IDS)
def test_every_figure_is_drawn_with_caption_source_and_badge(gallery, name):
    figure = choose(gallery, name)
    assert "Not drawn" not in figure.inner_text()
    assert figure.locator("svg.gallery-drawing, canvas.gallery-drawing, table").count() >= 1
    assert re.search(r"rows? (IT|BL|SP)-\d\d", figure.locator("figcaption").inner_text())
    assert figure.locator(".badge").inner_text()
    assert whole.nodes(gallery) < 2500
    assert whole.violations(gallery) == []


def test_six_steps_have_pythons_scores_weights_and_sum(gallery):
    figure = choose(gallery, "six-steps")
    x = whole.small(THINKING, ())
    told = "L0.H0"
    scores, weights = x[f"{told}.scores"], x[f"{told}.weights"]
    gallery.select_option("[name=head]", "0 0")
    gallery.wait_for_timeout(100)
    found = texts(figure)
    written = [float(each.split("= ")[1].replace("−", "-")) for each in found if re.match(r"q1 · k\d = ", each)]
    drawn = len(written)
    assert written == pytest.approx(scores[0, :drawn].tolist(), rel=6e-3, abs=6e-3)
    start = found.index("4  softmax") + 1
    shares = [float(each.replace("−", "-")) for each in found[start : start + drawn]]
    assert shares == pytest.approx(weights[0, :drawn].tolist(), rel=6e-3, abs=6e-4)


def test_the_toy_of_the_post_is_reproduced(gallery):
    figure = choose(gallery, "positions")
    gallery.get_by_role("button", name="3 × 4, the toy").click()
    gallery.wait_for_selector("figure table")
    rows = [[each.inner_text() for each in row.locator("td").all()] for row in figure.locator("tbody tr").all()]
    numbers = [[round(whole.number(cell), 2) for cell in row] for row in rows]
    assert numbers == [[0, 0, 1, 1], [0.84, 0, 0.54, 1], [0.91, 0, -0.42, 1]]
    gallery.select_option("[name=layout]", "interleaved")
    gallery.wait_for_timeout(100)
    row = [whole.number(each.inner_text()) for each in figure.locator("tbody tr").nth(1).locator("td").all()]
    assert row == pytest.approx([0.8415, 0.5403, 0.01, 1], abs=1e-3)


def test_places_can_be_resized(gallery):
    figure = choose(gallery, "positions")
    gallery.fill("[name=length]", "7")
    gallery.fill("[name=width]", "10")
    gallery.wait_for_timeout(100)
    assert "7 positions, 10 numbers each" in figure.locator("figcaption").inner_text()
    assert figure.locator("svg rect").count() == 70


def test_the_norm_has_pythons_mean_and_variance(gallery):
    figure = choose(gallery, "residual")
    x = whole.small()
    gallery.select_option("[name=head]", "1 0")
    gallery.select_option("[name=piece]", "2")
    gallery.wait_for_timeout(100)
    both = (x["L0.stream"] + x["layers.1.attention.mixed"])[2].double()
    line = next(each for each in texts(figure) if "mean" in each and "variance" in each and each.startswith("x + z:"))
    mean, variance = (float(each.replace("−", "-")) for each in re.findall(r"[−\d.]+", line.split(":")[1]))
    assert mean == pytest.approx(both.mean().item(), rel=6e-3)
    assert variance == pytest.approx(both.var(unbiased=False).item(), rel=6e-3)


def test_own_words_are_counted_over_every_row_of_every_head(gallery):
    figure = choose(gallery, "own-word")
    x = whole.small()
    diagonal = torch.arange(len(x.pieces))
    counts = {
        f"L{layer}.H{head}": int((x[f"L{layer}.H{head}.weights"].argmax(-1) == diagonal).sum())
        for layer in range(2)
        for head in range(2)
    }
    found = texts(figure)
    for name, count in counts.items():
        assert found[found.index(name) + 1] == f"{count} of {len(x.pieces)}"


def test_112_becomes_14_becomes_088(gallery):
    figure = choose(gallery, "112-14-088")
    first = [each.inner_text() for each in figure.locator("tbody tr").first.locator("td").all()]
    assert first[:3] == ["112", "14.0", "0.881"]
    gallery.fill("[name=d]", "1")
    gallery.wait_for_timeout(100)
    first = [each.inner_text() for each in figure.locator("tbody tr").first.locator("td").all()]
    assert float(first[2]) == pytest.approx(1.0, abs=1e-3)


def test_printed_rows_are_summed(gallery):
    figure = choose(gallery, "printed-rows")
    sums = [row.locator("td").last.inner_text() for row in figure.locator("tbody tr").all()]
    assert sums == ["1.010", "1.000", "0.996", "0.974", "1.003"]


def test_a_figure_leaves_as_svg_with_caption_and_badge(gallery, tmp_path):
    choose(gallery, "matrix-form")
    with gallery.expect_download() as got:
        gallery.get_by_role("button", name="SVG").click()
    got.value.save_as(tmp_path / "figure.svg")
    svg = (tmp_path / "figure.svg").read_text()
    assert svg.startswith("<svg") and "descriptive" in svg and "Vaswani" in svg and "The same as matrices" in svg
    with gallery.expect_download() as got:
        gallery.get_by_role("button", name="PNG").click()
    got.value.save_as(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes()[:4] == b"\x89PNG"


def test_a_text_that_a_file_lacks_is_said(tmp_path):
    with whole.opened(tmp_path, [whole.small().picture()], {"view": "gallery"}) as tab:
        tab.wait_for_selector("figure figcaption")
        assert 'glassformer open "Thinking Machines"' in tab.inner_text("figcaption")


def test_no_figure_is_wider_than_a_phone_and_dark_is_readable(tmp_path):
    look = {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"}
    with whole.opened(tmp_path, [whole.shipped().picture()], {"view": "gallery"}, **look) as tab:
        tab.wait_for_selector("figure h2")
        for name in IDS:
            choose(tab, name)
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
            assert whole.violations(tab) == []

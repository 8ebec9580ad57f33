"""The gallery's figures of how a text is written and learned: their numbers are Python's, and nothing moves unasked."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from glassformer.explain.decoded import decoded, search
from glassformer.explain.reader import read
from glassformer.models import losses
from glassformer.models.beams import Search, beams
from glassformer.models.decoding import Until
from glassformer.show import page
from glassformer.show.packed import pack
from tests.show.page import modules, whole
from tests.show.page.test_gallery import choose, texts

WALKED = ["encoder-decoder-loop", "output-step", "greedy-and-beam"]
HOSTILE = "<img src=x onerror=alert(1)>\u202e\x1b[31m"
UNTRAINED = [0.2, 0.2, 0.1, 0.2, 0.2, 0.1]
WORDS = ["a", "am", "I", "thanks", "student", "<eos>"]
MOST = 40_000  # bytes of what these figures are drawn from, in every page


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    with whole.opened(tmp_path_factory.mktemp("gallery"), [whole.small().picture()], {"view": "gallery"}) as tab:
        tab.wait_for_selector("figure h2")
        yield tab


def walk(tab, name, stage):
    """The figure, at one of its stages."""
    figure = choose(tab, name)
    while (now := at(tab)) != stage:
        tab.get_by_role("button", name="Forward" if now < stage else "Back", exact=True).click()
    arrived(tab, name, stage)
    return figure


def at(tab):
    return int(tab.locator(".gallery-tools output").inner_text())


def arrived(tab, name, stage):
    """Wait for the drawing, which comes a turn later than the number."""
    told = "document.querySelector('.gallery-tools output')?.value === given[0] && document.querySelector(given[1])"
    whole.until(tab, f"(given) => Boolean({told})", [str(stage), f"figure[data-figure='{name}']"])
    tab.wait_for_timeout(50)


def table(figure):
    """The numbers as a table: {row: [cell, …]}."""
    rows = figure.locator("details tbody tr")
    rows.first.wait_for(state="attached")
    return {row.locator("th").text_content(): row.locator("td").all_text_contents() for row in rows.all()}


def titles(figure):
    """What each cell says of itself, under the pointer."""
    return figure.locator("svg rect title").all_text_contents()


def last(tab, name):
    choose(tab, name)
    return int(re.search(r"of (\d+)$", tab.locator(".gallery-tools .aside").inner_text())[1])


# encoder and decoder


def test_the_loop_begins_with_the_encoder_and_ends_with_the_end(gallery):
    name, both = "encoder-decoder-loop", decoded()["translation"]
    assert last(gallery, name) == 1 + len(both["written"])
    figure = walk(gallery, name, 0)
    assert not [each for each in texts(figure) if "of layer" in each or "step" in each]
    figure = walk(gallery, name, 1)
    assert {"K of layer 0", "V of layer 0", "K of layer 1", "V of layer 1"} <= set(texts(figure))
    for step in range(len(both["written"])):
        figure = walk(gallery, name, 2 + step)
        assert f"decoder, step {step + 1}" in texts(figure)
        assert ("fed back" in texts(figure)) == (step + 1 < len(both["written"]))
        given = f"“{both['written'][step - 1]}”, just written, is fed back" if step else "the decoder is given <s>"
        assert given in figure.locator("figcaption").inner_text()
    assert "the end" in texts(figure) and "the loop stops" in figure.locator("figcaption").inner_text()


@pytest.mark.parametrize("step", [0, 3, 8])
def test_the_loops_weights_and_shares_are_the_models(gallery, step):
    both = decoded()
    fields, arrays = both["translation"], both["arrays"]
    figure = walk(gallery, "encoder-decoder-loop", 2 + step)
    drawn = [re.fullmatch(r"to “(.+)”: (.+)", each) for each in titles(figure)]
    found = [(each[1], whole.number(each[2])) for each in drawn if each]
    wanted = []
    for layer in range(2):
        names = [fields["begin"], *fields["written"]][: step + 1]
        wanted += zip(names, arrays[f"layers.{layer}.attention.weights"][step].mean(0), strict=False)
        wanted += zip(fields["read"], arrays[f"layers.{layer}.cross.weights"][step].mean(0), strict=True)
    assert [name for name, _ in found] == [name for name, _ in wanted]
    assert [value for _, value in found] == pytest.approx([float(value) for _, value in wanted], rel=6e-3, abs=1e-6)
    shares = torch.from_numpy(arrays["logits"])[step].double().softmax(-1)
    row = table(figure)[f"step {step + 1}"]
    assert row[2] == fields["written"][step]
    assert whole.number(row[3]) == pytest.approx(shares.max().item(), rel=6e-3)
    assert row[1] == fields["read"][int(arrays["layers.1.cross.weights"][step].mean(0).argmax())]


def test_the_top_output_and_its_keys_are_drawn_as_they_are(gallery):
    both = decoded()
    figure = walk(gallery, "encoder-decoder-loop", 1)
    shown = [re.fullmatch(r"“(.+)”, feature (\d+): (.+)", each) for each in titles(figure)]
    arrays, count = both["arrays"], len(both["translation"]["read"])
    sources = [arrays["encoder.final"]]
    sources += [arrays[f"layers.{layer}.cross.{name}"][0] for layer in (0, 1) for name in ("k", "v")]
    assert all(shown) and len(shown) == 6 * count * len(sources)
    for k, each in enumerate(shown):
        array, piece = sources[k // (6 * count)], k % count
        assert each[1] == both["translation"]["read"][piece]
        assert whole.number(each[3]) == pytest.approx(float(array[piece, int(each[2])]), rel=6e-3, abs=1e-6)


@pytest.mark.parametrize("step", [0, 4, 8])
def test_a_last_vector_becomes_pythons_logits_shares_and_logarithms(gallery, step):
    both = decoded()
    figure = walk(gallery, "output-step", step)
    logits = torch.from_numpy(both["arrays"]["logits"])[step].double()
    columns = [logits, logits, logits.softmax(-1), logits.log_softmax(-1)]
    rows = list(table(figure).values())
    for column, wanted in enumerate(columns):
        found = [whole.number(row[column]) for row in rows]
        assert found == pytest.approx(wanted.tolist(), rel=6e-3, abs=1e-6)
    best, names = int(logits.argmax()), both["translation"]["vocabulary"]
    assert f"argmax: index {best}, “{names[best]}”" in texts(figure)
    assert names[best] == both["translation"]["written"][step]


def test_logits_are_computed_in_the_page(gallery):
    """Not copied: a last vector twice as long has logits twice as large, whatever the model said."""
    arrays = decoded()["arrays"]
    given = {name: {"shape": list(array.shape), "data": array.ravel().tolist()} for name, array in arrays.items()}
    given["final"]["data"] = [2 * each for each in given["final"]["data"]]
    with modules.opened() as tab:
        body = (
            "const { outputOf } = await import('/views/gallery/output.js');"
            "for (const each of Object.values(given.arrays)) each.data = Float32Array.from(each.data);"
            "return JSON.stringify(outputOf(given, 3).logits);"
        )
        found = modules.run(tab, body, {"arrays": given, "translation": decoded()["translation"]})
    np.testing.assert_allclose(found, 2 * arrays["logits"][3], atol=1e-5)


# targets


def compared(right, smoothing, updates):
    """The same with torch: the loss by `losses`, the slope by autograd, the updates one after the other."""
    logits = torch.tensor(UNTRAINED, dtype=torch.float64).log().requires_grad_()
    for _ in range(updates):
        (slope,) = torch.autograd.grad(losses.smoothed(logits[None], torch.tensor([right]), smoothing), logits)
        logits = (logits - slope).detach().requires_grad_()
    loss = losses.smoothed(logits[None], torch.tensor([right]), smoothing)
    (slope,) = torch.autograd.grad(loss, logits)
    y = (1 - smoothing) * F.one_hot(torch.tensor(right), 6).double() + smoothing / 6
    kl = F.kl_div(logits.log_softmax(-1), y, reduction="sum")
    return {"y": y, "p": logits.softmax(-1), "minus": slope, "slope": slope, "loss": loss, "divergence": kl}


@pytest.mark.parametrize("right", range(6))
@pytest.mark.parametrize(("smoothing", "updates"), [(0, 0), (0.1, 0), (0, 20), (0.3, 150)])
def test_targets_are_compared_as_torch_does(right, smoothing, updates):
    with modules.opened() as tab:
        body = "const m = await import('/views/gallery/target.js'); return JSON.stringify(m.comparedOf(...given));"
        found = modules.run(tab, body, [right, smoothing, updates])
    for name, wanted in compared(right, smoothing, updates).items():
        np.testing.assert_allclose(found[name], wanted.detach().numpy(), atol=1e-7, err_msg=name)
    assert found["loss"] == pytest.approx(found["entropy"] + found["divergence"], abs=1e-9)


def test_merci_wants_thanks(gallery):
    figure = choose(gallery, "target")
    gallery.get_by_role("button", name="“merci” → “thanks”, untrained").click()
    gallery.wait_for_timeout(100)
    rows = {name: [whole.number(each) for each in cells] for name, cells in table(figure).items()}
    assert rows["said p"] == UNTRAINED and rows["wanted y"] == [0, 0, 0, 1, 0, 0]
    assert rows["p − y"] == pytest.approx([0.2, 0.2, 0.1, -0.8, 0.2, 0.1])
    loss = losses.cross_entropy(torch.tensor([UNTRAINED]).log(), torch.tensor([3])).item()
    found = texts(figure)
    for name in ("cross-entropy", "Kullback–Leibler"):
        assert whole.number(found[found.index(name) + 1]) == pytest.approx(loss, abs=6e-3)
    assert found[found.index("entropy of y") + 1] == "0"


def test_five_positions_are_wanted_and_one_word_of_each(gallery):
    figure = choose(gallery, "target")
    drawn = [re.fullmatch(r"position (\d), “(.+)”: (.+)", each) for each in titles(figure)]
    hot = [(int(each[1]), each[2]) for each in drawn if each and each[3] == "1.00"]
    assert hot == list(enumerate(["I", "am", "a", "student", "<eos>"], 1))
    assert sum(bool(each) for each in drawn) == 30


def test_a_word_a_smoothing_and_updates_can_be_chosen(gallery):
    figure = choose(gallery, "target")
    gallery.select_option("[name=word]", "am")
    gallery.fill("[name=smoothing]", "0.2")
    gallery.fill("[name=updates]", "7")
    gallery.wait_for_timeout(100)
    wanted = compared(1, 0.2, 7)
    rows = table(figure)
    for name, of in (("said p", "p"), ("wanted y", "y"), ("p − y", "minus"), ("measured slope", "slope")):
        assert [whole.number(each) for each in rows[name]] == pytest.approx(wanted[of].tolist(), rel=6e-3, abs=1e-6)
    assert "is their difference." in figure.locator("figcaption").inner_text()


# greedy and beams


@pytest.mark.parametrize(("prompt", "width", "most"), [("I ", 2, 4), ("she had ", 3, 3), ("to be or ", 1, 3)])
def test_a_tree_keeps_what_beams_and_greedy_keep(prompt, width, most):
    reader = read("characters")
    found = search(reader, prompt, Search(width, length_penalty=0.0), most)
    ids = torch.tensor([reader.tokens.begun(prompt)])
    with modules.opened() as tab:
        body = "const { treeOf } = await import('/views/gallery/beams.js'); return JSON.stringify(treeOf(...given));"
        levels = modules.run(tab, body, [found, most])
    for length in range(1, most + 1):
        kept = beams(reader.model, ids, search=Search(width, length_penalty=0.0), until=Until(length))[0]
        drawn = sorted((each for each in levels[length] if each["beam"] >= 0), key=lambda each: each["beam"])
        assert [each["pieces"] for each in drawn] == [list(map(reader.writer.kind.shown, beam.ids)) for beam in kept]
        assert [each["total"] for each in drawn] == pytest.approx([beam.score for beam in kept], abs=1e-4)
        (greedy,) = [each for each in levels[length] if each["greedy"]]
        assert greedy["pieces"] == [each.piece for each in reader.generate(prompt, most=length).pieces]


def test_two_beams_find_a_likelier_text_than_greedy(gallery):
    name, found = "greedy-and-beam", decoded()["search"]
    figure = walk(gallery, name, last(gallery, name))
    rows = table(figure)
    for rank, beam in enumerate(found["beams"]):
        row = rows["".join(beam["pieces"])]
        assert row[4] == str(rank + 1) and whole.number(row[1]) == pytest.approx(beam["score"], abs=6e-3)
    greedy = rows["".join(found["greedy"])]
    assert greedy[3] == "yes" and greedy[4] != "1"
    times = np.exp(found["beams"][0]["score"] - whole.number(greedy[1]))
    caption = figure.locator("figcaption").inner_text()
    assert float(re.search(r"([\d.]+) times as likely", caption)[1]) == pytest.approx(times, rel=2e-2)
    assert "greedy, beam 2" in texts(figure) and "beam 1" in texts(figure)


def test_a_tree_grows_level_by_level(gallery):
    counts = [len(table(walk(gallery, "greedy-and-beam", length))) for length in (0, 1, 2)]
    assert counts == [1, 3, 6]


# walking


@pytest.mark.parametrize("name", WALKED)
def test_keys_walk_and_stop_at_both_ends(gallery, name):
    end = last(gallery, name)
    walk(gallery, name, 0)
    gallery.locator("figure .gallery-holder").focus()
    gallery.keyboard.press("PageUp")
    assert at(gallery) == 0
    for k in range(end):
        gallery.keyboard.press(" " if k % 2 else "PageDown")
        arrived(gallery, name, k + 1)
        assert gallery.evaluate("document.activeElement.className") == "gallery-holder"
    gallery.keyboard.press(" ")
    assert at(gallery) == end
    gallery.keyboard.press("PageUp")
    arrived(gallery, name, end - 1)
    assert gallery.locator("gf-status").inner_text().startswith(f"stage {end - 1} of {end}")
    assert gallery.evaluate("location.hash").count("cell") == 0


def test_elsewhere_space_still_cuts_a_cell(gallery):
    walk(gallery, "greedy-and-beam", 1)
    choose(gallery, "basic")
    gallery.locator("figure .gallery-holder").focus()
    gallery.keyboard.press(" ")
    whole.until(gallery, "() => location.hash.includes('cell')")
    gallery.keyboard.press("u")
    whole.until(gallery, "() => !location.hash.includes('cell')")


def test_nothing_moves_until_it_is_asked_to(tmp_path):
    with whole.opened(tmp_path, [whole.small().picture()], {"view": "gallery", "figure": WALKED[0]}) as tab:
        clock = modules.wind(tab)
        choose(tab, WALKED[0])
        clock.run_for(30_000)
        assert at(tab) == 0
        tab.get_by_role("button", name="Play").click()
        clock.run_for(4_000)
        assert 1 < at(tab) < 6
        tab.get_by_role("button", name="Stop").click()
        now = at(tab)
        clock.run_for(30_000)
        assert at(tab) == now
        tab.get_by_role("button", name="Play").click()
        clock.run_for(60_000)
        assert at(tab) == last(tab, WALKED[0])
        assert tab.get_by_role("button", name="Play").count() == 1


def test_what_plays_stops_where_another_figure_is_chosen(tmp_path):
    with whole.opened(tmp_path, [whole.small().picture()], {"view": "gallery", "figure": WALKED[0]}) as tab:
        clock = modules.wind(tab)
        choose(tab, WALKED[0])
        tab.get_by_role("button", name="Play").click()
        choose(tab, WALKED[1])
        clock.run_for(30_000)
        assert at(tab) == 0


def test_who_wants_no_motion_is_not_offered_any(tmp_path):
    begin = {"view": "gallery", "figure": WALKED[0]}
    with whole.opened(tmp_path, [whole.small().picture()], begin, reduced_motion="reduce") as tab:
        choose(tab, WALKED[0])
        assert tab.get_by_role("button", name="Play").count() == 0
        tab.get_by_role("button", name="Forward").click()
        arrived(tab, WALKED[0], 1)


# in a page


def test_on_a_phone_what_is_written_comes_into_sight(tmp_path):
    look = {"viewport": {"width": 390, "height": 800}}
    with whole.opened(tmp_path, [whole.small().picture()], {"view": "gallery"}, **look) as tab:
        stages = [
            (0, 0, "encoder"),
            (0, 4, "decoder, step 3"),
            (1, 2, "argmax: "),
            (1, 8, "argmax: "),
            (2, 4, "beam 1"),
        ]
        for which, stage, seen in stages:
            figure = walk(tab, WALKED[which], stage)
            box = figure.locator("svg text", has_text=seen).first.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 390
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_pieces_are_text_whatever_they_are(tmp_path, monkeypatch):
    both = decoded()
    names = [HOSTILE] * 14
    fields = {"read": names[:9], "begin": HOSTILE, "written": names[:9], "vocabulary": names, "text": HOSTILE}
    ways = [{"after": [HOSTILE] * len(way["after"]), "next": [[HOSTILE, -1.0]]} for way in both["search"]["ways"]]
    found = {"prompt": HOSTILE, "model": HOSTILE, "greedy": [HOSTILE] * 4, "ways": ways}
    hostile = {**both, "translation": both["translation"] | fields, "search": both["search"] | found}
    monkeypatch.setattr(page, "_decoding", lambda: page._text(pack(hostile, deflate=True)))
    with whole.opened(tmp_path, [whole.small().picture()], {"view": "gallery"}) as tab:
        for name in WALKED:
            figure = walk(tab, name, min(last(tab, name), 4))
            assert "Not drawn" not in figure.inner_text() and tab.locator("img").count() == 0
            assert "<img" in figure.text_content()
            seen = [figure.inner_text(), *texts(figure), *titles(figure), tab.locator("gf-status").inner_text()]
            assert not re.search("[\u202e\x1b]", "".join(seen))


@pytest.mark.parametrize("name", [*WALKED, "target", "positions"])
def test_on_paper_there_are_figures_and_no_buttons(tmp_path, name):
    look = {"viewport": {"width": 794, "height": 1123}}
    with whole.opened(tmp_path, [whole.small().picture()], {"view": "gallery", "figure": name}, **look) as tab:
        tab.wait_for_selector(f"figure[data-figure='{name}'] figcaption")
        tab.emulate_media(media="print")
        for hidden in (".gallery-tools", ".gallery-list", ".gallery-save"):
            assert not tab.locator(hidden).is_visible()
        figure, drawing = (tab.locator(each).bounding_box() for each in ("figure", "figure .gallery-drawing"))
        assert figure["width"] > 0.9 * 794
        assert drawing["x"] >= figure["x"] and drawing["x"] + drawing["width"] <= figure["x"] + figure["width"]
        shown = tab.evaluate("(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)(document.documentElement)")
        assert shown and tab.locator("figcaption").is_visible()


@pytest.mark.parametrize("name", [*WALKED, "target"])
def test_each_leaves_as_svg_on_white(gallery, name, tmp_path):
    choose(gallery, name)
    with gallery.expect_download() as got:
        gallery.get_by_role("button", name="SVG").click()
    got.value.save_as(tmp_path / "figure.svg")
    svg = (tmp_path / "figure.svg").read_text()
    assert svg.startswith("<svg") and "var(--" not in svg and re.search(r"rows? IT", svg)


def test_what_they_are_drawn_from_is_small():
    assert len(page._decoding()) < MOST

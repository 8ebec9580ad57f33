"""A file without models: what it answers is what Python answers, and what it does not hold it says."""

import pytest

from glassformer.explain.carried import carried
from glassformer.show import packed
from glassformer.show.page import page
from tests import made
from tests.show.page import modules, whole
from tests.show.page.modules import dismissed, heard
from tests.show.test_page import HOSTILE

ASK = (
    "const { FileSource } = await import('/sources/file.js'); const { unpack } = await import('/base/unpack.js');"
    "const bytes = new Uint8Array(await (await fetch('/held/picture')).arrayBuffer());"
    "const picture = await unpack(bytes); const source = new FileSource({ pictures: [picture] });"
    "const tried = async (make) => { try { return await make(); } catch (error) { return error.message; } };"
)
SWITCHES = ("cut:4>3", "off:L0.H1:zero", "off:L1.H2:mean", "off:L1.H0:uniform", "off:L0.mlp:zero", "off:L1.mlp:mean")
SWITCHES += ("word:3:mask", "word:4:delete", "word:1:unseen", "without:scaling", "without:positions", "without:heads")


@pytest.fixture(scope="module")
def x():
    return made.reader().explain(made.SENTENCE)


@pytest.fixture(scope="module")
def asked(x):
    content = packed.pack(carried(x, [x.switch("cut:4>3"), x.switch("off:L0.H1:zero")])[0], deflate=True)
    with modules.opened({"picture": content}) as tab:
        yield lambda body, given=None: modules.run(tab, ASK + body, given)


@pytest.mark.parametrize("switch", SWITCHES)
def test_what_was_measured_is_what_python_says(asked, x, switch):
    found = asked("return JSON.stringify(await source.whatIf(picture, [given]));", switch)
    wanted = x.what_if(x.switch(switch))
    assert found["before"] == pytest.approx(wanted.before, abs=1e-6)
    assert found["after"] == pytest.approx(wanted.after, abs=1e-5)
    assert found["flips"] == wanted.flips and found["n"] == 1 and found["exact"] is True
    if switch.startswith(("off:L", "cut:")) and "mlp" not in switch:
        controls = dict(found["controls"])
        assert controls and all(
            after == pytest.approx(wanted.controls[name], abs=1e-5) for name, after in controls.items()
        )


def test_several_that_were_tried_beforehand(asked, x):
    found = asked("return JSON.stringify(await source.whatIf(picture, given));", ["cut:4>3", "off:L0.H1:zero"])
    assert found["after"] == pytest.approx(x.what_if(x.switch("cut:4>3"), x.switch("off:L0.H1:zero")).after, abs=1e-6)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("source.whatIf(picture, ['cut:4>3', 'word:1:mask'])", "not several at once"),
        ("source.whatIf(picture, ['set:L0.H1.z[1,1]=0.5'])", "not measured for this file"),
        ("source.whatIf(picture, ['off:L9.H9:zero'])", "not measured for this file"),
        ("source.picture({ text: 'another' })", "cannot read another; open it with: glassformer open"),
        ("source.picture({ text: picture.text, switches: ['cut:4>3'] })", "no values"),
        ("source.array(picture, 'layers.0.mlp.hidden')", "does not hold layers.0.mlp.hidden"),
    ],
)
def test_what_it_does_not_hold_it_says(asked, body, message):
    assert message in asked(f"return JSON.stringify(await tried(() => {body}));")


def test_it_names_its_texts_and_models(asked):
    names = asked("return JSON.stringify([source.texts(), await source.models(), source.can, source.name]);")
    assert names[0] == [{"text": made.SENTENCE, "second": None, "model": "made"}]
    assert names[1][0]["id"] == "made" and names[2]["type"] is False and names[3] == "file"


def test_the_whole_page_opens_without_a_request(tmp_path, x):
    with whole.opened(tmp_path, carried(x), {"address": "L1.H2.weights[4,3]"}) as tab:
        assert tab.locator("gf-explore").count() == 1
        assert tab.locator("gf-sheet h2").inner_text() == "Head L1.H2"
        tab.click("[data-view=viewer]")
        whole.until(tab, "() => decodeURIComponent(location.hash).includes('at=L1.H2.weights[4,3]')")
        for view in ("steps", "gallery", "viewer", "explore"):
            tab.click(f"[data-view={view}]")
            assert tab.locator(f"gf-{view}").is_visible()
            assert tab.locator("[aria-current=page]").get_attribute("data-view") == view


def test_labels_of_a_hostile_text_are_inert(tmp_path):
    """Words made of markup, and pieces, labels and a model's name too: everything is text."""
    reader = made.reader(labels=(HOSTILE, "<img src=x onerror=alert(3)>"), name=HOSTILE)
    picture = reader.explain("good <script>alert(1)</script> <img src=x onerror=alert(2)> \u202efood\u200b").picture()
    picture |= {"pieces": [f"<u>{each}</u>{HOSTILE}" for each in picture["pieces"]], "text": HOSTILE}
    begin = {"address": "", "switches": []}
    with whole.opened(tmp_path, [picture], begin) as tab, heard(tab, "dialog", dismissed) as dialogs:
        for view in ("steps", "gallery", "viewer", "explore"):
            tab.click(f"[data-view={view}]")
            tab.wait_for_timeout(200)
        assert not dialogs
        assert tab.locator("img, u, iframe, script[src], [onerror]").count() == 0  # the page itself makes none
        assert f"<u>good</u>{HOSTILE[:8]}" in tab.locator("gf-explore").inner_text()
        assert tab.evaluate("document.scripts.length") == 1


def test_a_page_that_is_cut_short_says_so(tmp_path, x):
    html = page([x.picture()]).replace(
        'data-what="picture" data-name="picture-0">', 'data-what="picture" data-name="picture-0">AAAA'
    )
    file = tmp_path / "broken.html"
    file.write_text(html, encoding="utf-8")
    tab = modules.browser().new_page()
    tab.goto(file.as_uri())
    tab.wait_for_selector("html[data-ready]")
    assert "make the file again" in tab.locator("[role=alert]").inner_text()
    tab.close()

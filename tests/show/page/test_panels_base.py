"""What panels stand on: questions about heads, links, Python, switches in words, numbers in cells."""

import contextlib
import io
import re

import pytest

from glassformer.show.packed import pack
from tests.show.page.explored import TEXT, explained, picture
from tests.show.page.modules import opened, run

HOSTILE = "say \"\\\" \u202e\u0000 {x} ''' 🤖"


@pytest.fixture(scope="module")
def page():
    with opened({"picture": pack(picture())}) as page:
        yield page


UNPACKED = """
const { unpack } = await import("/base/unpack.js");
const picture = await unpack(new Uint8Array(await (await fetch("/held/picture")).arrayBuffer()));
"""
ASKED = """
const { question } = await import("/base/query.js");
try { return JSON.stringify(given.heads.map(question(given.text, ["effect", "sink", "layer"]))); }
catch (error) { return JSON.stringify(error.message); }
"""
HEADS = [
    {"effect": 0.5, "sink": 0.1, "layer": 0},
    {"effect": 0.005, "sink": 0.9, "layer": 1},
    {"effect": 0.2, "sink": 0.7, "layer": 1},
    {"effect": None, "sink": None, "layer": 2},
]


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("effect>0.01 and sink<0.5", "1000"),
        ("effect > .01 or layer = 2", "1011"),
        ("not effect>0.01", "0101"),  # what was not measured is not above anything
        ("(effect>0.3 or sink>0.8) and not layer=1", "1000"),
        ("layer!=1 AND effect>=5e-1", "1000"),
        ("effect<1e-2", "0100"),
        ("", "1111"),
    ],
)
def test_a_question_about_heads(page, text, answers):
    assert run(page, ASKED, {"text": text, "heads": HEADS}) == [each == "1" for each in answers]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("effect>", "comes a number"),
        ("effect>0.1 sink<1", "is not expected there"),
        ("weight>1", "there is no “weight”"),
        ("(effect>1", "not closed"),
        ("effect>1; alert(1)", "not understood"),
        ("constructor>0", "there is no “constructor”"),
        ("effect 3", "comes >"),
    ],
)
def test_a_question_that_is_none_says_what_was_wrong(page, text, says):
    assert says in run(page, ASKED, {"text": text, "heads": HEADS})


def python_of(page, **given):
    body = 'const { asPython } = await import("/base/python.js"); return JSON.stringify(asPython(picture, given));'
    return run(page, UNPACKED + body, given)


def test_copied_python_runs_and_says_what_the_page_says(page):
    code = python_of(page, switches=["cut:4>3", "off:L1.H1:mean"])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "copied", "exec"), {})  # what a person pastes
    x = explained()
    wanted = x.what_if(x.switch("cut:4>3"), x.switch("off:L1.H1:mean"))
    assert printed.getvalue().strip() == str(wanted)


def test_copied_python_names_what_is_looked_at(page):
    code = python_of(page, address="L0.H3.weights[4,3]")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "copied", "exec"), {})
    value = float(re.search(r"0\.\d+", printed.getvalue())[0])
    assert value == pytest.approx(explained()["L0.H3.weights[4,3]"].item(), abs=1e-3)


def test_copied_python_patches_from_the_sentence_beside(page):
    code = python_of(page, switches=["patch:L0.H3"], other="this restaurant was so terrible")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "copied", "exec"), {})
    x = explained()
    assert printed.getvalue().strip() == str(x.what_if(x.switch("patch:L0.H3", "this restaurant was so terrible")))


def test_any_text_is_quoted_so_that_python_reads_the_same(page):
    body = 'const { quoted } = await import("/base/python.js"); return JSON.stringify(quoted(given));'
    assert eval(run(page, body, HOSTILE)) == HOSTILE


LINKED = """
const { readLink, writeLink } = await import("/base/link.js");
const { store } = await import("/base/store.js");
"""


def test_a_link_says_what_is_looked_at_and_is_read_back(page):
    body = """const looked = { picture, address: "L0.H3.weights[4,3]", view: "steps", step: 4 };
    store.set({ ...looked, switches: ["cut:4>3", "word:2:mask"] });
    return JSON.stringify(readLink(writeLink()));"""
    assert run(page, LINKED + UNPACKED + body) == {
        "text": TEXT,
        "model": "sentiment",
        "address": "L0.H3.weights[4,3]",
        "switches": ["cut:4>3", "word:2:mask"],
        "view": "steps",
        "step": 4,
    }


def test_what_a_link_says_wrongly_is_left_out(page):
    hostile = "#view=admin&at=[[[&switch=rm+-rf&switch=cut:1>0&step=-1&text=hello&constructor=1"
    found = run(page, LINKED + "return JSON.stringify(readLink(given));", hostile)
    assert found == {"text": "hello", "switches": ["cut:1>0"]}


@pytest.mark.parametrize(
    ("switch", "words"),
    [
        ("cut:4>3", "terrible may not look at not"),
        ("cut:4>3@L0.H3", "terrible may not look at not in L0.H3"),
        ("cell:L0.H3[4,3]", "L0.H3: terrible may not look at not"),
        ("off:L0.H3:mean", "L0.H3 off (its mean elsewhere)"),
        ("off:L0.mlp:zero", "L0.mlp off (zeros)"),
        ("word:3:unseen", "not seen by nobody"),
        ("without:scaling", "no scaling by √d"),
        ("set:L0.H3.z[4,2]=0.5", "L0.H3.z[4,2] set to 0.5"),
        ("patch:L0.stream[4]", "L0.stream[4] from the other sentence"),
    ],
)
def test_every_switch_of_the_contract_in_words(page, switch, words):
    body = "const { switchInWords, isSwitch } = await import('/base/switches.js');"
    say = "return JSON.stringify([switchInWords(given, picture), isSwitch(given)]);"
    assert run(page, body + UNPACKED + say, switch) == [words, True]
    explained().switch(switch.replace("patch:L0.stream[4]", "cut:4>3"))  # and Python knows it


@pytest.mark.parametrize(
    ("largest", "value", "text"),
    [
        (0.9, 0.4242, ".42"),
        (0.9, 0.001, "~0"),
        (0.0019, -0.00192, "−.0019"),
        (30, -29.44, "−29.4"),
        (0.05, 0.0123, ".012"),
    ],
)
def test_a_number_in_a_cell_has_as_many_places_as_its_matrix_needs(page, largest, value, text):
    body = "const { cellText, placesFor } = await import('/base/format.js');"
    say = "return JSON.stringify(cellText(given[1], false, placesFor(given[0])));"
    assert run(page, body + say, [largest, value]) == text

"""One HTML file: what is in it, what its policy allows, how large it gets; what a browser makes of it is in page/."""

import base64
import hashlib
import html
from html.parser import HTMLParser

import pytest

from glassformer.show import page
from glassformer.show.packed import unpack
from tests.show.pictures import minilm, picture

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)> \" ' & <!-- \u202e"


class Read(HTMLParser):
    """Elements with their attributes, and the text of each."""

    def __init__(self, text):
        super().__init__()
        self.found, self._open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append([tag, dict(attributes), ""])
        self._open.append(self.found[-1])

    def handle_data(self, data):
        if self._open:
            self._open[-1][2] += data

    def handle_endtag(self, tag):
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def all(self, tag, **wanted):
        return [each for each in self.found if each[0] == tag and wanted.items() <= each[1].items()]


def digest(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


@pytest.fixture(scope="module")
def made():
    return page.page([picture(), picture(seed=1, text="another")], title=HOSTILE)


def test_one_script_and_one_style_run_by_their_hashes(made):
    read = Read(made)
    ((_, _, script),) = read.all("script", type="module")
    ((_, _, style),) = read.all("style")
    (policy,) = [each[1]["content"] for each in read.all("meta") if each[1].get("http-equiv")]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["script-src"] == digest(script) and rules["style-src"] == digest(style)
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "connect-src" not in rules and "unsafe" not in policy


def test_nothing_is_fetched_by_markup(made):
    read = Read(made)
    addresses = [value for _, given, _ in read.found for name, value in given.items() if name in ("src", "href")]
    assert addresses == ["data:,"]
    assert not [given for _, given, _ in read.found if any(name.startswith("on") or name == "style" for name in given)]


def test_a_label_is_text(made):
    read = Read(made)
    assert read.all("title")[0][2] == HOSTILE
    assert len(read.all("script")) == 4 and not read.all("img")
    assert HOSTILE not in made and html.escape(HOSTILE) in made


def test_pictures_come_back(made):
    blocks = Read(made).all("script", **{"data-what": "picture"})
    back = [unpack(base64.b64decode(content)) for _, _, content in blocks]
    assert [each["text"] for each in back] == [picture()["text"], "another"]
    assert (back[0]["arrays"]["layers.1.stream"] == picture()["arrays"]["layers.1.stream"]).all()


def test_hostile_pieces_are_data():
    read = Read(page.page([picture(text=HOSTILE)], begin={"address": HOSTILE}))
    assert len(read.all("script")) == 3 and not read.all("img") and len(read.all("title")) == 1


def test_a_served_page_may_ask_its_server_and_nobody_else():
    made = page.page([], live={"text": HOSTILE})
    (policy,) = [each[1]["content"] for each in Read(made).all("meta") if each[1].get("http-equiv")]
    assert "connect-src 'self';" in policy and "alert(1)</script>" not in made


@pytest.mark.parametrize("pieces", [11, 128, 512])
def test_a_file_of_72_heads_stays_under_a_megabyte(pieces):
    made = page.made([minilm(pieces), picture(), picture(seed=2)])
    assert 500_000 < len(made.html.encode()) < 1_000_000
    assert made.left[0] and made.left[1:] == [None, None]


def test_more_pictures_share_the_bytes():
    made = page.made([minilm(64), minilm(64)])
    assert len(made.html.encode()) < 1_000_000
    one, other = (len(each[2]) for each in Read(made.html).all("script", **{"data-what": "picture"}))
    assert 0.7 < one / other < 1.4


def test_room_for_nothing_is_an_error():
    with pytest.raises(ValueError, match="names and effects alone"):
        page.page([minilm(64)], most=300_000)

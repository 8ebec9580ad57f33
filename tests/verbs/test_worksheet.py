"""glassformer worksheet and glassformer class, as a teacher types them."""

import json
import re
from html.parser import HTMLParser

import pytest
from rich.cells import cell_len

from tests.command import lines, told
from tests.learn.test_classroom import WHEN, done, write

EVIL = "<script>alert(1)</script>\x1b]0;x"


class Tags(HTMLParser):
    """What a page holds, and that every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def page(file):
    text = file.read_text("utf-8")
    assert not re.search(r"https?:|src=|url\(|@import|\bon\w+=", text) and "default-src 'none'" in text
    assert "@page { size: A4" in text
    return text, Tags(text)


def test_a_sheet_and_its_key(ask):
    asked, solved = lines(ask("worksheet", "--seed", "7")), lines(ask("worksheet", "--seed", "7", "--answers"))
    assert asked[:-1] == solved[: len(asked) - 1] and not any(line.startswith("Answers") for line in asked)
    assert sum(line.startswith("Answers to ") for line in solved) == 14
    assert "    weights = [ 2/9  5/9  1/9  1/9 ]" in solved
    assert max(map(cell_len, solved)) <= 80
    assert asked != lines(ask("worksheet", "--seed", "8"))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_keeps_to_its_width(ask, seed, width):
    given = ("--seed", str(seed), "--count", "3", "--width", str(width), "--answers")
    assert max(map(cell_len, lines(ask("worksheet", *given)))) <= width


def test_one_topic_and_json(ask):
    document = json.loads("\n".join(lines(ask("worksheet", "softmax", "--seed", "7", "--json"))))
    assert document["seed"] == 7 and [each["topic"] for each in document["questions"]] == ["softmax"] * 4
    assert document["questions"][0]["given"][0]["rows"] == [["ln 2", "ln 5", "ln 1", "ln 1"]]
    assert "steps" not in document["questions"][0]
    document = json.loads("\n".join(lines(ask("worksheet", "softmax", "--seed", "7", "--json", "--answers"))))
    assert document["questions"][0]["steps"][-1]["rows"] == [["1"]]


def test_a_sheet_on_paper(ask, tmp_path):
    file = tmp_path / "sheet.html"
    done = ask("worksheet", "--seed", "7", "--html", str(file))
    assert done.returncode == 0 and not done.stdout and "prints on A4" in told(done)
    text, tags = page(file)
    assert tags.seen.count("section") == 14 and "class='key'" not in text and "script" not in tags.seen
    assert ask("worksheet", "--seed", "7", "--answers", "--html", str(file)).returncode == 0
    text, tags = page(file)
    asked, key = text.split("<div class='key'>")
    assert asked.count("<section>") == key.count("<section>") == 14
    assert ".key { break-before: page }" in text and "<td>5/9</td>" in key and "<td>5/9</td>" not in asked


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["worksheet", "sofmax"], 2, "did you mean softmax"),
        (["worksheet", "--count", "0"], 2, "--count 1 to 10"),
        (["worksheet", "--seed", "x"], 2, "seed"),
        (["worksheet", "--json", "--html", "x.html"], 2, "choose one"),
        (["worksheet", "--html", "no/such/x.html"], 5, "no folder"),
        (["worksheet", "--width", "3"], 2, "cannot be drawn"),
        (["class", "no/such"], 3, "is not there"),
        (["class"], 2, "PATHS"),
    ],
)
def test_misused(ask, arguments, code, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = ask(*arguments)
    assert answer.returncode == code and says.lower() in told(answer).lower() and not answer.stdout
    assert not list(tmp_path.iterdir())


@pytest.fixture
def room(tmp_path):
    write(tmp_path / "anna.json", attention=done(tries=3, mistakes=["no scaling", EVIL, "unknown", "a", "b"]))
    write(tmp_path / "ben.json", attention=done(tries=2, passed=WHEN, mistakes=["no scaling"]))
    write(tmp_path / "<b>\x1b[31m.json", softmax=done(tries=9))
    return tmp_path


def test_a_class(ask, room):
    shown = lines(ask("class", str(room)))
    assert any(re.fullmatch(r"  attention +1/3 +2  anna", line) for line in shown)
    assert any(re.fullmatch(r"  softmax +0/3 +–  <b>␛\[31m", line) for line in shown)
    assert "    no scaling: 2 learners, 2 times" in shown and "  … 1 more mistake" in shown
    assert "The commonest mistake: no scaling (attention; 2 of 3, 2 times)" in shown
    assert any(line.startswith("  To the class: ") for line in shown)
    assert all(line.isprintable() and cell_len(line) <= 80 for line in shown)


def test_a_class_as_json_and_on_paper(ask, room):
    document = json.loads("\n".join(lines(ask("class", str(room), "--json"))))
    assert document["exercises"][1]["stuck"] == ["anna"] and document["commonest"]["mistake"] == "no scaling"
    file = room / "class.html"
    assert ask("class", str(room), "--html", str(file)).returncode == 0
    text, tags = page(file)
    assert "script" not in tags.seen and "<script>alert(1)</script>␛]0;x" in tags.text and "\x1b" not in text
    assert "<b>␛[31m" in tags.text


def test_a_class_without_a_mistake(ask, tmp_path):
    write(tmp_path / "ben.json", softmax=done(tries=1, passed=WHEN))
    assert "Nobody has made a mistake that has a name." in lines(ask("class", str(tmp_path)))


def test_a_broken_file_is_a_line_and_exit_code_one(ask, room):
    (room / "zoe.json").write_text("{")
    answer = ask("class", str(room))
    assert answer.returncode == 1 and "zoe.json is left out" in told(answer)
    assert "no scaling" in answer.stdout.decode()
    (room / "zoe.json").rename(room.parent / "zoe.json")
    alone = ask("class", str(room.parent / "zoe.json"))
    assert alone.returncode == 2 and "zoe.json is left out" in told(alone)

"""All questions behind one object, and the document a program reads."""

import json
import math

import pytest
import torch

from glassformer.errors import UsageError
from glassformer.explain.explanation import SCHEMA, document
from tests import made


def test_every_address_gives_the_tapes_value_without_the_batch(x):
    for site, value in x.tape.items():
        torch.testing.assert_close(x[site], value[0])
    assert x["L1.H2.weights"].shape == (5, 5) and x["L1.H2"].shape == (5, 5)
    assert x["L1.H2.weights[4,3]"].shape == () and x["layers.1.attention.weights"].shape == (3, 5, 5)
    assert x["L0.stream[2]"].shape == (12,) and x["logits"].shape == (2,)
    assert x["L1.H2.weights"].sum(-1) == pytest.approx([1.0] * 5)
    with pytest.raises(UsageError, match=r"did you mean L1\.H2\.weights"):
        x["L1.H2.weihgts"]


def test_it_knows_its_words_pieces_and_answer():
    x = made.reader().explain("The filming wasn't good", beside=())
    assert x.words == ["The", "filming", "was", "n't", "good"]
    assert x.pieces == ["the", "film", "##ing", "was", "n't", "good"]
    assert x.answer == made.reader()("The filming wasn't good")
    assert repr(x).startswith('<Explanation of "The filming wasn\'t good" by made: ')


def test_one_switch_or_several(x):
    cut, off, without = x.cut("terrible", "not"), x.off("L1.H2", baseline="mean"), x.without("scaling")
    assert len({round(result.after, 5) for result in (cut, off, without)}) == 3
    assert cut == x.what_if(x.choose_cut("terrible", "not")) == x.cut(4, 3)
    both = x.what_if(x.choose_cut("terrible", "not"), x.choose_head("L1.H2"))
    assert both.what == f"{cut.what} + L1.H2 off (zero)"


@pytest.mark.parametrize(
    "text",
    [
        made.SENTENCE,
        "good",
        "good " * 600,
        "a" * 300 + " good",
        "\x1b[31mred\x1b[0m good",
        "שלום good",
        "👩‍👩‍👧 good",
        "家 good",
        "[MASK] [PAD] [bold]good[/bold]",
        "e\u0301te\u0301 good",
    ],
    ids=lambda text: ascii(text[:16]),
)
@pytest.mark.parametrize("kind", ["two", "three", "bag"])
def test_every_answer_is_a_document_that_json_takes_and_gives_back(text, kind):
    labels = made.THREE if kind == "three" else made.TWO
    model = made.bag() if kind == "bag" else made.classifier(classes=len(labels), block="pre", pool="max")
    x = made.reader(model, labels).explain(text, beside=())
    things = {
        "story": x.story,
        "why": x.why("logits[1]"),
        "sheet": x.sheet("logits"),
        "against": x.against("good film"),
    }
    if kind != "bag":
        things |= {"sheet": x.sheet("L1.H2"), "what-if": x.cut(0, len(x.words) - 1)}
    for name, thing in things.items():
        whole = document(name, thing)
        again = json.loads(json.dumps(whole, allow_nan=False))
        assert (again["schema"], again["kind"]) == (SCHEMA, name)
        assert all(math.isfinite(number) for number in numbers(again))
    assert x.data() == document("story", x.story)


def numbers(thing):
    if isinstance(thing, dict | list):
        for each in thing.values() if isinstance(thing, dict) else thing:
            yield from numbers(each)
    elif isinstance(thing, float):
        yield thing


def test_derived_facts_stand_in_the_document(x):
    whole = document("what-if", x.cut("terrible", "not"))
    assert whole["change"] == whole["after"] - whole["before"] and whole["flips"] in (True, False)
    assert document("why", x.why("logits[0]"))["difference"] <= 1e-5


def test_the_companions_answer_the_same_question_or_stay_away():
    """They stand beside a model with their labels, whatever its vocabulary."""
    shipped = made.reader().explain("this film was good").story
    assert [view.model for view in shipped.views] == ["bag-of-words", "sentiment-plain", "made"]
    three = made.reader(made.classifier(classes=3), made.THREE).explain("this film was good").story
    assert [view.model for view in three.views] == ["made"]
    plain = made.reader(name="sentiment-plain").explain("this film was good").story
    assert [view.model for view in plain.views] == ["bag-of-words", "sentiment-plain"]


def test_nothing_to_read_is_said_at_once():
    with pytest.raises(UsageError, match="the text is empty"):
        made.reader().explain("  ")


def test_show_prints_the_story(x, capsys):
    x.show(width=80)
    out = capsys.readouterr().out
    assert made.SENTENCE in out and "Who told whom" in out and "\x1b" not in out

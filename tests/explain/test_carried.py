"""What a page carries: the text first, what was tried beforehand, and what stands beside it."""

from glassformer.explain import carried as room
from tests import made


def test_the_text_comes_first_with_what_switches_do():
    x = made.reader().explain(made.SENTENCE)
    choices = [x.switch("cut:4>3"), x.switch("off:L0.H1:uniform")]
    first, *_ = room.carried(x, choices)
    assert first["text"] == made.SENTENCE and first["partial"] is False
    assert first["whatifs"]["cut:4>3 + off:L0.H1:uniform"]["after"] == x.what_if(*choices).after
    assert first["whatifs"]["off:L0.H1:uniform"]["after"] == x.off("L0.H1", "uniform").after
    assert first["whatifs"]["cut:4>3"]["controls"]


def test_the_other_sentence_comes_second():
    x = made.reader().explain(made.SENTENCE)
    assert [each["text"] for each in room.carried(x, against="the food was good")[:2]] == [
        made.SENTENCE,
        "the food was good",
    ]


def test_of_a_folder_only_the_name_is_carried(tmp_path):
    from glassformer.explain.reader import read

    x = read(str(made.folder(tmp_path / "mine"))).explain(made.SENTENCE)
    assert room.carried(x)[0]["model"]["given"] == "mine"


def test_what_the_small_model_makes_of_it_stands_beside(monkeypatch):
    """With any shipped model in its place: the texts are what matters here."""
    monkeypatch.setattr(room, "SMALL", "sentiment-plain")
    x = made.reader().explain("the food was good")
    texts = [(each["model"]["name"], each["text"]) for each in room.carried(x)[1:]]
    assert texts == [("sentiment-plain", text) for text in ("the food was good", room.NEWCOMER, room.STUDY)]
    long = made.reader(made.classifier(length=200)).explain("the food was good " * 30)
    assert [each["text"] for each in room.small(long)] == [room.NEWCOMER, room.STUDY]
    itself = room.companion("sentiment-plain").explain(room.NEWCOMER)
    assert [each["text"] for each in room.small(itself)] == [room.STUDY]


def test_where_it_is_not_shipped_nothing_stands_beside(monkeypatch):
    monkeypatch.setattr(room, "SMALL", "none such")
    assert room.small() == []

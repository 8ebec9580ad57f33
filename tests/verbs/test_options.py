"""What many verbs take: how far each number may go, and which options exclude each other."""

from itertools import combinations

import pytest

from glassformer.errors import UsageError
from glassformer.verbs.open import open_page
from glassformer.verbs.options import Asked, Change, Look, Pair
from tests import made

SWITCHES = ({"cut": ["terrible>not"]}, {"off": ["L0.H0"]}, {"cross": ["0>1"]}, {"without": ["scaling"]})


@pytest.mark.parametrize(("width", "fits"), [(39, False), (40, True), (1000, True), (1001, False), (-1, False)])
def test_a_width_that_cannot_be_drawn_says_which_can(width, fits):
    if fits:
        assert Look(width=width).how == {"width": width, "color": None}
        return
    with pytest.raises(UsageError, match=f"--width {width} cannot be drawn; give 40 to 1000 columns"):
        _ = Look(width=width).how


def test_colour_is_asked_for_by_nobody_and_can_be_refused():
    assert Look().how == {"width": None, "color": None} and Look(no_color=True).how["color"] is False


@pytest.mark.parametrize("port", [1, 1023, 65536, -8765])
def test_a_port_that_cannot_be_listened_at_says_which_can(port):
    with pytest.raises(UsageError, match=f"--port {port} cannot be listened at; give 1024 to 65535, or 0"):
        open_page("good", port=port)


@pytest.mark.parametrize("port", [0, 1024, 65535])
def test_the_ports_that_it_names_are_taken(port, monkeypatch):
    def bound(given):
        raise UsageError(f"bound {given}")

    monkeypatch.setattr("glassformer.serve.run.bind", bound)
    with pytest.raises(UsageError, match=f"bound {port}$"):
        open_page("good", port=port)


def test_switches_go_together_and_with_nothing_else():
    every = {name: given for each in SWITCHES for name, given in each.items()}
    Change(**every).one_at_a_time(None, Pair())
    for one in SWITCHES:
        assert Change(**one).switched
        for address, against in (("L0.H0", None), (None, "good")):
            with pytest.raises(UsageError, match="exclude each other; choose one"):
                Change(**one, against=against).one_at_a_time(address, Pair())
    with pytest.raises(UsageError, match="exclude each other; choose one"):
        Change(against="good").one_at_a_time("L0.H0", Pair())


@pytest.mark.parametrize("given", [each for count in (1, 2) for each in combinations(SWITCHES, count)])
def test_a_baseline_is_for_a_head_that_is_off(given):
    change = Change(**{name: value for each in given for name, value in each.items()}, baseline="mean")
    if change.off:
        return change.one_at_a_time(None, Pair())
    with pytest.raises(UsageError, match="give the head with --off"):
        change.one_at_a_time(None, Pair())


def test_what_is_switched_is_every_option_in_its_own_words():
    x = made.reader().explain(made.SENTENCE, beside=())
    change = Change(["4>3", "0>1"], ["L1.H2", "L0.H1"], None, "uniform", ["scaling"])
    written = ["cut:4>3", "cut:0>1", "off:L1.H2:uniform", "off:L0.H1:uniform", "without:scaling"]
    assert [str(choice) for choice in change.choices(x)] == written


def test_what_is_written_is_given_to_a_translator_and_a_second_text_to_others():
    x = Asked(into="it was", at=1).explain(made.translate_reader(), made.SENTENCE)
    assert x.story.crossed.written == "it was" and x.story.crossed.at == 1
    assert Asked(pair="it was").explain(made.bert_reader(), made.SENTENCE).second == "it was"
    with pytest.raises(UsageError, match="choose one"):
        Asked(pair="it", into="it").explain(made.translate_reader(), made.SENTENCE)
    with pytest.raises(UsageError, match="translate does not"):
        Asked(into="").explain(made.reader(), made.SENTENCE)

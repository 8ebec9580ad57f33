"""Where a piece that is written came from, as a person reads it: every number is the measured one, at every width."""

import dataclasses
import re
import shlex

import pytest

from glassformer.explain.effects import Edge
from glassformer.explain.story import story as of_trial
from glassformer.show.terminal import print_story
from glassformer.show.text import share, signed
from tests import made
from tests.show.conftest import acting, too_wide


@pytest.fixture(scope="module")
def story():
    return of_trial(made.translate_trial())


@pytest.fixture
def told(drawn):
    """The lines from where it came from to the words written before."""

    def lines(story, width=100):
        every = drawn(story, print_story, width=width)
        start, end = (next(k for k, line in enumerate(every) if line.startswith(s)) for s in ("Where ", "What each"))
        assert not too_wide(every, width) and not acting(every)
        return every[start:end]

    return lines


def crossed(story, **changes):
    return dataclasses.replace(story, crossed=dataclasses.replace(story.crossed, **changes))


def flat(lines):
    return " ".join(" ".join(lines).split())


def test_each_word_read_has_its_looks_its_cut_and_what_it_adds(story, told):
    lines, found = told(story), story.crossed
    start = next(k for k, line in enumerate(lines) if line.startswith("  read "))
    assert lines[start].split() == ["read", "L0", "L1", "change", "when", "cut", "adds"]
    cuts = {edge.at: edge.change for edge in found.edges}
    for k, row in enumerate(lines[start + 1 : start + 6]):
        means = [share(sum(head[k] for head in heads) / 3).strip() for heads in found.attention]
        assert re.split("[ │█▌▐]+", row.strip()) == [found.words[k], *means, signed(cuts[k]), signed(found.adds[k])]


def test_the_verdict_and_its_control_say_before_and_after(story, told):
    found, out = story.crossed, flat(told(story))
    edge, before = found.edges[0], signed(found.before)
    moves = f"the log-odds of good go {before} → {signed(found.before + edge.change)}."
    assert f"good is written behind was. When that place may not look at {found.words[edge.at]}, {moves}" in out
    weights = f"weight {share(found.control.attention)}, not {share(edge.attention)}"
    control = f"control: not at {found.words[found.control.at]} instead ({weights}): {before} → "
    assert control + signed(found.before + found.control.change) in out


@pytest.mark.parametrize(
    ("change", "control", "said"),
    [
        (0.2, 0.0, "less than 0.25"),
        (2.0, None, "there is no other word to hold it against"),
        (2.0, -0.7, "not three times what a control cut changes"),
        (-2.1, 0.7, None),
    ],
)
def test_no_word_read_is_the_one_where_something_speaks_against_it(story, told, change, control, said):
    edges = [dataclasses.replace(story.crossed.edges[0], change=change), *story.crossed.edges[1:]]
    control = None if control is None else Edge(2, 0, control, 0.1)
    out = flat(told(crossed(story, edges=edges, control=control)))
    assert ("No word read is clearly the one." in out) == (said is not None) and (
        said or "is written behind was"
    ) in out
    assert ("control:" in out) == (control is not None)


def test_the_cut_in_each_head_alone_stands_in_a_row_a_layer(story, told):
    lines = told(story)
    start = next(k for k, line in enumerate(lines) if "(read) cut in one head only" in line)
    for layer, row in enumerate(story.crossed.by_head):
        cells = [word for head, change in enumerate(row) for word in (f"H{head}", signed(change))]
        assert lines[start + 1 + layer].split() == [f"L{layer}.cross", *cells]
    narrow = [line for line in told(story, 40) if ".cross" in line]
    assert all(line.endswith("…") and "H1" in line and "H2" not in line for line in narrow) and len(narrow) == 2


def test_layers_that_do_not_fit_are_counted(story, told):
    six = crossed(story, attention=story.crossed.attention * 3)
    assert "L0, L1 …: weight" in flat(told(six)) and "L4 L5 change when cut" in flat(told(six))
    titles = next(line for line in told(six, 60) if line.startswith("  read "))
    shown = re.findall("L\\d", titles)
    assert 0 < len(shown) < 6 and "L0, L1 … (of 6): weight" in flat(told(six, 60))
    assert "weight, the mean" not in flat(told(six, 40))


def test_words_that_were_not_measured_are_counted_and_say_so(story, told):
    some = crossed(story, edges=story.crossed.edges[:3], adds=[None] * 5)
    rows = told(some)
    assert "… 2 words change less when cut, or were not measured" in flat(rows)
    cut = [line for line in rows if line.endswith("–")]
    assert [line.split()[0] for line in cut] == [
        story.crossed.words[k] for k in sorted(e.at for e in some.crossed.edges)
    ]


@pytest.mark.parametrize("width", [40, 80, 132])
def test_odd_words_that_are_read_act_on_nothing(story, told, width):
    words = ["\x1b[31mred", "家族のための", "\u202eright", "👩\u200d👧", "[bold]x[/]"]
    odd = crossed(story, words=words, metric=dataclasses.replace(story.crossed.metric, of="\x9b2J"))
    out = flat(told(odd, width))
    assert "␛[31m" in out and "家" in out and "[bold]x" in out


def test_a_translation_of_two_words_has_no_control_and_is_told(drawn):
    """The second word may look at the first one only: nothing is left to hold that beside."""
    story = of_trial(made.translate_trial(into="it was", at=2))
    assert story.told.control is None
    assert "→ it" in flat(drawn(story, print_story, width=100))


def test_the_commands_ask_about_the_head_and_the_look_that_change_most(story, drawn):
    by_head = [[0.1, -0.2, 0.0], [0.3, -0.9, 0.4]]
    lines = drawn(crossed(story, by_head=by_head), print_story, width=100)
    typed = [shlex.split(line.split("   ")[0]) for line in lines if line.startswith("  glassformer ")]
    at = story.crossed.edges[0].at
    assert [words[3] for words in typed] == ["L1.cross.H1", f"L1.cross.H1.weights[2,{at}]", "--cross"]
    assert typed[2][4] == f"2>{at}"
    for words in typed:
        assert words[words.index("--into") + 1] == "it was good" and words[words.index("--at") + 1] == "2"
    own = [line for line in drawn(crossed(story, own=True, at=0), print_story, width=100) if "glassformer" in line]
    assert own and not any("--into" in line or "--at" in line for line in own)

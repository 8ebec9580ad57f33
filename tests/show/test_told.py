"""Who told whom, as a person reads it: every verdict, the check, the sinks, the ladder of heads."""

import dataclasses
import re

import pytest

from glassformer.explain.effects import Edge
from glassformer.show.console import console
from glassformer.show.text import power, share, signed, times
from glassformer.show.told import CELL, column, largest, print_told
from tests import made


@pytest.fixture
def drawn(capsys):
    def draw(story, width=100):
        print_told(console(width), story)
        return capsys.readouterr().out

    return draw


@pytest.fixture(scope="module")
def stories():
    return {
        "label": made.reader().explain(made.SENTENCE, beside=()).story,
        "vector": made.bert_reader().explain(made.SENTENCE).story,
        "pair": made.bert_reader().explain(made.SENTENCE, "it was good").story,
    }


def with_told(story, **changes):
    return dataclasses.replace(story, told=dataclasses.replace(story.told, **changes))


def clear(story, change):
    """The same story with an edge that nothing speaks against."""
    told = story.told
    control = dataclasses.replace(told.control, change=change / 100)
    edge = dataclasses.replace(told.edge, change=change)
    return with_told(story, edge=edge, control=control, like=dataclasses.replace(told.like, agree=20, n=20))


def flat(out):
    return " ".join(out.split())


def test_a_clear_edge_uses_and_turns_or_stays(stories, drawn):
    story = stories["label"]
    looks, at = (story.words[k] for k in (story.told.edge.looks, story.told.edge.at))
    turning = -2 * story.told.before - (0.5 if story.told.before > 0 else -0.5)
    assert f"{looks} uses {at}." in flat(drawn(clear(story, turning)))
    assert "and the answer turns from " in flat(drawn(clear(story, turning)))
    staying = 0.5 if story.told.before > 0 else -0.5
    assert "but moves: " in flat(drawn(clear(story, staying)))


COSINES = [("vector", "the vector with the vector as it was"), ("pair", "the two vectors")]


@pytest.mark.parametrize(("kind", "of"), COSINES)
def test_a_cosine_moves_and_turns_nothing(stories, drawn, kind, of):
    story = clear(stories[kind], -0.25)
    out = flat(drawn(story))
    assert f"the cosine of {of} moves: {signed(story.told.before, 4)} → {signed(story.told.before - 0.25, 4)}" in out
    assert "turns" not in out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"edge": Edge(0, 1, 0.001, 0.5)}, "less than 0.25"),
        ({"edge": Edge(0, 1, 9.0, 0.5), "control": None}, "no other edge to hold it against"),
        ({"edge": Edge(0, 1, 9.0, 0.5), "control": Edge(0, 2, 8.0, 0.1)}, "not three times what a control cut changes"),
    ],
)
def test_where_something_speaks_against_it_nobody_uses_anything(stories, drawn, change, said):
    out = flat(drawn(with_told(stories["label"], **change)))
    assert "No word clearly told another." in out and said in out and " uses " not in out


def test_what_special_pieces_take_is_said_to_the_hundredth(stories, drawn):
    story = stories["pair"]
    special, looks = story.specials, story.words[story.told.edge.looks]
    every = (special.told_weight, special.told_mixture, special.weight, special.mixture)
    weights = [share(each).strip() for each in every]
    expected = (
        f"[CLS], [SEP]: {weights[0]} of the weight of {looks}, {weights[1]} of what it mixes (‖weight · value‖); "
        f"of all words {weights[2]} and {weights[3]}. Nothing is renormalised."
    )
    assert expected in flat(drawn(story))
    assert "renormalised" not in drawn(stories["label"])


@pytest.mark.parametrize(("width", "blocks"), [(44, 2), (60, 2), (80, 1), (120, 1)])
def test_the_ladder_has_a_row_a_layer_and_a_column_a_head(drawn, stories, width, blocks):
    rows = [[(layer - 5.5) * (head + 1) / 7000 for head in range(12)] for layer in range(12)]
    rows[3][4] = None
    out = drawn(with_told(stories["vector"], by_head=rows), width).split("cut in one head only\n")[1]
    most = max(abs(v) for row in rows for v in row if v is not None)
    tens = power(most)
    assert times(tens) in flat(out) and "– is one of 1 not measured" in flat(out)
    lines = out.split("\n")
    assert sum(line.split()[:1] == ["L11"] for line in lines) == blocks
    found = {layer: [] for layer in range(12)}
    for line in lines:
        if match := re.match(r"  L(\d+) ", line):
            found[int(match[1])] += [line[6 + k : 6 + k + CELL - 1].strip() for k in range(0, len(line) - 6, CELL)]
    for layer, row in enumerate(rows):
        assert found[layer] == ["–" if v is None else signed(v * 10**tens) for v in row]


def test_layers_with_fewer_heads_leave_a_gap(drawn, stories):
    out = drawn(with_told(stories["label"], by_head=[[0.5], [0.25, -1.0]]))
    lines = out.split("cut in one head only\n")[1].split("\n")
    assert lines[1].rstrip() == "  L0  +0.50▒" and lines[2].split() == ["L1", "+0.25░−1.00█"]


def test_columns_and_rows_are_chosen_by_size_and_kept_in_order():
    assert largest({3: 0.1, 5: 9.0, 7: 2.0, 9: 2.5}, 3) == [5, 7, 9]
    assert column(["a", "family"], [0, 1], 80) == 9 and column(["x" * 90], [0], 80) == 17

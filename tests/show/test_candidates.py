"""What may come next, and what it would be behind each layer: the model's own numbers."""

import dataclasses
import re

import pytest

from glassformer.explain.answers import Candidate
from glassformer.explain.path import Reading
from glassformer.explain.story import story as of_trial
from glassformer.show import candidates
from glassformer.show.console import console
from glassformer.show.text import share, signed
from tests import made
from tests.show.conftest import acting


@pytest.fixture(scope="module")
def story():
    return of_trial(made.writer_trial("it was", "generator"))


@pytest.fixture
def lines(capsys, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)

    def drawn(show, *what, width=80):
        show(console(width), *what)
        return capsys.readouterr().out.split("\n")

    return drawn


def test_each_piece_stands_with_its_probability_and_a_bar_as_long(story, lines):
    given = [Candidate("good", 0.5), Candidate("\x1bbad", 0.25), Candidate("家", 0.0)]
    title, *rows = lines(candidates.print_next, given, story.metric, width=60)[1:-1]
    assert title.startswith("What comes next") and title.endswith("probability among all pieces (descriptive)")
    assert [re.sub("[ █▏▎▍▌▋▊▉]+$", "", row).split() for row in rows] == [
        ["good", "0.500"],
        ["␛bad", "0.250"],
        ["家", "0.000"],
    ]
    full = 60 - 6 - 12  # the widest piece takes six columns, with its space
    assert [row.count("█") for row in rows] == [full // 2, full // 4, 0] and not acting(rows)


def test_the_piece_that_is_asked_about_is_the_one_that_stands_out(story, lines, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    given = [Candidate("was", 0.5), Candidate("is", 0.25)]
    rows = lines(candidates.print_next, given, dataclasses.replace(story.metric, of="is"))
    strong = [line for line in rows if re.search("\x1b\\[1m[^\x1b]*(was|is)", line)]
    assert len(strong) == 1 and "is" in strong[0] and "0.250" in strong[0]


def test_behind_each_layer_stand_its_own_numbers(story, lines):
    title, named, *rows = lines(candidates.print_readout, story, width=100)[1:-1]
    assert title.startswith("Layer by layer") and f"of {story.metric.of};" in named
    assert len(rows) == len(story.readout) == 3
    for row, each, name in zip(rows, story.readout, ("embedding", "L0", "L1"), strict=True):
        first = each.candidates[0]
        told = [name, share(each.share).strip(), signed(each.value), first.piece, share(first.probability).strip()]
        assert row.split()[:5] == told
    assert rows[-1].split()[2] == signed(story.views[-1].answer.value)  # behind the last layer it is the answer


def test_of_many_layers_the_last_ones_are_shown_and_the_others_counted(story, lines):
    many = [Reading(f"L{k}", k / 10, 0.5, [Candidate("a", 0.5)]) for k in range(candidates.MOST_ROWS + 4)]
    out = lines(candidates.print_readout, dataclasses.replace(story, readout=many))
    assert [line.split()[0] for line in out if re.match("  L\\d", line)] == [f"L{k}" for k in range(4, len(many))]
    assert "  … 4 layers before these" in out


@pytest.mark.parametrize(("width", "fitting"), [(43, 0), (44, 1), (62, 1), (63, 2), (100, 3)])
def test_candidates_that_do_not_fit_are_left_out_whole(story, lines, width, fitting):
    """28 columns for the layer and its numbers, 16 for each of these, 3 between two."""
    long = [Candidate(f"piece{k}" * 2, 0.125) for k in range(8)]
    one = dataclasses.replace(story, readout=[Reading("L0", 0.0, 0.5, long)])
    row = next(row for row in lines(candidates.print_readout, one, width=width) if row.startswith("  L0"))
    assert re.findall("piece\\S+ \\S+", row) == [f"piece{k}piece{k} .12" for k in range(fitting)]
    assert len(row.rstrip(" ·")) == len(row.rstrip())


def test_a_model_that_predicts_no_piece_has_nothing_to_read_out(lines):
    story = made.reader().explain(made.SENTENCE, beside=()).story
    assert candidates.expected(story) == [] and lines(candidates.print_readout, story) == [""]

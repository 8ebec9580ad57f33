"""A story as a person reads it: of every width, whatever the words, with the numbers that were measured."""

import io
import json
import re
import shlex

import pytest
from rich.console import Console

from glassformer import cli
from glassformer.explain.reader import read
from glassformer.models import heads
from glassformer.show.terminal import MOST_ROWS, print_story, tell
from glassformer.show.text import fit, power, share, signed
from tests import made
from tests.show.conftest import HOSTILE, MODELS, WIDTHS, acting, too_wide


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_wider_than_the_screen_and_nothing_acts(answers, drawn, text, model):
    for kind, thing, show in answers(text, model):
        for width in WIDTHS:
            lines = drawn(thing, show, width=width)
            assert not too_wide(lines, width), (kind, width)
            assert not acting(lines), (kind, width)


def section(lines, title):
    """The lines below a heading, up to the next empty one."""
    start = next(k for k, line in enumerate(lines) if line.startswith(title))
    return lines[start + 1 : next((k for k in range(start + 1, len(lines)) if not lines[k].strip()), len(lines))]


@pytest.fixture
def told(answers, drawn):
    """A story and its lines, 120 columns wide."""
    _, story, show = answers("plain", "two")[0]
    return story, drawn(story, show, width=120)


def test_the_answers_are_the_models(told):
    story, lines = told
    (line,) = section(lines, "The answers")
    answer = story.views[-1].answer
    assert line.split()[0] == "made" and answer.label in line
    assert line.endswith(f"{answer.p_positive:.3f}  {signed(answer.log_odds):>7}")


def test_every_word_has_its_own_number(told):
    story, lines = told
    rows = section(lines, "What each word adds")[1:]
    assert [row.split()[:2] for row in rows] == [
        [word, signed(adds)] for word, adds in zip(story.words, story.views[-1].adds, strict=True)
    ]


def test_attention_stands_beside_its_cut(told):
    story, lines = told
    looks = story.words[story.told.edge.looks]
    titles, *rows = section(lines, f"{looks} looks at")
    assert titles.split()[:6] == [f"L{layer}.H{head}" for layer in range(2) for head in range(3)]
    for k, row in enumerate(rows[:5]):
        weights = [share(story.attention[layer][head][k]).strip() for layer in range(2) for head in range(3)]
        means = [share(sum(head[k] for head in layer) / 3).strip() for layer in story.attention]
        change = signed(story.cuts[k]) if k in story.cuts else "itself"
        assert row.split()[:10] == [story.words[k], *weights, *means, change]


def test_the_check_and_the_heads_are_the_measured_ones(told):
    story, lines = told
    out, edge, like = "\n".join(lines), story.told.edge, story.told.like
    assert f"{signed(story.told.before)} → {signed(story.told.after)}" in out
    assert f"{like.agree} of {like.n} agree" in out and f"turns {like.flips} answers round" in " ".join(out.split())
    control = story.told.control
    assert f"may not look at {story.words[control.at]} instead" in out
    titles, *rows, scale = section(lines, f"  {story.words[edge.looks]} → {story.words[edge.at]} cut in one head only")
    assert titles.split() == ["H0", "H1", "H2"] and "all of the largest" in scale
    tens = power(max(abs(v) for row in story.told.by_head for v in row))
    for layer, (line, row) in enumerate(zip(rows, story.told.by_head, strict=True)):
        assert line.split()[0] == f"L{layer}"
        assert re.findall(r"[+−]?\d+\.\d+", line) == [signed(v * 10**tens) for v in row]


@pytest.mark.parametrize("text", HOSTILE)
def test_the_commands_it_ends_with_can_be_typed_and_answer_the_same(
    answers, drawn, text, monkeypatch, capsys, tmp_path
):
    """Each one run as a shell would, on the same model."""
    _, story, show = answers(text, "two")[0]
    folder = made.folder(tmp_path / "made")
    (tmp_path / "your-text").write_text(HOSTILE[text])
    commands = [line.strip() for line in drawn(story, show, width=80) if line.startswith("  glassformer")]
    assert len(commands) == (3 if story.told else 1)
    for command in commands:
        command, _, given = re.sub(r"   +.*$", "", command).partition(" < ")
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(HOSTILE[text].encode())) if given else None)
        words = [str(folder) if word == "made" else word for word in shlex.split(command)]
        monkeypatch.setattr("sys.argv", [*words, "--json"])
        cli.main()
        document = json.loads(capsys.readouterr().out)
        assert document["kind"] == ("why" if words[1] == "why" else "what-if" if "--cut" in words else "sheet")
        if document["kind"] == "what-if":  # of the very edge, though in float16
            assert document["change"] == pytest.approx(story.told.edge.change, abs=0.05)


def test_what_is_left_out_is_counted(answers, drawn):
    _, story, show = answers("long", "two")[0]
    out = "\n".join(drawn(story, show, width=80))
    assert f"{story.left_out} pieces at the end were NOT read, from “" in out
    words = len(story.words)
    assert f"… {words - MOST_ROWS} words add less than those shown" in out
    assert f"the {story.edges_measured} largest of {story.edges} edges, by an estimate of all" in " ".join(out.split())
    assert "not measured" in out


def test_a_model_with_more_heads_than_columns_shows_means_or_says_so(answers, drawn):
    _, story, show = answers("plain", "deep")[0]
    assert "L0.H0 L0.H1" not in "\n".join(drawn(story, show, width=120))
    assert "L5 mean" in "\n".join(drawn(story, show, width=120))
    narrow = "\n".join(drawn(story, show, width=60))
    assert "L0, L1 …: the mean of the heads" in narrow and "L0  L1  L2  L3  L4  L5" in narrow
    assert "6 layers of attention do not fit" in " ".join("\n".join(drawn(story, show, width=40)).split())


@pytest.mark.parametrize(
    ("text", "model", "why"), [("one word", "two", "read a single word"), ("plain", "bag", "no attention")]
)
def test_where_nobody_could_tell_it_says_why(answers, drawn, text, model, why):
    _, story, show = answers(text, model)[0]
    out = "\n".join(drawn(story, show, width=80))
    assert why in out and "'logits[1]'" in out


def test_colour_marks_and_is_never_needed(answers):
    """The same signs with colour and without."""
    _, story, _ = answers("plain", "two")[0]
    coloured, plain = (
        Console(file=io.StringIO(), force_terminal=True, width=90, color_system=system) for system in ("256", None)
    )
    for out in (coloured, plain):
        tell(out, story)
    bare = re.sub("\x1b\\[[0-9;]*m", "", coloured.file.getvalue())
    assert "\x1b[" in coloured.file.getvalue() and bare == plain.file.getvalue()
    assert "\x1b" not in plain.file.getvalue()


def test_a_reader_that_has_gone_ends_it_and_nothing_else(answers, monkeypatch):
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    _, story, _ = answers("plain", "two")[0]
    monkeypatch.setattr("sys.stdout", Gone())
    with pytest.raises(BrokenPipeError):
        print_story(story)


def test_a_label_that_is_cut_still_stands_in_its_column():
    assert fit("antidisestablishmentarianism", 10) == "antidises…"


# BERTs


def test_a_vector_says_what_is_measured_of_it(answers, drawn):
    _, story, show = answers("plain", "embeds")[0]
    lines = drawn(story, show, width=100)
    assert any("cosine of the vector with the vector as it was" in line for line in lines)
    assert section(lines, "The answers")[0].split() == ["made", "48", "numbers", "+1.0000"]
    assert "metric cosine" in "\n".join(lines) and "turns" not in "\n".join(lines)
    rows = section(lines, "What each word adds")[1:]
    adds = story.views[-1].adds
    assert [row.split()[:2] for row in rows] == [[story.words[k], signed(adds[k], 4)] for k in range(1, 6)]


@pytest.mark.parametrize(("model", "how"), [("apart", "on its own"), ("together", "read together")])
def test_of_two_texts_both_stand_there_and_how_they_were_read(answers, drawn, model, how):
    _, story, show = answers("plain", model)[0]
    lines = drawn(story, show, width=100)
    assert how in "\n".join(lines) and sum(line.startswith("“") for line in lines) == 2
    rows = section(lines, "What each word adds")[1:]
    second = rows.index("  — the second text")
    words = [row.split()[0] for row in rows if row is not rows[second]]
    assert words == [word for k, word in enumerate(story.words) if k not in story.specials.words]
    assert rows[second + 1].split()[0] == story.words[story.second_from]


def test_what_is_filled_in_stands_below_the_answer(answers, drawn):
    _, story, show = answers("plain", "fills")[0]
    lines = drawn(story, show, width=100)
    best = story.views[-1].answer.masks[0]
    assert f"  {best[0].piece} {best[0].probability:.3f} · " in "\n".join(lines)
    assert f"p({best[0].piece}) and its log-odds" in "\n".join(lines)


def test_a_score_has_no_sides(answers, drawn):
    _, story, show = answers("plain", "score")[0]
    lines = drawn(story, show, width=100)
    assert section(lines, "The answers")[0].endswith(signed(story.views[-1].answer.value, 3))
    assert "turns" not in "\n".join(lines)


READ = [(heads.SequenceClassification, False), (heads.Pooled, False), (heads.Pooled, True)]


@pytest.mark.parametrize("second", [None, "it was good", '$HOME `x` "it\'s"'])
@pytest.mark.parametrize(("kind", "joint"), READ)
def test_the_commands_of_a_bert_answer_the_same(monkeypatch, capsys, tmp_path, kind, joint, second):
    folder = made.bert_folder(tmp_path / "a bert", kind)
    print_story(read(folder).explain("the food was not good", second, joint, beside=()).story, width=80)
    commands = [line.strip() for line in capsys.readouterr().out.split("\n") if line.startswith("  glassformer")]
    assert len(commands) == 3 and all("--joint" in each for each in commands) == (joint and second is not None)
    for command in commands:
        monkeypatch.setattr("sys.argv", [*shlex.split(re.sub(r"   +.*$", "", command)), "--json"])
        cli.main()
        document = json.loads(capsys.readouterr().out)
        assert document["kind"] in ("why", "sheet", "what-if")
        assert document.get("second") in (None, second)

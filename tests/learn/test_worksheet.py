"""Worksheets: what is asked can be done by hand, and the key is right: exactly, and by the parts."""

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glassformer as gf
from glassformer.learn.worksheet import parts
from glassformer.learn.worksheet.question import Of, factor, friendly, matrix, products, shown
from glassformer.learn.worksheet.sheet import MOST, TOPICS, sheet, topic
from glassformer.learn.worksheet.sheet import OF_ONE as FOUR

SURDS = {("√", 2), ("√", 3), *(("ln ", under) for under in range(1, 13))}
NAMES = [each.name for each in TOPICS]


@pytest.mark.parametrize("name", NAMES)
def test_a_hundred_seeds_are_friendly_and_no_two_questions_of_a_sheet_are_alike(name):
    whole_sheets = set()
    for seed in range(100):
        questions = sheet(seed, name, 2).questions
        assert len({repr(each) for each in questions}) == 2
        whole_sheets.add(repr(questions))
        for value in (value for question in questions for value in question.numbers()):
            times = value if isinstance(value, Fraction) else value.times
            assert friendly(value) and times.denominator <= 12
            assert times is value or (value.sign, value.under) in SURDS
    assert len(whole_sheets) > 90  # of positions there are few, but two of them in their order make many


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_find_what_the_key_says(name):
    for seed in range(25):
        (question,) = sheet(seed, name, 1).questions
        assert parts.disagreements(question) == [], seed


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_is_among_what_the_parts_find_and_a_wrong_key_is_seen(name):
    """Each step that the parts find is made wrong in turn; the last step, the answer, is always one of them."""
    (question,) = sheet(3, name, 1).questions
    found = parts.BY_PARTS[name](*map(parts.tensor, question.given))
    assert question.steps[-1].makes.name in found
    for at, step in enumerate(question.steps):
        if step.makes.name in found:
            value = step.makes.rows[0][0]
            off = value + 1 if isinstance(value, Fraction) else Of(value.times + 1, value.sign, value.under)
            rows = ((off, *step.makes.rows[0][1:]), *step.makes.rows[1:])
            wrong = replace(step, makes=replace(step.makes, rows=rows))
            steps = (*question.steps[:at], wrong, *question.steps[at + 1 :])
            assert parts.disagreements(replace(question, steps=steps)) == [step.makes.name]


@given(seed=st.integers(), count=st.integers(1, MOST), name=st.sampled_from(NAMES))
@settings(max_examples=30, deadline=None)
def test_a_seed_is_a_sheet(seed, count, name):
    made = sheet(seed, name, count)
    assert made == sheet(seed, name, count) and len(set(map(repr, made.questions))) == count
    assert made.questions[0] == sheet(seed, name, 1).questions[0]


def test_a_whole_sheet_has_every_topic_once_and_no_seed_repeats_another():
    made = {seed: sheet(seed) for seed in range(60)}
    assert [each.topic for each in made[0].questions] == NAMES
    assert len({repr(each.questions) for each in made.values()}) == 60
    assert len(sheet(1, "softmax").questions) == FOUR
    assert sheet(5, "softmax", 1).questions[0] in made[5].questions


def test_the_products_that_the_key_writes_out_add_up():
    """What stands in a line of the key, read as arithmetic, is the number beside it."""
    for name in ("dot-product", "scaling"):
        for question in (question for seed in range(20) for question in sheet(seed, name).questions):
            for line in question.steps[0].says:
                left, _, right = line.partition(" = ")[2].rpartition(" = ")
                assert eval(left.replace("·", "*").replace("−", "-")) == int(right.replace("−", "-"))


def test_two_by_hand():
    """A softmax and a LayerNorm of seed 7, done on paper."""
    by_name = {each.topic: each for each in sheet(7).questions}
    steps = {step.makes.name: step.makes.rows for step in by_name["softmax"].steps}
    assert by_name["softmax"].given[0].rows == (tuple(Of(Fraction(1), "ln ", n) for n in (2, 5, 1, 1)),)
    assert steps["weights"] == ((Fraction(2, 9), Fraction(5, 9), Fraction(1, 9), Fraction(1, 9)),)
    assert steps["mixture"] == ((1,),)  # (2·2 − 5 + 3 + 7) / 9
    steps = {step.makes.name: step.makes.rows for step in by_name["layer-norm"].steps}
    assert by_name["layer-norm"].given[0].rows == ((4, 6, 6, 12),)
    assert steps["mean"] == ((7,),) and steps["standard deviation"] == ((3,),)
    assert steps["out"] == ((-1, Fraction(-2, 3), Fraction(-8, 3), 7),)


def test_greedy_never_finds_what_the_beam_finds():
    for seed in range(30):
        steps = {step.makes.name: step.makes for step in sheet(seed, "beam-search", 1).questions[0].steps}
        assert steps["cheapest"].rows[0][0] < steps["greedy"].rows[0][0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(3), "3"),
        (Fraction(-3, 4), "−3/4"),
        (Of(Fraction(1, 2), "√", 3), "√3/2"),
        (Of(Fraction(-1, 2), "√", 2), "−√2/2"),
        (Of(Fraction(0), "ln ", 2), "0"),
        (Of(Fraction(-1), "ln ", 2), "−ln 2"),
        (Of(Fraction(5, 2), "ln ", 2), "5/2 ln 2"),
        (Of(Fraction(-2), "ln ", 2), "−2 ln 2"),
    ],
)
def test_a_number_is_written_as_by_hand(value, text):
    assert shown(value) == text and factor(value) == (f"({text})" if text[0] == "−" else text)


def test_products_and_bounds():
    assert products([Fraction(2), Fraction(-1)], [Fraction(3), Fraction(-4)]) == "2·3 + (−1)·(−4)"
    assert not friendly(Fraction(1, 13)) and not friendly(Of(Fraction(1, 13), "√", 2)) and friendly(Fraction(1, 12))
    assert matrix("a", ((1, 2),)).rows == ((Fraction(1), Fraction(2)),)


@pytest.mark.parametrize("count", [0, -1, MOST + 1])
def test_a_count_that_cannot_be(count):
    with pytest.raises(gf.UsageError, match="--count 1 to"):
        sheet(1, None, count)


def test_a_topic_that_is_not_there():
    with pytest.raises(gf.UsageError, match="did you mean softmax"):
        topic("sofmax")


def test_a_sheet_without_its_key_does_not_wait_for_torch():
    code = "import sys; from glassformer.learn.worksheet.sheet import sheet; sheet(1); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

"""Every exercise there is: unsolved it fails with our words, its solution passes, and its bank names what is in it."""

import importlib

import pytest

from glassformer.learn import bank, kept, order
from glassformer.learn.check import UNKNOWN, check, judge
from glassformer.learn.exercise import equal

ENTRIES = order.there()
EVERY = pytest.mark.parametrize("entry", ENTRIES, ids=[entry.module for entry in ENTRIES])


def learners(entry, where):
    return getattr(importlib.import_module(f"glassformer.learn.{where}.{entry.module}"), entry.function)


@EVERY
def test_unsolved_it_fails_and_solved_it_passes(entry):
    unsolved, solved = (check(learners(entry, where), entry.name) for where in ("exercises", "solutions"))
    assert not unsolved.passed and solved.passed, solved.message
    assert not solved.remark
    assert "not written yet" in unsolved.message or entry.name.startswith("bug-")


@EVERY
def test_a_find_the_bug_exercise_is_named_and_others_are_empty(entry):
    unsolved = check(learners(entry, "exercises"), entry.name)
    assert (unsolved.mistake not in (None, UNKNOWN)) == entry.name.startswith("bug-")


@EVERY
@pytest.mark.parametrize("odd", [3, None, "text", (), [], {}, [None]], ids=repr)
def test_an_answer_of_another_kind_is_told_what_is_wanted(entry, odd):
    result = check(lambda *arguments: odd, entry.name)
    assert not result.passed and result.message


@EVERY
def test_the_solution_is_right_on_other_questions_too(entry):
    for seed in range(1, 6):
        result = judge(learners(entry, "solutions"), bank.load(entry.name), seed)
        assert result.passed, result.message


@EVERY
def test_every_right_variant_passes(entry):
    exercise = bank.load(entry.name)
    assert len(exercise.right) >= 6
    for variant in exercise.right:
        for seed in range(3):
            result = judge(variant, exercise, seed)
            assert result.passed, f"{variant.__name__}: {result.message}"


@EVERY
def test_the_switchboard_with_nothing_switched_is_the_key(entry):
    exercise = bank.load(entry.name)
    if exercise.switchboard is None:
        return
    for case in exercise.cases(3):
        key, board = exercise.key(*case.arguments), exercise.switchboard(*case.arguments)
        assert list(key) == list(board) == [stage.name for stage in exercise.stages] or not exercise.stages
        assert [name for name in key if not equal(board[name], key[name])] == []


@EVERY
def test_every_mistake_is_rejected_named_and_said_in_a_sentence_or_two_with_a_repair(entry):
    exercise, missed = bank.load(entry.name), []
    assert len(exercise.mistakes) >= 12
    for mistake in exercise.mistakes:
        result = judge(exercise.version(mistake), exercise, seed=2)
        assert not result.passed, f"{mistake.name} {mistake.switches} passed"
        if (result.mistake, result.stage) != (mistake.name, mistake.stage):
            missed.append((mistake.name, mistake.switches, result.mistake, result.stage))
        said = result.message
        assert said.endswith(".") and "\n" not in said and 20 < len(said) < 400, said
        assert "{" not in said and "tensor(" not in said, said
    assert not missed


@EVERY
def test_stages_and_names_are_those_of_the_key(entry):
    exercise = bank.load(entry.name)
    key = exercise.key(*exercise.cases(0)[0].arguments)
    assert {mistake.stage for mistake in exercise.mistakes} <= set(key)
    assert len(exercise.hints) == 3 and exercise.hints == bank.hints(entry.name) and exercise.explanation
    assert len(exercise.pairs()) <= 2000
    for mistake in exercise.mistakes:
        made = (kept.wrong(exercise, (mistake,), case) for case in kept.cases(exercise, 0))
        assert any(each is not None for each in made), f"{mistake.name} runs on no case"

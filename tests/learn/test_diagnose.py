"""A mistake is named only where its version answers every question as the learner does; nothing is ever guessed."""

import pytest
import torch

from glassformer.learn.diagnose import Diagnosis, by_answers, by_gradients, by_stages, gradients, same_gradients
from glassformer.learn.exercise import Case, Evidence, Mistake, Stages
from glassformer.learn.stages import Made
from tests.learn import tiny
from tests.learn.tiny import CUT, LESS, ONCE, THRICE, board

EXERCISE = tiny.exercise()


def found(function, exercise=EXERCISE, together=True):
    def again(seed):
        return [(case, function(*case.arguments)) for case in exercise.cases(seed)]

    diagnosis = by_answers(exercise, again(0), again, together)
    return diagnosis and diagnosis.name


def test_one_and_two_mistakes_are_named_and_what_is_neither_is_not():
    assert found(lambda x, y: x + y) == "not doubled" and found(lambda x, y: 2 * x - y) == "subtracted"
    assert found(lambda x, y: 3 * x - y) == "tripled and subtracted"
    assert found(lambda x, y: 4 * x + y) is None
    assert found(lambda x, y: 2 * x + y) is None, "what is only wrong backwards has the right numbers"


def test_two_at_once_are_left_out_where_they_are_not_asked_for():
    assert found(lambda x, y: 3 * x - y, together=False) is None and found(lambda x, y: x + y, together=False)
    assert found(lambda x, y: 3 * x - y, tiny.exercise(together=False)) is None


def test_two_mistakes_turn_different_switches_and_rare_ones_stand_alone():
    assert EXERCISE.pairs() == [(ONCE, LESS), (THRICE, LESS)]
    rare = Mistake("rare", "answer", "", {"sign": 0.5}, rare=True)
    assert tiny.exercise(mistakes=(ONCE, rare)).pairs() == []


def test_three_are_named_with_commas_and_each_says_its_sentence():
    three = Diagnosis((ONCE, THRICE, LESS), more=True)
    assert three.name == "not doubled, tripled and subtracted"
    said = three.says(Evidence(Case(()), torch.tensor([[4.0]]), Stages(), Stages()))
    assert said == "2·x is wanted. 3·x is too much. 4 is too little. Behind that something else differs too."


def with_no_y(seed):
    """Questions of the first seed where it does not show what is done with y."""
    return [Case((x, y * (seed > 0))) for x, y in (case.arguments for case in tiny.cases(seed))]


def test_what_the_questions_do_not_tell_apart_new_questions_do():
    half = Mistake("halved", "answer", "", {"sign": 0.5})
    gone = Mistake("forgotten", "answer", "", {"sign": 0.0})
    exercise = tiny.exercise(cases=with_no_y, mistakes=(LESS, half, gone))
    for sign, name in ((-1.0, "subtracted"), (0.5, "halved"), (0.0, "forgotten")):
        assert found(lambda x, y, sign=sign: 2 * x + sign * y, exercise) == name
    assert found(lambda x, y: 2 * x + 9 * y, exercise) == "subtracted", "none fits the new ones: the first that fits"


def test_a_question_that_a_version_cannot_answer_is_no_evidence_against_it():
    some = Mistake("breaks on two", "doubled", "", {"factor": 1.0, "broken": (2,)})
    never = Mistake("breaks always", "doubled", "", {"factor": 1.0, "broken": (2, 3)})
    assert found(lambda x, y: x + y, tiny.exercise(mistakes=(never, some))) == "breaks on two"
    assert found(lambda x, y: x + y, tiny.exercise(mistakes=(never,))) is None
    assert found(lambda x, y: x + y, tiny.exercise(mistakes=(some, ONCE))) == "not doubled", "it answers more of them"


def filled(x, y, fill=float("-inf"), factor=2.0):
    answer = (x * factor).masked_fill(y > 6, fill).softmax(-1)  # of the whole numbers every row is empty
    return Stages(doubled=x * factor, answer=answer)


def test_a_row_without_numbers_may_be_written_the_other_right_way():
    exercise = tiny.exercise(switchboard=filled, key=filled, mistakes=(ONCE,), other_way={"fill": -1e9})
    assert found(lambda x, y: filled(x, y, -1e9, 1.0).answer, exercise) == "not doubled"
    assert found(lambda x, y: filled(x, y, -1e9, 4.0).answer, exercise) is None
    without = tiny.exercise(switchboard=filled, key=filled, mistakes=(ONCE,))
    assert found(lambda x, y: filled(x, y, -1e9, 1.0).answer, without) is None


def on_the_way(*values, first="doubled", **changes):
    exercise = tiny.exercise(**changes)
    case = tiny.cases(0)[0]
    diagnosis = by_stages(exercise, case, board(*case.arguments), Made(values), first)
    return diagnosis and (diagnosis.name, diagnosis.more)


def test_a_stage_that_was_made_wrongly_is_named_and_that_there_is_more():
    x, y = tiny.cases(0)[0].arguments
    assert on_the_way(3 * x) == ("tripled", True) and on_the_way(3.01 * x) is None
    assert on_the_way(3 * x, first="answer") is None and on_the_way(2 * x - y, first="answer") is None
    assert on_the_way(x, right=()) is None, "what was given is there in any case"
    assert on_the_way(3 * x, right=(lambda x, y: 3 * x - x + y,)) is None, "a right way passes through it"


def test_the_same_numbers_in_another_order_say_nothing():
    turned = Mistake("turned", "doubled", "", wrong=lambda x, y: Stages(doubled=2 * x.mT, answer=y))
    wider = Mistake("wider", "doubled", "", wrong=lambda x, y: Stages(doubled=torch.cat([2 * x, 2 * x]), answer=y))
    x, _ = tiny.cases(0)[0].arguments
    assert on_the_way(2 * x.mT, mistakes=(turned,)) is None
    assert on_the_way(torch.cat([2 * x, 2 * x]), mistakes=(wider,)) == ("wider", True)


def test_gradients_are_those_of_differences():
    case = Case(tuple(each.double() for each in tiny.cases(0)[1].arguments))
    function = lambda x, y: (x.sin() * y).cumsum(-1)  # noqa: E731
    (found,) = gradients(function, EXERCISE, case)
    weights = torch.linspace(-1.0, 1.3, 12).double().view(3, 4)
    x, y = case.arguments
    for at in ((0, 0), (1, 2), (2, 3)):
        step = torch.zeros_like(x)
        step[at] = 1e-6
        change = ((function(x + step, y) - function(x - step, y)) * weights).sum() / 2e-6
        assert float(found[at]) == pytest.approx(float(change), rel=1e-4)


def test_where_no_gradient_arrives_there_is_none():
    case = tiny.cases(0)[0]
    assert gradients(lambda x, y: x.detach() + y, EXERCISE, case) == [None]
    nothing, zero, one = None, torch.zeros(2), torch.ones(2)
    assert same_gradients([nothing], [nothing]) and same_gradients([zero], [nothing])
    assert same_gradients([one * 1.005], [one]) and not same_gradients([one * 1.03], [one])
    assert not same_gradients([nothing], [one]) and not same_gradients([one], [nothing])
    assert not same_gradients([one, zero], [one, one])


def test_only_what_is_wrong_backwards_is_named_by_its_gradients():
    case = tiny.cases(0)[1]
    diagnosis = by_gradients(EXERCISE, case, [None])
    assert diagnosis is not None and diagnosis.mistakes == (CUT,)
    assert by_gradients(EXERCISE, case, gradients(EXERCISE.version(ONCE), EXERCISE, case)) is None

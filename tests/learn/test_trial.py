"""One question put to somebody's code: what it answers, what it raised, and which of its arguments it changed."""

import torch
from torch import nn

from glassformer.learn.exercise import Case, Stages
from glassformer.learn.trial import Trial, again, is_random, made_by, put
from tests.learn import tiny


def asked(function, *arguments):
    exercise = tiny.exercise(key=lambda *given: Stages(answer=given[0]))
    return put(function, exercise, Case(arguments))


def test_what_is_raised_is_kept_and_so_is_an_exit():
    for error in (ValueError("no"), SystemExit(3)):

        def raises(x, error=error):
            raise error

        trial = asked(raises, torch.ones(2))
        assert trial.error is error and trial.answer is None and trial.changed == ()


def test_an_answer_is_a_copy_of_its_own():
    x = nn.Parameter(torch.ones(2))
    kept = []

    def function(given):
        kept.append(given * 1)
        return kept[0]

    trial = asked(function, x)
    kept[0].data.add_(5.0)
    assert trial.answer.tolist() == [1.0, 1.0] and not trial.answer.requires_grad
    assert asked(lambda x: Stages(half=x / 2, answer=x + 2), torch.ones(1)).answer.tolist() == [3.0]


CHANGES = {
    "a number of a tensor": (lambda t, many, table: t[0].fill_(9.0), "t"),
    "its shape": (lambda t, many, table: t.unsqueeze_(0), "t"),
    "an entry more": (lambda t, many, table: many.append(3), "many"),
    "an entry": (lambda t, many, table: many.__setitem__(0, 7), "many"),
    "a tensor in a list": (lambda t, many, table: many[1].zero_(), "many"),
    "a tensor in a table": (lambda t, many, table: table["a"].zero_(), "table"),
    "a name more": (lambda t, many, table: table.update(b=1), "table"),
    "a name less": (lambda t, many, table: table.clear(), "table"),
    "a list in a table": (lambda t, many, table: table["c"].pop(), "table"),
    "nothing": (lambda t, many, table: table["a"] + 1, None),
}


def test_whatever_is_changed_in_an_argument_is_named_by_it():
    for what, (change, name) in CHANGES.items():
        many, table = [1, torch.ones(2)], {"a": torch.ones(2), "c": [1, 2]}
        trial = asked(change, torch.ones(3), many, table)
        assert trial.error is None and trial.changed == ((name,) if name else ()), what
        assert len(many) == 2 and table["c"] == [1, 2] and table["a"].tolist() == [1.0, 1.0], (
            "the question itself is not"
        )


def test_an_argument_without_a_name_has_a_number():
    assert asked(torch.Tensor.zero_, torch.ones(2)).changed == ("argument 1",)
    assert asked(lambda *given: given[1].zero_(), torch.ones(2), torch.ones(2)).changed == ("argument 2",)


def test_questions_that_are_not_answered_are_left_out():
    def only_three(x, y):
        return {3: x}[len(x)]

    ((case, answer),) = again(only_three, tiny.exercise(), 1)
    assert case.about == "any numbers" and torch.equal(answer, tiny.cases(1)[1].arguments[0])


def test_two_answers_to_one_question_are_chance():
    trial = Trial(tiny.cases(0)[0], Stages())
    assert is_random(lambda x, y: x + torch.rand(1), trial)
    assert is_random(lambda x, y: Stages(answer=x + torch.rand(1)), trial)
    assert not is_random(lambda x, y: x / 0 * 0 + 1e-6 * torch.rand(1), trial), "no number twice is no chance"
    assert not is_random(lambda x, y: [1], trial)


def test_what_was_made_before_an_error_counts():
    def stumbles(x, y):
        x.exp()
        raise ValueError

    case = tiny.cases(0)[0]
    assert any(torch.equal(made, case.arguments[0].exp()) for made in made_by(stumbles, case).values)

"""What is kept from check to check is the same for every learner, whatever one of them does to it."""

import torch

from glassformer.learn import bank, kept
from glassformer.learn.check import check
from glassformer.learn.exercise import copied


def test_what_is_computed_once_is_the_same_again():
    exercise = bank.load("attention")
    case, mistakes = kept.cases(exercise, 0)[0], exercise.mistakes[:1]
    assert kept.cases(exercise, 0)[0] is case and kept.cases(exercise, 1)[0] is not case
    assert kept.right(exercise, case) is kept.right(exercise, case)
    assert kept.wrong(exercise, mistakes, case) is kept.wrong(exercise, mistakes, case)
    pair = exercise.pairs()[0]
    assert kept.answer(exercise, pair, case) is kept.answer(exercise, pair, case)
    assert torch.equal(kept.answer(exercise, pair, case), kept.wrong(exercise, pair, case).answer)


def test_what_is_drawn_is_drawn_anew():
    exercise = bank.load("masked-batch")
    case = kept.cases(exercise, 0)[0]
    first, second = (kept.right(exercise, case).answer.answer[0] for _ in range(2))
    assert not torch.equal(first, second)


def test_who_writes_in_an_argument_changes_nobody_elses_question():
    def wrong(q, k, v, mask=None):
        return q.zero_().sum() + k.fill_(7.0) + v.mul_(2.0)

    def tensors():
        questions = (case.arguments for case in kept.cases(bank.load("attention"), 0))
        return [each.clone() for given in questions for each in given if isinstance(each, torch.Tensor)]

    before = tensors()
    assert not check(wrong, "attention").passed
    assert all(map(torch.equal, before, tensors()))


def test_a_model_and_its_optimiser_are_copied_together():
    model, optimiser, *_ = copied(kept.cases(bank.load("training-step"), 0)[0].arguments)
    held = [weight for group in optimiser.param_groups for weight in group["params"]]
    assert all(mine is theirs for mine, theirs in zip(model.parameters(), held, strict=True))

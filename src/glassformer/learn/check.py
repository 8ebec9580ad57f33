"""check(thing, "multi-head") → Result: does it run, which stage is wrong first, which mistake it is."""

import contextlib
import inspect
import warnings
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from glassformer.learn import bank, kept
from glassformer.learn.diagnose import (
    Diagnosis,
    by_answers,
    by_gradients,
    by_stages,
    gradients,
    same_gradients,
)
from glassformer.learn.exercise import Case, Evidence, Exercise, Stages, copied
from glassformer.learn.picture import picture
from glassformer.learn.record import LEAVES
from glassformer.learn.result import Result
from glassformer.learn.stages import Made, first_wrong
from glassformer.learn.stopped import stopped
from glassformer.learn.trial import Trial, again, is_random, made_by, put

UNKNOWN = "unknown"


def check(thing: Any, name: str, seed: int = 0) -> Result:
    """Check a function, or an nn.Module class where the exercise takes one, against exercise `name`.

    Raises UsageError where there is no such exercise, or `thing` is neither.
    """
    exercise = bank.load(name)
    readings = candidates(thing, exercise)
    if len(readings) == 1:
        return judge(readings[0], exercise, seed)
    fitting = (judge(function, exercise, seed) for function in readings if _fits(function, exercise, seed))
    passed = (result for result in fitting if result.passed)
    quick = (judge(function, exercise, seed, together=False) for function in readings)
    known = (result for result in quick if result.mistake not in (None, UNKNOWN))
    return next(passed, None) or next(known, None) or judge(readings[0], exercise, seed)


@contextlib.contextmanager
def _warnings_stay() -> Generator[None]:
    """A warning of their code is no error, whoever asks."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        yield


@_warnings_stay()
def _fits(function: Callable, exercise: Exercise, seed: int) -> bool:
    """Whether its answers are right."""
    trials = (put(function, exercise, case) for case in kept.cases(exercise, seed))
    return all(trial.error is None and exercise.compare(trial.answer, trial.right.answer) for trial in trials)


def candidates(thing: Any, exercise: Exercise) -> list[Callable]:
    """The learner's thing as a function; a class is read in several ways, the likeliest first."""
    from glassformer.errors import UsageError

    if inspect.isclass(thing) and issubclass(thing, nn.Module) and exercise.module is not None:
        return exercise.module(thing)
    if inspect.isclass(thing) or not callable(thing):
        also = " or an nn.Module class" if exercise.module else ""
        what = f"the class {thing.__name__}" if inspect.isclass(thing) else f"a {type(thing).__name__}"
        raise UsageError(f"{exercise.name} checks a function{also}, not {what}; give {exercise.entry.function} itself")
    return [thing]


@_warnings_stay()
def judge(function: Callable, exercise: Exercise, seed: int = 0, together: bool = True) -> Result:
    """Run every case; say what the first trouble is.  together: look for two mistakes at once too."""
    trials = [put(function, exercise, case) for case in kept.cases(exercise, seed)]
    errors = [trial for trial in trials if trial.error is not None]
    if len(errors) == len(trials) or any(isinstance(trial.error, NotImplementedError) for trial in errors):
        return stopped(exercise.name, errors[0].error, errors[0].case.about if len(errors) < len(trials) else "")
    ran = [trial for trial in trials if trial.error is None]
    if ran[0].answer is None and ran[0].right.answer is not None:
        return _form(exercise, "your function gives nothing back; is `return` missing?")
    wrong = [trial for trial in ran if not exercise.compare(trial.answer, trial.right.answer)]
    if changed := [trial for trial in ran if trial.changed]:
        return _changed(exercise, changed[0])
    if wrong:
        return _wrong(function, exercise, ran, wrong, together)
    if errors:
        return stopped(exercise.name, errors[0].error, errors[0].case.about)
    return _right(function, exercise, trials)


def _changed(exercise: Exercise, trial: Trial) -> Result:
    names = " and ".join(trial.changed)
    message = (
        f"your function changes {names}, which belongs to the caller; compute a new tensor instead of writing in it"
    )
    return Result(
        exercise.name, False, "form", message, mistake="the argument is changed in place", about=trial.case.about
    )


def _form(exercise: Exercise, message: str, about: str = "") -> Result:
    return Result(exercise.name, False, "form", message, about=about)


def _wrong(
    function: Callable, exercise: Exercise, ran: Sequence[Trial], wrong: Sequence[Trial], together: bool
) -> Result:
    """Numbers that are not the key's: named, or said to be unknown."""
    if kind := _kind(wrong[0].answer, wrong[0].right.answer):
        return _form(exercise, kind, wrong[0].case.about)
    if is_random(function, wrong[-1]):
        made = made_by(function, wrong[-1].case)
        dropout = "dropout is left on" if any("dropout" in call for call in made.calls) else "random numbers are in it"
        message = f"the same question gets two answers: {dropout}. Nothing random belongs here when a model is used."
        return Result(exercise.name, False, "wrong", message, exercise.last, dropout, about=wrong[-1].case.about)
    found = by_answers(
        exercise, [(trial.case, trial.answer) for trial in ran], lambda seed: again(function, exercise, seed), together
    )
    return _known(exercise, found, wrong) if found else _on_the_way(function, exercise, wrong)


def _on_the_way(function: Callable, exercise: Exercise, wrong: Sequence[Trial]) -> Result:
    """The answers are nobody's: is what was made on the way?"""
    trial = wrong[-1]
    made = Made(made_by(function, trial.case).values)
    stage = first_wrong(exercise, trial.right, made)
    found = by_stages(exercise, trial.case, trial.right, made, stage)
    return _known(exercise, found, wrong) if found else _unknown(function, exercise, trial, stage)


def _kind(theirs: Any, right: Any) -> str:
    """What the answer is, where it is nothing that can be compared."""
    if isinstance(right, Tensor) and not isinstance(theirs, Tensor):
        what = f"{type(theirs).__module__}.{type(theirs).__name__}".removeprefix("builtins.")
        more = (
            "; give back the answer alone"
            if isinstance(theirs, tuple)
            else "; torch.as_tensor or torch.stack makes one"
        )
        return f"your function gives back a {what}, a tensor of shape {tuple(right.shape)} is wanted{more}"
    if type(right) in (list, dict, str, tuple) and type(theirs) is not type(right):
        return f"your function gives back a {type(theirs).__name__}, a {type(right).__name__} is wanted"
    return ""


def _known(exercise: Exercise, found: Diagnosis, wrong: Sequence[Trial]) -> Result:
    """The smallest case that goes wrong is spoken of, and drawn: its numbers can be followed."""
    trial = next((each for each in wrong if kept.wrong(exercise, found.mistakes, each.case) is not None), wrong[0])
    made = kept.wrong(exercise, found.mistakes, trial.case) or Stages()
    stage = min((mistake.stage for mistake in found.mistakes), key=exercise.rank)
    said = found.says(Evidence(trial.case, trial.answer, trial.right, made))
    drawn = picture(stage, made.get(stage), trial.right.get(stage), exercise.axes.get(stage, ""))
    drawn = drawn or picture(exercise.last, trial.answer, trial.right.answer, exercise.axes.get(exercise.last, ""))
    return Result(exercise.name, False, "wrong", said, stage, found.name, about=trial.case.about, picture=drawn)


def _unknown(function: Callable, exercise: Exercise, trial: Trial, stage: str) -> Result:
    broken = broken_properties(function, exercise, trial.case)
    theirs, right = trial.answer, trial.right.answer
    if isinstance(right, Tensor) and theirs.shape != right.shape:
        first = f"your answer has the shape {tuple(theirs.shape)}, {tuple(right.shape)} is wanted."
    else:
        first = "your answer is not the right one."
    if isinstance(theirs, Tensor) and theirs.isnan().any() and not right.isnan().any():
        first += " There is NaN in it: ∞ − ∞, or 0 / 0."
    where = (
        f" The first stage that is not among what your code computes is {stage}." if len(exercise.stages) > 1 else ""
    )
    what = "".join(f" {said}" for said in broken) or ""
    message = f"{first}{where}{what} This mistake is not one that we know a name for."
    drawn = picture(exercise.last, theirs, right, exercise.axes.get(exercise.last, ""))
    return Result(
        exercise.name, False, "wrong", message, stage, UNKNOWN, tuple(broken), trial.case.about, picture=drawn
    )


def broken_properties(function: Callable, exercise: Exercise, case: Case) -> list[str]:
    said = []
    for each in exercise.properties:
        try:
            said.append(each.broken(lambda *a: _answer(function, a), case))
        except Exception:
            continue
    return [sentence for sentence in said if sentence]


def _answer(function: Callable, arguments: tuple) -> Any:
    answer = function(*copied(arguments))
    return answer.answer if isinstance(answer, Stages) else answer


def _right(function: Callable, exercise: Exercise, trials: Sequence[Trial]) -> Result:
    """All numbers are right: do gradients arrive?"""
    passed = Result(exercise.name, True, "passed", "Right.")
    if not exercise.learned:
        return passed
    case = trials[-1].case
    right = gradients(exercise.key, exercise, case)
    try:
        theirs = gradients(function, exercise, case)
    except RuntimeError as error:
        return replace(passed, remark=f"backward does not run through it: {str(error).splitlines()[0][:160]}")
    if same_gradients(theirs, right):
        return passed
    if all(each is None for each in theirs) and made_by(function, case).calls & LEAVES:
        return replace(passed, remark="No gradient comes back: numbers leave torch on the way (item, tolist, numpy).")
    return _no_gradient(exercise, case, theirs)


def _no_gradient(exercise: Exercise, case: Case, theirs: Sequence[Tensor | None]) -> Result:
    found = by_gradients(exercise, case, theirs)
    if found:
        said = found.says(Evidence(case, None, Stages(), Stages()))
        return Result(exercise.name, False, "wrong", said, found.mistakes[0].stage, found.name)
    message = "the numbers are right, but the gradients are not those of the equation: is something detached?"
    return Result(exercise.name, False, "wrong", message, exercise.last, UNKNOWN)

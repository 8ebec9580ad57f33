"""check(thing, "multi-head") → Result: does it run, which stage is wrong first, which mistake it is."""

import contextlib
import copy
import inspect
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from glassformer.learn import bank
from glassformer.learn.diagnose import (
    Diagnosis,
    answer_of,
    by_answers,
    by_gradients,
    by_stages,
    gradients,
    same_gradients,
)
from glassformer.learn.exercise import Case, Evidence, Exercise, Stages
from glassformer.learn.picture import picture
from glassformer.learn.record import LEAVES, Recorder
from glassformer.learn.result import Result
from glassformer.learn.stages import first_wrong

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Trial:
    """One case put to the learner's code: its answer or what it raised, and which arguments it changed."""

    case: Case
    right: Stages
    answer: Any = None
    error: BaseException | None = None
    changed: tuple[str, ...] = ()


def check(thing: Any, name: str, seed: int = 0) -> Result:
    """Check a function, or an nn.Module class where the exercise takes one, against exercise `name`.

    Raises UsageError where there is no such exercise, or `thing` is neither.
    """
    exercise = bank.load(name)
    results = []
    for function in candidates(thing, exercise):
        result = judge(function, exercise, seed)
        if result.passed:
            return result
        results.append(result)
    return min(results, key=_vagueness)


def _vagueness(result: Result) -> int:
    """Of several readings of a class, the one that says most."""
    return 0 if result.mistake not in (None, UNKNOWN) else 1


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


def judge(function: Callable, exercise: Exercise, seed: int = 0) -> Result:
    """Run every case; say what the first trouble is."""
    trials = [_try(function, exercise, case) for case in exercise.cases(seed)]
    errors = [trial for trial in trials if trial.error is not None]
    if len(errors) == len(trials) or any(isinstance(trial.error, NotImplementedError) for trial in errors):
        return stopped(exercise, errors[0].error, errors[0].case.about if len(errors) < len(trials) else "")
    ran = [trial for trial in trials if trial.error is None]
    if ran[0].answer is None and ran[0].right.answer is not None:
        return _form(exercise, "your function gives nothing back; is `return` missing?")
    wrong = [trial for trial in ran if not exercise.compare(trial.answer, trial.right.answer)]
    if changed := [trial for trial in ran if trial.changed]:
        return _changed(exercise, changed[0])
    if wrong:
        return _wrong(function, exercise, ran, wrong)
    if errors:
        return stopped(exercise, errors[0].error, errors[0].case.about)
    return _right(function, exercise, trials)


def _try(function: Callable, exercise: Exercise, case: Case) -> Trial:
    given = copy.deepcopy(case.arguments)
    right = exercise.key(*copy.deepcopy(case.arguments))
    try:
        answer = function(*given)
        answer = answer.answer if isinstance(answer, Stages) else answer
        answer = answer.detach().clone() if isinstance(answer, Tensor) else answer
    except (Exception, SystemExit) as error:
        return Trial(case, right, error=error)
    changed = [k for k, (a, b) in enumerate(zip(given, case.arguments, strict=True)) if not _unchanged(a, b)]
    return Trial(case, right, answer, changed=tuple(_named(function, k) for k in changed))


def _unchanged(now: Any, before: Any) -> bool:
    if isinstance(before, Tensor):
        return isinstance(now, Tensor) and now.shape == before.shape and bool(torch.equal(now, before))
    if isinstance(before, list | tuple):
        return len(now) == len(before) and all(map(_unchanged, now, before))
    if isinstance(before, dict):
        return now.keys() == before.keys() and all(_unchanged(now[key], before[key]) for key in before)
    return not isinstance(before, str | int | float | bool | None) or now == before


def _named(function: Callable, k: int) -> str:
    try:
        return list(inspect.signature(function).parameters)[k]
    except (ValueError, IndexError, TypeError):
        return f"argument {k + 1}"


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


def _wrong(function: Callable, exercise: Exercise, ran: Sequence[Trial], wrong: Sequence[Trial]) -> Result:
    """Numbers that are not the key's: named, or said to be unknown."""
    if kind := _kind(wrong[0].answer, wrong[0].right.answer):
        return _form(exercise, kind, wrong[0].case.about)
    made = _made(function, wrong[-1].case)
    random = _random(function, wrong[-1])
    if random:
        dropout = "dropout is left on" if any("dropout" in call for call in made.calls) else "random numbers are in it"
        message = f"the same question gets two answers: {dropout}. Nothing random belongs here when a model is used."
        return Result(exercise.name, False, "wrong", message, exercise.last, dropout, about=wrong[-1].case.about)
    found = by_answers(
        exercise, [(trial.case, trial.answer) for trial in ran], lambda seed: _again(function, exercise, seed)
    )
    stage = first_wrong(exercise, wrong[-1].right, made.values)
    found = found or by_stages(exercise, wrong[-1].case, wrong[-1].right, made.values, stage)
    return _known(exercise, found, wrong) if found else _unknown(function, exercise, wrong[-1], stage)


def _again(function: Callable, exercise: Exercise, seed: int) -> list[tuple[Case, Any]]:
    trials = [_try(function, exercise, case) for case in exercise.cases(seed)]
    return [(trial.case, trial.answer) for trial in trials if trial.error is None]


def _random(function: Callable, trial: Trial) -> bool:
    again = [function(*copy.deepcopy(trial.case.arguments)) for _ in range(2)]
    again = [each.answer if isinstance(each, Stages) else each for each in again]
    if not isinstance(again[0], Tensor) or again[0].shape != again[1].shape:
        return False
    return not torch.allclose(again[0], again[1], rtol=1e-3, atol=1e-5, equal_nan=True)


def _made(function: Callable, case: Case) -> Recorder:
    """What the learner's code makes on this case; the arguments themselves are no work of theirs."""
    with Recorder() as made, contextlib.suppress(Exception):  # what it made until then counts
        function(*copy.deepcopy(case.arguments))
    return made


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
    trial = next(
        (each for each in reversed(wrong) if answer_of(exercise.version(*found.mistakes), each.case)), wrong[-1]
    )
    version = answer_of(exercise.version(*found.mistakes), trial.case) or Stages()
    stage = min((mistake.stage for mistake in found.mistakes), key=exercise.rank)
    said = found.says(Evidence(_small(exercise, wrong, found), *_shown(exercise, wrong, found)))
    drawn = picture(stage, version.get(stage), trial.right.get(stage), exercise.axes.get(stage, ""))
    drawn = drawn or picture(exercise.last, trial.answer, trial.right.answer, exercise.axes.get(exercise.last, ""))
    return Result(exercise.name, False, "wrong", said, stage, found.name, about=trial.case.about, picture=drawn)


def _small(exercise: Exercise, wrong: Sequence[Trial], found: Diagnosis) -> Case:
    return _first(exercise, wrong, found).case


def _shown(exercise: Exercise, wrong: Sequence[Trial], found: Diagnosis) -> tuple[Any, Stages, Stages]:
    trial = _first(exercise, wrong, found)
    return trial.answer, trial.right, answer_of(exercise.version(*found.mistakes), trial.case) or Stages()


def _first(exercise: Exercise, wrong: Sequence[Trial], found: Diagnosis) -> Trial:
    """The smallest case that goes wrong: its numbers are spoken of."""
    version = exercise.version(*found.mistakes)
    return next((each for each in wrong if answer_of(version, each.case) is not None), wrong[0])


def _unknown(function: Callable, exercise: Exercise, trial: Trial, stage: str) -> Result:
    broken = broken_properties(function, exercise, trial.case)
    theirs, right = trial.answer, trial.right.answer
    if isinstance(right, Tensor) and theirs.shape != right.shape:
        first = f"your answer has the shape {tuple(theirs.shape)}, {tuple(right.shape)} is wanted."
    else:
        first = "your answer is not the right one."
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
    answer = function(*copy.deepcopy(arguments))
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
    if all(each is None for each in theirs) and _made(function, case).calls & LEAVES:
        return replace(passed, remark="No gradient comes back: numbers leave torch on the way (item, tolist, numpy).")
    return _no_gradient(exercise, case, theirs)


def _no_gradient(exercise: Exercise, case: Case, theirs: Sequence[Tensor | None]) -> Result:
    found = by_gradients(exercise, case, theirs)
    if found:
        said = found.says(Evidence(case, None, Stages(), Stages()))
        return Result(exercise.name, False, "wrong", said, found.mistakes[0].stage, found.name)
    message = "the numbers are right, but the gradients are not those of the equation: is something detached?"
    return Result(exercise.name, False, "wrong", message, exercise.last, UNKNOWN)


def stopped(exercise: Exercise | str, error: BaseException | None, about: str = "", file: str = "") -> Result:
    """It did not run to its end: what it raised, and at which line of the learner's."""
    name = exercise if isinstance(exercise, str) else exercise.name
    line, text = _line(error, file)
    if isinstance(error, NotImplementedError):
        return Result(name, False, "stopped", "not written yet: nothing to check.", line=line)
    at = f"line {line}: {text}: " if line and text else ""
    case = f" (asked with {about})" if about else ""
    return Result(name, False, "stopped", f"{at}{_raised(error)}{case}", about=about, line=line)


def _raised(error: BaseException | None) -> str:
    said = " ".join(str(error).split())[:300]
    if isinstance(error, SystemExit):
        return "your code calls exit(); leave that to whoever runs it"
    if isinstance(error, EOFError):
        return "your code asks for input(); everything it needs is in its arguments"
    if isinstance(error, MemoryError) or "can't allocate memory" in said:
        return "your code needs more memory than a check allows (1 GB): does something grow that should not?"
    if isinstance(error, RecursionError):
        return "your function calls itself without end"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _line(error: BaseException | None, file: str = "") -> tuple[int | None, str]:
    """The last line of the learner's own code: what stands outside torch and outside this package."""
    if isinstance(error, SyntaxError):
        return error.lineno, (error.text or "").strip()
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    theirs = [each for each in frames if each.filename == file or _own(each.filename)]
    return (theirs[-1].lineno, (theirs[-1].line or "").strip()) if theirs else (None, "")


def _own(file: str) -> bool:
    package = __file__.rsplit("/learn/", 1)[0]
    return not (
        file.startswith(package) or "site-packages" in file or "/lib/python" in file or file.startswith("<frozen")
    )

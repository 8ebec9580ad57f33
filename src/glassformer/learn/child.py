"""A check of a file, in a process of its own: `python -m glassformer.learn.child`, one JSON object a line in, one out.

The process loads torch once and forks for each check.  The fork has no input, a memory limit and an alarm; whatever
it does (loops, prints without end, exit, crash) this process lives on and says what happened.
"""

import contextlib
import importlib.util
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import torch

from glassformer.learn import bank
from glassformer.learn.check import check, judge
from glassformer.learn.order import entry
from glassformer.learn.result import Result
from glassformer.learn.stopped import stopped

MEMORY = 1 << 30  # bytes beyond what torch has taken already
KEPT = 2_000  # characters of what it prints
PATIENCE = 1.0  # seconds between the alarm and the end


class TooSlow(BaseException):
    """Raised by the alarm at the line that is running; no `except Exception` holds it up."""


def main() -> None:
    """Answer every line: {"file": …, "name": …, "seconds": …} → a Result."""
    torch.set_num_threads(1)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(checked(asked["file"], asked["name"], asked["seconds"]).as_dict()), flush=True)


def checked(file: str, name: str, seconds: float) -> Result:
    """The result of one check, run in a fork of this process."""
    told, tells = os.pipe()
    prints, printed = os.pipe()
    _warm(name)
    child = os.fork()
    if child == 0:
        os.close(told)
        os.close(prints)
        _in_the_fork(file, name, seconds, tells, printed)
    os.close(tells)
    os.close(printed)
    said, shown, status = _wait(child, told, prints, seconds + PATIENCE)
    if said:
        return Result.from_dict(json.loads(said) | {"printed": shown})
    return Result(name, False, "stopped", _ended(status, seconds), printed=shown)


@cache
def _warm(name: str) -> None:
    """What the first check of all loads, before the fork.  No gradients: a fork could take none after."""
    exercise = bank.load(name)
    judge(exercise.version(exercise.mistakes[0]), exercise)


def _wait(child: int, told: int, prints: int, seconds: float) -> tuple[bytes, str, int | None]:
    """What the fork tells and the beginning of what it prints; its exit status, or None where it had to be ended."""
    end, said, shown, open_ = time.monotonic() + seconds, b"", b"", {told, prints}
    while told in open_ and (left := end - time.monotonic()) > 0:
        for ready in select.select(list(open_), [], [], left)[0]:
            read = os.read(ready, 1 << 16)
            if not read:
                open_.discard(ready)
            said += read if ready == told else b""
            shown += read if ready == prints and len(shown) < 4 * KEPT else b""
    late = told in open_
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # and whatever it started
    status = os.waitpid(child, 0)[1]
    if prints in open_ and select.select([prints], [], [], 0)[0]:
        shown += os.read(prints, 1 << 16)
    for pipe in (told, prints):
        os.close(pipe)
    return said, _beginning(shown), None if late else status


def _beginning(shown: bytes) -> str:
    text = shown.decode("utf-8", "replace")
    return text if len(text) <= KEPT else f"{text[:KEPT]}…"


def _ended(status: int | None, seconds: float) -> str:
    """What is said of a fork that told nothing."""
    if status is None:
        return f"your code was still running after {seconds:g} seconds; is there a loop that never ends?"
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:
        return f"your code crashed Python itself ({signal.Signals(os.WTERMSIG(status)).name})"
    return "your code ended the process (os._exit, or out of memory); leave that to whoever runs it"


def _in_the_fork(file: str, name: str, seconds: float, tells: int, printed: int) -> None:
    """Never returns.  What is told goes through `tells` alone, so that prints cannot be taken for it."""
    result, mine = Result(name, False, "stopped", "the check itself failed"), os.getpid()
    try:
        os.setsid()
        _close_in(printed)
        _limit(seconds)
        result = of_file(file, name, seconds)
    except MemoryError as error:
        result = stopped(name, error, file=file)
    except TooSlow as error:
        result = too_slow(name, error, file, seconds)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        if os.getpid() == mine:  # what the code forked has nothing to tell
            with os.fdopen(tells, "wb") as out:
                out.write(json.dumps(result.as_dict()).encode())
        os._exit(0)  # threads that it started go with it


def _close_in(printed: int) -> None:
    """No input; output and errors into the pipe."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (printed, 1), (printed, 2)):
        os.dup2(source, target)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  to the end
    sys.stdout = open(1, "w", closefd=False, errors="replace")  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False, errors="replace")  # noqa: SIM115
    os.chdir(tempfile.gettempdir())


def _limit(seconds: float) -> None:
    """Memory, and an alarm that interrupts at the line that runs."""
    with contextlib.suppress(OSError, ValueError):
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def too_slow(name: str, error: BaseException, file: str, seconds: float) -> Result:
    at = stopped(name, error, file=file)
    where = f", at line {at.line}" if at.line else ""
    message = f"your code was still running after {seconds:g} seconds{where}; is there a loop that never ends?"
    return Result(name, False, "stopped", message, line=at.line)


def of_file(file: str, name: str, seconds: float) -> Result:
    """Load the learner's file, find what the exercise asks for, check it."""
    try:
        module = loaded(file)
    except (Exception, SystemExit) as error:
        return stopped(name, error, file=file)
    thing = wanted(module, name)
    if thing is None:
        message = f"there is no {entry(name).function} in the file; the exercise is to write it"
        return Result(name, False, "stopped", message)
    return check(thing, name)


def loaded(file: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("learners_file", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["learners_file"] = module
    sys.path.insert(0, str(Path(file).parent))
    spec.loader.exec_module(module)
    return module


def wanted(module: ModuleType, name: str) -> Any:
    """The function of the exercise; a class of the file where one is written and the function is not."""
    function = getattr(module, entry(name).function, None)
    classes = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, torch.nn.Module) and each.__module__ == module.__name__
    ]
    if bank.load(name).module is None or not classes:
        return function
    return classes[-1] if function is None or _unwritten(function) else function


def _unwritten(function: Any) -> bool:
    names = getattr(getattr(function, "__code__", None), "co_names", ())
    return names == ("NotImplementedError",)


if __name__ == "__main__":
    main()

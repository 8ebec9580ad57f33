"""It did not run to its end: what it raised, at which line of the learner's, in words."""

import traceback

from glassformer.learn.result import Result


def stopped(name: str, error: BaseException | None, about: str = "", file: str = "") -> Result:
    """It did not run to its end: what it raised, and at which line of the learner's."""
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

"""`glassformer learn` and `glassformer check`: exercises whose checker names the mistake."""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from glassformer.errors import UsageError
from glassformer.learn.order import Entry, there
from glassformer.verbs.asking import as_json
from glassformer.verbs.options import Flag

Where = Annotated[Path | None, Parameter(name="--folder")]

learn = App(name="learn", help="Exercises: write a part, and hear which mistake it is.")


@learn.default
def position(*, folder: Where = None, json: Flag = False) -> None:
    """The exercises, which are passed, and which is next.

    Parameters
    ----------
    folder
        Where they were copied to; found by itself from inside, or from the folder above.
    json
        Print one JSON document instead.
    """
    from glassformer.errors import MissingError
    from glassformer.learn.folder import Folder

    try:
        progress = Folder.find(folder).progress
    except MissingError:
        if folder is not None:
            raise
        progress = None
    following = progress.next() if progress else None
    rows = [(each, progress is not None and progress.passed(each)) for each in there()]
    if json:
        listed = [
            {"number": each.number, "name": each.name, "title": each.title, "passed": done} for each, done in rows
        ]
        return print(
            as_json(
                {"exercises": listed, "next": following.name if following else None, "started": progress is not None}, 1
            )
        )
    for each, done in rows:
        mark = "✓" if done else "→" if each is following else " "
        print(f"{mark} {each.number:2}  {each.name:22}{each.title}")
    print(f"\n{_next(rows, following, progress is not None)}")


def _next(rows: list[tuple[Entry, bool]], following: Entry | None, started: bool) -> str:
    if not started:
        return "glassformer learn start    copies them to a folder of yours"
    passed = sum(done for _, done in rows)
    then = f"next: {following.file}; glassformer check --watch" if following else "all passed"
    return f"{passed} of {len(rows)} passed; {then}"


@learn.command
def start(folder: Path | None = None, /, *, json: Flag = False) -> None:
    """Copy the exercises to a folder of yours; what is there already stays as it is.

    Parameters
    ----------
    folder
        The folder; glassformer-exercises when left out.
    json
        Print one JSON document instead.
    """
    from glassformer.learn.folder import Folder

    made, copied = Folder.start(folder)
    if json:
        return print(as_json({"folder": str(made.place), "copied": [each.file for each in copied]}, 1))
    kept = len(there()) - len(copied)
    print(f"{len(copied)} exercises copied to {made.place}{f', {kept} were there already' if kept else ''}")
    following = made.progress.next()
    if following:
        print(f"next: {made.path(following)}; glassformer check --watch checks it whenever it is saved")


def check(name: str | None = None, /, *, watch: Flag = False, folder: Where = None, json: Flag = False) -> None:
    """Does it run, which stage goes wrong first, and which mistake is it.  Exit code 1 where it is not passed.

    Parameters
    ----------
    name
        An exercise by its name, its number or its file; the next one when left out.
    watch
        Check again whenever a file is saved, until Ctrl-C.
    folder
        Where the exercises were copied to.
    json
        Print one JSON document instead; with --watch one a line.
    """
    from glassformer.learn.folder import Folder, named
    from glassformer.learn.run import Checker

    given = Path(name) if name is not None and name.endswith(".py") and Path(name).is_file() else None
    home = Folder.around(given) if given and not watch and folder is None else Folder.find(folder)
    if watch:
        return _watch(home, named(name) if name else None, json)
    wanted = home.choose(name) if home is not None else named(str(name))
    file = given or (home.path(wanted) if home is not None else Path(str(name)))
    with Checker() as checker:
        result = checker.check(file, wanted.name)
    _tell(home, wanted, result, json)
    if not result.passed:
        sys.exit(1)


def _watch(home: Any, only: Entry | None, json: bool) -> None:
    from glassformer.learn.run import Checker
    from glassformer.learn.watch import watching

    with Checker() as checker:
        checker.warm()
        for entry, result in watching(home, only, checker):
            _tell(home, entry, result, json, line=True)
            sys.stdout.flush()


def _tell(home: Any, entry: Entry, result: Any, json: bool, line: bool = False) -> None:
    """Remember the check, and show it."""
    if home is not None:
        home.progress.count(result, entry)
    if json:
        return print(as_json(result.as_dict(), None if line else 1))
    result.show()
    if result.passed:
        following = home.progress.next() if home is not None else None
        then = f"next: {home.path(following)}" if following else "that was the last one" if home else ""
        print(f"  glassformer learn solution {entry.name}    shows ours; {then}".rstrip("; "))
    elif result.kind != "stopped":
        print(f"  glassformer learn hint {entry.name}")


learn.command(check)


@learn.command
def hint(name: str | None = None, /, *, folder: Where = None, json: Flag = False) -> None:
    """The next hint of an exercise; there are three, each says more.

    Parameters
    ----------
    name
        An exercise; the next one when left out.
    folder
        Where the exercises were copied to.
    json
        Print one JSON document instead.
    """
    from glassformer.learn import bank
    from glassformer.learn.folder import Folder

    home = Folder.find(folder)
    entry = home.choose(name)
    hints = bank.hints(entry.name)
    at = home.progress.hint(entry, len(hints))
    if json:
        return print(as_json({"exercise": entry.name, "hint": hints[at], "number": at + 1, "of": len(hints)}, 1))
    print(f"{entry.name}, hint {at + 1} of {len(hints)}: {hints[at]}")


@learn.command
def reset(name: str, /, *, folder: Where = None, json: Flag = False) -> None:
    """An exercise as it was at first; your version is kept beside it.

    Parameters
    ----------
    name
        An exercise.
    folder
        Where the exercises were copied to.
    json
        Print one JSON document instead.
    """
    from glassformer.learn.folder import Folder

    home = Folder.find(folder)
    entry = home.choose(name)
    kept = home.reset(entry)
    if json:
        return print(
            as_json(
                {"exercise": entry.name, "file": str(home.path(entry)), "kept": None if kept is None else str(kept)}, 1
            )
        )
    print(f"{home.path(entry)} is as at first{f'; yours is kept as {kept.name}' if kept else ''}")


@learn.command
def solution(name: str, /, *, anyway: Flag = False, folder: Where = None, json: Flag = False) -> None:
    """Our solution, once you have passed.

    Parameters
    ----------
    name
        An exercise.
    anyway
        Show it although the exercise is not passed.
    folder
        Where the exercises were copied to.
    json
        Print one JSON document instead.
    """
    from glassformer.learn.folder import Folder, named

    entry = named(name)
    if not anyway and not Folder.find(folder).progress.passed(entry):
        raise UsageError(
            f"{entry.name} is not passed yet; `glassformer learn hint {entry.name}` helps, --anyway shows it"
        )
    text = entry.solution.read_text("utf-8")
    if json:
        return print(as_json({"exercise": entry.name, "solution": text}, 1))
    print(text, end="")

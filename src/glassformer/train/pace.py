"""As many steps as fit in so many minutes, measured once: a run that goes on keeps the number it began with."""

import dataclasses
import json
import math
from itertools import islice
from pathlib import Path
from statistics import median

from glassformer.errors import CheckpointError, UsageError, one_line
from glassformer.train import tasks
from glassformer.train.checkpoint import write_file
from glassformer.train.loop import train
from glassformer.train.recipes import Recipe, Writing

TRIED = 24  # steps, of which the first few warm up
FIRST = 4


def paced(recipe: Recipe | Writing, minutes: float | None, data: Path | None, out: Path) -> Recipe | Writing:
    """The recipe with as many steps as fit, and as many looks as it had.

    The number stands in `out/pace.json`.  Raises UsageError where minutes are no time, or the file is of others.
    """
    kept = out / "pace.json"
    if minutes is None and not kept.exists():
        return recipe
    if not isinstance(recipe, Writing):
        raise UsageError(f"--minutes: how long {recipe.name} takes is part of how it is made; leave it out")
    if minutes is not None and not 0 < minutes < math.inf:
        raise UsageError(f"--minutes {minutes:g} is no time; give 0.1 or more")
    steps = _known(kept, minutes) if kept.exists() else _measured(recipe, minutes or 0.0, data, kept)
    look = max(1, round(steps * recipe.look / recipe.steps))
    return dataclasses.replace(recipe, steps=steps, look=look, warmup=max(1, min(recipe.warmup, steps // 5)))


def _known(kept: Path, minutes: float | None) -> int:
    try:
        found = json.loads(kept.read_text(encoding="utf8"))
        before, steps = float(found["minutes"]), int(found["steps"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{kept} cannot be read: {one_line(error, 80)}; delete it to measure again") from None
    if minutes != before:
        raise UsageError(f"{kept.parent} holds a run of --minutes {before:g}; give the same or choose another --out")
    return steps


def _measured(recipe: Writing, minutes: float, data: Path | None, kept: Path) -> int:
    """Some steps are taken, timed and thrown away.

    The median counts: on a GPU the first batch of a length takes many times as long as those after it.
    """
    task = tasks.task_of(recipe, data, 0, kept.parent)
    seconds = [step.seconds for step in islice(train(tasks.begun(task), task, task.gradient), FIRST, TRIED)]
    if not seconds:
        raise UsageError(f"{recipe.name} has {recipe.steps} steps, too few to be timed; leave --minutes out")
    steps = max(1, int(60 * minutes / median(seconds)))
    write_file(kept, (json.dumps({"minutes": minutes, "steps": steps}) + "\n").encode())
    return steps

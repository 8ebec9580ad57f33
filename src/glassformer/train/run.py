"""One command from data to a model with its card: `train("sentiment", data, out, seeds)`.

For every seed: gather, train with a progress bar, look at it and save now and then, measure what was rounded to
float16.  Of several seeds the one in the middle is kept, with a card that reports them all.
"""

import shlex
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from glassformer.errors import CheckpointError, one_line
from glassformer.hub import store
from glassformer.parts.kernels.linear import available
from glassformer.train import checkpoint
from glassformer.train.how import How
from glassformer.train.loop import State, Step
from glassformer.train.loop import train as steps_of
from glassformer.train.pace import paced
from glassformer.train.recipes import Recipe, Writing
from glassformer.train.recipes import recipe as recipe_of
from glassformer.train.task import Measured, Ran, Task, elapsed
from glassformer.train.tasks import begun, kind_of, task_of

SAVE_EVERY = 500  # steps


def train(
    name: str,
    data: Path | None,
    out: Path,
    seeds: tuple[int, ...] = (0,),
    steps: int | None = None,
    how: How = How(),  # noqa: B008 (it never changes)
) -> Path | None:
    """Train `name` for each seed and write the median as `out/model`; what is finished is not done again.

    data: the folder of the data sets, or the file of a text; steps: stop after so many, saved, to go on later.
    Returns the folder, or None where it stopped before the end.
    Raises UsageError, MissingError, CheckpointError, WriteError; KeyboardInterrupt after the first Ctrl-C, saved.
    """
    recipe, results = how.of(recipe_of(name)), []
    with _interrupt() as interrupted, _threads(recipe.threads):
        recipe = paced(recipe, how.minutes, data, out)
        for seed in seeds:
            run = Run(recipe, data, out, seed)
            results.append(run.result() or run.complete(steps, interrupted))
            if results[-1] is None:
                _say(f"stopped and saved; go on with: {_command(name, data, out, seeds, how)}")
                if interrupted:
                    raise KeyboardInterrupt
                return None
    return publish(recipe, data, out, [result for result in results if result])


def _command(name: str, data: Path | None, out: Path, seeds: tuple[int, ...], how: How) -> str:
    """What to type to go on."""
    given = [] if data is None else ["--text" if data.is_file() else "--data", shlex.quote(str(data))]
    numbers = ",".join(map(str, seeds))
    words = ["glassformer train", name, *given, "--out", shlex.quote(str(out)), "--seeds", numbers, *how.typed]
    return " ".join(words)


def publish(recipe: Recipe | Writing, data: Path | None, out: Path, results: list[Measured]) -> Path:
    """Write the median of the seeds as `out/model`, with the card of them all."""
    middle = sorted(results, key=lambda result: (result.validation, result.seed))[(len(results) - 1) // 2]
    chosen = store.load(out / f"seed-{middle.seed}")
    kind = kind_of(recipe)
    text = kind.card(recipe, results, middle)
    store.save(out / "model", chosen.model, chosen.tokens.definition, text, chosen.labels)
    _say(f"{out / 'model'}: seed {middle.seed}, {kind.score} {middle.validation:.2f}")
    return out / "model"


class Run:
    """One seed of a recipe, and its places on disk."""

    def __init__(self, recipe: Recipe | Writing, data: Path | None, out: Path, seed: int):
        self.recipe, self.data, self.seed = recipe, data, seed
        self.folder = out / f"seed-{seed}"
        self.unfinished = out / f"seed-{seed}.unfinished.safetensors"
        self.measured = out / f"seed-{seed}.json"

    def result(self) -> Measured | None:
        """What was measured of this seed, where it is finished.  Raises CheckpointError for another recipe's result."""
        if not self.measured.exists():
            return None
        try:
            result = kind_of(self.recipe).read(self.measured.read_text(encoding="utf8"))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            message = f"{self.measured} cannot be read: {one_line(error, 80)}; delete it to train this seed again"
            raise CheckpointError(message) from None
        if result.recipe != self.recipe.facts():
            differ = checkpoint.differences(result.recipe, self.recipe.facts())
            message = f"{self.measured} belongs to another recipe ({differ}); choose another --out or delete it"
            raise CheckpointError(message)
        return result

    def complete(self, steps: int | None, interrupted: list[int]) -> Measured | None:
        """Train to the end, measure and save; None where it stopped before."""
        _say(f"{self.recipe.name}, seed {self.seed}" + (f": reading {self.data}" if self.data else ""))
        task = task_of(self.recipe, self.data, self.seed, self.folder.parent)
        state = begun(task)
        if (slower := _slower(self.recipe, task.device)) and state.step < task.total:
            _say(slower)
        checkpoint.resume(self.unfinished, state, task.mark)
        last = task.total if steps is None else min(steps, task.total)
        if state.step < last:
            self._train(state, task, last, interrupted)
        return self._finish(state, task) if state.step >= task.total else None

    def _train(self, state: State, task: Task, last: int, interrupted: list[int]) -> None:
        """Take the steps up to `last`, looking and saving now and then."""
        losses: list[float] = []
        with _progress(self.recipe.name, state.step, task.total) as shown:
            for step in steps_of(state, task, task.gradient):
                shown(step.number)
                losses.append(step.loss)
                stop, looked = step.number >= last or bool(interrupted), task.looks(step.number)
                if looked:
                    _say(_look(state, task, step, sum(losses) / len(losses)))
                    losses.clear()
                if stop or looked or step.number % SAVE_EVERY == 0:
                    checkpoint.save(self.unfinished, state, task.mark)
                if stop:
                    break

    def _finish(self, state: State, task: Task) -> Measured:
        """Save the averaged weights, measure them as they were saved, and only then forget the unfinished run."""
        heading = f"# {self.recipe.name}, seed {self.seed}\n"
        store.save(self.folder, state.average.cpu(), task.definition, heading, task.labels)
        rounded = store.load(self.folder).model
        ran = Ran(self.seed, state.step, elapsed(state.log, state.step), state.log.curve)
        result = task.measure(rounded, ran)
        checkpoint.write_file(self.measured, result.text().encode())
        self.unfinished.unlink(missing_ok=True)
        return result


def _slower(recipe: Recipe | Writing, device: torch.device) -> str:
    """What to say of numbers that may take longer here; nothing where they do not."""
    if not (isinstance(recipe, Writing) and recipe.precision == "bfloat16" and device.type == "cpu"):
        return ""
    lacks = "" if available(torch.bfloat16) else ", which has no products of such numbers"
    return f"--precision bfloat16 takes less memory; it may be slower than float32 on this processor{lacks}"


def _look(state: State, task: Task, step: Step, loss: float) -> str:
    """Write down what the model can by now; in words."""
    figures, sample = task.look(state.average)
    state.log.curve.append({"step": step.number, "seconds": round(state.log.seconds, 1), "loss": loss, **figures})
    told = ", ".join(f"{name} {value:.3f}" for name, value in {"loss": loss, **figures}.items())
    return f"step {step.number:,}: {told}\n{sample}\n"


@contextmanager
def _threads(number: int) -> Generator[None]:
    """The same bits on any machine, however many cores it has."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _interrupt() -> Generator[list[int]]:
    """A list that the first Ctrl-C fills; the second one stops at once."""
    seen: list[int] = []

    def first(number: int, frame: object) -> None:
        seen.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _say("finishing this step; Ctrl-C again stops at once")

    try:
        before = signal.signal(signal.SIGINT, first)
    except ValueError:  # not the main thread: whoever runs there handles signals
        yield seen
        return
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress(name: str, done: int, total: int) -> Generator[Callable[[int], None]]:
    """A bar on a terminal's standard error, nothing elsewhere; yields what to call with the steps done."""
    columns = TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(name, completed=done, total=total)
        yield lambda number: progress.update(task, completed=number)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

"""One command from data to a shipped model: `train("sentiment", data, out, seeds)`.

For every seed: gather, train with a progress bar, save now and then, measure what was rounded to float16.  Of several
seeds the one in the middle by SST-2 validation is kept, with a card that reports them all.
"""

import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from glassformer.errors import CheckpointError, one_line
from glassformer.hub import store
from glassformer.train import card, checkpoint
from glassformer.train.evaluate import Ran, Result, evaluate
from glassformer.train.loop import State
from glassformer.train.loop import train as steps_of
from glassformer.train.material import Feed, Material, gather
from glassformer.train.recipes import Recipe
from glassformer.train.recipes import recipe as recipe_of

SAVE_EVERY = 500  # steps


def train(name: str, data: Path, out: Path, seeds: tuple[int, ...] = (0,), steps: int | None = None) -> Path | None:
    """Train `name` for each seed and write the median as `out/model`; what is finished is not done again.

    steps: stop after so many, saved, to go on later.  Returns the folder, or None where it stopped before the end.
    Raises UsageError, MissingError, CheckpointError, WriteError; KeyboardInterrupt after the first Ctrl-C, saved.
    """
    recipe, results = recipe_of(name), []
    command = f"glassformer train {name} --data {shlex.quote(str(data))} --out {shlex.quote(str(out))}"
    with _interrupt() as interrupted, _one_thread():
        for seed in seeds:
            run = Run(recipe, data, out, seed)
            results.append(run.result() or run.complete(steps, interrupted))
            if results[-1] is None:
                _say(f"stopped and saved; go on with: {command} --seeds {','.join(map(str, seeds))}")
                if interrupted:
                    raise KeyboardInterrupt
                return None
    return publish(recipe, out, [result for result in results if result])


def publish(recipe: Recipe, out: Path, results: list[Result]) -> Path:
    """Write the median of the seeds as `out/model`, with the card of them all."""
    middle = sorted(results, key=lambda result: (result.validation, result.seed))[(len(results) - 1) // 2]
    chosen = store.load(out / f"seed-{middle.seed}")
    text = card.card(recipe, results, middle)
    store.save(out / "model", chosen.model, chosen.tokens.definition, text, chosen.labels)
    _say(f"{out / 'model'}: seed {middle.seed}, SST-2 validation {middle.validation:.1f} %")
    return out / "model"


class Run:
    """One seed of a recipe, and its places on disk."""

    def __init__(self, recipe: Recipe, data: Path, out: Path, seed: int):
        self.recipe, self.data, self.seed = recipe, data, seed
        self.folder = out / f"seed-{seed}"
        self.unfinished = out / f"seed-{seed}.unfinished.safetensors"
        self.measured = out / f"seed-{seed}.json"

    def result(self) -> Result | None:
        """What was measured of this seed, where it is finished.  Raises CheckpointError for another recipe's result."""
        if not self.measured.exists():
            return None
        try:
            result = Result.read(self.measured.read_text(encoding="utf8"))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            message = f"{self.measured} cannot be read: {one_line(error, 80)}; delete it to train this seed again"
            raise CheckpointError(message) from None
        if result.recipe != self.recipe.facts():
            raise CheckpointError(f"{self.measured} belongs to another recipe; choose another --out or delete it")
        return result

    def complete(self, steps: int | None, interrupted: list[int]) -> Result | None:
        """Train to the end, measure and save; None where it stopped before."""
        _say(f"{self.recipe.name}, seed {self.seed}: reading {self.data}")
        material = gather(self.data, self.recipe, self.seed, self.folder.with_name("tokenizer.json"))
        state, feed = self._state(material), Feed(material, self.recipe, self.seed)
        mark = checkpoint.fingerprint(self.recipe, self.seed, material.rows, material.labels)
        checkpoint.resume(self.unfinished, state, mark)
        started, before = time.monotonic(), state.step
        if not self._train(state, feed, mark, steps, interrupted):
            return None
        seconds = (time.monotonic() - started) / max(1, state.step - before) * state.step
        return self._finish(state, material, Ran(self.seed, state.step, seconds))

    def _state(self, material: Material) -> State:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = self.recipe.model(material.tokenizer.get_vocab_size())
        if material.first is not None:
            with torch.no_grad():
                model.get_submodule("embed.pieces").get_parameter("weight").copy_(material.first)
        return State(model, self.recipe)

    def _train(self, state: State, feed: Feed, mark: str, steps: int | None, interrupted: list[int]) -> bool:
        """Take the steps, saving now and then; False where it stopped before the last."""
        total = feed.total
        last = total if steps is None else min(steps, total)
        with _progress(self.recipe.name, state.step, total) as shown:
            for step in steps_of(state, feed, self.recipe, self.seed, total) if state.step < last else ():
                shown(step.number)
                stop = step.number >= last or bool(interrupted)
                if stop or step.number % SAVE_EVERY == 0:
                    checkpoint.save(self.unfinished, state, mark)
                if stop:
                    break
        return state.step >= total

    def _finish(self, state: State, material: Material, ran: Ran) -> Result:
        """Save the averaged weights, measure them as they were saved, and only then forget the unfinished run."""
        definition = material.tokenizer.to_str()
        store.save(self.folder, state.average, definition, f"# {self.recipe.name}, seed {self.seed}\n")
        rounded = store.load(self.folder).model
        result = evaluate(rounded, material, self.recipe, self.data, ran)
        checkpoint.write_file(self.measured, result.text().encode())
        self.unfinished.unlink(missing_ok=True)
        return result


@contextmanager
def _one_thread() -> Iterator[None]:
    """The same bits on any machine's number of cores; at these sizes a second thread gains nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _interrupt() -> Iterator[list[int]]:
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
def _progress(name: str, done: int, total: int):
    """A bar on a terminal's standard error, nothing elsewhere; yields what to call with the steps done."""
    columns = TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(name, completed=done, total=total)
        yield lambda number: progress.update(task, completed=number)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

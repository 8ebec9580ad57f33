"""One thread that asks models, a short queue before it, and what was asked last, kept.

A model uses all cores for one question, so that a second one at the same time only makes both slower.  Whoever asks
when the queue is full is told so at once.  A question that nobody waits for any more is not computed.
"""

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from glassformer.errors import UsageError, one_line
from glassformer.explain.wanted import as_long_as

if TYPE_CHECKING:
    from glassformer.explain.explanation import Explanation
    from glassformer.explain.reader import Reader

WAITING = 16  # questions, at most
TEXTS, MODELS = 8, 4  # explanations, and models beside those of the package, that are kept
NUMBERS = 1 << 27  # on the tapes of the explanations that are kept: half a gigabyte


class Full(Exception):
    """Too many questions wait already."""


class Stale(Exception):
    """Nobody waits for this answer any more."""


@dataclass(eq=False)
class Job:
    """work: what is asked; page, topic: of a page only the newest question of a topic, where it has one, counts."""

    work: Callable[[], Any]
    page: str
    topic: str
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future = field(repr=False)
    stale: bool = False
    since: float = field(default_factory=time.monotonic)

    def drop(self) -> None:
        self.stale = True
        self.end(Stale("a newer question took its place"))

    def end(self, result: Any) -> None:
        """Hand over a result or an error, from any thread."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._end, result)

    def _end(self, result: Any) -> None:
        if not self.future.done():
            set_ = self.future.set_exception if isinstance(result, BaseException) else self.future.set_result
            set_(result)


@dataclass(eq=False)
class Errand:
    """Work that no page asks for, and somebody waits for."""

    work: Callable[[], Any]
    done: Future = field(default_factory=Future)
    page: str = ""
    topic: str = ""
    since: float = field(default_factory=time.monotonic)

    def end(self, result: Any) -> None:
        set_ = self.done.set_exception if isinstance(result, BaseException) else self.done.set_result
        set_(result)


class Worker:
    """A thread of its own; it ends with the process, in the middle of a question if need be."""

    def __init__(self, most: int = WAITING):
        self.most = most
        self.running: Job | Errand | None = None
        self._jobs: deque[Job | Errand] = deque()
        self._wake = threading.Condition()
        threading.Thread(target=self._work, name="asks models", daemon=True).start()

    def do(self, work: Callable[[], Any]) -> Any:
        """What `work` gives, done by the worker's thread, waited for.  Raises what it raises.

        Whatever computes with several threads does so here: a second thread that does so would slow both down, since
        each has helpers of its own, and together they are more than there are cores.
        """
        errand = Errand(work)
        with self._wake:
            self._jobs.append(errand)
            self._wake.notify()
        return errand.done.result()

    def __len__(self) -> int:
        """How many questions wait."""
        return len(self._jobs)

    def ask(self, work: Callable[[], Any], page: str = "", topic: str = "") -> Job:
        """Queue a question; `await job.future` for its answer.  Raises Full."""
        loop = asyncio.get_running_loop()
        job = Job(work, page, topic, loop, loop.create_future())
        with self._wake:
            for older in [each for each in self._jobs if page and topic and (each.page, each.topic) == (page, topic)]:
                self._forget(older)
            if len(self._jobs) >= self.most:
                raise Full
            self._jobs.append(job)
            self._wake.notify()
        return job

    def cancel(self, page: str) -> int:
        """Drop what waits for a page; how many questions that were."""
        with self._wake:
            dropped = [each for each in self._jobs if each.page == page]
            for job in dropped:
                self._forget(job)
        return len(dropped)

    def drop(self, job: Job) -> None:
        """Nobody waits for this one any more; where it runs already, it ends before its next layer."""
        with self._wake:
            if job in self._jobs:
                self._forget(job)
            elif job is self.running:
                job.drop()

    def _forget(self, job: Job | Errand) -> None:
        self._jobs.remove(job)
        if isinstance(job, Job):  # an errand belongs to no page, and is never forgotten
            job.drop()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._jobs:
                    self._wake.wait()
                job = self.running = self._jobs.popleft()
            job.since = time.monotonic()
            job.end(_answered(job))
            self.running = None


def _answered(job: Job | Errand) -> Any:
    """A result, or the error it ended with: a crafted tokenizer can raise a bare BaseException too."""
    try:
        with as_long_as(lambda: not (isinstance(job, Job) and job.stale)):
            return job.work()
    except BaseException as error:
        return error if isinstance(error, Exception) else RuntimeError(one_line(error))


class Kept(OrderedDict):
    """The last few things asked for.  weight, heaviest: of each, and of all together, where they differ in size."""

    def __init__(self, most: int, weight: Callable[[Any], int] = lambda thing: 0, heaviest: int = 0):
        super().__init__()
        self.most, self.weight, self.heaviest = most, weight, heaviest

    def of(self, key: Hashable, make: Callable[[], Any]) -> Any:
        if key not in self:
            self[key] = make()
        self.move_to_end(key)
        self._forget()
        return self[key]

    def _forget(self) -> None:
        """The oldest first, never the last one asked for."""
        while len(self) > 1 and (len(self) > self.most or sum(map(self.weight, self.values())) > self.heaviest):
            self.popitem(last=False)


class Desk:
    """Models by what they are called, and explanations of the last texts.  Used by the worker's thread alone."""

    def __init__(self, first: "Reader", prepare: "Callable[[Reader], None]" = lambda reader: None):
        """prepare: what is done before a model is asked, such as setting how many threads it gets."""
        self.first, self.prepare = first, prepare
        self.others = Kept(MODELS)
        self.texts = Kept(TEXTS, lambda x: sum(value.numel() for value in x.tape.values()), NUMBERS)

    def load(self, name: str) -> "Reader":
        """Any model that `gf.load` takes.  Raises MissingError, CheckpointError, UsageError."""
        from glassformer.explain.reader import companion, read
        from glassformer.hub.store import shipped

        if name == self.first.given:
            return self.first
        return companion(name) if name in shipped() else self.others.of(name, lambda: read(name))

    def known(self) -> list[str]:
        """What can be asked for by name."""
        from glassformer.hub.store import shipped

        return list(dict.fromkeys([self.first.given, *shipped(), *self.others]))

    def reader(self, name: str | None) -> "Reader":
        """A model that was loaded, or one of the package.  Raises UsageError: a text is no reason to load a file."""
        if name is None:
            return self.first
        if name not in self.known():
            raise UsageError(f"there is no model {one_line(name, 60)!r} here; load it first")
        return self.load(name)

    def explanation(self, model: str | None, text: str, second: str | None, joint: bool) -> "Explanation":
        """What the model makes of a text: kept, so that a second question about it does not run it again."""
        reader = self.reader(model)
        self.prepare(reader)
        key = (reader.given, text, second, joint)
        return self.texts.of(key, lambda: reader.explain(text, second, joint))

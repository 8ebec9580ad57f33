"""One thread, a short queue: in order, bounded, and nothing computed that nobody waits for."""

import asyncio
import threading

import pytest

from glassformer.errors import MissingError, UsageError
from glassformer.explain.wanted import go_on
from glassformer.serve.live import Desk, Full, Kept, Stale, Worker
from tests import made
from tests.serve.asked import done


def run(coroutine):
    return done(asyncio.wait_for(coroutine, 20))


class Gate:
    """Work that begins, and ends when it is let."""

    def __init__(self):
        self.begun, self.let = threading.Event(), threading.Event()

    def __call__(self):
        self.begun.set()
        assert self.let.wait(20)
        return "done"


async def begun(gate):
    await asyncio.to_thread(gate.begun.wait, 20)


def test_answers_come_in_order_from_one_thread():
    async def asked():
        worker, seen = Worker(), []
        jobs = [worker.ask(lambda k=k: seen.append((k, threading.current_thread().name)) or k) for k in range(10)]
        assert [await job.future for job in jobs] == list(range(10))
        assert [k for k, _ in seen] == list(range(10)) and {name for _, name in seen} == {"asks models"}

    run(asked())


def test_an_errand_is_done_by_the_same_thread_and_its_error_is_raised_here():
    worker = Worker()
    assert worker.do(lambda: threading.current_thread().name) == "asks models"
    with pytest.raises(MissingError, match="nowhere"):
        worker.do(lambda: Desk(made.reader(made.classifier())).load("nowhere"))
    assert worker.do(lambda: 1) == 1 and len(worker) == 0


def test_when_the_queue_is_full_it_says_so():
    async def asked():
        worker, gate = Worker(2), Gate()
        first = worker.ask(gate)
        await begun(gate)
        waiting = [worker.ask(lambda: 1) for _ in range(2)]
        with pytest.raises(Full):
            worker.ask(lambda: 1)
        gate.let.set()
        assert await first.future == "done" and [await job.future for job in waiting] == [1, 1]
        assert await worker.ask(lambda: 2).future == 2

    run(asked())


def test_of_one_topic_of_a_page_only_the_newest_is_computed():
    async def asked():
        worker, gate, seen = Worker(), Gate(), []
        worker.ask(gate)
        await begun(gate)
        old = worker.ask(lambda: seen.append("old"), "page", "picture")
        others = [
            worker.ask(lambda: 1, *which)
            for which in (("page", "more"), ("other", "picture"), ("page", ""), ("page", ""))
        ]
        new = worker.ask(lambda: "new", "page", "picture")
        gate.let.set()
        with pytest.raises(Stale):
            await old.future
        assert await new.future == "new" and [await job.future for job in others] == [1] * 4
        assert seen == []

    run(asked())


def test_a_page_can_take_its_questions_back():
    async def asked():
        worker, gate = Worker(), Gate()
        worker.ask(gate)
        await begun(gate)
        mine, other = worker.ask(lambda: 1, "page", "a"), worker.ask(lambda: 2, "other", "a")
        assert worker.cancel("page") == 1 and worker.cancel("page") == 0 and len(worker) == 1
        gate.let.set()
        with pytest.raises(Stale):
            await mine.future
        assert await other.future == 2

    run(asked())


class Panic(BaseException):
    """What a crafted tokenizer raises."""


@pytest.mark.parametrize(("error", "becomes"), [(UsageError("no"), UsageError), (Panic("no"), RuntimeError)])
def test_an_error_reaches_who_asked_and_the_thread_goes_on(error, becomes):
    async def asked():
        worker = Worker()

        def fail():
            raise error

        with pytest.raises(becomes, match="no"):
            await worker.ask(fail).future
        assert await worker.ask(lambda: 1).future == 1

    run(asked())


def test_the_last_few_are_kept():
    made_, kept = [], Kept(2)
    for key in "abacab":
        kept.of(key, lambda key=key: made_.append(key))
    assert made_ == ["a", "b", "c", "b"]


def test_what_is_large_leaves_room_for_fewer():
    kept = Kept(8, len, heaviest=10)
    for name, numbers in (("a", "1" * 4), ("b", "2" * 4), ("c", "3" * 4), ("d", "4" * 40)):
        assert kept.of(name, lambda numbers=numbers: numbers) == numbers
        assert name in kept and (len(kept) == 1 or sum(map(len, kept.values())) <= 10)
    assert list(kept) == ["d"], "the last one asked for stays, however large it is"


def test_a_desk_knows_how_large_its_explanations_are():
    desk = Desk(made.reader(made.classifier()))
    short, long = (desk.explanation(None, text, None, False) for text in ("not bad", "not bad, not good, not bad"))
    assert 0 < desk.texts.weight(short) < desk.texts.weight(long)


def test_what_cannot_be_made_throws_nothing_out():
    kept = Kept(1)
    kept.of("a", lambda: 1)
    with pytest.raises(ZeroDivisionError):
        kept.of("b", lambda: 1 / 0)
    assert kept.of("a", lambda: 2) == 1


def test_an_explanation_is_kept_and_not_run_again():
    desk = Desk(made.reader())
    one = desk.explanation(None, made.SENTENCE, None, False)
    assert desk.explanation("made", made.SENTENCE, None, False) is one
    assert desk.explanation(None, "the food was good", None, False) is not one


def test_a_model_is_asked_by_a_name_that_was_loaded(tmp_path):
    folder = str(made.folder(tmp_path / "mine"))
    prepared = []
    desk = Desk(made.reader(), prepared.append)
    with pytest.raises(UsageError, match="load it first"):
        desk.explanation(folder, made.SENTENCE, None, False)
    assert desk.load(folder).given == folder and folder in desk.known()
    assert desk.explanation(folder, made.SENTENCE, None, False).text == made.SENTENCE
    assert [reader.given for reader in prepared] == [folder]
    with pytest.raises(MissingError):
        desk.load(str(tmp_path / "none"))


def test_what_runs_already_ends_when_nobody_waits_any_more():
    async def asked():
        worker, begins = Worker(), threading.Event()

        def long():
            begins.set()
            while True:
                go_on()

        job = worker.ask(long, "page")
        await asyncio.to_thread(begins.wait, 10)
        worker.drop(job)
        with pytest.raises(Stale):
            await job.future
        assert await asyncio.wait_for(worker.ask(lambda: "next").future, 10) == "next"

    run(asked())


def test_only_models_that_can_be_asked_are_offered():
    desk = Desk(made.reader())
    offered = [desk.reader(name) for name in desk.known()]
    assert {"bag-of-words", "tiny"} <= {reader.name for reader in offered}

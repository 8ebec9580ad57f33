"""A file that is saved is checked once, whichever it is; one that nobody touched is left alone."""

import os
from itertools import count

import pytest

from glassformer.learn import order, watch
from glassformer.learn.folder import Folder
from glassformer.learn.watch import watching

SOFTMAX, SCALING = order.entry("softmax"), order.entry("scaling")


class Saves:
    """In the place of the pause between two looks: what happens to the files meanwhile, one thing a pause."""

    def __init__(self):
        self.events, self.asked = [], []

    def check(self, file, name):
        self.asked.append((file.name, name))
        return len(self.asked)

    def sleep(self, seconds):
        assert 0 < seconds < 1
        if not self.events:
            raise KeyboardInterrupt
        self.events.pop(0)()


@pytest.fixture
def home(tmp_path):
    return Folder.start(tmp_path / "mine")[0]


@pytest.fixture
def saves(monkeypatch):
    made = Saves()
    monkeypatch.setattr(watch.time, "sleep", made.sleep)
    return made


def seen(home, only, saves, *events):
    """The names of what was checked, until Ctrl-C."""
    saves.events, names = list(events), []
    with pytest.raises(KeyboardInterrupt):
        for entry, result in watching(home, only, saves):
            names.append(entry.name)
            assert saves.asked[-1] == (home.path(entry).name, entry.name) and result == len(saves.asked)
    return names


MOMENTS = count(10**18)


def touch(home, entry, text="other"):
    def save():
        home.path(entry).write_text(text)
        os.utime(home.path(entry), ns=(next(MOMENTS),) * 2)

    return save


def nothing():
    pass


def test_the_next_exercise_is_checked_at_once_and_then_what_is_saved(home, saves):
    home.progress.of(order.there()[0]).passed = "yes"
    events = (nothing, touch(home, SCALING), nothing, touch(home, SOFTMAX), touch(home, SCALING))
    assert seen(home, None, saves, *events) == ["softmax", "scaling", "softmax", "scaling"]


def test_one_exercise_is_watched_alone_where_it_is_named(home, saves):
    assert seen(home, SCALING, saves, touch(home, SOFTMAX), touch(home, SCALING)) == ["scaling", "scaling"]


def test_a_file_that_an_editor_has_away_is_waited_for(home, saves):
    away = home.path(SCALING).unlink
    assert seen(home, SCALING, saves, away, nothing, touch(home, SCALING)) == ["scaling", "scaling"]


def test_a_save_of_the_same_moment_is_seen_by_its_length(home, saves):
    touch(home, SCALING)()
    stamp = home.path(SCALING).stat().st_mtime_ns

    def longer():
        home.path(SCALING).write_text("as long as another")
        os.utime(home.path(SCALING), ns=(stamp, stamp))

    assert seen(home, SCALING, saves, longer) == ["scaling", "scaling"]


def test_where_all_is_passed_it_waits_for_a_save(home, saves):
    for each in order.there():
        home.progress.of(each).passed = "yes"
    assert seen(home, None, saves, nothing, touch(home, SOFTMAX)) == ["softmax"]

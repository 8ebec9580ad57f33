"""Work that nobody waits for ends soon, and leaves everything fit to be asked again."""

import threading

import pytest

from glassformer.explain.wanted import Abandoned, as_long_as, go_on
from tests import made


def test_work_goes_on_while_somebody_waits():
    go_on()
    with as_long_as(lambda: True):
        go_on()


def test_it_ends_when_nobody_does_on_this_thread_alone():
    other = []
    with as_long_as(lambda: False):
        with pytest.raises(Abandoned, match="nobody waits"):
            go_on()
        thread = threading.Thread(target=lambda: other.append(go_on()))
        thread.start()
        thread.join()
        with as_long_as(lambda: True):
            go_on()
    go_on()
    assert other == [None]


@pytest.mark.parametrize("most", [0, 1, 4, 9])
def test_effects_that_were_given_up_are_measured_when_asked_again(most):
    x, left = made.reader().explain(made.SENTENCE), iter(range(most))
    with pytest.raises(Abandoned), as_long_as(lambda: next(left, None) is not None):
        x.picture()
    found, whole = x.picture(), made.reader().explain(made.SENTENCE).picture()
    assert found["effects"] == whole["effects"] and found["told"] == whole["told"]

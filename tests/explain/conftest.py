"""The random models that explanations are tested on: both blocks, both poolings."""

import pytest

from tests import made
from tests.explain import many

KINDS = {
    "post mean": {},
    "pre mean": {"block": "pre"},
    "post max": {"pool": "max", "positions": "learned"},
    "pre max": {"block": "pre", "pool": "max", "positions": "halves"},
}


@pytest.fixture(autouse=True, scope="module")
def as_lent():
    """What a file borrowed, it hands on unchanged."""
    yield
    assert not many.changed(), f"{many.changed()}: a test changed what others borrow; give it a trial of its own"


@pytest.fixture(params=KINDS)
def model(request):
    return made.classifier(**KINDS[request.param])


@pytest.fixture
def trial(model):
    """Five words, six pieces: "good" and the made-up "filming" of two."""
    return made.trial("the filming was not terrible", model)


@pytest.fixture
def x():
    """An explanation by a random model with nothing beside it."""
    return made.reader().explain(made.SENTENCE, beside=())

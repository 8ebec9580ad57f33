"""What the tests of prepared stacks share."""

import pytest

from glassformer.parts.kernels.twins import kinds


@pytest.fixture
def twins(monkeypatch):
    """The names of the layers whose twin has run."""
    ran = []
    for kind in kinds().values():
        call = kind.__call__
        monkeypatch.setattr(
            kind, "__call__", lambda self, *given, call=call: ran.append(self.name) or call(self, *given)
        )
    return ran

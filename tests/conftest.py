"""What every test shares: one thread, one seed, and the smallest models that have everything."""

import os
import signal

import pytest
import torch
from hypothesis import settings

from tests import small

torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # and of what a test starts
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun by a shell in the background; what tests start would too
    signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("ours", deadline=None, derandomize=True)  # a busy machine is no counterexample
settings.load_profile("ours")


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def classifier():
    return small.classifier()


@pytest.fixture
def generator():
    return small.generator()


@pytest.fixture
def ids():
    return small.ids()


@pytest.fixture
def real():
    return small.real()

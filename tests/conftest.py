"""What holds for every test: the same random numbers, whatever ran before; long ones come first."""

import signal

import numpy as np
import pytest
import torch
from hypothesis import settings

settings.register_profile("course", deadline=None)  # no clock fails a test
settings.load_profile("course")
# A shell that starts the tests in the background has them ignore Ctrl-C, which some of them press.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def noise():
    """Forty pictures of noise, 32x32 in colour, of three classes."""
    from course_lib import data

    pixels = np.random.default_rng(0).integers(0, 256, (40, 3, 32, 32), dtype=np.uint8)
    return data.Images(torch.from_numpy(pixels), torch.arange(40) % 3)


def pytest_collection_modifyitems(items):
    """What takes longest first, so that two processes end together."""
    marks = ("first", "notebooks", "long")
    items.sort(key=lambda item: [item.get_closest_marker(mark) is None for mark in marks])

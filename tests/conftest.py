"""What holds for every test: the same random numbers, whatever ran before."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)

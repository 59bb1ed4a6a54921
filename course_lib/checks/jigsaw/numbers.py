"""Whole numbers drawn by chance, and two numbers however they were handed in."""

from typing import Any

import numpy as np
import torch
from torch import Tensor


def between(random: torch.Generator, low: int, high: int) -> int:
    """A whole number from low to high, each as likely."""
    return int(torch.randint(low, high + 1, (1,), generator=random))


def pair(result: Any, *_inputs: object) -> Any:
    """Two numbers, also when they came as one array."""
    two = isinstance(result, Tensor | np.ndarray) and result.shape == (2,)
    return tuple(result) if two else result

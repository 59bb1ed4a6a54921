"""Masks as learners hand them in."""

from typing import Any

import numpy as np
import torch
from torch import Tensor


def as_tensor(mask: Any, like: Tensor, what: str) -> Tensor:
    """The mask that came back, whatever it is made of; ValueError if it is none of this shape."""
    if mask is None or mask is Ellipsis or callable(mask):
        raise ValueError(f"{what} is {mask!r:.40}, not a mask")
    found = mask if isinstance(mask, Tensor) else torch.as_tensor(np.asarray(mask, dtype=float))
    if found.shape != like.shape:
        raise ValueError(f"{what} has the shape {tuple(found.shape)}, not {tuple(like.shape)}")
    return found.detach().double()

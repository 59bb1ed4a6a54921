"""What learners return, so that it can be compared."""

import numpy as np
import torch


def listed(result, *_inputs):
    """A list of numbers, of whatever held them."""
    if result is None or result is ... or isinstance(result, torch.Tensor | np.ndarray):
        return result
    if isinstance(result, dict | set | str):
        raise TypeError(f"a list of numbers was asked for, this is a {type(result).__name__}")
    numbers = list(result)
    np.array(numbers, dtype=np.float64)  # raises, with a reason, for what is none
    return numbers

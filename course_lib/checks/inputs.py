"""What the inputs of checks are drawn with."""

import torch


def whole(random: torch.Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return int(torch.randint(low, high + 1, (), generator=random))


def between(random: torch.Generator, low: float, high: float) -> float:
    """A number between low and high."""
    return low + (high - low) * float(torch.rand(1, generator=random))


def shuffled(random: torch.Generator, values: list) -> list:
    """The values in another order."""
    return [values[i] for i in torch.randperm(len(values), generator=random).tolist()]

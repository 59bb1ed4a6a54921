"""Numbers drawn by chance."""

import torch


def between(random: torch.Generator, low: float, high: float) -> float:
    """A number from low to high, each as likely."""
    return low + (high - low) * float(torch.rand(1, generator=random))

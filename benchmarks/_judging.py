"""What the benchmarks judge by: which images are named right, and the paired difference."""

import torch
from torch import Tensor, nn

from course_lib import data, scorecard, training


def right(network: nn.Module, images: data.Images) -> Tensor:
    """Which images are named right, (count,) bool."""
    return training.predict(network, images).argmax(1) == images.labels


def mean(answers: Tensor) -> float:
    """The share that is right."""
    return answers.double().mean().item()


def difference(before: Tensor, after: Tensor) -> dict:
    """Points, with the paired 95% interval."""
    pair = scorecard.paired(torch.as_tensor(before).numpy(), torch.as_tensor(after).numpy())
    return {"points": pair.points, "low": pair.low, "high": pair.high}


def against(before: Tensor, after: Tensor) -> dict:
    """Accuracy, and its paired difference to the original in points."""
    return {"accuracy": mean(after), **difference(before, after)}

"""A guess: how many kernels are empty at 90% zeros?"""

import torch

from ...networks import models
from ...techniques import weight_pruning
from ..prediction import Prediction


def _empty_kernels() -> float:
    """Percent of the original's kernels without any weight left, at 90% zeros in each layer."""
    network = models.load_pretrained("leafnet_leaves")
    masks = weight_pruning.masks(network, 0.9)
    kernels = [mask.flatten(2).any(2).flatten() for mask in masks.values() if mask.ndim == 4]
    return 100 * (1 - torch.cat(kernels).double().mean().item())


my_kernels = Prediction(
    "03_weight_pruning",
    "my_kernels",
    "How many percent of the kernels have all nine weights zero?",
    low=0,
    high=100,
    unit="%",
    measure=_empty_kernels,
    why="For comparison: if the zeros lay at random, it would be 0.9 to the power of nine.",
)

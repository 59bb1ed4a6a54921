"""The guess of exercise 06: ranks, when the weights are shuffled."""

import torch
from torch import Tensor

from ...networks import models
from ..prediction import Prediction


def _percent_when_shuffled() -> float:
    """Percent of the ranks for 90% of the energy, of the largest layer, its weights shuffled."""
    weight = models.load_pretrained("leafnet_leaves").get_submodule("features.17").weight
    assert isinstance(weight, Tensor)
    numbers = weight.detach().flatten()
    order = torch.randperm(len(numbers), generator=torch.Generator().manual_seed(0))
    energies = torch.linalg.svdvals(numbers[order].view(len(weight), -1)).square()
    kept = energies.cumsum(0) / energies.sum()
    return 100 * (1 + int((kept < 0.9).sum())) / len(kept)


my_percent = Prediction(
    "06_low_rank",
    "my_percent",
    "Percent of the ranks for 90% of the energy, when shuffled?",
    low=0,
    high=100,
    unit="%",
    measure=_percent_when_shuffled,
    why="The same weights, in another order. By this number you would hardly notice. So look at "
    "the singular values themselves, of both layers.",
)

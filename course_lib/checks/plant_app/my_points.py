"""The guess of exercise 09: only divided by 255."""

import functools

import torch

from ...deploy import packing
from ...recipes import recipe
from ..budget import leaves
from ..prediction import Prediction


@functools.cache
def _lost() -> float:
    """Points that the shipped network loses on leaves divided by 255; validation images."""
    images = leaves()
    network = packing.load(recipe.packed_file(images))
    right = recipe.named_right(network, images.val).double().mean().item()
    divided = torch.cat([network(p.float() / 255).argmax(1) for p in images.val.pixels.split(20)])
    return 100 * (right - float((divided == images.val.labels).double().mean()))


my_points = Prediction(
    "09_plant_app",
    "my_points",
    "How many points of accuracy are lost if the pixels are only divided by 255?",
    low=0,
    high=100,
    measure=_lost,
    why="The same leaves, and to an eye the same pictures; no error, no other time or size. Which "
    "numbers does the first layer see now? The next cell has other slips to compare with.",
    unit=" points",
)

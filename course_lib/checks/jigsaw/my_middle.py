"""A guess: how much is still named right without the middle?"""

import torch

from ...images.data import normalise
from ...images.leaves import SPECIES
from ...networks import models
from ...units import in_words
from ..budget import leaves
from ..prediction import Prediction
from .framed import inside, mean_colour

COUNT = 200  # validation leaves


@torch.inference_mode()
def _right_without_middle() -> float:
    """Percent of the validation leaves named right with the 16 pieces in the middle covered."""
    network, some = models.load_pretrained("leafnet_leaves"), leaves().val.first(COUNT)
    right = 0
    for pixels, labels in zip(some.pixels.split(100), some.labels.split(100), strict=True):
        pictures = normalise(pixels)
        hidden = torch.where(inside(pictures, 16), mean_colour(pictures), pictures)
        right += int((network(hidden).argmax(1) == labels).sum())
    return 100 * right / len(some)


my_middle = Prediction(
    "01_jigsaw",
    "my_middle",
    "Percent still named right without the 16 pieces in the middle?",
    low=0,
    high=100,
    unit="%",
    measure=_right_without_middle,
    why=f"Measured on {COUNT} leaves; guessing would name one in {in_words(len(SPECIES))}. Now "
    "cover a border that is far larger than this middle: framed(pictures, 8) hides 28 pieces' "
    "worth. How many are named right then?",
)

"""The last task of exercise 09: a garden of one's own."""

from dataclasses import dataclass

import torch

from ...deploy import engines
from ...images import data
from ...images.leaves import SPECIES
from ..budget import JUDGED, Budget, student

GARDEN = (0, 2, 3, 6, 9, 11)  # species that grow there, in the order of the garden's own classes


def garden(images: data.ImageData) -> data.ImageData:
    """The leaves of the garden's species alone, its classes 0 to 5: some 2,000 to learn from.

    >>> garden(data.load("leaves")).classes[:2]
    ('Acer profundum', 'Acer breve')
    """
    names = tuple(images.classes[species] for species in GARDEN)
    parts = images.train.first(4000), images.val, images.test.first(JUDGED)  # all fill the memory
    train, val, test = map(_grown, parts)
    return data.ImageData("garden", train, val, test, names)


def _grown(part: data.Images) -> data.Images:
    """Those of these leaves that grow in the garden, with its own labels."""
    place = torch.full((len(SPECIES),), -1)
    place[list(GARDEN)] = torch.arange(len(GARDEN))
    some = part.subset(place[part.labels] >= 0)
    return data.Images(some.pixels, place[some.labels])


@dataclass(frozen=True)
class OfTheGarden(Budget):
    """So many bytes at most, and so many of the garden's leaves right; one answer a species."""

    def judged(self, hidden: bool) -> data.Images:
        return _grown(super().judged(hidden))

    def unfit(self, network: engines.Onnx, judged: data.Images) -> str:
        answers = network(next(judged.batches(1))[0]).shape[-1]
        if answers == len(GARDEN):
            return super().unfit(network, judged)
        return (
            f"This network tells {answers} species apart; in the garden grow {len(GARDEN)}. Which "
            f"network did you begin with?"
        )


own_plants = OfTheGarden(
    "09_plant_app",
    "own_plants",
    origin=student,
    alike=0.6,  # 4,000 leaves leave 0.8 and more
    most_bytes=6_500,
    accuracy=0.95,
    test_accuracy=0.935,
    why="The cheapest compression of all is to ask what an app is for.",
    hints=(
        "What comes last in your recipe, and what could repair the damage that it does?",
        "Half of the species are gone: which part of the network have you made smaller by that, "
        "the last layer alone? Give back some of what you took, and look which step took too much.",
        "Draw a table of bytes and share of right ones, with one line for each try, and change one "
        "setting at a time. Damage comes first, learning last. Small batches give a short training "
        "more steps.",
    ),
)

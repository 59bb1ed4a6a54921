"""The guess of exercise 07: prune half of it."""

from ...deploy import entropy_coding
from ...networks import models
from ...techniques import quantization, weight_pruning
from ..prediction import Prediction


def _saved() -> float:
    """By how many percent pruning half shrinks the coded weights, in 3 bits."""
    network = models.load_pretrained("leafnet_leaves")
    halved = weight_pruning.apply(network, weight_pruning.masks(network, 0.5))
    sizes = []
    for each in (network, halved):
        folded = quantization.fold_batch_norm(each)
        arrays = [q.integers.numpy() for q in quantization.integer_weights(folded, 3).values()]
        coded = entropy_coding.encode(arrays)
        sizes.append(len(coded.tables) + len(coded.codes))
    return 100 * (1 - sizes[1] / sizes[0])


my_saving = Prediction(
    "07_working_together",
    "my_saving",
    "By how many percent does pruning half of the weights shrink what is rounded to 3 bits?",
    low=0,
    high=100,
    measure=_saved,
    why="Half of the weights went, and so much of the bytes with them. Where do the bytes of the "
    "others come from? Look at the integers before and after, and then at 8 bits.",
    unit="%",
)

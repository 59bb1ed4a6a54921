"""A guess: what does one bit more do to the error?"""

import torch

from ...networks import models, structure
from ...techniques import quantization
from ..prediction import Prediction


def _error_ratio() -> float:
    """Mean squared error of the original's weights at 5 bits, over that at 6."""
    network = quantization.fold_batch_norm(models.load_pretrained("leafnet_leaves"))
    errors = []
    for bits in (5, 6):
        rounded = quantization.quantize_weights(network, bits)
        squares = [
            (layer.weight - rounded.get_submodule(name).weight).detach().square().flatten()  # type: ignore[operator]
            for name, layer in structure.layers(network).items()
        ]
        errors.append(torch.cat(squares).mean().item())
    return errors[0] / errors[1]


my_factor = Prediction(
    "04_quantization",
    "my_factor",
    "By which factor does the mean squared error fall, from 5 bits to 6?",
    low=1,
    high=100,
    measure=_error_ratio,
    why="Measured on all weights of the original, with a scale for each channel. What has the "
    "error of one weight to do with the length of a step? And what if it is 3 bits and 2?",
)

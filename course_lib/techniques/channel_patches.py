"""What a channel looks for: the piece of an image to which it responds most.

>>> from course_lib import models
>>> images = Images(torch.zeros(5, 3, 64, 64, dtype=torch.uint8), torch.zeros(5, dtype=torch.long))
>>> found = patches(models.LeafNet(4), images, side=10)
>>> found["features.3"].shape
(4, 10, 10, 3)
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.images.image_data import Images
from course_lib.networks import feeding, structure
from course_lib.techniques.channels import chain

POOLS = (nn.MaxPool2d, nn.AvgPool2d)
ENDS = (*structure.WEIGHTED, *POOLS, nn.AdaptiveAvgPool2d, nn.Flatten)


@torch.inference_mode()
def patches(network: nn.Module, images: Images, side: int = 20) -> dict[str, np.ndarray]:
    """For each channel of each convolution, the patch with its strongest response.

    Returns layer -> uint8 (channels, side, side, colours). A patch is what the channel can see
    from where it responds: its receptive field, scaled to `side` pixels. Responses are taken
    after norm and ReLU, before pooling. For chains (see `channels.chain`).
    """
    network = structure.plain(network)
    steps = chain(network)
    if steps is None:
        raise ValueError(
            f"patches() follows the image through a chain of layers; a "
            f"{type(network).__name__} is none"
        )
    best: dict[str, Tensor] = {}  # layer -> (channels,) strongest response so far
    place: dict[str, Tensor] = {}  # layer -> (channels, 3): image number, row, column
    fields: dict[str, tuple[int, int, int]] = {}
    start = 0
    for inputs, labels in feeding.batches(network, images, 100):
        values, layer, field = inputs, "", (1, 1, 0)
        for name, module in steps.items():
            if isinstance(module, ENDS):
                if layer:
                    _note(best, place, layer, values, start)
                layer = name if isinstance(module, nn.Conv2d) else ""
            values = module(values)
            if isinstance(module, (nn.Conv2d, *POOLS)):
                field = _field(field, module)
                fields |= {name: field} if layer else {}
        start += len(labels)
    return {layer: _crops(images.pixels, place[layer], fields[layer], side) for layer in place}


def _note(best, place, layer: str, values: Tensor, start: int) -> None:
    _, channels, rows, columns = values.shape
    strongest, at = values.transpose(0, 1).reshape(channels, -1).max(1)
    before = best.get(layer, torch.full((channels,), -torch.inf))
    found = torch.stack([start + at // (rows * columns), at // columns % rows, at % columns], dim=1)
    more = strongest > before
    best[layer] = torch.where(more, strongest, before)
    place[layer] = torch.where(more[:, None], found, place.get(layer, found))


def _field(field: tuple[int, int, int], module: nn.Module) -> tuple[int, int, int]:
    """Side of the receptive field, distance between two of them, and where the first starts."""
    side, jump, first = field

    def number(name: str) -> int:
        value = getattr(module, name)
        return value if isinstance(value, int) else value[0]

    side += (number("kernel_size") - 1) * jump
    return side, jump * number("stride"), first - number("padding") * jump


def _crops(pixels: Tensor, place: Tensor, field: tuple[int, int, int], side: int) -> np.ndarray:
    size, jump, first = field
    number, row, column = place.unbind(1)
    along = torch.arange(size)
    rows = (row[:, None] * jump + first + along).clamp(0, pixels.shape[2] - 1)
    columns = (column[:, None] * jump + first + along).clamp(0, pixels.shape[3] - 1)
    crops = pixels[number[:, None, None], :, rows[:, :, None], columns[:, None, :]].float()
    crops = F.interpolate(crops.permute(0, 3, 1, 2), size=(side, side), mode="area")
    return crops.round().to(torch.uint8).permute(0, 2, 3, 1).numpy()

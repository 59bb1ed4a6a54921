"""Which real numbers flow through a network: the range of each layer's inputs, seen on examples.

>>> from course_lib import models
>>> pixels = torch.randint(0, 256, (20, 1, 28, 28), dtype=torch.uint8)
>>> images = Images(pixels, torch.zeros(20, dtype=torch.int64))
>>> list(calibrate(models.LeNet300100(), images))
['layers.1', 'layers.3', 'layers.5']
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.images.image_data import Images, checked
from course_lib.networks import feeding, structure
from course_lib.techniques.integers import fake_quantize, limits, scale_and_zero_point

METHODS = ("minmax", "percentile", "mse")
BINS = 2048  # of the histogram of each layer's inputs, as many as ONNX Runtime's calibration has
PERCENTILE = 99.99

Ranges = dict[str, tuple[float, float]]  # layer name -> the smallest and largest input to hold


def calibrate(
    network: nn.Module,
    images: Images,
    method: str = "minmax",
    bits: int = 8,
    batch_size: int = 50,
) -> Ranges:
    """The range of the inputs of each convolution and linear layer: {layer: (low, high)}.

    images: a few hundred of the training or validation images, never the test images.
    method: "minmax" takes the smallest and the largest value seen; "percentile" leaves out the
    0.01% beyond each end; "mse" shrinks the range to where cut-off and rounding together make the
    smallest squared error with `bits` (Nagel et al. 2021, arXiv 2106.08295, section 3.1).
    The images go through in batches, and of each layer's inputs only a histogram is kept. A layer
    that no image reaches has no range.

    Raises ValueError for no images, an unknown method, bits out of range, a network with NaN
    weights or with inputs of a layer that are not numbers.
    """
    if not len(checked(images)):
        raise ValueError(
            "images must hold at least one image to calibrate with, got none; "
            "100 to 500 training or validation images are usual: data.train.first(300)"
        )
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    limits(bits)
    ranges: Ranges = {}

    def widen(name: str, values: Tensor) -> None:
        low, high = (end.item() for end in values.aminmax())
        if not (abs(low) < float("inf") and abs(high) < float("inf")):
            raise ValueError(
                f"the inputs of layer {name!r} are not all numbers ({low} to {high}): "
                f"a weight before it is far too large, or an image holds no numbers"
            )
        before = ranges.get(name, (low, high))
        ranges[name] = min(low, before[0]), max(high, before[1])

    _watch(network, images, batch_size, widen)
    if method == "minmax":
        return ranges
    counts = {name: torch.zeros(BINS, dtype=torch.float64) for name in ranges}

    def count(name: str, values: Tensor) -> None:
        low, high = ranges[name]
        counts[name] += torch.histc(values.float(), BINS, low, high).cpu()

    _watch(network, images, batch_size, count)
    narrow = _percentile if method == "percentile" else _least_error
    return {name: narrow(counts[name], *ranges[name], bits) for name in ranges}


@torch.inference_mode()
def _watch(
    network: nn.Module, images: Images, batch_size: int, see: Callable[[str, Tensor], None]
) -> None:
    """Call see(layer name, its inputs) for every batch and layer."""
    network = structure.copied(network)
    for name, layer in structure.layers(network).items():
        layer.register_forward_pre_hook(lambda _layer, inputs, name=name: see(name, inputs[0]))
    for inputs, _ in feeding.batches(network, images, batch_size):
        network(inputs)


def _percentile(counts: Tensor, low: float, high: float, bits: int) -> tuple[float, float]:
    share = counts.cumsum(0) / counts.sum()
    edges = torch.linspace(low, high, BINS + 1, dtype=torch.float64)
    first = int((share <= 1 - PERCENTILE / 100).sum())
    last = int((share < PERCENTILE / 100).sum())
    return edges[first].item(), edges[last + 1].item()


def _least_error(counts: Tensor, low: float, high: float, bits: int) -> tuple[float, float]:
    width = (high - low) / BINS
    values = torch.linspace(low + width / 2, high - width / 2, BINS, dtype=torch.float64)
    shrunk = torch.linspace(0.05, 1, 96, dtype=torch.float64)[:, None]
    scale, zero_point = scale_and_zero_point(low * shrunk, high * shrunk, bits)
    errors = (fake_quantize(values, scale, zero_point, bits) - values).square() @ counts
    best = shrunk[int(errors.argmin())].item()
    return low * best, high * best

"""Take pieces away and watch: pieces of an image, and channels of a network.

>>> import torch
>>> image = torch.arange(16.0).reshape(1, 1, 4, 4)
>>> cover(image, torch.tensor([[True, False, False, False]]))[0, 0]
tensor([[ 7.5000,  7.5000,  2.0000,  3.0000],
        [ 7.5000,  7.5000,  6.0000,  7.0000],
        [ 8.0000,  9.0000, 10.0000, 11.0000],
        [12.0000, 13.0000, 14.0000, 15.0000]])
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib import arguments
from course_lib.images.data import Images
from course_lib.networks import feeding, structure


def cover(images: Tensor, covered: Tensor) -> Tensor:
    """The images with their covered pieces replaced by each image's own mean colour.

    images: (count, channels, height, width) float; covered: (count, pieces) bool, row by row,
    with a square number of pieces. The mean colour adds no edge of its own to bright or dark
    pictures, as a fixed grey would.
    """
    count, _, height, width = _images(images).shape
    arguments.tensor("covered", covered, "images, pieces", dtype=torch.bool)
    grid = math.isqrt(covered.shape[1])
    if (
        not grid
        or grid * grid != covered.shape[1]
        or covered.shape[0] != count
        or grid > min(height, width)
    ):
        raise ValueError(
            f"covered must be (images, grid * grid) with a grid of at most {min(height, width)}, "
            f"got {tuple(covered.shape)} for {count} images; an 8x8 puzzle has 64 pieces"
        )
    mask = covered.reshape(count, 1, grid, grid).float()
    mask = F.interpolate(mask, size=(height, width), mode="nearest").bool()
    return torch.where(mask, images.mean(dim=(2, 3), keepdim=True), images)


@torch.inference_mode()
def confidence(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """The probability that the network gives to each image's label, (count,)."""
    if arguments.tensor("labels", labels, "images", dtype=torch.int64).shape != images.shape[:1]:
        raise ValueError(
            f"labels must hold one for each of {len(images)} images, got {len(labels)}"
        )
    logits = _logits(network, images)
    feeding.check_labels(labels, logits)
    return logits.softmax(1).gather(1, labels[:, None])[:, 0]


@torch.inference_mode()
def _logits(network: nn.Module, images: Tensor) -> Tensor:
    """(count, classes), in evaluation mode: in training mode the network's norms would learn."""
    structure.check_weights(network)
    feeding.layout(network, _images(images).shape[1:])  # refuses what the network cannot take
    _, dtype = feeding.place(network)
    with structure.evaluating(network):
        logits = torch.cat([network(some.to(dtype)) for some in images.split(100)])
    return arguments.tensor("the network's logits", logits, "images, classes", finite=True)


def _images(images: Tensor) -> Tensor:
    """Normalised images, as the network takes them."""
    axes = "count, channels, height, width"
    if not arguments.tensor("images", images, axes, finite=True).is_floating_point():
        raise ValueError(f"images must be floats ({axes}), got {images.dtype}; normalise them")
    return images


def importance(network: nn.Module, images: Tensor, labels: Tensor, grid: int = 8) -> Tensor:
    """How much confidence each piece carries: (count, grid * grid).

    A piece's importance is the confidence lost when that piece alone is covered (occlusion,
    Zeiler and Fergus 2014, section 4.2). Negative: the network is surer without it.
    """
    side = min(_images(images).shape[2:])
    count, pieces = len(images), arguments.count("grid", grid, 1, side) ** 2
    whole = confidence(network, images, labels)
    lost = torch.empty(count, pieces)
    for i in range(count):
        each_alone = cover(images[i].expand(pieces, -1, -1, -1), torch.eye(pieces).bool())
        lost[i] = whole[i] - confidence(network, each_alone, labels[i].expand(pieces))
    return lost


ORDERS = ("least important first", "random", "most important first")


def order(importances: Tensor, how: str, seed: int = 0) -> Tensor:
    """In which order the pieces go: (count, pieces) of piece numbers.

    >>> order(torch.tensor([[0.3, 0.1, 0.2]]), "least important first")
    tensor([[1, 2, 0]])
    """
    arguments.tensor("importances", importances, "images, pieces")
    if arguments.one_of("how", how, ORDERS) == "random":
        generator = torch.Generator().manual_seed(arguments.seed(seed))
        return torch.rand(importances.shape, generator=generator).argsort(1)
    return importances.argsort(stable=True, dim=1, descending=how == "most important first")


def first_pieces(orders: Tensor, removed: int) -> Tensor:
    """Which pieces are covered once `removed` of them are gone: (count, pieces) bool."""
    arguments.tensor("orders", orders, "images, pieces", dtype=torch.int64)
    arguments.count("removed", removed, 0, orders.shape[1])
    covered = torch.zeros(orders.shape, dtype=torch.bool)
    return covered.scatter_(1, orders[:, :removed], True)


def removal_curve(
    network: nn.Module, images: Tensor, labels: Tensor, orders: Tensor, steps: list[int]
) -> tuple[list[float], list[float]]:
    """Mean confidence and accuracy after each number of pieces is gone."""
    confidences, accuracies = [], []
    for removed in steps:
        logits = _logits(network, cover(images, first_pieces(orders, removed)))
        sure = logits.softmax(1).gather(1, labels[:, None])
        confidences.append(sure.mean().item())
        accuracies.append((logits.argmax(1) == labels).double().mean().item())
    return confidences, accuracies


def layers(network: nn.Module) -> dict[str, tuple[int, int]]:
    """The layers whose channels can be silenced: name -> (place of its ReLU, channels)."""
    places: dict[str, tuple[int, int]] = {}
    channels = 0
    for place, module in enumerate(_features(network)):
        if isinstance(module, nn.Conv2d):
            channels = module.out_channels
        elif isinstance(module, nn.ReLU):
            places[f"layer {len(places) + 1}"] = (place, channels)
    return places


def _features(network: nn.Module) -> nn.Sequential:
    features = getattr(network, "features", None)
    if not isinstance(features, nn.Sequential):
        raise ValueError(
            f"silencing channels needs a network with `features`, a Sequential of convolutions, "
            f"as LeafNet has; got a {type(network).__name__}"
        )
    return features


@torch.inference_mode()
def silence(
    network: nn.Module, images: Images, layer: str, channels: list[int], batch_size: int = 100
) -> Tensor:
    """Which images are still named correctly with one channel at a time set to zero.

    Returns (len(channels), len(images)) bool. What comes before the layer is computed once:
    the answer is the same as for the whole network with that channel's output zeroed.
    """
    places = layers(network)
    if layer not in places:
        raise ValueError(f"layer must be one of {', '.join(places)}; got {layer!r}")
    place, there = places[layer]
    wrong = [c for c in channels if not 0 <= c < there]
    if wrong:
        raise ValueError(f"{layer} has the channels 0 to {there - 1}; got {wrong}")
    network = structure.duplicate(network).eval()
    before, after = _features(network)[: place + 1], _features(network)[place + 1 :]
    classify = network.get_submodule("classify")
    correct = torch.empty(len(channels), len(images), dtype=torch.bool)
    start = 0
    layout = feeding.layout(network, images.pixels.shape[1:])
    for inputs, labels in feeding.batches(network, images, batch_size, layout):
        seen = before(inputs)
        for row, channel in enumerate(channels):
            kept = seen[:, channel].clone()
            seen[:, channel] = 0
            answers = classify(after(seen).mean(dim=(2, 3))).argmax(1)
            seen[:, channel] = kept
            correct[row, start : start + len(labels)] = answers == labels
        start += len(labels)
    return correct


@torch.inference_mode()
def silence_share(
    network: nn.Module, images: Images, share: float, seed: int = 0, batch_size: int = 100
) -> Tensor:
    """Which images are still named correctly with a random share of every layer silenced at once.

    Returns (len(images),) bool.
    """
    arguments.share("share", share, "0.5 silences half of each layer", below_one=False)
    network = structure.duplicate(network).eval()
    generator = torch.Generator().manual_seed(arguments.seed(seed))
    for place, channels in layers(network).values():
        chosen = torch.randperm(channels, generator=generator)[: round(share * channels)]
        kept = torch.ones(channels, 1, 1)
        kept[chosen] = 0
        _features(network)[place].register_forward_hook(lambda _m, _i, out, kept=kept: out * kept)
    layout = feeding.layout(network, images.pixels.shape[1:])
    answers = [
        network(inputs).argmax(1) == labels
        for inputs, labels in feeding.batches(network, images, batch_size, layout)
    ]
    return torch.cat(answers)


def clip(image: Tensor, frames: int = 60) -> Tensor:
    """A short film of one image: the camera turns and comes closer.

    image: (channels, height, width) uint8; returns (frames, channels, height, width) uint8.
    """
    times = torch.linspace(0, 2 * math.pi, frames)
    angles, zooms = 0.35 * times.sin(), 1 - 0.12 * (1 - times.cos())
    turn = torch.zeros(frames, 2, 3)
    turn[:, 0, 0] = turn[:, 1, 1] = zooms * angles.cos()
    turn[:, 1, 0] = zooms * angles.sin()
    turn[:, 0, 1] = -turn[:, 1, 0]
    shape = (frames, *image.shape)
    grid = F.affine_grid(turn, list(shape), align_corners=False)
    film = F.grid_sample(
        image.float().expand(shape), grid, padding_mode="reflection", align_corners=False
    )
    return film.round().clamp(0, 255).to(torch.uint8)


@dataclass(frozen=True)
class Budget:
    """What a device has, in bytes, and where that is written."""

    device: str
    storage: int
    memory: int
    source: str


BUDGETS = (
    Budget(
        "phone",
        64 * 10**9,
        4 * 10**9,
        "iPhone 11: 64 GB of storage, 4 GB of memory: Lin et al., MCUNet, 2020, arXiv 2007.10319",
    ),
    Budget(
        "microcontroller",
        1_000_000,
        320 * 1024,
        "STM32F746: 1 MB of flash, 320 KiB of SRAM: Lin et al., MCUNet, 2020, arXiv 2007.10319",
    ),
    Budget(
        "palm-sized drone",
        1_000_000,
        192 * 1024,
        "Crazyflie 2.1, STM32F405: 1 MB of flash, 192 KiB of SRAM: Bitcraze, data sheet",
    ),
)


def sample_channels(network: nn.Module, share: float, seed: int = 0) -> dict[str, list[int]]:
    """Random channels, the same each time, the same share of every layer: layer -> numbers.

    A layer gives at least one. Where the share goes evenly into the layers, each channel of the
    network has the same chance, and a share of the sample has a Wilson interval.
    """
    arguments.share("share", share, "0.1 takes a tenth of each layer", below_one=False)
    generator = torch.Generator().manual_seed(arguments.seed(seed))
    return {
        layer: sorted(
            torch.randperm(channels, generator=generator)[
                : max(1, round(share * channels))
            ].tolist()
        )
        for layer, (_, channels) in layers(network).items()
    }

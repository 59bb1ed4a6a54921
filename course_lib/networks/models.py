"""The networks of the course: LeafNet, which every chapter compresses, and the two classics.

>>> import torch
>>> network = LeafNet(width=64, classes=12)
>>> network(torch.zeros(2, 3, 64, 64)).shape
torch.Size([2, 12])
>>> sum(p.numel() for p in network.parameters())
1149388
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib import kept
from course_lib.images import normalisation
from course_lib.images.leaf_shapes import SPECIES

WEIGHTS = Path(__file__).parents[1] / "weights"
SMALLEST, LARGEST = 28, 128  # sides of an image, in pixels


class LeafNet(nn.Module):
    """A plain convolutional network: three stages of two 3x3 convolutions, then the mean.

    Input: normalised float images, (batch, channels, height, width), 28 to 128 pixels a side.
    Output: logits, (batch, classes).
    width: channels of the first stage; the others have twice and four times as many. Or the
    channels of all six convolutions, as pruning leaves them: `LeafNet(pruned.widths)` is the
    same architecture untrained.
    The first convolution has stride 2, so that the network is no straw man that is easy to
    speed up. At width 64 and 64x64 RGB: 1.15 million parameters, 153 million MACs.
    """

    def __init__(
        self, width: int | Sequence[int] = 64, classes: int = len(SPECIES), channels: int = 3
    ):
        super().__init__()
        widths = (
            [width * times for times in (1, 1, 2, 2, 4, 4)]
            if isinstance(width, int)
            else list(width)
        )
        if len(widths) != 6 or min(widths) < 1 or classes < 2 or channels not in (1, 3):
            raise ValueError(
                f"LeafNet needs width >= 1 (or six of them), classes >= 2 and 1 or 3 channels, "
                f"got width={width}, classes={classes}, channels={channels}"
            )
        self.classes, self.channels = classes, channels
        first, second, third, fourth, fifth, sixth = widths
        self.features = nn.Sequential(
            *block(channels, first, stride=2),
            *block(first, second),
            nn.MaxPool2d(2),
            *block(second, third),
            *block(third, fourth),
            nn.MaxPool2d(2),
            *block(fourth, fifth),
            *block(fifth, sixth),
        )
        self.classify = nn.Linear(sixth, classes)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the six convolutions, as they are now."""
        return tuple(m.out_channels for m in self.features if isinstance(m, nn.Conv2d))

    def forward(self, images: Tensor) -> Tensor:
        check_images(images, self.channels)
        return self.classify(self.features(images).mean(dim=(2, 3)))


def block(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    """Convolution, batch norm, ReLU. The batch norm's own bias makes the convolution's idle."""
    return [
        nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    ]


class LeNet300100(nn.Module):
    """Two hidden layers of 300 and 100 neurons (LeCun et al. 1998), for 28x28 grey images."""

    def __init__(self, classes: int = 10, widths: Sequence[int] = (300, 100)):
        super().__init__()
        first, second = _checked(widths, 2, classes)
        self.classes, self.channels = classes, 1
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(28 * 28, first),
            nn.ReLU(),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Linear(second, classes),
        )

    @property
    def widths(self) -> tuple[int, ...]:
        """Neurons of the two hidden layers, as they are now."""
        return tuple(m.out_features for m in self.layers if isinstance(m, nn.Linear))[:-1]

    def forward(self, images: Tensor) -> Tensor:
        check_images(images, 1, side=28)
        return self.layers(images)


class LeNet5(nn.Module):
    """LeNet-5 in the widths of Caffe (20-50-500), 431 K parameters, for 28x28 grey images.

    These are the widths that Deep Compression (Han et al. 2015) compresses.
    """

    def __init__(self, classes: int = 10, widths: Sequence[int] = (20, 50, 500)):
        super().__init__()
        first, second, third = _checked(widths, 3, classes)
        self.classes, self.channels = classes, 1
        self.layers = nn.Sequential(
            nn.Conv2d(1, first, 5),
            nn.MaxPool2d(2),
            nn.Conv2d(first, second, 5),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(second * 4 * 4, third),
            nn.ReLU(),
            nn.Linear(third, classes),
        )

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the two convolutions and neurons of the hidden layer, as they are now."""
        convolutions = [m.out_channels for m in self.layers if isinstance(m, nn.Conv2d)]
        hidden = [m.out_features for m in self.layers if isinstance(m, nn.Linear)][:-1]
        return (*convolutions, *hidden)

    def forward(self, images: Tensor) -> Tensor:
        check_images(images, 1, side=28)
        return self.layers(images)


def _checked(widths: Sequence[int], count: int, classes: int) -> Sequence[int]:
    if len(widths) != count or min(widths) < 1 or classes < 2:
        raise ValueError(
            f"this network needs {count} widths >= 1 and classes >= 2, "
            f"got widths={tuple(widths)}, classes={classes}"
        )
    return widths


def check_images(images: Tensor, channels: int, side: int | None = None) -> None:
    """Raise ValueError unless images are (batch, channels, height, width) of a size that fits."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return  # an exported graph has no room for Python's questions
    fits = images.ndim == 4 and images.shape[1] == channels
    if fits and side is not None:
        fits = tuple(images.shape[2:]) == (side, side)
    elif fits:
        fits = all(SMALLEST <= s <= LARGEST for s in images.shape[2:])
    if not fits and images.ndim == 4 and images.shape[1] != channels == images.shape[3]:
        raise ValueError(
            f"images must be (batch, {channels}, height, width); got {tuple(images.shape)}, where "
            f"the channels stand last. images.permute(0, 3, 1, 2) puts them first"
        )
    if not fits:
        wanted = f"{side}x{side}" if side else f"{SMALLEST} to {LARGEST} pixels a side"
        raise ValueError(
            f"images must be (batch, {channels}, height, width), {wanted}; got "
            f"{tuple(images.shape)}. Build the network for the data: "
            f"LeafNet(classes=len(data.classes), channels=data.shape[0])"
        )
    if not images.is_floating_point():
        raise ValueError(
            f"images must be normalised floats, got {images.dtype}; "
            f"data.normalise(pixels) turns pixels of 0 to 255 into them"
        )


ARCHITECTURES = {"LeafNet": LeafNet, "LeNet300100": LeNet300100, "LeNet5": LeNet5}


def save(network: nn.Module, path: str | Path, notes: dict | None = None) -> Path:
    """Write a checkpoint as safetensors: the weights, and a header that says how to rebuild it."""
    name = type(network).__name__
    if not isinstance(network, (LeafNet, LeNet300100, LeNet5)):
        raise ValueError(f"save() knows {', '.join(ARCHITECTURES)}; got a {name}")
    arguments: dict = {"classes": network.classes}
    if isinstance(network, LeafNet):
        arguments |= {"width": list(network.widths), "channels": network.channels}
    else:
        arguments["widths"] = list(network.widths)
    header = {"architecture": name, "arguments": arguments, "notes": notes or {}}
    if (fed := normalisation.of(network)) != normalisation.COURSE:
        header["normalisation"] = fed.as_json()
    weights = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    rebuilt = {k: v.shape for k, v in ARCHITECTURES[name](**arguments).state_dict().items()}
    changed = sorted(
        k for k in rebuilt.keys() | weights.keys()
        if k not in rebuilt or k not in weights or rebuilt[k] != weights[k].shape
    )  # fmt: skip
    if changed:
        raise ValueError(
            f"save() could not rebuild this {name}: {', '.join(changed[:3])} differ from a plain "
            f"one (factored or quantized layers?); fold or pack it first"
        )
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return kept.write(path, weights, {"course": json.dumps(header, sort_keys=True)})


def load(path: str | Path) -> nn.Module:
    """Read a checkpoint written by `save`; the network comes in evaluation mode.

    Raises FileNotFoundError, and ValueError for what is none, or no longer what was written.
    """
    weights, header = _read(path)
    try:
        network = ARCHITECTURES[header["architecture"]](**header["arguments"])
        network.load_state_dict(weights)
        if "normalisation" in header:
            network.normalisation = normalisation.Normalisation.from_json(header["normalisation"])
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise _no_checkpoint(path, error) from None
    return network.eval()


def notes(path: str | Path) -> dict:
    """What was written beside the weights: data, seed, accuracy. Raises what `load` raises."""
    _, header = _read(path)
    return header["notes"]


def _read(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        weights, head = kept.read(Path(path))
        header = json.loads(head["course"])
        _ = header["notes"]
    except (kept.Damaged, KeyError, TypeError, ValueError) as error:
        raise _no_checkpoint(path, error) from None
    return weights, header


def _no_checkpoint(path: str | Path, error: Exception) -> ValueError:
    return ValueError(
        f"{path} is not a whole checkpoint of this course ({error}); "
        f"delete it and it will be made again"
    )


def load_pretrained(name: str) -> nn.Module:
    """A network that ships with the course, in evaluation mode.

    >>> load_pretrained("leafnet_leaf")
    Traceback (most recent call last):
    ValueError: no checkpoint named 'leafnet_leaf'; there are: leafnet_leaves, leafnet_student_...
    """
    there = sorted(p.stem for p in WEIGHTS.glob("*.safetensors"))
    if name not in there:
        raise ValueError(f"no checkpoint named {name!r}; there are: {', '.join(there)}")
    return load(WEIGHTS / f"{name}.safetensors")

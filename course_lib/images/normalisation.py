"""How a network wants its images: input = (pixel - mean) / scale.

It belongs to the network, for one that is fed otherwise than in training names wrongly, and no
error tells. Networks of this course take `COURSE` and need say nothing. Another one says so once,
and whatever asks it (training, measuring, exporting, the phone page) feeds it so:

>>> network = torch.nn.Flatten()
>>> of(network) == COURSE
True
>>> network.normalisation = IMAGENET
>>> of(network).mean
(123.675, 116.28, 103.53)

Checkpoints, ONNX files and packed files hold it where it is not `COURSE`.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib import arguments


@dataclass(frozen=True)
class Normalisation:
    """input = (pixel - mean) / scale: one number for all channels, or one for each.

    mean, scale: of pixels of 0 to 255. Raises ValueError for numbers that make none.

    >>> Normalisation(0, 255)(torch.tensor([0, 51, 255], dtype=torch.uint8))
    tensor([0.0000, 0.2000, 1.0000])
    """

    mean: tuple[float, ...] = (127.5,)
    scale: tuple[float, ...] = (63.75,)

    def __post_init__(self) -> None:
        for name in ("mean", "scale"):
            object.__setattr__(self, name, _numbers(name, getattr(self, name)))
        if len(self.mean) != len(self.scale) or min(self.scale) <= 0:
            raise ValueError(
                f"mean and scale must be as many, every scale above 0; got mean {self.mean} and "
                f"scale {self.scale}"
            )

    @classmethod
    def of_unit(cls, mean: float | Sequence[float], std: float | Sequence[float]):
        """The same of pixels of 0 to 1, as torchvision's transforms and model cards state it.

        >>> Normalisation.of_unit(0.5, 0.25) == COURSE
        True
        """
        mean, std = _numbers("mean", mean), _numbers("std", std)
        return cls(*(tuple(round(255 * value, 6) for value in each) for each in (mean, std)))

    def __call__(self, pixels: Tensor) -> Tensor:
        """Pixels of 0 to 255, (..., channels, height, width), as float32 inputs of a network.

        With one mean for all channels, pixels of any shape. Raises ValueError for another number
        of channels.
        """
        mean, scale = self._shaped(arguments.tensor("pixels", pixels))
        return (pixels.to(torch.float32) - mean) / scale

    def pixels(self, inputs: Tensor) -> Tensor:
        """What a network was fed, as pixels of 0 to 255 again, not rounded; float32."""
        mean, scale = self._shaped(inputs)
        return inputs * scale + mean

    def _shaped(self, images: Tensor) -> tuple[Any, Any]:
        if len(self.mean) == 1:
            return self.mean[0], self.scale[0]
        if images.ndim < 3 or images.shape[-3] != len(self.mean):
            raise ValueError(
                f"a normalisation of {len(self.mean)} channels takes images of as many "
                f"(..., {len(self.mean)}, height, width), got {tuple(images.shape)}"
            )
        shaped = [torch.tensor(v, device=images.device) for v in (self.mean, self.scale)]
        return shaped[0][:, None, None], shaped[1][:, None, None]

    def as_json(self) -> str:
        """As files hold it.

        >>> Normalisation.from_json(IMAGENET.as_json()) == IMAGENET
        True
        """
        return json.dumps({"mean": self.mean, "scale": self.scale}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Normalisation":
        """What `as_json` wrote; raises ValueError for any other text."""
        try:
            held = json.loads(text)
            return cls(held["mean"], held["scale"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ValueError(
                f"its normalisation is none, {text!r:.60} ({str(error)[:100]})"
            ) from None


def of(network: object) -> Normalisation:
    """How this network is fed: its attribute `normalisation`, `COURSE` where it has none.

    Raises ValueError for an attribute of another kind.
    """
    found = getattr(network, "normalisation", COURSE)
    if not isinstance(found, Normalisation):
        raise ValueError(
            f"network.normalisation must be a data.Normalisation, got {found!r:.80}; for instance "
            f"data.Normalisation.of_unit(mean, std) with what torchvision states"
        )
    return found


def converted(inputs: Tensor, given: object, wanted: object) -> Tensor:
    """What one network was fed, as another one wants it; the same tensor where they agree."""
    theirs, ours = of(given), of(wanted)
    return inputs if theirs == ours else ours(theirs.pixels(inputs))


def _numbers(name: str, given: Any) -> tuple[float, ...]:
    several = given if isinstance(given, list | tuple) else (given,)
    if not several or not all(map(_is_finite, several)):
        raise ValueError(f"{name} must be a finite number, or one for each channel, got {given!r}")
    return tuple(float(value) for value in several)


def _is_finite(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= sys.float_info.max  # type: ignore[arg-type]


COURSE = Normalisation()  # pixels become -2 to 2
IMAGENET = Normalisation.of_unit((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # torchvision's

"""Arrays that somebody has, as this course takes them: what fits, and what to do where not.

>>> channels_first(np.zeros((5, 32, 40, 3), np.uint8)).shape
torch.Size([5, 3, 32, 40])
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor


def kinds(labels: ArrayLike) -> NDArray[Any]:
    """Each label once, in order. Raises ValueError unless they are whole numbers or names."""
    array = _array("labels", labels)
    if array.dtype == object and all(isinstance(label, str) for label in array.flat):
        array = array.astype(str)  # as pandas has them
    whole = array.dtype.kind in "iubUS" or (
        array.dtype.kind == "f" and bool((array % 1 == 0).all())
    )
    if array.ndim != 1 or not whole:
        raise ValueError(
            f"labels must be whole numbers or names, one for each image, got "
            f"{' '.join(repr(array).split()):.80} of shape {array.shape}"
        )
    return np.unique(array)


def names(classes: Any) -> tuple[str, ...]:
    """The names of classes. Raises ValueError unless they are texts, each once."""
    each = list(classes) if isinstance(classes, Iterable) else []
    if not each or not all(isinstance(name, str) for name in each):
        raise ValueError(f"classes must be the names of the classes, in order, got {classes!r:.80}")
    if doubles := [name for name, count in Counter(each).items() if count > 1]:
        raise ValueError(f"classes must have names of their own, got {doubles[0]!r} twice")
    return tuple(map(str, each))


def _array(name: str, given: ArrayLike) -> NDArray[Any]:
    try:
        return np.asarray(given)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"{name} must make an array: {error}") from None


def channels_first(pixels: ArrayLike) -> Tensor:
    """uint8 images in any of the usual layouts as (n, channels, height, width)."""
    array = _array("pixels", pixels)
    if array.dtype != np.uint8:
        raise ValueError(
            f"pixels must be uint8, 0..255, got {array.dtype}; for floats from 0 to 1: "
            "(255 * pixels).round().astype('uint8')"
        )
    shape = array.shape
    if array.ndim == 3 and shape[2] in (1, 3):
        raise ValueError(
            f"pixels must be a set of images, got {shape}: that is one image, (height, width, "
            f"channels); pixels[None] makes a set of it"
        )
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim == 4 and shape[1] not in (1, 3):
        array = array.transpose(0, 3, 1, 2)
    if array.ndim != 4 or array.shape[1] not in (1, 3) or not len(array):
        raise ValueError(
            "pixels must have shape (n, height, width), or (n, height, width, channels) with 1 or "
            f"3 channels, got {shape}" + _elsewhere(shape)
        )
    if not all(28 <= side <= 128 for side in array.shape[2:]):
        raise ValueError(
            f"images must be 28 to 128 pixels high and wide, got {array.shape[2]}x"
            f"{array.shape[3]} (of shape {shape}); resize them first"
        )
    return torch.from_numpy(np.ascontiguousarray(array))


def _elsewhere(shape: tuple[int, ...]) -> str:
    """What to do with images whose number stands last, or whose channels are none of ours."""
    if len(shape) == 4 and shape[2] in (1, 3):
        return ", where the images' number stands last; pixels.transpose(3, 0, 1, 2) puts it first"
    if len(shape) == 4 and shape[0] in (1, 3):
        return ", where the images' number stands last; pixels.transpose(3, 1, 2, 0) puts it first"
    if len(shape) == 4 and shape[3] == 4:
        return ", with transparency; pixels[..., :3] leaves it out"
    return ""

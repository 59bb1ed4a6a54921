"""What a set of images is: uint8 in memory, normalised a batch at a time on the way out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from course_lib import arguments, cache
from course_lib.images import normalisation
from course_lib.images.normalisation import COURSE, Normalisation
from course_lib.images.photos import Skipped


def normalise(pixels: Tensor) -> Tensor:
    """uint8 pixels 0..255 to float32 from -2 to 2, as the networks of this course take them.

    >>> normalise(torch.tensor([0, 255], dtype=torch.uint8))
    tensor([-2.,  2.])
    """
    return COURSE(pixels)


@dataclass(frozen=True, eq=False, repr=False)
class Images:
    """Pixels, uint8 (n, channels, height, width), and labels, int64 (n,).

    >>> images = Images(torch.zeros(10, 3, 64, 64, dtype=torch.uint8), torch.arange(10))
    >>> images.subset(slice(2, 4))
    Images(2 of 3x64x64)
    >>> for inputs, labels in images.first(3).batches(2):
    ...     print(tuple(inputs.shape), labels.tolist())
    (2, 3, 64, 64) [0, 1]
    (1, 3, 64, 64) [2]
    """

    pixels: Tensor
    labels: Tensor
    normalisation: Normalisation = COURSE  # of what `batches` gives

    def __post_init__(self) -> None:
        arguments.tensor("pixels", self.pixels)
        arguments.tensor("labels", self.labels)
        if self.pixels.dtype != torch.uint8 or self.pixels.ndim != 4:
            raise ValueError(
                "pixels must be uint8 of shape (n, channels, height, width), got "
                f"{self.pixels.dtype} of shape {tuple(self.pixels.shape)}"
            )
        _, channels, _, last = self.pixels.shape
        if channels not in (1, 3) and last in (1, 3):
            raise ValueError(
                f"pixels must be of shape (n, channels, height, width), got "
                f"{tuple(self.pixels.shape)}, where the channels stand last; "
                f"pixels.permute(0, 3, 1, 2) puts them first (data.from_arrays takes both)"
            )
        if self.labels.dtype != torch.int64 or self.labels.shape != self.pixels.shape[:1]:
            raise ValueError(
                f"labels must be int64 of shape ({len(self.pixels)},), one for each image, got "
                f"{self.labels.dtype} of shape {tuple(self.labels.shape)}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Images({len(self):,} of {'x'.join(map(str, self.pixels.shape[1:]))})"

    def subset(self, which: Any) -> Images:
        """The images at these places: a slice, a sequence of indices, or a mask of them all.

        Raises ValueError for places that are none.
        """
        if not isinstance(which, slice):
            which = self._places(which)
        return replace(self, pixels=self.pixels[which], labels=self.labels[which])

    def _places(self, which: Any) -> Tensor:
        try:
            places = torch.as_tensor(which)
        except (TypeError, ValueError, RuntimeError):
            places = torch.tensor(0.5)  # no places either
        places = places if places.numel() else places.long()
        mask = places.dtype == torch.bool
        whole = not (mask or places.is_floating_point() or places.is_complex())
        if places.ndim == 1 and (
            len(places) == len(self)
            if mask
            else whole and bool((places < len(self)).all()) and bool((places >= -len(self)).all())
        ):
            return places
        raise ValueError(
            f"which must be a slice, whole numbers below {len(self):,}, or a mask of "
            f"{len(self):,} True and False, got {' '.join(repr(which).split()):.80}"
        )

    def fed_to(self, network: object) -> Images:
        """The same images, whose batches are normalised as this network wants them."""
        wanted = normalisation.of(network)
        return self if wanted == self.normalisation else replace(self, normalisation=wanted)

    def first(self, n: int) -> Images:
        """The first `n` images: a fair sample of what `load` gives, which is in random order."""
        return self.subset(slice(arguments.count("n", n, 0)))

    def batches(
        self, size: int, generator: torch.Generator | None = None, device: Any = "cpu"
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Normalised float batches with their labels; shuffled if a generator is given."""
        for which in self.order(size, generator):
            yield self.normalisation(self.pixels[which].to(device)), self.labels[which].to(device)

    def order(self, size: int, generator: torch.Generator | None = None) -> Iterator[Tensor]:
        """The image numbers of each batch, (size,); shuffled if a generator is given."""
        size = arguments.count("size", size, hint="it is how many images are a batch")
        if generator is None:
            numbers = torch.arange(len(self))
        else:
            numbers = torch.randperm(len(self), generator=generator)
        yield from numbers.split(size) if len(self) else ()


def checked(images: Any) -> Images:
    """Raise ValueError unless these are `Images`."""
    if not isinstance(images, Images):
        raise ValueError(f"images must be data.Images, got a {type(images).__name__}")
    return images


@dataclass(frozen=True, eq=False, repr=False)
class ImageData:
    """Images to train on, to choose by (val) and to test on, with the names of their classes.

    `groups` gives the group of each class (the genus of a species), where there is one.
    """

    name: str
    train: Images
    val: Images
    test: Images
    classes: tuple[str, ...]
    groups: tuple[int, ...] | None = None
    group_names: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def __post_init__(self) -> None:
        for part, images in self._parts:
            if images.pixels.shape[1:] != self.shape:
                raise ValueError(
                    f"{part} images must be {self.shape} like the train ones, "
                    f"got {tuple(images.pixels.shape[1:])}"
                )
            if len(images) and not 0 <= int(images.labels.min()) <= int(images.labels.max()) < len(
                self.classes
            ):
                raise ValueError(
                    f"{part} labels must lie in 0..{len(self.classes) - 1} (one class each), got "
                    f"{int(images.labels.min())}..{int(images.labels.max())}"
                )
        if self.groups is not None and len(self.groups) != len(self.classes):
            raise ValueError(
                f"groups must name a group for each of {len(self.classes)} classes, "
                f"got {len(self.groups)}"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of one image."""
        channels, height, width = self.train.pixels.shape[1:]
        return channels, height, width

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits that change with any pixel, label or class; they key what is computed."""
        digest = hashlib.sha256(repr((self.shape, self.classes)).encode())
        for part, images in self._parts:
            digest.update(f"{part} {len(images)}".encode())
            digest.update(images.pixels.contiguous().numpy().data)
            digest.update(images.labels.contiguous().numpy().data)
            cache.page_out(images.pixels)
        return digest.hexdigest()[:12]

    @property
    def _parts(self) -> tuple[tuple[str, Images], ...]:
        return ("train", self.train), ("val", self.val), ("test", self.test)

    def __repr__(self) -> str:
        channels, height, width = self.shape
        shown = ", ".join(self.classes[:12]) + (", ..." if len(self.classes) > 12 else "")
        lines = [
            f"{self.name}: {len(self.classes)} classes, {height}x{width}, "
            f"{'colour' if channels == 3 else 'grey'}",
            "  " + ", ".join(f"{part} {len(images):,}" for part, images in self._parts),
            f"  {shown}",
        ]
        if self.skipped:
            lines.append(f"  {len(self.skipped)} files left out (see .skipped)")
        return "\n".join(lines)

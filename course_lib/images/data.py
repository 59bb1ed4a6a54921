"""The images of the course: a built-in set, a few known ones, or a folder of your own photos.

>>> import numpy as np
>>> data = from_arrays(np.zeros((40, 28, 28), np.uint8), ["oak", "elm"] * 20)
>>> data.train, data.shape, data.classes
(Images(28 of 1x28x28), (1, 28, 28), ('elm', 'oak'))
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from course_lib import arguments, cache
from course_lib.cache import cache_dir
from course_lib.images import arrays, leaves, named_sets, photo_folders, photos
from course_lib.images.image_data import ImageData, Images, normalise
from course_lib.images.normalisation import Normalisation
from course_lib.images.photos import Skipped

__all__ = [
    "ImageData",
    "Images",
    "Normalisation",
    "Skipped",
    "are_leaves",
    "cache_dir",
    "from_arrays",
    "from_folder",
    "load",
    "normalise",
]

Given = tuple[ArrayLike, ArrayLike]  # images and their labels

# The training images of the leaves that `load` gave, and the names of their classes.
_LEAVES: WeakKeyDictionary[Images, tuple[str, ...]] = WeakKeyDictionary()


def load(name: str | os.PathLike[str] | None = None) -> ImageData:
    """The images called `name`, or those in the folder `name`; None reads COURSE_DATA, else leaves.

    leaves, digits and mnist5k need no download; mnist, fashion_mnist, cifar10 and flowers102 are
    looked for on this machine first (see `named_sets.places`), else downloaded. Raises ValueError
    for an unknown name, FileNotFoundError for what is not there.

    >>> load("digits")
    digits: 10 classes, 32x32, grey
      train 1,259, val 269, test 269
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9
    """
    if isinstance(name, os.PathLike):
        return from_folder(name)
    chosen = (name or os.environ.get("COURSE_DATA", "")).strip() or "leaves"
    known = chosen.lower().replace("-", "_")
    if known in named_sets.READERS:
        return _named(known)
    path = Path(chosen).expanduser()
    if path.exists() or path.name != chosen:
        return from_folder(path)
    near = difflib.get_close_matches(known, named_sets.READERS, 1)
    raise ValueError(
        f"name must be one of {', '.join(named_sets.READERS)}, or a folder of photos, "
        f"got {chosen!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    )


def from_folder(
    path: str | os.PathLike[str],
    size: int = 64,
    seed: int = 0,
    val: float = 0.15,
    test: float = 0.15,
) -> ImageData:
    """Your own photos: one subfolder per class, or train/ and test/ (and val/) above the classes.

    Each photo becomes the middle square of it, `size` by `size`, RGB. Where no val/ or test/ is
    given, the shares `val` and `test` of each class are drawn with `seed`. A photo that occurs
    twice is kept once (and never in train if it is in test). What can't be read is left out and
    listed in `.skipped`. Named after the folder; one called as a built-in set is "my leaves".
    Decoded photos are cached until a file changes. Raises ValueError or
    FileNotFoundError that say what to do.
    """
    if not 28 <= size <= 128:
        raise ValueError(f"size must be in 28..128 pixels, got {size}; 64 suits most photos")
    folder = Path(os.path.abspath(Path(path).expanduser()))
    found, notes = photo_folders.find(folder)
    classes = tuple(sorted({photo.name for photo in found}))
    if len(classes) < 2:
        raise ValueError(
            f"{folder} holds only one class, {classes[0]!r}, and there is nothing to tell apart: "
            f"add a folder, or choose {folder / classes[0]} if its subfolders are the classes"
        )
    settings = f"{size} {seed} {val} {test}"
    place = hashlib.sha256(f"{folder} {settings}".encode(errors="surrogateescape")).hexdigest()[:12]
    labels = np.array([classes.index(photo.name) for photo in found])
    told = []

    def make() -> cache.Stored:
        pixels, reasons = photos.read(folder, found, size)
        reasons = photos.repeated(found, pixels, reasons)
        told.append(photos.report(folder, found, reasons, notes))
        splits = _split(found, labels, reasons, val, test, seed)
        kept = _in_order(pixels, np.concatenate(splits))
        note = {"reasons": reasons, "splits": [which.tolist() for which in splits]}
        return {"pixels": torch.from_numpy(kept)}, note

    stored, note = cache.cached(
        f"photos-{re.sub('[^a-z0-9]+', '-', folder.name.lower())}-{place}.safetensors",
        f"{photos.state(folder, found, size)} {settings}",
        make,
    )
    skipped = told[0] if told else photos.report(folder, found, note["reasons"], notes)
    # The file holds the splits one after the other: parts of it, not copies.
    ends = np.cumsum([len(which) for which in note["splits"]])
    train, chosen, tests = (
        Images(stored["pixels"][end - len(which) : end], torch.from_numpy(labels[which]))
        for which, end in zip(note["splits"], ends.tolist(), strict=True)
    )
    name = photo_folders.readable(folder.name)
    name = f"my {name}" if name in named_sets.READERS else name
    return ImageData(name, train, chosen, tests, classes, skipped=skipped)


def _split(
    found: Sequence[photo_folders.Photo],
    labels: NDArray[np.int64],
    reasons: Sequence[str],
    val: float,
    test: float,
    seed: int,
) -> list[NDArray[np.int64]]:
    """Places of the train, val and test photos, each in random order: as given, else drawn."""
    parts = {
        part: np.array([i for i, p in enumerate(found) if p.part == part and not reasons[i]], int)
        for part in {photo.part for photo in found}
    }
    own = _stratified(
        labels[parts["train"]],
        None if "val" in parts else val,
        None if "test" in parts else test,
        seed,
    )
    shuffle = np.random.default_rng(seed).permutation
    return [
        parts["train"][drawn] if name == "train" or name not in parts else shuffle(parts[name])
        for name, drawn in zip(("train", "val", "test"), own, strict=True)
    ]


def _in_order(rows: NDArray[np.uint8], order: NDArray[np.int64]) -> NDArray[np.uint8]:
    """`rows[order]`, made in place: thousands of photos need not be in memory twice.

    >>> _in_order(np.array([[10], [11], [12], [13]]), np.array([3, 0, 2])).ravel().tolist()
    [13, 10, 12]
    """
    there = np.arange(len(rows))  # which row lies at each place
    place = np.arange(len(rows))  # and where each row lies
    for to, row in enumerate(order.tolist()):
        at, other = place[row], there[to]
        if at != to:
            rows[[to, at]] = rows[[at, to]]
            there[to], there[at], place[row], place[other] = row, other, to, at
    return rows[: len(order)]


def from_arrays(
    pixels: ArrayLike,
    labels: ArrayLike,
    classes: Sequence[str] | None = None,
    *,
    name: str = "arrays",
    val: float | Given = 0.15,
    test: float | Given = 0.15,
    seed: int = 0,
) -> ImageData:
    """Your own arrays: uint8 images (n, H, W), (n, H, W, C) or (n, C, H, W), and labels (n,).

    Labels are 0, 1, ... for the names in `classes`; without names, any values, each a class.
    `val` and `test` are shares to draw from each class with `seed`, or sets of their own as
    (images, labels), which keep their order. Raises ValueError for what doesn't fit.

    >>> from_arrays(np.zeros((40, 28, 28), np.uint8), ["oak", "elm"] * 20)
    arrays: 2 classes, 28x28, grey
      train 28, val 6, test 6
      elm, oak
    """
    arguments.seed(seed)
    classes = None if classes is None else arrays.names(classes)
    values = arrays.kinds(labels) if classes is None else np.arange(len(classes))

    def images(what: str, pixels: ArrayLike, labels: ArrayLike) -> Images:
        strange = np.setdiff1d(arrays.kinds(labels), values)
        if len(strange):
            accepted = f"{values[0]}..{values[-1]}" if len(values) else "at least one class"
            raise ValueError(f"{what}labels must be among {accepted}, got {strange[0]}")
        places = np.searchsorted(values, np.asarray(labels))
        return Images(arrays.channels_first(pixels), torch.from_numpy(places).long())

    everything = images("", pixels, labels)
    if isinstance(val, tuple) and isinstance(test, tuple):  # nothing to draw: all keep their order
        parts = everything, images("val ", *val), images("test ", *test)
        return ImageData(name, *parts, tuple(classes or map(str, values)))
    drawn = _stratified(
        everything.labels.numpy(),
        None if isinstance(val, tuple) else val,
        None if isinstance(test, tuple) else test,
        seed,
    )
    splits = [everything.subset(which) for which in drawn]
    for place, (what, given) in enumerate((("val ", val), ("test ", test)), 1):
        if isinstance(given, tuple):
            splits[place] = images(what, *given)
    train, chosen, tests = splits
    return ImageData(name, train, chosen, tests, tuple(classes or map(str, values)))


def _named(name: str) -> ImageData:
    """A set known by name; a twelfth of the training images are val where it has only a test."""
    parts, classes = named_sets.read(name)
    share = 1 / 12 if "test" in parts else 0.15
    found = from_arrays(
        *parts["train"],
        classes,
        name=name,
        val=parts.get("val", share),
        test=parts.get("test", share),
    )
    if name != "leaves":
        return found
    _LEAVES[found.train] = found.classes
    groups = tuple(leaves.GENERA.index(species.genus) for species in leaves.SPECIES)
    return replace(found, groups=groups, group_names=tuple(leaves.GENERA))


def are_leaves(given: ImageData) -> bool:
    """Are the training images the built-in leaves, or the first so many? Whatever they are called.

    That is what the networks that ship were trained on; other images to choose by or to test on
    change nothing about it.
    """
    if given.train in _LEAVES:  # what `load` gave need not be compared with itself
        return given.classes == _LEAVES[given.train]
    names = tuple(species.name for species in leaves.SPECIES)
    if (given.classes, given.shape) != (names, (3, 64, 64)):
        return False
    ours = load("leaves").train.first(len(given.train))
    same = (
        len(given.train) > 0
        and torch.equal(given.train.labels, ours.labels)
        and torch.equal(given.train.pixels, ours.pixels)
    )
    for images in (given.train, ours):
        cache.page_out(images.pixels)
    return same


def _stratified(
    labels: NDArray[np.int64], val: float | None, test: float | None, seed: int
) -> tuple[NDArray[np.int64], ...]:
    """Places of the train, val and test images: the same shares of each class, in random order.

    At least one of each class, unless the share is None: that part is given otherwise.
    """
    for name, part in (("val", val), ("test", test)):
        if part is not None:
            arguments.number(name, part)
    shares = [share for share in (val, test) if share is not None]
    if not (all(0 < share < 1 for share in shares) and sum(shares) < 1):
        raise ValueError(
            "val and test must be shares above 0 that leave some to train on, got "
            f"{' and '.join(map(str, shares))}; 0.15 each leaves 70%"
        )
    random = np.random.default_rng(seed)
    drawn: list[list[NDArray[np.int64]]] = [[], [], []]
    for label in np.unique(labels):
        own = random.permutation(np.flatnonzero(labels == label))
        counts = [max(1, round(share * len(own))) if share else 0 for share in (val, test)]
        if sum(counts) >= len(own):
            raise ValueError(
                f"class {label} has only {len(own)} images, too few to split: add some, or "
                "leave it out"
            )
        for part, images in zip((1, 2, 0), np.split(own, np.cumsum(counts)), strict=True):
            drawn[part].append(images)
    return tuple(random.permutation(np.concatenate(part)) for part in drawn)

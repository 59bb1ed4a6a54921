"""The students of chapter 05: a small LeafNet that learned from labels, or from the original.

>>> from course_lib import models
>>> network = models.LeafNet(WIDTHS)
>>> sum(p.numel() for p in network.parameters()) <= 1149388 / 15  # of the original's
True
"""

import contextlib
import dataclasses
import zlib
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_lib import arguments, cache
from course_lib.images.data import ImageData
from course_lib.networks import identity, keeper, models, training
from course_lib.techniques import distillation

WIDTHS = (24, 32, 40, 40, 48, 48)
EPOCHS, TEMPERATURE = 30, 4
PART = 8  # the few images are one in eight; an epoch takes each of them eight times
SHIPPED_SEED = 3  # the benchmark's tables have others
FILES = {
    "distilled": "leafnet_student_distilled",
    "few, alone": "leafnet_student_few_alone",
    "few, no labels, distilled": "leafnet_student_few_distilled",
}


def student(data: ImageData, way: str, progress: bool = True) -> nn.Module:
    """The student of these images that learned in this way: shipped, cached, or trained now.

    way: "distilled" from all training images, their labels and the original's outputs; "few,
    alone" from an eighth of the images with their labels; "few, no labels, distilled" from the
    same images and the original's outputs alone. All of them look at equally many images: 30 times
    the training set. Training takes about ten minutes each on two cores; only images other than
    the leaves need it.
    """
    if way not in FILES:
        raise ValueError(f"way must be one of {', '.join(map(repr, FILES))}; got {way!r}")
    ships = training.shipped(FILES[way], data)
    if ships is not None:
        return ships

    stored = contextlib.ExitStack()

    def make() -> cache.Stored:
        # The teacher is part of the name: a checkpoint knows nothing of what its loss asks.
        part = f"{FILES[way]}-{data.fingerprint}-{zlib.crc32(key.encode()):08x}.part"
        kept = cache.under_way(part)
        stored.enter_context(keeper.until_stored(kept))
        network, _ = trained(data, way, progress=progress, checkpoint=kept)
        return network.state_dict(), ""

    taught_by = identity.of(training.original(data, progress), data.shape)
    assert taught_by is not None  # LeafNet hides nothing
    key = f"{WIDTHS} {EPOCHS} {TEMPERATURE} {PART} {SHIPPED_SEED} {taught_by}"
    with stored:
        weights, _ = cache.cached(f"{FILES[way]}-{data.fingerprint}.safetensors", key, make)
    network = untrained(data)
    network.load_state_dict(weights)
    return network.eval()


def untrained(data: ImageData, seed: int = SHIPPED_SEED) -> models.LeafNet:
    """The student before it learns; the seed is its start."""
    torch.manual_seed(arguments.seed(seed))
    return models.LeafNet(WIDTHS, len(data.classes), data.shape[0])


def trained(
    data: ImageData,
    way: str,
    seed: int = SHIPPED_SEED,
    progress: bool = True,
    checkpoint: Path | None = None,
) -> tuple[nn.Module, training.History]:
    """Train the student in one of the ways of `student`."""
    options: dict[str, Any] = {"epochs": EPOCHS, "seed": seed, "progress": progress}
    options["checkpoint"] = checkpoint
    images = fewer(data) if way.startswith("few") else data
    if way.endswith("alone"):
        return training.fit(untrained(data, seed), images, **options)
    outputs = distillation.teacher_outputs(training.original(data, progress), data)
    if way.startswith("few"):
        outputs = outputs[again(data)]
    mix = 1.0 if "no labels" in way else 0.9
    return distillation.distil(
        untrained(data, seed), outputs, images, temperature=TEMPERATURE, mix=mix, **options
    )


def fewer(data: ImageData) -> ImageData:
    """The first eighth of the training images, each eight times: epochs stay as long."""
    return dataclasses.replace(data, train=data.train.subset(again(data)))


def again(data: ImageData) -> torch.Tensor:
    """The numbers of the few training images, each so often that they make an epoch."""
    return torch.arange(len(data.train)) % max(1, len(data.train) // PART)

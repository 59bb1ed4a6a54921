"""What every step of a recipe works with: a `Lesson` that all share, and a `State` between two.

>>> from course_lib import models
>>> network = models.LeafNet(8).eval()
>>> State(network, bits=8).stored_bytes < State(network).stored_bytes / 3
True
"""

import dataclasses
import math
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from course_lib.deploy import engines, packing
from course_lib.images.data import ImageData
from course_lib.networks import identity, structure, training
from course_lib.techniques import distillation, quantization, weight_pruning
from course_lib.telling import tell

FRESH = 512  # training images that batch norms are measured on anew after an operation
CALIBRATION = 200  # training images that an engine's ranges are taken from


@dataclass(frozen=True)
class Lesson:
    """What the steps of one recipe share: images, the original, a seed, and a folder."""

    data: ImageData
    original: nn.Module
    folder: Path  # trained weights are kept here, and an interrupted training is gone on from here
    seed: int = 0
    progress: bool = True
    teacher: nn.Module | None = None  # who teaches; the original if None

    @cached_property
    def opinions(self) -> Tensor:
        """The teacher's logits on the training images; it is asked once."""
        return distillation.teacher_outputs(self.teacher or self.original, self.data)

    @cached_property
    def key(self) -> str:
        """What every training of this lesson depends on."""
        asked = self.teacher or self.original
        # A teacher that cannot be told from others has no second lesson.
        teacher = identity.of(asked, self.data.shape) or secrets.token_hex()
        return f"{teacher} {self.data.fingerprint} {self.seed}"

    def say(self, text: str) -> None:
        """Tell the person who waits, if progress is wanted."""
        if self.progress:
            tell(text)


@dataclass(frozen=True)
class State:
    """The network between two steps, and what must stay true of it."""

    network: nn.Module  # masks and rounding are parametrizations, so that training keeps them
    bits: int | None = None  # of its weights; None: float32
    masked: bool = False  # do its zeros stay?
    images_seen: int = 0
    packed: bytes | None = None

    @property
    def stored_bytes(self) -> int:
        """What it takes in the plainest form: weights side by side in their bits, or the file.

        Of masked layers the kept weights alone, and a bit for each weight that says which.
        """
        if self.packed is not None:
            return len(self.packed)
        total = quantization.stored_bytes(self.network, self.bits or 32)
        if self.masked:
            for layer in structure.layers(structure.plain(self.network)).values():
                weight: Any = layer.weight
                zeros = int((weight == 0).sum()) * (self.bits or 32) // 8
                total -= max(0, zeros - math.ceil(weight.numel() / 8))
        return total

    def changed(self, network: nn.Module, lesson: Lesson | None, **changes: Any) -> "State":
        """The state with a network from which masks and rounding went: put on again.

        Batch norms are measured anew: what reaches them is no longer what they knew.
        """
        state = dataclasses.replace(self, network=network, **changes)
        if state.masked:
            kept = {n: layer.weight != 0 for n, layer in structure.layers(network).items()}
            network = weight_pruning.masked(network, kept)  # type: ignore[arg-type]
        if state.bits and state.bits < 8:
            network = quantization.simulate(network, state.bits)
        if lesson is not None:
            network = training.recalibrated(network, lesson.data.train.first(FRESH))
        return dataclasses.replace(state, network=network)

    def exported(self, lesson: Lesson) -> engines.Onnx:
        """What runs: an ONNX graph, of integers once the weights are rounded."""
        shape, train = lesson.data.shape, lesson.data.train
        if self.packed is not None:
            return packing.unpack(self.packed)
        if self.bits is None:
            return engines.onnx(self.network, shape)
        if self.bits == 8:
            floats = engines.onnx(quantization.fold_batch_norm(self.network), shape)
            # In 7 bits: the file goes to processors and programs that nobody here knows.
            return engines.int8(floats, train, CALIBRATION, reduce_range=True)
        plain, integers = quantization.trained_integers(self.network)
        return engines.int8(engines.onnx(plain, shape), train, CALIBRATION, weights=integers)


class Step:
    """What all steps have: `apply` gives a new state, `scaled` the same step at another size."""

    sizes: ClassVar[bool] = False  # can it leave more or less?

    def apply(self, state: State, lesson: Lesson | None) -> State:
        """The state after this step; the one given stays as it is."""
        raise NotImplementedError

    def scaled(self, factor: float) -> "Step":
        """The step that leaves `factor` times as much; a step without a size is itself."""
        return self

"""The steps that a recipe is made of: each a plain setting that prints as what it does.

>>> print(sentence([PruneNeurons(0.5), Quantize(3), Distil(images=40_000), Pack()]))
prune neurons until 50% of the channels are left, round the weights to 3 bits, distil from the \
original on 40,000 images, and pack the result
>>> from course_lib import models
>>> smaller = PruneNeurons(0.5).apply(State(models.LeafNet(8).eval()), None)
>>> smaller.network.widths
(4, 4, 8, 8, 16, 16)
"""

import dataclasses
import hashlib
import math
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from course_lib import (
    distillation,
    engines,
    identity,
    low_rank,
    measuring,
    neuron_pruning,
    packing,
    quantization,
    surgery,
    training,
    weight_pruning,
)
from course_lib.data import ImageData

FRESH = 512  # training images that batch norms are measured on anew after an operation
SHOWN = 256  # validation images that a training shows its way on
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
        # A teacher that cannot be told from others has no second lesson.
        asked = self.teacher or self.original
        teacher = identity.of(asked, self.data.shape) or secrets.token_hex()
        return f"{teacher} {self.data.fingerprint} {self.seed}"

    def say(self, text: str) -> None:
        """Tell the person who waits, if progress is wanted."""
        if self.progress:
            print(text, file=sys.stderr, flush=True)


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
            for layer in surgery.layers(surgery.plain(self.network)).values():
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
            kept = {n: layer.weight != 0 for n, layer in surgery.layers(network).items()}
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


@dataclass(frozen=True)
class PruneNeurons(Step):
    """Take whole channels out, the least important ones of each layer (chapter 02).

    Engines compute channels in groups: 31 take longer than 32. So counts that are all multiples of
    eight stay such when they are scaled.
    """

    keep: float | tuple[int, ...]  # the share of the channels that is left, or how many a layer
    criterion: str = "l1"
    sizes = True

    def __post_init__(self) -> None:
        counts = self.keep if isinstance(self.keep, tuple) else (self.keep,)
        limit = math.inf if isinstance(self.keep, tuple) else 1
        if not counts or not all(0 < count <= limit for count in counts):
            raise ValueError(
                f"keep must be a share above 0, up to 1, or how many channels each layer keeps, "
                f"at least 1; got {self.keep}"
            )

    def __str__(self) -> str:
        if isinstance(self.keep, tuple):
            return f"prune neurons until {'-'.join(map(str, self.keep))} are left"
        return f"prune neurons until {self.keep:.0%} of the channels are left"

    def scaled(self, factor: float) -> "PruneNeurons":
        if isinstance(self.keep, tuple):  # counts stay multiples of the power of two in all of them
            unit = math.gcd(*self.keep) & -math.gcd(*self.keep)
            keep = tuple(unit * max(1, round(count * factor / unit)) for count in self.keep)
            return dataclasses.replace(self, keep=keep)
        return dataclasses.replace(self, keep=min(1.0, self.keep * factor))

    def apply(self, state: State, lesson: Lesson | None) -> State:
        plain = surgery.plain(state.network)
        images = lesson.data.train.first(FRESH) if lesson else None
        shape = lesson.data.shape if lesson else None
        there = {
            name: len(values)
            for name, values in neuron_pruning.importance(plain, "l1", shape=shape).items()
        }
        counts = (
            self.keep
            if isinstance(self.keep, tuple)
            else [max(1, round(self.keep * count)) for count in there.values()]
        )
        if len(counts) != len(there):
            raise ValueError(
                f"keep must be a share, or a number of channels for each of the {len(there)} "
                f"layers that can lose some ({', '.join(there)}); got {self.keep}"
            )
        gone = {
            name: max(0.0, 1 - left / count)
            for (name, count), left in zip(there.items(), counts, strict=True)
        }
        return state.changed(
            neuron_pruning.prune(plain, gone, self.criterion, images=images, shape=shape), lesson
        )


@dataclass(frozen=True)
class PruneWeights(Step):
    """Set the weakest connections of all layers to zero; they stay zero (chapter 03)."""

    sparsity: float  # the share of zeros, of all weights together
    sizes = True

    def __str__(self) -> str:
        return f"prune weights until {self.sparsity:.0%} are zero"

    def scaled(self, factor: float) -> "PruneWeights":
        return PruneWeights(max(0.0, 1 - (1 - self.sparsity) * factor))

    def apply(self, state: State, lesson: Lesson | None) -> State:
        plain = surgery.plain(state.network)
        masks = weight_pruning.masks(plain, self.sparsity, scope="global")
        return state.changed(weight_pruning.apply(plain, masks), lesson, masked=True)


@dataclass(frozen=True)
class Factor(Step):
    """Replace layers by two thin ones each (chapter 06). Zeros do not outlive it."""

    macs: float  # the share of multiply-adds that is left
    method: str = "spatial"
    sizes = True

    def __str__(self) -> str:
        return f"factor layers ({self.method}) until {self.macs:.0%} of the multiply-adds are left"

    def scaled(self, factor: float) -> "Factor":
        return dataclasses.replace(self, macs=min(0.95, self.macs * factor))

    def apply(self, state: State, lesson: Lesson | None) -> State:
        assert lesson is not None
        plain = surgery.plain(state.network)
        factored = low_rank.factor(plain, self.method, lesson.data.shape, macs=self.macs)
        return state.changed(factored, lesson, masked=False)


@dataclass(frozen=True)
class Quantize(Step):
    """Round the weights (chapter 04): 8 bits as engines do it, fewer by rounding in training.

    Fewer than 8 want a `Distil` behind them, which trains with the rounding in place.
    """

    bits: int

    def __str__(self) -> str:
        return f"round the weights to {self.bits} bits"

    def apply(self, state: State, lesson: Lesson | None) -> State:
        quantization.limits(self.bits, symmetric=True)
        return state.changed(surgery.plain(state.network), None, bits=self.bits)


@dataclass(frozen=True)
class Distil(Step):
    """Train what is there, with the original as the teacher (chapter 05); mix=0: labels alone.

    price: what a weight costs, per step of its rounding, beside the loss of distillation. It draws
    weights to small integers and to zero, which pack well (an L1 penalty, relative to the scale).
    """

    images: int  # seen in training, counted once each time they are seen
    temperature: float = 2.0
    mix: float = 0.9
    price: float = 0.0
    learning_rate: float = 0.05
    batch_size: int = 128
    augment: bool = True  # move and turn the images

    def __str__(self) -> str:
        way = "distil from the original" if self.mix else "train with the labels"
        priced = ", with a price on every weight," if self.price else ""
        return f"{way}{priced} on {self.images:,} images"

    def apply(self, state: State, lesson: Lesson | None) -> State:
        assert lesson is not None
        data = dataclasses.replace(lesson.data, val=lesson.data.val.first(SHOWN))
        epochs = max(1, round(self.images / len(data.train)))
        network = surgery.copied(state.network)
        begins = identity.of(network, data.shape, training=True) or secrets.token_hex()
        key = f"{self} {begins} {lesson.key} {dataclasses.astuple(self)}"
        file = lesson.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.safetensors"
        if file.exists():
            network.load_state_dict(load_file(file))
        else:
            network, _ = training.fit(
                network, data, epochs, self.learning_rate, self.batch_size,
                seed=lesson.seed, augment=self.augment, keep="last", loss=self._loss(lesson),
                workers=measuring.threads(), bfloat16=True, checkpoint=file.with_suffix(".part"),
                progress=lesson.progress,
            )  # fmt: skip
            save_file({k: v.contiguous() for k, v in network.state_dict().items()}, file)
        seen = state.images_seen + epochs * len(data.train)
        return dataclasses.replace(state, network=network, images_seen=seen)

    def _loss(self, lesson: Lesson) -> training.Loss | None:
        if self.mix:
            taught = distillation.taught_by(lesson.opinions, self.temperature, self.mix)
        else:
            taught = distillation.label_smoothing(0.0)
        if not self.price:
            return taught

        def loss(network: nn.Module, inputs: Tensor, labels: Tensor, numbers: Tensor) -> Tensor:
            return taught(network, inputs, labels, numbers) + self.price * in_steps(network)

        return loss


def in_steps(network: nn.Module) -> Tensor:
    """The sum of |weight| / scale over all rounded weights: how many steps they are from zero."""
    total = torch.zeros(())
    for layer in surgery.layers(network).values():
        steps: Any = getattr(layer, "parametrizations", {})
        if "weight" in steps and isinstance(steps.weight[-1], quantization.RoundedWeight):
            weight = steps.weight.original
            for step in list(steps.weight)[:-1]:
                weight = step(weight)
            total = total + (weight.abs() / steps.weight[-1].step.detach()).sum()
    return total


@dataclass(frozen=True)
class Forget(Step):
    """Random weights, in the same shapes: where the honest baseline begins."""

    def __str__(self) -> str:
        return "forget all weights"

    def apply(self, state: State, lesson: Lesson | None) -> State:
        torch.manual_seed(lesson.seed if lesson else 0)
        plain: Any = surgery.plain(state.network)
        kept: Any = {name: layer.weight != 0 for name, layer in surgery.layers(plain).items()}
        for module in plain.modules():
            if module is not plain and hasattr(module, "reset_parameters"):
                module.reset_parameters()
        if state.masked:
            plain = weight_pruning.apply(plain, kept)
        return state.changed(plain, None)


@dataclass(frozen=True)
class Pack(Step):
    """Store the network as one packed file, and go on with what that file holds (chapter 07)."""

    def __str__(self) -> str:
        return "pack the result"

    def apply(self, state: State, lesson: Lesson | None) -> State:
        assert lesson is not None
        return dataclasses.replace(state, packed=packing.pack(state.exported(lesson)))


def states(recipe: Sequence[Step], lesson: Lesson) -> list[State]:
    """The steps one after the other, from the original on: the state after each."""
    found: list[State] = []
    for number, step in enumerate(recipe, 1):
        lesson.say(f"  {number} of {len(recipe)}: {step}")
        found.append(step.apply(found[-1] if found else State(lesson.original), lesson))
    return found


def sentence(recipe: Sequence[Step]) -> str:
    """The recipe in words."""
    words = [str(step) for step in recipe]
    return ", ".join(words[:-1]) + (", and " if len(words) > 1 else "") + words[-1]


def from_scratch(recipe: Sequence[Step]) -> list[Step]:
    """The honest baseline: the same architecture, budget and rounding, from random weights.

    No original: its weights are forgotten before the first training, and the labels teach.
    """
    steps: list[Step] = []
    for step in recipe:
        if isinstance(step, Distil):
            if not any(isinstance(earlier, Forget) for earlier in steps):
                steps.append(Forget())
            step = dataclasses.replace(step, mix=0.0)
        steps.append(step)
    return steps

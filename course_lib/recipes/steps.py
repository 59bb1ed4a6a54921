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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course_lib import kept
from course_lib.deploy import packing
from course_lib.measure import measuring
from course_lib.networks import identity, keeper, structure, training
from course_lib.recipes.state import FRESH, Lesson, State, Step
from course_lib.techniques import (
    channels,
    distillation,
    low_rank,
    neuron_pruning,
    quantization,
    weight_pruning,
)

__all__ = [
    "Distil", "Factor", "Forget", "Lesson", "Pack", "PruneNeurons", "PruneWeights", "Quantize",
    "State", "Step", "from_scratch", "in_steps", "sentence", "states",
]  # fmt: skip

MOST_EPOCHS = 300  # of few images, which teach no more by then
SHOWN = 256  # validation images that a training shows its way on


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
        plain = structure.plain(state.network)
        images = lesson.data.train.first(FRESH) if lesson else None
        shape = lesson.data.shape if lesson else None
        seed = lesson.seed if lesson else 0
        owned = channels.parts(plain, shape)
        values = neuron_pruning.importance(plain, self.criterion, images, shape, seed, owned)
        chosen = neuron_pruning.choose(values, keep=self._counts(values))
        return state.changed(neuron_pruning.remove(plain, chosen, shape, owned), lesson)

    def _counts(self, values: Mapping[str, Tensor]) -> dict[str, int]:
        """How many channels each layer keeps."""
        counts: Sequence[float] = (
            self.keep
            if isinstance(self.keep, tuple)
            else [self.keep * len(each) for each in values.values()]
        )
        if len(counts) != len(values):
            raise ValueError(
                f"keep must be a share, or a number of channels for each of the {len(values)} "
                f"layers that can lose some ({', '.join(values)}); got {self.keep}"
            )
        return {name: max(1, round(count)) for name, count in zip(values, counts, strict=True)}


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
        plain = structure.plain(state.network)
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
        plain = structure.plain(state.network)
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
        return state.changed(structure.plain(state.network), None, bits=self.bits)


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
    augment: bool | tuple[str, ...] = True  # as `training.fit` takes it

    def __str__(self) -> str:
        way = "distil from the original" if self.mix else "train with the labels"
        priced = ", with a price on every weight," if self.price else ""
        return f"{way}{priced} on {self.images:,} images"

    def apply(self, state: State, lesson: Lesson | None) -> State:
        assert lesson is not None
        data = dataclasses.replace(lesson.data, val=lesson.data.val.first(SHOWN))
        epochs = min(max(1, round(self.images / len(data.train))), MOST_EPOCHS)
        network = structure.copied(state.network)
        begins = identity.of(network, data.shape, training=True) or secrets.token_hex()
        key = f"{self} {begins} {lesson.key} {dataclasses.astuple(self)}"
        file = lesson.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.safetensors"
        weights = kept.found(file, "training again")
        if weights is not None:
            network.load_state_dict(weights[0])
        else:
            part = file.with_suffix(".part")
            with keeper.until_stored(part):
                network, _ = training.fit(
                    network, data, epochs, self.learning_rate, self.batch_size,
                    seed=lesson.seed, augment=self.augment, keep="last", loss=self._loss(lesson),
                    workers=measuring.threads(), bfloat16=True, checkpoint=part,
                    progress=lesson.progress,
                )  # fmt: skip
                kept.write(file, network.state_dict(), {})
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
    for layer in structure.layers(network).values():
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
        plain: Any = structure.plain(state.network)
        kept: Any = {name: layer.weight != 0 for name, layer in structure.layers(plain).items()}
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

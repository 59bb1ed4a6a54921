"""A training under way: passes over the images in random order, each batch moved, turned, learned.

`training.fit` makes a `Run` and decides when it ends and which weights are kept.
"""

import copy
import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from course_lib.images import normalisation
from course_lib.images.image_data import Images
from course_lib.images.orientation import AUGMENTATIONS
from course_lib.networks import feeding, structure
from course_lib.networks.workers import Workers

# (network, inputs, labels, image numbers) -> scalar
Loss = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]
AfterStep = Callable[[nn.Module, int, int], None]  # (network, steps done, steps in all)


@dataclass(frozen=True)
class Teaching:
    """How each batch is learned."""

    loss: Loss | None  # cross-entropy if None
    after_step: AfterStep | None
    augment: frozenset[str]  # of orientation.AUGMENTATIONS
    bfloat16: bool


class Run:
    """A copy of a network, and all that changes with it from step to step."""

    def __init__(
        self,
        network: nn.Module,
        images: Images,
        epochs: int,
        learning_rate: float,
        batch_size: int,
        weight_decay: float,
        seed: int,
        workers: int,
    ):
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.images, self.batch_size = images, min(batch_size, len(images))
        self.shape = tuple(images.pixels.shape[1:])
        self.workers = 1 if self.device.type == "cuda" else min(workers, self.batch_size // 2)
        # The first shuffles too; each worker moves and turns the images of its part.
        self.generators = [
            torch.Generator().manual_seed(seed + 10_000 * i) for i in range(self.workers)
        ]
        torch.manual_seed(seed)  # dropout and the like, inside the network
        self.layout = feeding.layout(network, images.pixels.shape[1:])
        copied = structure.duplicate(network).to(self.device)
        self.network = laid_out(copied, self.layout).train()
        self.dtype = feeding.place(self.network)[1]
        self.steps = steps = epochs * math.ceil(len(images) / self.batch_size)
        self.optimiser = torch.optim.SGD(
            [p for p in self.network.parameters() if p.requires_grad],
            lr=learning_rate,
            momentum=0.9,
            nesterov=True,
            weight_decay=weight_decay,
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, lambda step: cycle(step, steps)
        )
        self.best = copy.deepcopy(self.network.state_dict())  # the weights to keep
        self.within: dict[str, Any] | None = None  # how far it is in an epoch; None between two
        self.whole = True  # False in the midst of a step

    def keep(self) -> None:
        """The weights of now are those to keep."""
        self.best = copy.deepcopy(self.network.state_dict())

    def result(self) -> nn.Module:
        """The network with the weights that were kept, on the CPU, in evaluation mode."""
        self.network.load_state_dict(self.best)
        return laid_out(self.network.to("cpu"), torch.contiguous_format).eval()

    def epoch(
        self,
        sharing: Workers,
        teaching: Teaching,
        bar: tqdm,
        after_batch: Callable[[], None] = lambda: None,
    ) -> float:
        """One pass over the images, or the rest of one that was interrupted; the mean loss."""
        if self.workers > 1:
            torch.set_num_threads(1)
        sharing.train()
        part_loss = self._part_loss(sharing, teaching)
        order = self._order()
        assert self.within is not None
        for numbers in order:
            if len(numbers) < 2:
                continue  # batch norm cannot learn from one image
            self.whole = False
            parts = numbers.tensor_split(min(self.workers, len(numbers) // 2))
            value = self._step(sharing.step(part_loss, parts))
            if teaching.after_step is not None:
                teaching.after_step(self.network, self.schedule.last_epoch, self.steps)
            self.within["batches"] += 1
            self.within["total"] += value * len(numbers)
            self.within["count"] += len(numbers)
            self.whole = True
            bar.update()
            after_batch()
        torch.set_num_threads(sharing.threads)  # nobody else computes now
        mean = self.within["total"] / max(1, self.within["count"])
        self.within = None
        return mean

    def _order(self) -> Iterator[Tensor]:
        """The batches that are left of the epoch: of a new one all."""
        drawing = self.generators[0]
        if self.within is None:
            self.within = {"drawn": drawing.get_state(), "batches": 0, "total": 0.0, "count": 0}
        else:  # drawn as when it began; `drawing` itself has gone on since
            drawing = torch.Generator()
            drawing.set_state(self.within["drawn"])
        return islice(self.images.order(self.batch_size, drawing), self.within["batches"], None)

    def _part_loss(
        self, sharing: Workers, teaching: Teaching
    ) -> Callable[[nn.Module, Tensor], Tensor]:
        """What a worker's copy computes of its part of a batch, given the images' numbers."""
        drawing = dict(zip(map(id, sharing.copies), self.generators, strict=True))
        fed = normalisation.of(self.network)

        def part_loss(network: nn.Module, numbers: Tensor) -> Tensor:
            pixels, labels = self.images.pixels[numbers], self.images.labels[numbers]
            if teaching.augment:
                pixels = augmented(pixels, drawing[id(network)], teaching.augment)
            inputs = fed(pixels).to(self.device, self.dtype, memory_format=self.layout)
            labels = labels.to(self.device)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=teaching.bfloat16):
                if teaching.loss is None:
                    return F.cross_entropy(network(inputs).float(), labels)
                return teaching.loss(network, inputs, labels, numbers)

        return part_loss

    def _step(self, value: Tensor) -> float:
        """Move the weights along the gradients that the loss `value` left."""
        if not torch.isfinite(value):
            raise FloatingPointError(
                f"the loss became {value.item()} at step {self.schedule.last_epoch}: the learning "
                f"rate {self.optimiser.param_groups[0]['lr']:.3g} is likely too high (try a third "
                f"of it), or an image holds no numbers"
            )
        self.optimiser.step()
        self.schedule.step()
        return value.item()


def laid_out(network: nn.Module, layout: torch.memory_format) -> nn.Module:
    """The network with its convolutions' weights in a layout; channels last trains 1.3x faster."""
    return network.to(memory_format=layout)  # type: ignore[call-overload]


def cycle(step: int, steps: int) -> float:
    """A tenth of the steps up, the rest down along a cosine to zero."""
    warm = max(1, steps // 10)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def augmented(
    images: Tensor, generator: torch.Generator, how: Collection[str] = AUGMENTATIONS
) -> Tensor:
    """The same images, each moved by up to a sixteenth, turned by quarters and mirrored by chance.

    how: some of "move", "turn" and "flip"; `orientation.chosen` says what a set of images bears.
    images: pixels or floats, (batch, channels, height, width); bytes are moved fastest.
    """
    if "move" in how:
        images = _moved(images, generator)
    return _turned(images, generator, "turn" in how, "flip" in how)


def _moved(images: Tensor, generator: torch.Generator) -> Tensor:
    count, _, height, width = images.shape
    wide, corners = images, []
    for axis, side in ((2, height), (3, width)):
        most = side // 16
        corners.append(torch.randint(0, 2 * most + 1, (count,), generator=generator).tolist())
        # The border's pixels go on beyond it.
        wide = wide.index_select(axis, torch.arange(-most, side + most).clamp(0, side - 1))
    return torch.stack(
        [
            wide[i, :, top : top + height, left : left + width]
            for i, (top, left) in enumerate(zip(*corners, strict=True))
        ]
    )


def _turned(images: Tensor, generator: torch.Generator, turn: bool, flip: bool) -> Tensor:
    count, _, height, width = images.shape
    mirrored = torch.randint(0, 2, (count,), generator=generator) if flip else 0
    turns = torch.randint(0, 4, (count,), generator=generator) if turn else 0
    kinds = mirrored + (2 * turns if height == width else 0)
    if isinstance(kinds, int):
        return images
    turned = torch.empty_like(images)
    for kind in kinds.unique().tolist():
        chosen = (kinds == kind).nonzero()[:, 0]
        some = images[chosen].flip(3) if kind % 2 else images[chosen]
        turned[chosen] = torch.rot90(some, kind // 2, (2, 3))
    return turned

"""Training and judging a network: `fit`, `predict`, `evaluate`, and the `original` of a data set.

>>> import numpy as np
>>> from course_lib import data, models
>>> rng = np.random.default_rng(0)
>>> pixels = rng.integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
>>> tiny = data.from_arrays(pixels, np.arange(60) % 3)
>>> network, history = fit(models.LeafNet(4, classes=3), tiny, epochs=1, progress=False)
>>> len(history.validation_accuracy)
1
"""

import contextlib
import copy
import ctypes
import dataclasses
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from . import cache, checkpoints, leaves, models, surgery
from .data import ImageData, Images, normalise
from .processor import has_bfloat16
from .workers import Workers

Loss = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]
AfterStep = Callable[[nn.Module, int, int], None]


@dataclass
class History:
    """What happened in `fit`, one entry an epoch."""

    loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)  # in [0, 1]
    best_epoch: int = -1  # the epoch whose weights were kept, from 0
    seconds: float = 0.0
    interrupted: bool = False


def fit(
    network: nn.Module,
    data: ImageData,
    epochs: int = 20,
    learning_rate: float = 0.05,
    batch_size: int = 64,
    weight_decay: float = 5e-4,
    seed: int = 0,
    augment: bool = True,
    keep: str = "best",  # the weights "best" on the validation images, or those of the "last" epoch
    patience: int | None = None,  # stop after so many epochs without a better validation
    # (network, inputs, labels, image numbers) -> scalar; cross-entropy if None. The numbers are
    # places in data.train, for losses that look something up (a teacher's outputs).
    loss: Loss | None = None,
    after_step: AfterStep | None = None,  # called with (network, steps done, steps in all)
    progress: bool = True,
    workers: int = 1,  # threads that each take a part of every batch, see below
    bfloat16: bool = False,  # compute in 16 bits where the processor can, see below
    checkpoint: Path | None = None,  # a file to go on from after an interruption
) -> tuple[nn.Module, History]:
    """Train a copy of the network; return it with the history. The one given is not changed.

    SGD with Nesterov momentum and one warm-up-and-cosine cycle of the learning rate. The
    weights that did best on the validation images are kept, or the last ones where the network
    itself changes on the way (gradual pruning); the test images are never seen.
    Ctrl-C (or the kernel's stop button) keeps the best so far. Seeded: the same machine gives
    the same network again.

    workers: a small network has too little to do for two threads at one layer; two workers with
    half of each batch and one thread each train it about 1.5 times as fast. Batch norms then see
    half a batch at a time. On a GPU there is one.
    bfloat16: convolutions and products in bfloat16 (weights stay float32), where the processor has
    instructions for it; elsewhere it changes nothing.
    checkpoint: written after every epoch and removed at the end. If it is there, training goes on
    behind its last epoch and ends with the same network as without the interruption; Ctrl-C then
    is not swallowed but leaves the file. It is tied to these settings, network and images.

    Raises ValueError for settings that cannot work, FloatingPointError when the loss is no
    longer a number, with the likely reason.
    """
    if epochs < 1 or batch_size < 2 or learning_rate <= 0 or workers < 1:
        raise ValueError(
            f"fit needs epochs >= 1, batch_size >= 2, learning_rate > 0 and workers >= 1; got "
            f"epochs={epochs}, batch_size={batch_size}, learning_rate={learning_rate}, "
            f"workers={workers}"
        )
    if keep not in ("best", "last"):
        raise ValueError(f"keep must be 'best' or 'last', got {keep!r}")
    if not len(data.train):
        raise ValueError(f"fit has nothing to learn from: {data.name!r} has no training images")
    if not any(p.requires_grad for p in network.parameters()):
        raise ValueError(
            "fit has nothing to train: every parameter is frozen; "
            "network.requires_grad_(True) lets them learn again"
        )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    batch_size = min(batch_size, len(data.train))
    workers = 1 if device.type == "cuda" else min(workers, batch_size // 2)
    # The first shuffles too; each worker moves and turns the images of its part.
    generators = [torch.Generator().manual_seed(seed + 10_000 * i) for i in range(workers)]
    torch.manual_seed(seed)  # dropout and the like, inside the network
    tied_to = ""
    if checkpoint:
        settings = (epochs, learning_rate, batch_size, weight_decay, seed, augment, keep, workers,
                    bfloat16)  # fmt: skip
        tied_to = checkpoints.tied_to(network, data, *settings)
    network = _laid_out(copy.deepcopy(network).to(device), torch.channels_last).train()
    steps = epochs * math.ceil(len(data.train) / batch_size)
    optimiser = torch.optim.SGD(
        [p for p in network.parameters() if p.requires_grad],
        lr=learning_rate,
        momentum=0.9,
        nesterov=True,
        weight_decay=weight_decay,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _cycle(step, steps))
    history, best, start = History(), copy.deepcopy(network.state_dict()), time.perf_counter()
    if checkpoint and checkpoint.exists():
        so_far, best = checkpoints.resumed(
            checkpoint, tied_to, network, optimiser, schedule, generators
        )
        history = History(**so_far)
        start -= history.seconds
    # TQDM_DISABLE in the environment keeps its say when progress is wanted.
    quiet = {} if progress else {"disable": True}
    bar = tqdm(total=steps, desc="training", unit="step", file=sys.stderr,
               initial=schedule.last_epoch, **quiet)  # fmt: skip
    try:
        with Workers(network, workers) as sharing:
            for epoch in range(len(history.loss), epochs):
                numbers = data.train.order(batch_size, generators[0])
                history.loss.append(
                    _epoch(
                        sharing, data.train, numbers, generators if augment else [], loss,
                        after_step, optimiser, schedule, bar, bfloat16 and has_bfloat16(),
                    )
                )  # fmt: skip
                torch.set_num_threads(sharing.threads)  # nobody else computes now
                history.validation_accuracy.append(evaluate(network, data.val))
                better = history.validation_accuracy[-1] > max(
                    [-1.0, *history.validation_accuracy[:-1]]
                )
                if better or keep == "last":
                    best, history.best_epoch = copy.deepcopy(network.state_dict()), epoch
                bar.set_postfix(validation=f"{history.validation_accuracy[-1]:.1%}")
                history.seconds = time.perf_counter() - start
                if checkpoint:
                    checkpoints.keep(checkpoint, tied_to, network, best,
                                     dataclasses.asdict(history), optimiser, schedule,
                                     generators)  # fmt: skip
                if patience is not None and epoch - history.best_epoch >= patience:
                    break
    except KeyboardInterrupt:
        if checkpoint:
            raise
        history.interrupted = True
        bar.write(f"stopped in epoch {len(history.loss) + 1}: the best network so far is kept")
    finally:
        bar.close()
    history.seconds = time.perf_counter() - start
    network.load_state_dict(best)
    if checkpoint:
        checkpoint.unlink(missing_ok=True)
    release_memory()
    return _laid_out(network.to("cpu"), torch.contiguous_format).eval(), history


def release_memory() -> None:
    """Give the system back what was freed: glibc keeps it otherwise, a tenth of a chapter's."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def _laid_out(network: nn.Module, layout: torch.memory_format) -> nn.Module:
    """The network with its convolutions' weights in a layout; channels last trains 1.3x faster."""
    return network.to(memory_format=layout)  # type: ignore[call-overload]


def _epoch(
    workers: Workers,
    images,
    batches,
    generators,
    loss,
    after_step,
    optimiser,
    schedule,
    bar,
    bfloat16,
) -> float:
    """One pass; the images are augmented if there are generators to draw from."""
    network = workers.copies[0]
    device = next(network.parameters()).device
    drawing = dict(zip(map(id, workers.copies), generators, strict=False))

    def part_loss(network: nn.Module, numbers: Tensor) -> Tensor:
        pixels, labels = images.pixels[numbers], images.labels[numbers]
        if drawing:
            pixels = augmented(pixels, drawing[id(network)], turn=pixels.shape[1] == 3)
        inputs = normalise(pixels)
        inputs, labels = inputs.to(device, memory_format=torch.channels_last), labels.to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            if loss is None:
                return F.cross_entropy(network(inputs).float(), labels)
            return loss(network, inputs, labels, numbers)

    if len(workers.copies) > 1:
        torch.set_num_threads(1)
    workers.train()
    total, count = 0.0, 0
    for numbers in batches:
        if len(numbers) < 2:
            continue  # batch norm cannot learn from one image
        parts = numbers.tensor_split(min(len(workers.copies), len(numbers) // 2))
        value = workers.step(part_loss, parts)
        if not torch.isfinite(value):
            raise FloatingPointError(
                f"the loss became {value.item()} at step {schedule.last_epoch}: the learning rate "
                f"{optimiser.param_groups[0]['lr']:.3g} is likely too high (try a third of it), "
                f"or an image holds no numbers"
            )
        optimiser.step()
        schedule.step()
        if after_step is not None:
            after_step(network, schedule.last_epoch, bar.total)
        total, count = total + value.item() * len(numbers), count + len(numbers)
        bar.update()
    return total / max(1, count)


def _cycle(step: int, steps: int) -> float:
    """A tenth of the steps up, the rest down along a cosine to zero."""
    warm = max(1, steps // 10)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def augmented(images: Tensor, generator: torch.Generator, turn: bool = True) -> Tensor:
    """The same images, each moved by up to a sixteenth, and turned and mirrored if `turn`.

    A leaf is the same leaf in every direction; a digit is not, so grey images are only moved.
    images: pixels or floats, (batch, channels, height, width); bytes are moved fastest.
    """
    count, _, height, width = images.shape

    def draw(low: int, high: int) -> Tensor:
        return torch.randint(low, high, (count,), generator=generator)

    wide, corners = images, []
    for axis, side in ((2, height), (3, width)):
        most = side // 16
        corners.append((draw(-most, most + 1) + most).tolist())
        # The border's pixels go on beyond it.
        wide = wide.index_select(axis, torch.arange(-most, side + most).clamp(0, side - 1))
    images = torch.stack(
        [
            wide[i, :, top : top + height, left : left + width]
            for i, (top, left) in enumerate(zip(*corners, strict=True))
        ]
    )
    if turn:
        mirror, turns = draw(0, 2), draw(0, 4)
        kinds = mirror + (2 * turns if height == width else 0)
        turned = torch.empty_like(images)
        for kind in kinds.unique().tolist():
            chosen = (kinds == kind).nonzero()[:, 0]
            some = images[chosen].flip(3) if kind % 2 else images[chosen]
            turned[chosen] = torch.rot90(some, kind // 2, (2, 3))
        images = turned
    return images


@torch.inference_mode()
def predict(network: nn.Module, images: Images, batch_size: int = 32) -> Tensor:
    """Logits of all images, (count, classes), on the CPU; the network's mode is left as it was."""
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    was_training = network.training
    network.eval()
    try:
        return torch.cat(
            [
                network(inputs.to(device, memory_format=torch.channels_last)).cpu()
                for inputs, _ in images.batches(batch_size)
            ]
        )
    finally:
        network.train(was_training)


def evaluate(network: nn.Module, images: Images) -> float:
    """The share of images, in [0, 1], whose highest logit is their label's."""
    return (predict(network, images).argmax(1) == images.labels).double().mean().item()


def recalibrated(network: nn.Module, images: Images, batch_size: int = 64) -> nn.Module:
    """A copy whose batch norms measure their means and variances anew on these images.

    They still expect the outputs of the layers as they were before pruning, which can cost more
    than the missing weights do (Li et al. 2020, arXiv 2007.02491, section 3). No weight changes and
    no label is looked at; take training images. Every batch counts alike. Raises ValueError for
    fewer than two images; a network without batch norm comes back as it is.
    """
    if len(images) < 2:
        raise ValueError(
            f"images must hold at least 2 to measure batch norms on, got {len(images)}"
        )
    network = surgery.copied(network)
    norms: list[Any] = [
        module
        for module in network.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats
    ]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean of all batches
        norm.train()
    device = next(network.parameters()).device
    with torch.inference_mode():
        for inputs, _ in images.batches(batch_size, device=device):
            if len(inputs) > 1:  # one image has no variance
                network(inputs.to(memory_format=torch.channels_last))
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
    return network.eval()


ORIGINAL_WIDTH = 64


def original(data: ImageData, progress: bool = True) -> nn.Module:
    """The uncompressed LeafNet of these images: shipped, cached, or trained once and cached.

    Training takes about ten minutes for 4,000 photos on two cores; the bar shows what is left.
    """
    if data.name == "leaves":
        path = models.WEIGHTS / "leafnet_leaves.safetensors"
        # By version, not by fingerprint: another platform's pixels may differ by a grey level.
        if path.exists() and models.notes(path).get("images") == leaves.VERSION:
            return models.load(path)

    def make() -> cache.Stored:
        network, history = train_original(data, progress=progress)
        if history.interrupted:
            raise _Interrupted(network)
        return network.state_dict(), {"name": data.name, "seconds": round(history.seconds)}

    try:
        weights, _ = cache.cached(f"leafnet-{data.fingerprint}.safetensors", "1", make)
    except _Interrupted as stopped:
        return stopped.network  # good enough to go on with, not to keep
    network = models.LeafNet(ORIGINAL_WIDTH, len(data.classes), data.shape[0])
    network.load_state_dict(weights)
    return network.eval()


class _Interrupted(Exception):
    """Training was stopped by hand; carries the best network until then."""

    def __init__(self, network: nn.Module):
        self.network = network


def train_original(
    data: ImageData, epochs: int | None = None, seed: int = 0, progress: bool = True
) -> tuple[nn.Module, History]:
    """Train LeafNet(64) from scratch; fewer passes over large sets, more over small ones."""
    if epochs is None:
        epochs = max(3, min(30, 100_000 // len(data.train)))
    torch.manual_seed(seed)
    network = models.LeafNet(ORIGINAL_WIDTH, classes=len(data.classes), channels=data.shape[0])
    return fit(network, data, epochs=epochs, seed=seed, progress=progress)

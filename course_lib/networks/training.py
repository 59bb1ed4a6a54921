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
import ctypes
import dataclasses
import functools
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from .. import arguments, cache
from ..images import image_data, leaves, orientation
from ..images.data import ImageData, Images, are_leaves
from ..processor import has_bfloat16
from . import checkpoints, feeding, keeper, models, structure
from .epochs import AfterStep, Loss, Run, Teaching
from .epochs import augmented as augmented
from .stopping import Held, Stopped
from .workers import Workers

BATCH = 32  # images that `predict` asks about at a time


@dataclass
class History:
    """What happened in `fit`, one entry an epoch."""

    loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)  # in [0, 1]
    best_epoch: int = -1  # the epoch whose weights were kept, from 0
    seconds: float = 0.0

    def judged(self, accuracy: float, keep: str) -> bool:
        """Note an epoch's accuracy on the validation images; are its weights the ones to keep?"""
        better = accuracy > max([-1.0, *self.validation_accuracy])
        self.validation_accuracy.append(accuracy)
        if better or keep == "last":
            self.best_epoch = len(self.validation_accuracy) - 1
        return better or keep == "last"

    def stale(self, patience: int | None) -> bool:
        """Have so many epochs passed without a better one?"""
        judged = len(self.validation_accuracy)
        return patience is not None and judged > 0 and judged - 1 - self.best_epoch >= patience


def fit(
    network: nn.Module,
    data: ImageData,
    epochs: int = 20,
    learning_rate: float = 0.05,
    batch_size: int = 64,
    weight_decay: float = 5e-4,
    seed: int = 0,
    augment: bool | Collection[str] = True,  # True: move, turn and flip as the images bear it
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
    Seeded: the same machine gives the same network again.

    Ctrl-C, or the kernel's stop button, stops it: KeyboardInterrupt, and no network, for half a
    training is none. What was learned is kept: the same call goes on from there, after a restart,
    too, and ends with the same network as without the interruption.

    workers: a small network has too little to do for two threads at one layer; two workers with
    half of each batch and one thread each train it about 1.5 times as fast. Batch norms then see
    half a batch at a time. On a GPU there is one.
    bfloat16: convolutions and products in bfloat16 (weights stay float32), where the processor has
    instructions for it; elsewhere it changes nothing.
    augment: images are moved a little, and turned and mirrored where that changes nothing about
    them (`orientation.symmetries` looks, and one line tells what has an up). False: none of it; or
    some of "move", "turn" and "flip".
    checkpoint: written after every epoch, and every half minute of long ones, and removed at the
    end, so that a kill costs no more than that. It is tied to these settings, images, and what the
    network computes; one that cannot be told from others (see `identity.of`) begins again.

    Raises ValueError for settings that cannot work, FloatingPointError when the loss is no
    longer a number, with the likely reason.
    """
    network = structure.unwrapped(network)
    _check(network, data, epochs, learning_rate, batch_size, keep, workers)
    run = Run(network, data.train, epochs, learning_rate, batch_size, weight_decay, seed, workers)
    how = orientation.chosen(augment, data.train, tell=progress)
    teaching = Teaching(loss, after_step, how, bfloat16 and has_bfloat16())
    settings = (epochs, learning_rate, run.batch_size, weight_decay, seed, sorted(how), keep,
                run.workers, bfloat16)  # fmt: skip
    keeping = keeper.Keeper(
        checkpoint, run, lambda: checkpoints.tied_to(network, data, *settings), (loss, after_step)
    )
    history = History(**(keeping.resumed() or {}))
    start = time.perf_counter() - history.seconds

    def after_batch(held: Held) -> None:
        if keeping.due:
            kept()
        held.release()

    def kept() -> None:
        history.seconds = time.perf_counter() - start
        keeping.keep(dataclasses.asdict(history))

    try:
        with _bar(run, progress) as bar, Workers(run.network, run.workers) as sharing:
            while len(history.validation_accuracy) < epochs and not history.stale(patience):
                if len(history.loss) == len(history.validation_accuracy):
                    with Held() as held:
                        every = functools.partial(after_batch, held)
                        history.loss.append(run.epoch(sharing, teaching, bar, every))
                accuracy = evaluate(run.network, data.val)
                with Held():
                    if history.judged(accuracy, keep):
                        run.keep()
                bar.set_postfix(validation=f"{history.validation_accuracy[-1]:.1%}")
                kept()
    except KeyboardInterrupt:
        history.seconds = time.perf_counter() - start
        where = f"Stopped in epoch {len(history.validation_accuracy) + 1} of {epochs}."
        raise Stopped(f"{where} {keeping.stopped(dataclasses.asdict(history))}") from None
    history.seconds = time.perf_counter() - start
    found = run.result()
    keeping.done()
    release_memory()
    return found, history


def _check(network, data, epochs, learning_rate, batch_size, keep, workers) -> None:
    """Raise ValueError, with what to do, for settings of `fit` that cannot work."""
    arguments.network(network)
    arguments.count("epochs", epochs)
    arguments.count("batch_size", batch_size, 2)
    arguments.above_zero("learning_rate", learning_rate)
    arguments.count("workers", workers)
    if keep not in ("best", "last"):
        raise ValueError(f"keep must be 'best' or 'last', got {keep!r}")
    if not len(data.train):
        raise ValueError(f"fit has nothing to learn from: {data.name!r} has no training images")
    if any(p.dtype in (torch.float16, torch.bfloat16) for p in network.parameters()):
        raise ValueError(
            "fit needs weights of 32 bits, which bfloat16=True computes with in 16; "
            "network.float() makes them so"
        )
    if not any(p.requires_grad for p in network.parameters()):
        raise ValueError(
            "fit has nothing to train: every parameter is frozen; "
            "network.requires_grad_(True) lets them learn again"
        )


def _bar(run: Run, progress: bool) -> tqdm:
    # TQDM_DISABLE in the environment keeps its say when progress is wanted.
    quiet = {} if progress else {"disable": True}
    return tqdm(total=run.steps, desc="training", unit="step", file=sys.stderr,
                initial=run.schedule.last_epoch, **quiet)  # fmt: skip


def release_memory() -> None:
    """Give the system back what was freed: glibc keeps it otherwise, a tenth of a chapter's."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)


@torch.inference_mode()
def predict(network: nn.Module, images: Images, batch_size: int = BATCH) -> Tensor:
    """Logits of all images, (count, classes), on the CPU; each module's mode is left as it was."""
    network = structure.unwrapped(network)
    if not len(image_data.checked(images)):
        raise ValueError("there are no images to ask the network about; take at least one")
    layout = feeding.layout(network, images.pixels.shape[1:])
    with structure.evaluating(network):
        inputs = feeding.batches(network, images, batch_size, layout)
        return torch.cat([network(some).cpu() for some, _ in inputs])


def batches(images: Images) -> tuple[int, ...]:
    """The sizes of the batches that `predict` asks about, each once.

    >>> batches(Images(torch.zeros(70, 1, 28, 28, dtype=torch.uint8), torch.zeros(70).long()))
    (32, 6)
    """
    return tuple(sorted({len(numbers) for numbers in images.order(BATCH)}, reverse=True))


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
    if len(image_data.checked(images)) < 2:
        raise ValueError(
            f"images must hold at least 2 to measure batch norms on, got {len(images)}"
        )
    network = structure.copied(network)
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
    layout = feeding.layout(network, images.pixels.shape[1:])
    with torch.inference_mode():
        for inputs, _ in feeding.batches(network, images, batch_size, layout):
            if len(inputs) > 1:  # one image has no variance
                network(inputs)
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
    return network.eval()


ORIGINAL_WIDTH = 64


def shipped(name: str, data: ImageData) -> nn.Module | None:
    """The network of this name that ships with the course, if it was trained on these images."""
    path = models.WEIGHTS / f"{name}.safetensors"
    # By the leaves' version: another platform's pixels may differ by a grey level.
    if path.exists() and models.notes(path).get("images") == leaves.VERSION and are_leaves(data):
        return models.load(path)
    return None


def original(data: ImageData, progress: bool = True) -> nn.Module:
    """The uncompressed LeafNet of these images: shipped, cached, or trained once and cached.

    Training takes about ten minutes for 4,000 photos on two cores; the bar shows what is left. Who
    is interrupted goes on with it in the next call.
    """
    ships = shipped("leafnet_leaves", data)
    if ships is not None:
        return ships

    stored = contextlib.ExitStack()

    def make() -> cache.Stored:
        kept = cache.under_way(f"leafnet-{data.fingerprint}.part")
        stored.enter_context(keeper.until_stored(kept))
        network, history = _gone_on_with(data, progress, kept)
        return network.state_dict(), {"name": data.name, "seconds": round(history.seconds)}

    with stored:
        weights, _ = cache.cached(f"leafnet-{data.fingerprint}.safetensors", "1", make)
    network = models.LeafNet(ORIGINAL_WIDTH, len(data.classes), data.shape[0])
    network.load_state_dict(weights)
    return network.eval()


def _gone_on_with(data: ImageData, progress: bool, kept: Path | None) -> tuple[nn.Module, History]:
    """The original trained, from where it was interrupted if that can be used."""
    try:
        return train_original(data, progress=progress, checkpoint=kept)
    except ValueError as problem:  # damaged, or left by another version of the course
        if kept is None or not kept.exists() or str(kept) not in str(problem):
            raise
        kept.unlink()
        print(f"{kept.name} in the cache cannot be gone on with: beginning again", file=sys.stderr)
        return train_original(data, progress=progress, checkpoint=kept)


def train_original(
    data: ImageData,
    epochs: int | None = None,
    seed: int = 0,
    progress: bool = True,
    checkpoint: Path | None = None,
) -> tuple[nn.Module, History]:
    """Train LeafNet(64) from scratch; fewer passes over large sets, more over small ones."""
    if epochs is None:
        epochs = max(3, min(30, 100_000 // len(data.train)))
    torch.manual_seed(arguments.seed(seed))
    network = models.LeafNet(ORIGINAL_WIDTH, classes=len(data.classes), channels=data.shape[0])
    return fit(network, data, epochs=epochs, seed=seed, progress=progress, checkpoint=checkpoint)

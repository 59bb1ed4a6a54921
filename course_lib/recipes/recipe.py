"""Recipes: the techniques one after the other, and the search for the smallest network that holds.

>>> print(sentence(LEAVES))
prune neurons until 16-24-32-32-40-40 are left, round the weights to 3 bits, distil from the \
original, with a price on every weight, on 240,000 images, and pack the result

`compress` carries a recipe out, at several sizes where time allows, and measures what is left.
"""

import dataclasses
import shutil
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib import cache, files
from course_lib.deploy import engines, packing
from course_lib.images import photo_folders
from course_lib.images.data import ImageData, Images, are_leaves
from course_lib.measure import fresh_process
from course_lib.measure.scorecard import checkpoint_bytes, compare, set_threads
from course_lib.networks import models, training
from course_lib.recipes import result
from course_lib.recipes.result import Result, Stage, Try
from course_lib.recipes.steps import *  # noqa: F403  # recipe.Quantize, and all other steps
from course_lib.recipes.steps import (
    Distil,
    Lesson,
    Pack,
    PruneNeurons,
    Quantize,
    State,
    Step,
    from_scratch,
    sentence,
    states,
)
from course_lib.recipes.steps import __all__ as STEPS

__all__ = ["LEAVES", "Result", "Stage", "compress", "packed_file", *STEPS]

LEAVES = (
    PruneNeurons((16, 24, 32, 32, 40, 40)),
    Quantize(3),
    Distil(images=240_000, price=1.5e-5),
    Pack(),
)
SMALLER, LARGER = 0.8, 1.4  # the next size to try after one that held, and after one that did not
MOST_TRIES = 8


def compress(
    data: ImageData,
    recipe: Sequence[Step] = LEAVES,
    max_drop: float = 0.5,
    folder: str | Path | None = None,
    original: nn.Module | None = None,
    minutes: float = 3,
    baseline: bool = True,
    seed: int = 0,
    images: int | None = None,
    progress: bool = True,
) -> Result:
    """The smallest network that loses no more than `max_drop` points by this recipe.

    The recipe runs at its own sizes first. If the result loses too much on the validation images,
    it runs again with 1.4 times as much left, until one holds or nothing is left to give back. If
    it holds and `minutes` allow another run, the next leaves 0.8 times as much, until one fails.
    Of those that hold the smallest file wins. Then, once, the test images: the original, every
    step's network, and the honest baseline (`from_scratch`; another training) get their scorecards
    in a fresh process, the compressed one from its packed file alone.

    recipe: steps that end with Pack(). max_drop: in points, of 100. original: the network to
    compress, `training.original(data)` if None. images: only the first so many of the test set.
    folder: keeps every training, finished or not, so that the same call goes on after an
    interruption; and the result, which `Result.load(folder)` reads. None keeps nothing.

    Raises ValueError for a recipe without Pack() at its end, a max_drop that is no number of
    points, and whatever its steps refuse.
    """
    _check(data, recipe, max_drop, minutes)
    set_threads()
    with _alone_in(folder) as kept:
        if original is None:
            original = training.original(data, progress)
        lesson = Lesson(data, original, kept / "trainings", seed, progress)
        start = time.perf_counter()
        tries = _tries(lesson, recipe, max_drop, minutes)
        seconds = time.perf_counter() - start
        best = _best(tries, max_drop)
        scratch_state = None
        if baseline:
            steps = from_scratch(best.recipe)
            lesson.say(f"the baseline: {sentence(steps)}")
            scratch_state = states(steps, lesson)[-1]
        place = None if folder is None else kept
        found = _measured(lesson, best, tries, scratch_state, max_drop, seconds, images, place)
        if found.folder is not None:
            found.save(found.folder)
    return found


def _best(tries: "Sequence[_Tried]", max_drop: float) -> "_Tried":
    """The smallest that lost at most so much; where none did, the one that lost least."""
    held = [each for each in tries if each.drop <= max_drop]
    if held:
        return min(held, key=lambda each: each.bytes)
    return min(tries, key=lambda each: each.drop)


@contextmanager
def _alone_in(folder: str | Path | None) -> Iterator[Path]:
    """The folder, made, for one `compress` at a time; a temporary one if it is None."""
    with nullcontext(Path(folder)) if folder is not None else files.scratch() as kept:
        photo_folders.mark(kept)
        trainings = kept / "trainings"
        trainings.mkdir(exist_ok=True)
        waiting = f"another compress works in {kept}; waiting for it"
        with cache.lock(trainings / "compress", waiting):
            yield kept


def packed_file(data: ImageData, progress: bool = True) -> Path:
    """The packed file of these images' network: shipped, cached, or compressed once and cached.

    Compressing takes two to three minutes on two cores, `training.original` not included.
    """
    if are_leaves(data):
        return models.WEIGHTS / "leaves.packed"
    place = cache.writable_dir()
    if place is None:
        raise OSError(
            f"no folder to keep the compressed network of {data.name!r} in; set COURSE_CACHE to "
            f"one that can be written"
        )
    made_by = zlib.crc32(sentence(LEAVES).encode())
    path = place / f"compressed-{data.fingerprint}-{made_by:08x}.packed"
    with cache.lock(path):
        if not path.exists():
            original, trainings = training.original(data, progress), path.with_suffix(".trainings")
            trainings.mkdir(exist_ok=True)
            lesson = Lesson(data, original, trainings, 0, progress)
            packed = states(LEAVES, lesson)[-1].packed
            assert packed is not None
            packing.write(path, packed)
            shutil.rmtree(trainings, ignore_errors=True)
    return path


def _check(data: ImageData, recipe: Sequence[Step], max_drop: float, minutes: float) -> None:
    steps = list(recipe)
    if not steps or not all(isinstance(step, Step) for step in steps):
        raise ValueError(f"recipe must be a list of steps such as Quantize(8), got {recipe!r:.80}")
    if not isinstance(steps[-1], Pack) or any(isinstance(step, Pack) for step in steps[:-1]):
        raise ValueError(f"recipe must end with its only Pack(), got: {sentence(steps)}")
    if not 0 <= max_drop < 100:
        raise ValueError(f"max_drop must be in points, from 0 to 100, got {max_drop}; 0.5 is usual")
    if not minutes >= 0:
        raise ValueError(f"minutes must be at least 0, got {minutes}")
    for split in ("train", "val", "test"):
        if not len(getattr(data, split)):
            raise ValueError(f"data {data.name!r} has no {split} images; compress needs all three")


@dataclass(frozen=True)
class _Tried(Try):
    """A try with what it left."""

    recipe: tuple[Step, ...]
    states: tuple[State, ...]  # one a step


def _tries(lesson: Lesson, recipe: Sequence[Step], max_drop: float, minutes: float) -> list[_Tried]:
    """The recipe at one size after the other, as `compress` says."""
    start, factor = time.perf_counter(), 1.0
    whole = engines.onnx(lesson.original, lesson.data.shape)
    engines.parity(whole, lesson.data.val)
    right = named_right(whole, lesson.data.val)
    before = right.double().mean().item()
    size = checkpoint_bytes(lesson.original)[0]
    lesson.say(f"the original: {before:.1%} of {len(right):,} validation images")
    tries: list[_Tried] = []
    while True:
        began = time.perf_counter()
        steps = tuple(step.scaled(factor) for step in recipe)
        if tries and steps in [each.recipe for each in tries]:
            break
        lesson.say(f"try {len(tries) + 1}: {sentence(steps)}")
        left = tuple(states(steps, lesson))
        after = named_right(left[-1].exported(lesson), lesson.data.val).double().mean().item()
        drop = points_lost(before, after)
        latest = _Tried(factor, left[-1].stored_bytes, drop, steps, left)
        tries.append(latest)
        holds = latest.drop <= max_drop
        took, spent = time.perf_counter() - began, time.perf_counter() - start
        lesson.say(
            f"  {latest.bytes:,} bytes, {size / latest.bytes:,.0f}x smaller; "
            f"{-latest.drop:+.1f} points on validation: {'holds' if holds else 'too much'} "
            f"({took:.0f} s)",
        )
        found = any(each.drop <= max_drop for each in tries)
        if not any(step.sizes for step in recipe) or len(tries) == MOST_TRIES:
            break
        if found and (not holds or factor > 1 or spent + took > 60 * minutes):
            break
        factor *= SMALLER if holds else LARGER
    return tries


def points_lost(before: float, after: float) -> float:
    """Points between two shares of right images, without what floats add: at most 1 is at most 1.

    >>> points_lost(0.97, 0.96)
    1.0
    """
    return round(100 * (before - after), 6)


def named_right(network: engines.Onnx, images: Images) -> Tensor:
    """Which images are named right, (count,) bool."""
    outputs = [network(inputs).argmax(1) for inputs, _ in images.fed_to(network).batches(20)]
    return torch.cat(outputs) == images.labels


def _measured(
    lesson: Lesson,
    best: _Tried,
    tries: Sequence[_Tried],
    scratch: State | None,
    max_drop: float,
    seconds: float,
    images: int | None,
    folder: Path | None,
) -> Result:
    """Have the networks judged, and put it all together; a folder gets more files, see `result`."""
    data = lesson.data
    lesson.say(f"measuring on {len(data.test.first(images or 10**9)):,} test images")
    whole = engines.onnx(lesson.original, data.shape)
    networks = [state.exported(lesson) for state in best.states]
    names = [str(step) for step in best.recipe]
    asked: dict[str, Path | bytes | engines.Onnx] = {"original": whole}
    steps = zip(names, best.states, networks, strict=True)
    for number, (name, state, network) in enumerate(steps, 1):
        asked[f"{number}: {name}"] = state.packed or network
    if scratch is not None and scratch.packed is not None:
        asked["from scratch"] = scratch.packed
    for network in (whole, *networks):  # loaded again when asked; the judge needs the memory now
        network.__dict__.pop("session", None)
    cards = fresh_process.cards(asked, data, images=images)
    checkpoint = _checkpoint(lesson)
    size = checkpoint_bytes(lesson.original)[0] if checkpoint is None else len(checkpoint)
    before = dataclasses.replace(cards[0], file_bytes=size)
    after = dataclasses.replace(cards[len(networks)], name="compressed")
    final = best.states[-1]
    assert final.packed is not None
    more = {} if folder is None else _for_folder(lesson, final, scratch, checkpoint)
    return Result(
        recipe=sentence(best.recipe),
        before=before,
        after=after,
        baseline=cards[-1] if scratch is not None else None,
        stages=tuple(
            Stage(name, state.stored_bytes, network, card)
            for name, state, network, card in zip(
                names, best.states, networks, cards[1:], strict=False
            )
        ),
        tries=tuple(Try(each.factor, each.bytes, each.drop) for each in tries),
        max_drop=max_drop,
        seconds=round(seconds, 1),
        data=data.name,
        shape=data.shape,
        classes=data.classes,
        images_seen=final.images_seen,
        original=whole,
        packed=final.packed,
        points=compare([before, after]).differences[1],
        folder=folder,
        **more,
    )


def _for_folder(
    lesson: Lesson, final: State, scratch: State | None, checkpoint: bytes | None
) -> dict[str, Any]:
    """What of a result is for its folder alone, and takes a while to make."""
    unpacked = dataclasses.replace(final, packed=None).exported(lesson)
    phones, native = _native(lesson, final)
    beside = {
        result.CHECKPOINT: checkpoint,
        result.BASELINE: scratch.packed if scratch else None,
        result.FLOATS: engines.onnx(final.network, lesson.data.shape).content,
        **phones,
    }
    return {
        "parity": engines.parity(unpacked, lesson.data.val),
        "native": native,
        "beside": {name: content for name, content in beside.items() if content is not None},
    }


def _checkpoint(lesson: Lesson) -> bytes | None:
    """The original as a checkpoint of this course, if it is a network of this course."""
    if not isinstance(lesson.original, tuple(models.ARCHITECTURES.values())):
        return None
    with files.scratch() as folder:
        path = folder / result.CHECKPOINT
        return models.save(lesson.original, path, {"data": lesson.data.name}).read_bytes()


def _native(lesson: Lesson, state: State) -> tuple[dict[str, bytes], dict[str, dict[str, float]]]:
    """The .pte files by name; and of each, its bytes, and how its answers agree with PyTorch's.

    Each is run by ExecuTorch's own runtime on validation images before it is believed.
    """
    if not engines.available("executorch"):
        return {}, {}
    shape, learned = lesson.data.shape, lesson.data.train
    made = zip(
        result.NATIVE,
        (
            engines.executorch(lesson.original, shape),
            engines.executorch(state.network, shape),
            engines.executorch(state.network, shape, learned),
        ),
        strict=True,
    )
    contents, agree = {}, {}
    for name, file in made:
        contents[name] = file.content
        agree[name] = {"bytes": len(file.content), **vars(engines.parity(file, lesson.data.val))}
    return contents, agree

"""Recipes: the techniques one after the other, and the search for the smallest network that holds.

>>> print(sentence(LEAVES))
prune neurons until 16-24-32-32-40-40 are left, round the weights to 3 bits, distil from the \
original, with a price on every weight, on 240,000 images, and pack the result

`compress` carries a recipe out, at several sizes where time allows, and measures what is left.
"""

import dataclasses
import json
import tempfile
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from course_lib import cache, engines, judge, models, packing, training
from course_lib.compressed import Compressed, Stage, Try
from course_lib.data import ImageData, Images, are_leaves
from course_lib.scorecard import checkpoint_bytes, set_threads
from course_lib.steps import (
    Distil,
    Factor,
    Forget,
    Lesson,
    Pack,
    PruneNeurons,
    PruneWeights,
    Quantize,
    State,
    Step,
    from_scratch,
    sentence,
    states,
)

__all__ = [
    "LEAVES", "Compressed", "Distil", "Factor", "Forget", "Lesson", "Pack", "PruneNeurons",
    "PruneWeights", "Quantize", "Stage", "State", "Step", "compress", "from_scratch", "packed_file",
    "sentence", "states",
]  # fmt: skip

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
) -> Compressed:
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
    interruption; and the files, see `write`. None keeps nothing.

    Raises ValueError for a recipe without Pack() at its end, a max_drop that is no number of
    points, and whatever its steps refuse.
    """
    _check(data, recipe, max_drop, minutes)
    set_threads()
    if original is None:
        original = training.original(data, progress)
    with tempfile.TemporaryDirectory() as scratch:
        kept = Path(scratch) if folder is None else Path(folder)
        trainings = kept / "trainings"
        trainings.mkdir(parents=True, exist_ok=True)
        lesson = Lesson(data, original, trainings, seed, progress)
        start = time.perf_counter()
        tries = _tries(lesson, recipe, max_drop, minutes)
        seconds = time.perf_counter() - start
        held = [each for each in tries if each.drop <= max_drop]
        best = (
            min(held, key=lambda each: each.bytes)
            if held
            else min(tries, key=lambda each: each.drop)
        )
        scratch_state = None
        if baseline:
            steps = from_scratch(best.recipe)
            lesson.say(f"the baseline: {sentence(steps)}")
            scratch_state = states(steps, lesson)[-1]
        return _measured(
            lesson, best, tries, scratch_state, max_drop, seconds, kept, images, folder is not None
        )


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
            with tempfile.TemporaryDirectory() as folder:
                lesson = Lesson(data, training.original(data, progress), Path(folder), 0, progress)
                packed = states(LEAVES, lesson)[-1].packed
            assert packed is not None
            packing.write(path, packed)
    return path


def _check(data: ImageData, recipe: Sequence[Step], max_drop: float, minutes: float) -> None:
    steps = list(recipe)
    if not steps or not all(isinstance(step, Step) for step in steps):
        raise ValueError(f"recipe must be a list of steps such as Quantize(8), got {recipe!r:.80}")
    if not isinstance(steps[-1], Pack) or any(isinstance(step, Pack) for step in steps[:-1]):
        raise ValueError(f"recipe must end with its only Pack(), got: {sentence(steps)}")
    if not 0 <= max_drop < 100:
        raise ValueError(f"max_drop must be in points, from 0 to 100, got {max_drop}; 0.5 is usual")
    if minutes < 0:
        raise ValueError(f"minutes must be at least 0, got {minutes}")
    for split in ("train", "val", "test"):
        if not len(getattr(data, split)):
            raise ValueError(f"data {data.name!r} has no {split} images; compress needs all three")


def _tries(lesson: Lesson, recipe: Sequence[Step], max_drop: float, minutes: float) -> list[Try]:
    """The recipe at one size after the other, as `compress` says."""
    start, factor = time.perf_counter(), 1.0
    whole = engines.onnx(lesson.original, lesson.data.shape)
    engines.parity(whole, lesson.data.val)
    right = named_right(whole, lesson.data.val)
    before = right.double().mean().item()
    size = checkpoint_bytes(lesson.original)[0]
    lesson.say(f"the original: {before:.1%} of {len(right):,} validation images")
    tries: list[Try] = []
    while True:
        began = time.perf_counter()
        steps = tuple(step.scaled(factor) for step in recipe)
        if tries and steps in [each.recipe for each in tries]:
            break
        lesson.say(f"try {len(tries) + 1}: {sentence(steps)}")
        left = tuple(states(steps, lesson))
        after = named_right(left[-1].exported(lesson), lesson.data.val).double().mean().item()
        drop = points_lost(before, after)
        latest = Try(factor, left[-1].stored_bytes, drop, steps, left)
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
    outputs = [network(inputs).argmax(1) for inputs, _ in images.batches(20)]
    return torch.cat(outputs) == images.labels


def _measured(
    lesson: Lesson,
    best: Try,
    tries: Sequence[Try],
    scratch: State | None,
    max_drop: float,
    seconds: float,
    folder: Path,
    images: int | None,
    keep: bool,
) -> Compressed:
    """Write what is to be judged, have it judged, and put it all together."""
    lesson.say(f"measuring on {len(lesson.data.test.first(images or 10**9)):,} test images")
    whole = engines.onnx(lesson.original, lesson.data.shape)
    networks = [state.exported(lesson) for state in best.states]
    files = {"original": folder / "original.onnx"}
    files["original"].write_bytes(whole.content)
    stages = folder / "stages"
    stages.mkdir(exist_ok=True)
    for number, (step, state, network) in enumerate(
        zip(best.recipe, best.states, networks, strict=True), 1
    ):
        if state.packed is None:
            path = stages / f"{number}.onnx"
            path.write_bytes(network.content)
        else:
            path = folder / "compressed.packed"
            packing.write(path, state.packed)
        files[f"{number}: {step}"] = path
    if scratch is not None:
        assert scratch.packed is not None
        files["from scratch"] = packing.write(folder / "baseline.packed", scratch.packed)
    del whole
    for network in networks:  # they are loaded again when asked; the judge needs the memory now
        network.__dict__.pop("session", None)
    cards = judge.cards(files, lesson.data, images=images)
    checkpoint, _ = checkpoint_bytes(lesson.original)
    if isinstance(lesson.original, tuple(models.ARCHITECTURES.values())):
        saved = models.save(lesson.original, folder / "original.safetensors",
                            {"data": lesson.data.name})  # fmt: skip
        checkpoint = saved.stat().st_size
    before = dataclasses.replace(cards[0], file_bytes=checkpoint)
    result = Compressed(
        recipe=best.recipe,
        before=before,
        after=dataclasses.replace(cards[len(networks)], name="compressed"),
        baseline=cards[-1] if scratch is not None else None,
        stages=tuple(
            Stage(str(step), state.stored_bytes, network, card)
            for step, state, network, card in zip(
                best.recipe, best.states, networks, cards[1:], strict=False
            )
        ),
        tries=tuple(tries),
        max_drop=max_drop,
        seconds=seconds,
        folder=folder if keep else None,
    )
    if keep:
        write(result, lesson, best.states[-1])
    return result


def _native(folder: Path, lesson: Lesson, state: State) -> dict[str, dict[str, float]]:
    """Write the .pte files; {file name: its bytes, and how its answers agree with PyTorch's}.

    Each is run by ExecuTorch's own runtime on validation images before it is believed.
    """
    if not engines.available("executorch"):
        return {}
    shape, learned = lesson.data.shape, lesson.data.train
    files = {
        "original.pte": engines.executorch(lesson.original, shape),
        "compressed-float32.pte": engines.executorch(state.network, shape),
        "compressed.pte": engines.executorch(state.network, shape, learned),
    }
    agree: dict[str, dict[str, float]] = {}
    for name, file in files.items():
        (folder / name).write_bytes(file.content)
        agree[name] = {"bytes": len(file.content), **vars(engines.parity(file, lesson.data.val))}
    return agree


def write(result: Compressed, lesson: Lesson, state: State) -> None:
    """Leave the result in its folder, for the command line and for the app.

    Beside what was judged (original.onnx, and .safetensors for the networks of this course;
    compressed.packed, baseline.packed): compressed.onnx, the graph that the packed file holds;
    compressed-float32.onnx; for apps on phones, where ExecuTorch is installed, original.pte,
    compressed-float32.pte and compressed.pte (int8); result.json and compressed.png.
    """
    folder = result.folder
    assert folder is not None
    (folder / "compressed.onnx").write_bytes(result.network.content)
    floats = engines.onnx(state.network, lesson.data.shape)
    (folder / "compressed-float32.onnx").write_bytes(floats.content)
    difference = result.comparison.differences[1]
    unpacked = dataclasses.replace(state, packed=None).exported(lesson)
    about = {
        **result.plain(),
        "baseline": result.baseline.plain() if result.baseline else None,
        "points": vars(difference) if difference else None,
        "parity": vars(engines.parity(unpacked, lesson.data.val)),
        "native": _native(folder, lesson, state),
        "recipe": sentence(result.recipe),
        "data": lesson.data.name,
        "shape": lesson.data.shape,
        "classes": lesson.data.classes,
        "max_drop": result.max_drop,
        "holds": result.holds,
        "seconds": round(result.seconds, 1),
        "images_seen": state.images_seen,
        "tries": [
            {"factor": each.factor, "bytes": each.bytes, "drop": each.drop} for each in result.tries
        ],
    }
    (folder / "result.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    result.picture().savefig(folder / "compressed.png", dpi=150)

"""What chapter 07 shows and cannot compute within its three minutes: half an hour on two cores.

    python benchmarks/working_together.py [--only shipped leaves orders] [--seeds 0 1 2] [--small]

Writes course_lib/recorded/working_together.json, and `shipped` the compressed network that the
chapter judges, of a seed of its own, to course_lib/weights/leaves.packed. Sizes are chosen on the
validation images; accuracies are of the test images, measured in a fresh process.
"""

import argparse
import dataclasses
import itertools
import shutil
import tempfile
from pathlib import Path

import torch
from _judging import against
from _trying import few, narrow

from _recording import record
from course_lib import data, engines, fresh_process, models, recipe, scorecard, training
from course_lib.recipes.recipe import Distil, Pack
from course_lib.recipes.steps import Lesson

SHIPPED_SEED = 3  # the tables have others
BUDGET = 24_000  # images, for each order
FEW = 16  # images of a try-out


def compressed(images: data.ImageData, seed: int, folder: Path, small: bool) -> dict:
    """The default recipe and its baseline, with one seed."""
    # A try-out is one try, whatever it loses.
    options = {"original": narrow(images), "max_drop": 99, "minutes": 0} if small else {}
    found = recipe.compress(
        images, default(small), folder=folder, seed=seed, progress=small, **options
    )
    origin = models.notes(models.WEIGHTS / "leafnet_leaves.safetensors")
    before = found.before
    row = {
        "seed": seed,
        "recipe": found.recipe,
        "holds": found.holds,
        "tries": len(found.tries),
        "seconds": round(found.seconds, 1),
        "images_seen": found.images_seen,
        "original_images_seen": origin["epochs"] * len(images.train),
        "checkpoint_bytes": before.file_bytes,
        "original": measured(before, before),
        **measured(before, found.after),
        "baseline": measured(before, found.baseline),
        "stages": [
            {"step": stage.step, "bytes": stage.bytes, **measured(before, stage.card)}
            for stage in found.stages
        ],
    }
    print({key: value for key, value in row.items() if key != "stages"}, flush=True)
    return row


def measured(before: scorecard.Scorecard, card: scorecard.Scorecard) -> dict:
    """What the tables show of a card, with the paired difference to the original."""
    return {
        "packed_bytes": card.packed_bytes,
        "macs": card.macs,
        "latency_ms": card.latency_ms_median,
        "times_faster": before.latency_ms_median / card.latency_ms_median,
        "noisy": card.noisy,
        **against(before.correct, torch.as_tensor(card.correct)),
    }


def longer(images: data.ImageData, folder: Path, row: dict, small: bool) -> dict:
    """From scratch with the original's images on top of the recipe's."""
    images_seen = row["images_seen"] + row["original_images_seen"]
    steps = [
        dataclasses.replace(step, images=images_seen) if isinstance(step, Distil) else step
        for step in recipe.from_scratch(default(small))
    ]
    packed = carried_out(steps, images, folder, row["seed"])
    cards = fresh_process.cards({"original": folder / "original.onnx", "scratch": packed}, images)
    return {"seed": row["seed"], "images_seen": images_seen, **measured(*cards)}


def orders(images: data.ImageData, folder: Path, small: bool) -> list[dict]:
    """Every order of pruning neurons, rounding and distilling, with equal budgets."""
    prune, rounding, distil = recipe.LEAVES[:3]
    distil = dataclasses.replace(distil, images=FEW if small else BUDGET)
    every = list(itertools.permutations((prune, rounding, distil)))
    files = {"original": folder / "original.onnx"}
    for number, order in enumerate(every[::5] if small else every):
        sub = folder / f"order {number}"
        sub.mkdir(exist_ok=True)
        name = " - ".join(type(step).__name__ for step in order)
        files[name] = carried_out([*order, Pack()], images, sub, 0, shared=folder)
        print(name, flush=True)
    cards = fresh_process.cards(files, images)
    return [{"order": card.name, **measured(cards[0], card)} for card in cards[1:]]


def carried_out(steps, images, folder: Path, seed: int, shared: Path | None = None) -> Path:
    """The packed file of a recipe, without a search."""
    lesson = Lesson(images, training.original(images), shared or folder, seed, progress=False)
    state = recipe.states(steps, lesson)[-1]
    assert state.packed is not None
    path = folder / "network.packed"
    path.write_bytes(state.packed)
    return path


def default(small: bool) -> tuple[recipe.Step, ...]:
    """The default recipe; for a try-out its last two steps, with few images."""
    *_, distil, pack = recipe.LEAVES
    return (dataclasses.replace(distil, images=FEW), pack) if small else recipe.LEAVES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", help="shipped, leaves, orders; all without it")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    arguments = parser.parse_args()
    scorecard.set_threads()
    images = data.load("leaves")
    if arguments.small:
        images, arguments.seeds = few(images, FEW, 12, 12), arguments.seeds[:1]
    tables = ["leaves", "orders"] if arguments.small else ["shipped", "leaves", "orders"]
    for table in arguments.only or tables:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            if table in ("shipped", "leaves"):
                seeds = [SHIPPED_SEED] if table == "shipped" else arguments.seeds
                rows = [compressed(images, seed, folder, arguments.small) for seed in seeds]
                if table == "leaves":
                    more = longer(images, folder, rows[-1], arguments.small)
                elif not arguments.small:
                    shutil.copy(folder / "compressed.packed", models.WEIGHTS / "leaves.packed")
            elif table == "orders":
                original = engines.onnx(training.original(images), images.shape)
                (folder / "original.onnx").write_bytes(original.content)
                rows = orders(images, folder, arguments.small)
            else:
                parser.error(f"there is no table {table!r}; there are: shipped, leaves, orders")
        figures = {"rows": rows, "test_images": len(images.test)}
        if table == "leaves":
            figures["longer"] = more
        if table == "orders":
            figures["images_seen"] = BUDGET
        if not arguments.small:
            record("working_together", {table: figures}, chapter=True)


if __name__ == "__main__":
    main()

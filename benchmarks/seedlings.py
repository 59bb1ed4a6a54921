"""Real photos, end to end: original and compressed network of 4,750 photos of seedlings.

    python benchmarks/seedlings.py [--folder FOLDER] [--seeds 0 1 2] [--minutes 9] [--small]

Twenty minutes a seed on two cores, the original included. FOLDER holds train/ and test/ with a
folder for each of twelve species; without it, ../shared/data/seedlings. Writes its table to
course_lib/recorded/working_together.json. Sizes are chosen on validation photos (15% of the
training ones, drawn by the seed); the test photos are asked once, at the end of each seed.
"""

import argparse
import dataclasses
import time
from pathlib import Path

import torch
from _judging import against
from _trying import few

from _recording import record
from course_lib import data, recipe, scorecard, training

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "seedlings"
MAX_DROP = 1.0  # points; one is seven photos


def run(folder: Path, seed: int, minutes: float, small: bool) -> dict:
    """One seed: train the original, compress it, and the baseline beside it."""
    images = data.from_folder(folder, seed=seed)
    steps, max_drop = recipe.LEAVES, MAX_DROP
    if small:  # one try, whatever it loses
        images, max_drop, minutes = few(images, 16, 12, 12), 99, 0
        training.ORIGINAL_WIDTH = 8
        steps = (dataclasses.replace(steps[2], images=16), steps[3])
    start = time.perf_counter()
    original, _ = training.train_original(images, 1 if small else None, seed, progress=small)
    trained = time.perf_counter() - start
    found = recipe.compress(
        images, steps, max_drop, original=original, minutes=minutes, seed=seed, progress=True
    )
    row = {
        "seed": seed,
        "recipe": found.recipe,
        "holds": found.holds,
        "tries": [
            {"factor": each.factor, "bytes": each.bytes, "points": -each.drop}
            for each in found.tries
        ],
        "original_accuracy": found.before.accuracy,
        "checkpoint_bytes": found.before.file_bytes,
        "seconds_original": round(trained),
        "seconds_compressing": round(found.seconds),
        **figures(found.before, found.after),
        "baseline": figures(found.before, found.baseline),
    }
    print(row, flush=True)
    return row


def figures(before: scorecard.Scorecard, card: scorecard.Scorecard) -> dict:
    """Bytes, time and the paired difference on the test photos."""
    return {
        "packed_bytes": card.packed_bytes,
        "times_smaller": before.file_bytes / card.packed_bytes,
        "times_faster": before.latency_ms_median / card.latency_ms_median,
        "noisy": before.noisy or card.noisy,
        **against(before.correct, torch.as_tensor(card.correct)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=9, help="for tries, of each seed")
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    arguments = parser.parse_args()
    scorecard.set_threads()
    rows = []
    for seed in arguments.seeds[:1] if arguments.small else arguments.seeds:
        rows.append(run(arguments.folder, seed, arguments.minutes, arguments.small))
        if not arguments.small:  # after each, so that an interruption costs one seed
            found = {"rows": rows, "max_drop": MAX_DROP}
            record("working_together", {"seedlings": found}, chapter=True)


if __name__ == "__main__":
    main()

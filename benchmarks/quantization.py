"""What chapter 04 shows and cannot compute within its minute: 13 minutes on two cores.

    python benchmarks/quantization.py [--only bits trained] [--seeds 0 1 2] [--small]

Writes course_lib/recorded/quantization.json.
"""

import argparse
import dataclasses
import json

from _judging import against, mean, right
from _trying import few, narrow

from _recording import record
from course_lib import data, quantization, scorecard, training

BITS = (8, 6, 5, 4, 3, 2)
TRAINED_BITS = (3, 2)
TRAINING = {"epochs": 1, "learning_rate": 0.01, "batch_size": 32, "progress": False}


def bits(tests: int, small: bool) -> dict:
    """Weights rounded after training, all three ways, on the test images."""
    images = data.load("leaves")
    test = images.test.first(tests)
    network = quantization.fold_batch_norm(narrow(images) if small else training.original(images))
    before = right(network, test)
    rows = []
    for count in BITS:
        shared, books = quantization.codebook(network, count)
        ways = {
            "one scale a layer": (
                quantization.quantize_weights(network, count, per_channel=False),
                quantization.stored_bytes(network, count, per_channel=False),
            ),
            "one scale a channel": (
                quantization.quantize_weights(network, count),
                quantization.stored_bytes(network, count),
            ),
            "codebook": (shared, quantization.shared_bytes(network, books)),
        }
        for name, (rounded, stored) in ways.items():
            result = against(before, right(rounded, test))
            rows.append({"way": name, "bits": count, "bytes": stored, **result})
            print(rows[-1])
    return {
        "rows": rows,
        "original": mean(before),
        "original_bytes": quantization.stored_bytes(network, 32),
        "test_images": len(test),
    }


def trained(size: int, tests: int, seeds: list[int], small: bool) -> dict:
    """The same few bits, trained on with rounding; and the original trained on without."""
    images = data.load("leaves")
    short = dataclasses.replace(images, train=images.train.first(size))
    if small:
        short = few(images, size, size, tests)
    test = images.test.first(tests)
    network = narrow(images) if small else training.original(images)
    before = right(network, test)
    rows = []
    for seed in seeds:
        for count in (*TRAINED_BITS, 32):
            if count < 32:
                result, history = quantization.train_quantized(
                    network, short, count, seed=seed, **TRAINING
                )
            elif seed == seeds[0]:  # once is enough to see what training on alone gains
                result, history = training.fit(network, short, seed=seed, **TRAINING)
            else:
                continue
            folded = quantization.fold_batch_norm(result)
            rows.append(
                {
                    "bits": count,
                    "seed": seed,
                    "seconds": round(history.seconds, 1),
                    "bytes": quantization.stored_bytes(folded, count),
                    **against(before, right(result, test)),
                }
            )
            print(rows[-1])
    return {
        "rows": rows,
        "original": mean(before),
        "images_seen": size * TRAINING["epochs"],
        "test_images": len(test),
        **{key: TRAINING[key] for key in ("epochs", "learning_rate", "batch_size")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=("bits", "trained"), default=None)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--small", action="store_true", help="try it out; write nothing")
    arguments = parser.parse_args()
    scorecard.set_threads()
    small = arguments.small
    seeds = arguments.seeds[:1] if small else arguments.seeds
    size, tests = (16, 12) if small else (4000, 5000)
    for table in arguments.only or ("bits", "trained"):
        found = bits(tests, small) if table == "bits" else trained(size, tests, seeds, small)
        if small:
            print(json.dumps({table: found}, indent=2))
        else:
            record("quantization", {table: found}, chapter=True)


if __name__ == "__main__":
    main()

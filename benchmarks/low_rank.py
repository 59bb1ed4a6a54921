"""What chapter 06 shows and cannot compute within its minute: 15 minutes on two cores.

    python benchmarks/low_rank.py [--only methods scratch] [--seeds 0 1 2] [--small]

Writes course_lib/recorded/low_rank.json.
"""

import argparse
import dataclasses
import time

import torch
from _judging import against, mean, right
from _trying import narrow
from torch import nn

from _recording import record
from course_lib import counting, data, low_rank, models, scorecard, training

# Label -> method, and whether it is cut by the layers' answers to images.
METHODS = {
    "channel_svd": ("channel_svd", False),
    "channel_svd, by answers": ("channel_svd", True),
    "spatial": ("spatial", False),
    "tucker2": ("tucker2", False),
    "cp": ("cp", False),
    "depthwise_separable": ("depthwise_separable", False),
}
BUDGETS = (0.3, 0.2, 0.15)
CHOSEN = ("spatial", 0.2)
TUNING: dict = {"epochs": 2, "learning_rate": 0.003, "batch_size": 32, "progress": False}
FRESH = 256  # training images that batch norms are measured on anew
EPOCHS = 14  # from scratch: as many as the original was trained for
FEW = 128  # training images that answers are taken from


def methods(size: int, tests: int, small: bool) -> dict:
    """Every method at every budget: as factored, and after two passes over `size` images.

    The first on validation images, the second on test images, against the original.
    """
    short, test, network, before = original(size, tests, small)
    rows = []
    budgets = BUDGETS[2:] if small else BUDGETS
    for label, (method, by_answers) in METHODS.items():
        for budget in budgets:
            start = time.perf_counter()
            factored = factor(network, short, method, budget, by_answers)
            fitted = time.perf_counter() - start
            row = {"method": label, "budget": budget, **left(network, factored, short.shape)}
            row["at_once"] = mean(right(factored, short.val))
            start = time.perf_counter()
            tuned = tune(factored, short)
            row |= {
                "seconds_factoring": round(fitted, 1),
                "seconds_tuning": round(time.perf_counter() - start, 1),
                **against(before, right(tuned, test)),
            }
            rows.append(row)
            print(row, flush=True)
    return {
        "methods": {
            "rows": rows,
            "original": mean(before),
            "original_val": mean(right(network, short.val)),
            "images_seen": size * TUNING["epochs"],
            "fresh_images": FRESH,
            "val_images": len(short.val),
            "test_images": len(test),
            **TUNING,
        }
    }


def scratch(size: int, tests: int, seeds: list[int], small: bool) -> dict:
    """The chosen factors, tuned; and layers of the same shapes from random weights.

    The latter are trained on everything the original was trained on, for as long.
    """
    short, test, network, before = original(size, tests, small)
    method, budget = CHOSEN
    factored = factor(network, short, method, budget)
    rows = []
    for seed in seeds:
        tuned = tune(factored, short, seed)
        rows.append({"way": "factored, then tuned", "seed": seed,
                     "images_seen": size * TUNING["epochs"],
                     **against(before, right(tuned, test))})  # fmt: skip
        print(rows[-1], flush=True)
    images, epochs = (short, 1) if small else (data.load("leaves"), EPOCHS)
    torch.manual_seed(0)
    for module in factored.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear, nn.BatchNorm2d)):
            module.reset_parameters()
    start = time.perf_counter()
    trained, _ = training.fit(factored, images, epochs=epochs, progress=False)
    rows.append({"way": "the same layers, from scratch", "seed": 0,
                 "images_seen": epochs * len(images.train),
                 "seconds": round(time.perf_counter() - start, 1),
                 **against(before, right(trained, test))})  # fmt: skip
    print(rows[-1], flush=True)
    origin = models.notes(models.WEIGHTS / "leafnet_leaves.safetensors")
    return {
        "scratch": {
            "rows": rows,
            "method": method,
            **left(network, factored, images.shape),
            "original": mean(before),
            "original_images_seen": origin["epochs"] * len(data.load("leaves").train),
            "test_images": len(test),
        }
    }


def original(size: int, tests: int, small: bool):
    """The leaves to tune with, those to test on, the network, and which of these it gets right."""
    images = data.load("leaves")
    short = dataclasses.replace(
        images, train=images.train.first(size), val=images.val.first(min(300, size))
    )
    network = narrow(images, 16) if small else training.original(images)
    test = images.test.first(tests)
    return short, test, network, right(network, test)


def factor(network, images: data.ImageData, method: str, budget: float, by_answers: bool = False):
    """The network with so many of its MACs left."""
    few = images.train.first(FEW) if by_answers else None
    return low_rank.factor(network, method, images.shape, macs=budget, images=few)


def tune(factored, short: data.ImageData, seed: int = 0):
    """Two short passes, then batch norms that look again."""
    tuned, _ = training.fit(factored, short, seed=seed, **TUNING)
    return training.recalibrated(tuned, short.train.first(FRESH))


def left(network, factored, shape) -> dict:
    """The shares of MACs and parameters that are left."""
    return {
        "macs": counting.macs(factored, shape) / counting.macs(network, shape),
        "parameters": counting.parameters(factored) / counting.parameters(network),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=["methods", "scratch"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    arguments = parser.parse_args()
    scorecard.set_threads()
    small = arguments.small
    size, tests = (16, 12) if small else (1500, 2000)
    for table in arguments.only:
        if table == "methods":
            figures = methods(size, tests, small)
        elif table == "scratch":
            seeds = arguments.seeds[:1] if small else arguments.seeds
            figures = scratch(size, tests, seeds, small)
        else:
            parser.error(f"--only takes methods and scratch, got {table}")
        if small:
            print(figures)
        else:
            record("low_rank", figures, chapter=True)


if __name__ == "__main__":
    main()

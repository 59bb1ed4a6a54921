"""What chapter 03 shows and cannot compute within its minute: 15 minutes on two cores.

    python benchmarks/weight_pruning.py [--only tuned gradual lottery] [--seeds 0 1 2] [--small]

Writes course_lib/recorded/weight_pruning.json.
"""

import argparse
import dataclasses
import time

import torch
from _judging import against, mean, right
from _trying import few, narrow

from _recording import record
from course_lib import data, models, scorecard, training
from course_lib import weight_pruning as wp

# Criterion -> what wp.masks takes; "2 of 4" is wp.n_of_m.
CRITERIA: dict[str, dict] = {
    "magnitude, global": {"scope": "global"},
    "magnitude, per layer": {},
    "rows": {"granularity": "row"},
    "kernels": {"granularity": "kernel"},
    "channels": {"granularity": "channel"},
    "random": {"criterion": "random"},
}
SPARSITIES = (0.8, 0.5, 0.9)  # each criterion's learning rate is chosen at the first
RATES = (0.005, 0.02)
TUNING: dict = {"epochs": 1, "batch_size": 32, "progress": False}
LOTTERY: dict = {"epochs": 8, "learning_rate": 0.02, "progress": False}
FRESH = 256  # images that batch norms are measured on anew


def tuned(size: int, tests: int, small: bool) -> dict:
    """Every criterion: pruned at once, with fresh batch norms, after one pass over `size` images.

    The first two on validation images, the last on test images, against the original. The
    learning rate is each criterion's own, chosen on the validation images.
    """
    short, test, network, before = original(size, tests, small)
    sparsities = SPARSITIES[:1] if small else SPARSITIES
    choices = [(name, share) for share in sparsities for name in CRITERIA]
    choices += [("magnitude, global", 0.95), ("magnitude, per layer", 0.95), ("2 of 4", 0.5)]
    rates: dict[str, float] = {}
    rows = []
    for name, share in choices:
        like = "magnitude, per layer" if name == "2 of 4" else name
        tried = [
            tune(network, short, name, share, rate)
            for rate in ([rates[like]] if like in rates else RATES)
        ]
        result, row = max(tried, key=lambda one: one[1]["val"])
        rates.setdefault(like, row["learning_rate"])
        rows.append({**row, **against(before, right(result, test))})
        print(rows[-1], flush=True)
    return {
        "tuned": {
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


def original(size: int, tests: int, small: bool):
    """The leaves to tune with, those to test on, the network, and which of these it gets right."""
    images = data.load("leaves")
    short = dataclasses.replace(
        images, train=images.train.first(size), val=images.val.first(min(300, size))
    )
    network = narrow(images) if small else training.original(images)
    test = images.test.first(tests)
    return short, test, network, right(network, test)


def tune(network, short: data.ImageData, name: str, share: float, rate: float):
    """The tuned network of one criterion at one sparsity, and its row."""
    if name == "2 of 4":
        chosen = wp.n_of_m(network, 2, 4)
    else:
        chosen = wp.masks(network, share, **CRITERIA[name])
    pruned = wp.apply(network, chosen)
    fresh = training.recalibrated(pruned, short.train.first(FRESH))
    start = time.perf_counter()
    result, _ = wp.fine_tune(fresh, chosen, short, learning_rate=rate, **TUNING)
    result = training.recalibrated(result, short.train.first(FRESH))
    return result, {
        "criterion": name,
        "sparsity": share,
        "zeros": wp.sparsity(result)["all"],
        "at_once": mean(right(pruned, short.val)),
        "fresh": mean(right(fresh, short.val)),
        "val": mean(right(result, short.val)),
        "learning_rate": rate,
        "seconds": round(time.perf_counter() - start, 1),
    }


def gradual(size: int, tests: int, small: bool) -> dict:
    """All at once or gradually, then the same two passes over `size` images in all."""
    short, test, network, before = original(size, tests, small)
    options = {**TUNING, "epochs": 2, "learning_rate": RATES[1]}
    rows = []
    for share in (0.9, 0.95):
        chosen = wp.masks(network, share, scope="global")
        for name in ("at once", "gradually"):
            if name == "at once":
                fresh = training.recalibrated(wp.apply(network, chosen), short.train.first(FRESH))
                result, history = wp.fine_tune(fresh, chosen, short, **options)
            else:
                result, history = wp.prune_gradually(network, short, share, **options)
            result = training.recalibrated(result, short.train.first(FRESH))
            row = {"way": name, "sparsity": share, "zeros": wp.sparsity(result)["all"]}
            row |= {"seconds": round(history.seconds, 1), **against(before, right(result, test))}
            rows.append(row)
            print(row)
    return {"gradual": {"rows": rows, "images_seen": 2 * size, "test_images": len(test)}}


def lottery(seeds: list[int], small: bool) -> dict:
    """Tickets on 5,000 images of MNIST: rewound, with other weights, with random masks.

    And once more at one sparsity with three times the training, where a mask without its weights
    has time to catch up.
    """
    images, shares = data.load("mnist5k"), (0.9, 0.95, 0.98)
    if small:
        images, shares = few(images, 64, 32, 32), shares[:1]
    short = {**LOTTERY, "epochs": 1} if small else LOTTERY
    long = {**short, "epochs": 3 * short["epochs"]}
    rows, longer = [], []
    for seed in seeds:
        for share in shares:
            rows += tickets(images, share, seed, 2 if small else 4, short)
        longer += tickets(images, 0.95, seed, 1, long)
    return {
        "lottery": {"rows": rows, "longer": longer, "longer_epochs": long["epochs"],
                    "seeds": seeds, "network": "LeNet300100", **short}
    }  # fmt: skip


def tickets(
    images: data.ImageData, share: float, seed: int, rounds: int, options: dict
) -> list[dict]:
    """One seed at one sparsity: test accuracies of the dense network and of the sparse ones."""
    options = {**options, "seed": seed}
    initial, other = lenet(seed), lenet(1000 + seed)
    found, dense = wp.winning_ticket(initial, images, share, **options)
    starts = {
        "ticket": (initial, found),
        "its mask, other weights": (other, found),
        "a random mask": (initial, wp.masks(initial, share, "random", seed=seed)),
    }
    if rounds > 1:
        slowly, _ = wp.winning_ticket(initial, images, share, rounds, **options)
        starts[f"ticket of {rounds} rounds"] = (initial, slowly)
    trained = {"dense": dense} | {
        name: wp.fine_tune(start, chosen, images, **options)[0]
        for name, (start, chosen) in starts.items()
    }
    rows = [
        {"start": name, "sparsity": share, "seed": seed, "accuracy": mean(right(n, images.test))}
        for name, n in trained.items()
    ]
    print(rows)
    return rows


def lenet(seed: int) -> models.LeNet300100:
    """Untrained; the seed is its start."""
    torch.manual_seed(seed)
    return models.LeNet300100()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=["tuned", "gradual", "lottery"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    arguments = parser.parse_args()
    scorecard.set_threads()
    small = arguments.small
    seeds = arguments.seeds[:1] if small else arguments.seeds
    size, tests = (16, 12) if small else (1500, 2000)
    for table in arguments.only:
        if table == "tuned":
            figures = tuned(size, tests, small)
        elif table == "gradual":
            figures = gradual(size, tests, small)
        elif table == "lottery":
            figures = lottery(seeds, small)
        else:
            parser.error(f"--only takes tuned, gradual and lottery, got {table}")
        if small:
            print(figures)
        else:
            record("weight_pruning", figures, chapter=True)


if __name__ == "__main__":
    main()

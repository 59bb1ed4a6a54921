"""What chapter 03 shows and cannot compute within its minute: 13 minutes on two cores.

    python benchmarks/weight_pruning.py [--only tuned gradual lottery] [--seeds 0 1 2] [--small]

Writes course_lib/recorded/weight_pruning.json.
"""

import argparse
import dataclasses
import time

import torch

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
SPARSITIES = (0.5, 0.8, 0.9)
TUNING = {"epochs": 1, "learning_rate": 0.02, "progress": False}
LOTTERY = {"epochs": 12, "learning_rate": 0.05, "progress": False}


def tuned(size: int, tests: int) -> dict:
    """Every criterion at several sparsities, before and after one pass over `size` images."""
    images = data.load("leaves")
    short = dataclasses.replace(
        images, train=images.train.first(size), val=images.val.first(min(300, size))
    )
    test = images.test.first(tests)
    network = training.original(images)
    before = right(network, test)
    choices = [(name, share) for share in SPARSITIES for name in CRITERIA]
    choices += [("magnitude, global", 0.95), ("magnitude, per layer", 0.95), ("2 of 4", 0.5)]
    rows = []
    for name, share in choices:
        if name == "2 of 4":
            chosen = wp.n_of_m(network, 2, 4)
        else:
            chosen = wp.masks(network, share, **CRITERIA[name])
        start = time.perf_counter()
        result, _ = wp.fine_tune(network, chosen, short, **TUNING)
        rows.append(
            {
                "criterion": name,
                "sparsity": share,
                "zeros": wp.sparsity(result)["all"],
                "at_once": right(wp.apply(network, chosen), short.val).double().mean().item(),
                "seconds": round(time.perf_counter() - start, 1),
                **against(before, right(result, test)),
            }
        )
        print(rows[-1])
    return {
        "tuned": {
            "rows": rows,
            "original": before.double().mean().item(),
            "train_images": size,
            "images_seen": size * TUNING["epochs"],
            "test_images": len(test),
            "val_images": len(short.val),  # behind at_once
            **{k: TUNING[k] for k in ("epochs", "learning_rate")},
        }
    }


def gradual(size: int, tests: int) -> dict:
    """All weights at once or gradually, then the same two passes over `size` images."""
    images = data.load("leaves")
    short = dataclasses.replace(
        images, train=images.train.first(size), val=images.val.first(min(300, size))
    )
    test = images.test.first(tests)
    network = training.original(images)
    before = right(network, test)
    options = {**TUNING, "epochs": 2}
    rows = []
    for share in (0.9, 0.95):
        chosen = wp.masks(network, share, scope="global")
        for name in ("at once", "gradually"):
            if name == "at once":
                result, history = wp.fine_tune(network, chosen, short, **options)
            else:
                result, history = wp.prune_gradually(network, short, share, **options)
            rows.append(
                {
                    "way": name,
                    "sparsity": share,
                    "zeros": wp.sparsity(result)["all"],
                    "seconds": round(history.seconds, 1),
                    **against(before, right(result, test)),
                }
            )
            print(rows[-1])
    return {"gradual": {"rows": rows, "images_seen": 2 * size, "test_images": len(test)}}


def lottery(seeds: list[int], small: bool) -> dict:
    """Tickets on MNIST (5,000 images): rewound, with other weights, with random masks."""
    images = data.load("mnist5k")
    options = {**LOTTERY, "epochs": 1} if small else LOTTERY
    rows = [
        row
        for seed in seeds
        for share in (0.8, 0.9, 0.95, 0.97)
        for row in tickets(images, share, seed, 1 if small else 4, options)
    ]
    return {"lottery": {"rows": rows, "seeds": seeds, "network": "LeNet300100", **options}}


def tickets(
    images: data.ImageData, share: float, seed: int, rounds: int, options: dict
) -> list[dict]:
    """One seed at one sparsity: test accuracies of the dense network and of four sparse ones."""
    options = {**options, "seed": seed}
    initial, other = lenet(seed), lenet(1000 + seed)
    found, dense = wp.winning_ticket(initial, images, share, **options)
    slowly, _ = wp.winning_ticket(initial, images, share, rounds, **options)
    starts = {
        "ticket": (initial, found),
        f"ticket of {rounds} rounds": (initial, slowly),
        "the ticket's mask, other weights": (other, found),
        "a random mask": (initial, wp.masks(initial, share, "random", seed=seed)),
    }
    trained = {"dense": dense} | {
        name: wp.fine_tune(start, chosen, images, **options)[0]
        for name, (start, chosen) in starts.items()
    }
    return [
        {"start": name, "sparsity": share, "seed": seed,
         "accuracy": training.evaluate(network, images.test)}
        for name, network in trained.items()
    ]  # fmt: skip


def lenet(seed: int) -> models.LeNet300100:
    """Untrained; the seed is its start."""
    torch.manual_seed(seed)
    return models.LeNet300100()


def right(network: torch.nn.Module, images: data.Images) -> torch.Tensor:
    """Which images are named right, (count,) bool."""
    return training.predict(network, images).argmax(1) == images.labels


def against(before: torch.Tensor, after: torch.Tensor) -> dict:
    """Accuracy, and the paired difference to the original in points."""
    pair = scorecard.paired(before.tolist(), after.tolist())
    return {
        "accuracy": after.double().mean().item(),
        "points": pair.points,
        "low": pair.low,
        "high": pair.high,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=["tuned", "gradual", "lottery"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    arguments = parser.parse_args()
    scorecard.set_threads()
    size, tests = (128, 100) if arguments.small else (2000, 2000)
    for table in arguments.only:
        if table == "tuned":
            figures = tuned(size, tests)
        elif table == "gradual":
            figures = gradual(size, tests)
        elif table == "lottery":
            figures = lottery(
                arguments.seeds[:1] if arguments.small else arguments.seeds, arguments.small
            )
        else:
            parser.error(f"--only takes tuned, gradual and lottery, got {table}")
        if arguments.small:
            print(figures)
        else:
            record("weight_pruning", figures, chapter=True)


if __name__ == "__main__":
    main()

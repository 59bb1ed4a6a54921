"""Train the original LeafNet on the leaves and ship it: 11 minutes on two cores.

Writes course_lib/weights/leafnet_leaves.safetensors and results/original.json. All
other networks that ship begin with it: `make anew` makes it, and then them.
"""

import argparse

import torch
from _trying import few

from _recording import record
from course_lib import data, leaves, models, scorecard, training

EPOCHS, SEED = 14, 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    arguments = parser.parse_args()
    scorecard.set_threads()
    images = data.load("leaves")
    if arguments.small:
        images, arguments.epochs = few(images, 16, 12, 12), 1
    network, history = training.train_original(images, arguments.epochs, arguments.seed)

    named = training.predict(network, images.test).argmax(1)
    genus = torch.tensor(images.groups)
    total = len(images.test)
    species_right = int((named == images.test.labels).sum())
    genus_right = int((genus[named] == genus[images.test.labels]).sum())
    figures = {
        "images": leaves.VERSION,
        "epochs": arguments.epochs,
        "seed": arguments.seed,
        "species": species_right / total,
        "species_interval": scorecard.wilson(species_right, total),
        "genus": genus_right / total,
        "genus_interval": scorecard.wilson(genus_right, total),
        "test_images": total,
        "validation": history.validation_accuracy,
        "training_seconds": round(history.seconds),
    }
    if arguments.small:
        print(figures)
        return
    models.save(network, models.WEIGHTS / "leafnet_leaves.safetensors", figures)
    record("original", figures)


if __name__ == "__main__":
    main()

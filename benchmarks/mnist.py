"""The classic on the real MNIST: Deep Compression's stages, and what the course's recipe leaves.

    python benchmarks/mnist.py [--models LeNet5 LeNet300100] [--seeds 0 1 2] [--small]

Half an hour a model on two cores. MNIST is looked for on this machine, else downloaded. Writes
benchmarks/results/mnist.json. Settings were chosen on validation images (a twelfth of the
training images); the test images are asked once, of what is in a table.

The first table of a model repeats Han et al. 2015 (arXiv 1510.00149): prune weights, round them,
code them, with neither moved images nor a teacher. Then the recipe, once under the same conditions
("as in 2015"), once with images moved by a pixel and a teacher ("with all").
"""

import argparse
import math
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

from _recording import RESULTS, record
from course_lib import counting, data, models, recipe, scorecard, surgery, training
from course_lib.recipe import Distil, Pack, PruneNeurons, PruneWeights, Quantize
from course_lib.steps import Lesson, State
from course_lib.style import COLOURS, MUTED, Picture, axes, picture, set_title, short_bytes

PUBLISHED = {  # Han et al. 2015, tables 1 to 3: error in percent, times smaller
    "LeNet300100": {"dense": 1.64, "compressed": 1.58, "stages": [12, 32, 40]},
    "LeNet5": {"dense": 0.80, "compressed": 0.74, "stages": [12, 33, 39]},
}
INDEX_BITS = 5  # of the gap to the next weight that is kept, as there
EPOCHS = 15  # of a dense network, and of the recipe's training
STAGES = {"LeNet300100": 0.92, "LeNet5": 0.92}  # sparsity, as there (8% are kept)
STAGE_BITS = 5
SMALL = {  # how many neurons stay, bits, price; chosen on validation images
    "LeNet300100": (PruneNeurons((100, 50)), 3, 2e-5),
    "LeNet5": (PruneNeurons((10, 20, 100)), 3, 2e-5),
}
TEMPERATURE, RATE = 4.0, 0.02  # without batch norm, higher rates and lower temperatures run away


def errors(network, images: data.Images) -> float:
    """Percent of the images named wrong."""
    if isinstance(network, nn.Module):
        return 100 * (1 - training.evaluate(network, images))
    return 100 * (1 - recipe.named_right(network, images).double().mean().item())


def dense(
    name: str, images: data.ImageData, epochs: int, rate: float, seed: int, moved: bool
) -> nn.Module:
    """The uncompressed network, trained as long as it takes."""
    torch.manual_seed(seed)
    network, _ = training.fit(
        models.ARCHITECTURES[name](len(images.classes)), images, epochs,
        rate, batch_size=128, seed=seed, augment=moved, workers=scorecard.threads(), progress=False,
    )  # fmt: skip
    return network


def relative_bytes(network: nn.Module, value_bits: int) -> int:
    """Kept weights with the gap to the last one in INDEX_BITS; a gap too long takes a zero more.

    Source: Han et al. 2015, section 2 and figure 2. Biases take 4 bytes each.
    """
    bits = 0
    for layer in surgery.layers(surgery.plain(network)).values():
        places = layer.weight.detach().flatten().nonzero()[:, 0]
        gaps = torch.diff(places, prepend=torch.tensor([-1])) - 1
        entries = len(places) + int((gaps // 2**INDEX_BITS).sum())
        bits += entries * (value_bits + INDEX_BITS) + 32 * layer.bias.numel()
    return math.ceil(bits / 8)


def stages(lesson: Lesson, name: str, epochs: int, rate: float) -> dict[str, State]:
    """Prune, round, code: each stage trained on with the labels alone, images as they are."""
    part = len(lesson.data.train) * max(1, epochs // 3)
    again = Distil(part, mix=0.0, augment=False, learning_rate=rate / 2)
    pruned = State(lesson.original)
    for sparsity in (STAGES[name] - 0.12, STAGES[name]):
        pruned = again.apply(PruneWeights(sparsity).apply(pruned, lesson), lesson)
    rounded = again.apply(Quantize(STAGE_BITS).apply(pruned, lesson), lesson)
    return {"pruned": pruned, "rounded": rounded, "coded": Pack().apply(rounded, lesson)}


def compressed(lesson: Lesson, name: str, epochs: int, rate: float, all_means: bool) -> State:
    """The course's recipe: fewer neurons, few bits, one training with a price on every weight."""
    prune, bits, price = SMALL[name]
    learn = Distil(
        len(lesson.data.train) * epochs, price=price, augment=all_means,
        mix=0.9 if all_means else 0.0, temperature=TEMPERATURE, learning_rate=rate,
    )  # fmt: skip
    return recipe.states((prune, Quantize(bits), learn, Pack()), lesson)[-1]


def run(
    name: str, images: data.ImageData, seed: int, epochs: int, rate: float, judged: data.Images
) -> dict:
    """All networks of one model and seed; errors in percent, of the images to judge by."""
    start = time.perf_counter()
    plain = dense(name, images, epochs, rate, seed, moved=False)
    moved = dense(name, images, epochs, rate, seed, moved=True)
    whole = 4 * counting.parameters(plain)
    row: dict = {"seed": seed, "dense_bytes": whole, "dense": errors(plain, judged),
                 "dense_moved": errors(moved, judged)}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        alone = Lesson(images, plain, Path(folder), seed, progress=False)
        found = stages(alone, name, epochs, rate)
        sizes = {
            "pruned": relative_bytes(found["pruned"].network, 32),
            "rounded": relative_bytes(found["rounded"].network, STAGE_BITS),
            "coded": found["coded"].stored_bytes,
        }
        row["stages"] = {
            stage: entry(state, alone, sizes[stage], whole, judged)
            for stage, state in found.items()
        }
        taught = Lesson(images, moved, Path(folder), seed, progress=False)
        for way, lesson, means in (("as in 2015", alone, False), ("with all", taught, True)):
            state = compressed(lesson, name, epochs, rate, means)
            row[way] = entry(state, lesson, state.stored_bytes, whole, judged)
    row["seconds"] = round(time.perf_counter() - start)
    print(name, row, flush=True)
    return row


def entry(state: State, lesson: Lesson, size: int, whole: int, judged: data.Images) -> dict:
    """Bytes, times smaller, and error of one network."""
    network = state.network if state.packed is None else state.exported(lesson)
    return {"bytes": size, "times_smaller": whole / size, "error": errors(network, judged)}


def drawn(table: dict) -> Picture:
    """Error against bytes, a panel a model: the classic's figures, its stages here, the recipe."""
    made = picture(7.6, 3.7)
    for place, (name, rows) in enumerate(table.items(), 1):
        panel = axes(made, 1, len(table), place)
        known, whole = PUBLISHED[name], rows[0]["dense_bytes"]
        panel.plot([whole, whole / known["stages"][-1]], [known["dense"], known["compressed"]],
                   color=MUTED, marker="s", linestyle=":", label="published 2015")  # fmt: skip
        ways = {
            "dense": [(row["dense_bytes"], row["dense"]) for row in rows],
            "dense, images moved": [(row["dense_bytes"], row["dense_moved"]) for row in rows],
            "its stages, here": [
                (found["bytes"], found["error"]) for row in rows for found in row["stages"].values()
            ],
            "the recipe, as in 2015": [
                (row["as in 2015"]["bytes"], row["as in 2015"]["error"]) for row in rows
            ],
            "the recipe, with all": [
                (row["with all"]["bytes"], row["with all"]["error"]) for row in rows
            ],
        }
        for (label, points), colour in zip(ways.items(), COLOURS, strict=False):
            panel.scatter(*zip(*points, strict=True), color=colour, s=28, label=label, zorder=3)
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(lambda value, _place: short_bytes(value))
        panel.set_xlabel("bytes")
        panel.set_ylabel("test error (%)")
        panel.set_ylim(bottom=0)
        set_title(panel, name)
        if place == len(table):
            handles, labels = panel.get_legend_handles_labels()
            made.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8.5)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(PUBLISHED), choices=list(PUBLISHED))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--validation", action="store_true", help="choose settings; write nothing")
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    arguments = parser.parse_args()
    scorecard.set_threads()
    images = data.load("mnist5k" if arguments.small else "mnist")
    trial = arguments.small or arguments.validation
    judged = images.val if trial else images.test
    epochs, rate = (3, 0.003) if arguments.small else (arguments.epochs, RATE)
    table = {
        name: [run(name, images, seed, epochs, rate, judged) for seed in arguments.seeds]
        for name in arguments.models
    }
    if not trial:
        record("mnist", {"rows": table, "published": PUBLISHED, "test_images": len(judged)})
        drawn(table).savefig(RESULTS / "mnist.png", dpi=150)


if __name__ == "__main__":
    main()

"""The classic on the real MNIST: Deep Compression's stages, and what the course's recipe leaves.

    python benchmarks/mnist.py [--models LeNet5 LeNet300100] [--seeds 0 1 2] [--small]

Half an hour a model on two cores. MNIST is looked for on this machine, else downloaded. Writes
benchmarks/results/mnist_lenet5.json, mnist_lenet300100.json and mnist.png. Settings were chosen on
validation images (a twelfth of the training images); the test images are asked once, of what is in
a table.

The first table of a model repeats Han et al. 2015 (arXiv 1510.00149): prune weights, round them,
code them, with neither moved images nor a teacher. Then the recipe: under the same conditions ("as
in 2015"), with images moved a little, with a teacher too ("with all": LeNet-5 teaches
LeNet-300-100, and the original itself LeNet-5), and LeNet-5 gently, at no loss.
"""

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

import torch
from _trying import few
from torch import nn

from _recording import RESULTS, record
from course_lib import counting, data, models, recipe, scorecard, structure, training
from course_lib.figures.style import COLOURS, INK, MUTED, Picture, axes, picture, set_title
from course_lib.recipes.recipe import Distil, Pack, PruneNeurons, PruneWeights, Quantize
from course_lib.recipes.steps import Lesson, State
from course_lib.units import short_bytes

PUBLISHED = {  # Han et al. 2015, tables 1 to 3: error in percent, times smaller
    "LeNet300100": {"dense": 1.64, "compressed": 1.58, "stages": [12, 32, 40]},
    "LeNet5": {"dense": 0.80, "compressed": 0.74, "stages": [12, 33, 39]},
}
INDEX_BITS = 5  # of the gap to the next weight that is kept, as there
EPOCHS, RATE = 10, 0.02  # of a dense network; at 0.05 one training in three fails halfway
STAGE_EPOCHS, STAGE_RATE = 4, 0.01  # of each training after a stage
STAGES = {"LeNet300100": 0.92, "LeNet5": 0.92}  # sparsity, as there (8% are kept)
STAGE_BITS = 5
SMALL = {  # neurons left, bits, epochs, rate, price of a weight; chosen on validation images
    "LeNet300100": (PruneNeurons((128, 64)), 3, 40, 0.01, 3e-5),
    "LeNet5": (PruneNeurons((10, 20, 100)), 3, 20, 0.02, 3e-5),
}
GENTLE = {"LeNet5": (PruneNeurons((14, 28, 128)), 4, 20, 0.02, 5e-6)}  # less small, no less right
TEMPERATURE = 4.0  # without batch norm, higher rates and lower temperatures run away
WAYS = {  # whose settings, are images moved, is there a teacher
    "as in 2015": (SMALL, False, False),
    "images moved": (SMALL, True, False),
    "with all": (SMALL, True, True),
    "with all, gently": (GENTLE, True, True),
}


def errors(network, images: data.Images) -> float:
    """Percent of the images named wrong."""
    if isinstance(network, nn.Module):
        return 100 * (1 - training.evaluate(network, images))
    return 100 * (1 - recipe.named_right(network, images).double().mean().item())


def dense(name: str, images: data.ImageData, share: float, seed: int, moved: bool) -> nn.Module:
    """The uncompressed network, trained as long as it takes."""
    torch.manual_seed(seed)
    network, _ = training.fit(
        models.ARCHITECTURES[name](len(images.classes)), images, max(1, round(EPOCHS * share)),
        RATE * share, batch_size=128, seed=seed, augment=moved, workers=scorecard.threads(),
        progress=False,
    )  # fmt: skip
    return network


def relative_bytes(network: nn.Module, value_bits: int) -> int:
    """Kept weights with the gap to the last one in INDEX_BITS; a gap too long takes a zero more.

    Source: Han et al. 2015, section 2 and figure 2. Biases take 4 bytes each.
    """
    bits = 0
    for layer in structure.layers(structure.plain(network)).values():
        places = layer.weight.detach().flatten().nonzero()[:, 0]
        gaps = torch.diff(places, prepend=torch.tensor([-1])) - 1
        entries = len(places) + int((gaps // 2**INDEX_BITS).sum())
        bits += entries * (value_bits + INDEX_BITS) + 32 * layer.bias.numel()
    return math.ceil(bits / 8)


def stages(lesson: Lesson, name: str, share: float) -> dict[str, State]:
    """Prune, round, code: each stage trained on with the labels alone, images as they are."""
    part = len(lesson.data.train) * max(1, round(STAGE_EPOCHS * share))
    again = Distil(part, mix=0.0, augment=False, learning_rate=STAGE_RATE * share)
    pruned = State(lesson.original)
    for sparsity in (STAGES[name] - 0.12, STAGES[name]):
        pruned = again.apply(PruneWeights(sparsity).apply(pruned, lesson), lesson)
    rounded = again.apply(Quantize(STAGE_BITS).apply(pruned, lesson), lesson)
    return {"pruned": pruned, "rounded": rounded, "coded": Pack().apply(rounded, lesson)}


def compressed(lesson: Lesson, name: str, share: float, way: str) -> State:
    """The course's recipe: fewer neurons, few bits, one training with a price on every weight."""
    settings, moved, taught = WAYS[way]
    prune, bits, epochs, rate, price = settings[name]
    learn = Distil(
        len(lesson.data.train) * max(1, round(epochs * share)), price=price, augment=moved,
        mix=0.9 if taught else 0.0, temperature=TEMPERATURE, learning_rate=rate * share,
    )  # fmt: skip
    return recipe.states((prune, Quantize(bits), learn, Pack()), lesson)[-1]


def ways_of(name: str) -> list[str]:
    """The ways that there are settings for."""
    return [way for way, (settings, *_) in WAYS.items() if name in settings]


def run(name: str, images: data.ImageData, seed: int, share: float, judged: data.Images) -> dict:
    """All networks of one model and seed; errors in percent, of the images to judge by.

    share: of epochs and rates; below 1 for a try-out, where fewer steps leave less to warm up, and
    the first and the last way do.
    """
    start = time.perf_counter()
    plain = dense(name, images, share, seed, moved=False)
    moved = dense(name, images, share, seed, moved=True)
    whole = 4 * counting.parameters(plain)
    row: dict = {"seed": seed, "dense_bytes": whole, "dense": errors(plain, judged),
                 "dense_moved": errors(moved, judged)}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        alone = Lesson(images, plain, Path(folder), seed, progress=False)
        found = stages(alone, name, share)
        sizes = {
            "pruned": relative_bytes(found["pruned"].network, 32),
            "rounded": relative_bytes(found["rounded"].network, STAGE_BITS),
            "coded": found["coded"].stored_bytes,
        }
        row["stages"] = {
            stage: entry(state, alone, sizes[stage], whole, judged)
            for stage, state in found.items()
        }
        teacher = moved if name == "LeNet5" else dense("LeNet5", images, share, seed, moved=True)
        taught = Lesson(images, moved, Path(folder), seed, progress=False, teacher=teacher)
        ways = ways_of(name)
        for way in ways if share == 1 else (ways[0], ways[-1]):
            lesson = taught if WAYS[way][1] else alone
            state = compressed(lesson, name, share, way)
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
        }
        for way in ways_of(name):
            ways[f"the recipe, {way}"] = [(row[way]["bytes"], row[way]["error"]) for row in rows]
        for (label, points), colour in zip(ways.items(), (INK, *COLOURS), strict=False):
            panel.scatter(*zip(*points, strict=True), color=colour, s=28, label=label, zorder=3)
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(lambda value, _place: short_bytes(value))
        panel.set_xlabel("bytes")
        panel.set_ylabel("test error (%)")
        panel.set_ylim(bottom=0)
        set_title(panel, name)
        if len(ways) == 3 + len(WAYS):
            handles, labels = panel.get_legend_handles_labels()
            made.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8.5)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(PUBLISHED), choices=list(PUBLISHED))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--validation", action="store_true", help="choose settings; write nothing")
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    arguments = parser.parse_args()
    scorecard.set_threads()
    images = data.load("mnist5k" if arguments.small else "mnist")
    if arguments.small:
        images, arguments.seeds = few(images, 64, 32, 32), arguments.seeds[:1]
    trial = arguments.small or arguments.validation
    judged = images.val if trial else images.test
    share = 0.1 if arguments.small else 1.0
    for name in arguments.models:
        rows = [run(name, images, seed, share, judged) for seed in arguments.seeds]
        if not trial:
            about = {"published": PUBLISHED[name], "test_images": len(judged)}
            record(f"mnist_{name.lower()}", {"rows": rows, **about})
    if not trial:
        files = {name: RESULTS / f"mnist_{name.lower()}.json" for name in PUBLISHED}
        done = {name: json.loads(file.read_text()) for name, file in files.items() if file.exists()}
        drawn({name: found["rows"] for name, found in done.items()}).savefig(
            RESULTS / "mnist.png", dpi=150
        )


if __name__ == "__main__":
    main()

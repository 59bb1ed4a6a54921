"""What chapter 05 shows and cannot compute within its minute.

    python benchmarks/distillation.py [--only shipped students few fails mnist]
                                      [--seeds 0 1 2] [--small]

Four hours on two cores (two trainings at a time, one thread each), a quarter of one with a GPU.
Writes course_lib/recorded/distillation.json, and `shipped` the students that the chapter judges,
of a seed of their own, to course_lib/weights/leafnet_student_*.safetensors. `mnist` verifies the
method on the real MNIST, and is left out where that is not on this machine.

The validation images choose the epoch whose weights are kept; accuracies are of the test images.
"""

import argparse
import contextlib
import functools
import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
from _judging import difference
from _trying import few as some
from torch import nn

from _recording import record
from course_lib import data, distillation, leaves, models, scorecard, students, training
from course_lib.images import named_sets

TOO_SMALL = 4  # width of LeafNet
HINT, HINT_EPOCHS = "features.12", 2  # the end of the second stage
MNIST_EPOCHS, MNIST_TEMPERATURE = 10, 4
MNIST_RATES = {"labels": 0.05, "teacher": 0.01}  # chosen on validation images


class Setting:
    """The images, the teacher, and its outputs on the training images."""

    def __init__(self, small: bool):
        if small:
            students.EPOCHS = 2
        self.images = data.load("leaves")
        if small:
            self.images = some(self.images, 24, 12, 12)
        self.epochs, self.hint_epochs = students.EPOCHS, 1 if small else HINT_EPOCHS
        self.teacher = training.original(data.load("leaves"))
        self.outputs = distillation.teacher_outputs(self.teacher, self.images)


def grow(setting: Setting, way: str, seed: int) -> tuple[nn.Module, training.History]:
    """One student, by one of the ways; all see equally many images."""
    if way in students.FILES:
        return students.trained(setting.images, way, seed, progress=False)
    images, options = setting.images, {"seed": seed, "progress": False}
    student, epochs = students.untrained(images, seed), setting.epochs
    outputs, temperature, mix = setting.outputs, students.TEMPERATURE, 0.9
    torch.manual_seed(seed)
    tiny = models.LeafNet(TOO_SMALL, len(images.classes), images.shape[0])
    if "too small" in way:
        student = tiny
    if "poor teacher" in way:
        poor, _ = training.fit(tiny, images, epochs, **options)
        outputs = training.predict(poor, images.train)
    if "few" in way:  # no labels where a teacher speaks
        outputs, images, mix = outputs[students.again(images)], students.fewer(images), 1.0
    if "alone" in way:
        return training.fit(student, images, epochs, **options)
    if way == "label smoothing":
        smooth = distillation.label_smoothing()
        return training.fit(student, images, epochs, loss=smooth, **options)
    if "hints" in way:
        student, _ = distillation.hints(
            student, setting.teacher, images, HINT, HINT, setting.hint_epochs, **options
        )
        epochs -= setting.hint_epochs
    if "temperature 1" in way:
        temperature = 1
    return distillation.distil(student, outputs, images, epochs, temperature, mix, **options)


def timed(way: str, seed: int) -> dict:
    """What a process of the pool returns: weights, answers, the course of the training."""
    start = time.perf_counter()
    network, history = grow(SETTING, way, seed)
    seconds = time.perf_counter() - start
    answers = training.predict(network, SETTING.images.test).argmax(1) == SETTING.images.test.labels
    return {
        "way": way, "seed": seed, "seconds": round(seconds, 1), "answers": answers.numpy(),
        "validation": history.validation_accuracy, "weights": network.state_dict(),
    }  # fmt: skip


def _start(small: bool) -> None:
    global SETTING
    torch.set_num_threads(1)
    SETTING = Setting(small)


def table(ways: list[str], seeds: list[int], small: bool) -> dict:
    """Each way with each seed: accuracy, against the teacher and against the student alone."""
    setting = Setting(small)
    with _pool(small) as pool:
        jobs = [pool.submit(timed, way, seed) for way in ways for seed in seeds]
        found = []
        for job in jobs:
            found.append(job.result())
            print(found[-1]["way"], found[-1]["seed"], found[-1]["seconds"], flush=True)
    test = setting.images.test
    taught_by = (training.predict(setting.teacher, test).argmax(1) == test.labels).numpy()
    answers = {(one["way"], one["seed"]): one["answers"] for one in found}
    rows = []
    for one in found:
        row = {key: one[key] for key in ("way", "seed", "seconds", "validation")}
        row["accuracy"] = float(one["answers"].mean())
        row["against_teacher"] = difference(taught_by, one["answers"])
        base = answers.get((f"{one['way'].split(', no labels')[0]}, alone", one["seed"]))
        base = answers.get(("alone", one["seed"])) if base is None else base
        if base is not None and not one["way"].endswith("alone"):
            row["against_alone"] = difference(base, one["answers"])
        rows.append(row)
    return {
        "rows": rows, "found": found, "teacher": float(taught_by.mean()),
        "teacher_validation": training.evaluate(setting.teacher, setting.images.val),
        "epochs": setting.epochs, "temperature": students.TEMPERATURE,
        "images_seen": setting.epochs * len(setting.images.train), "test_images": len(test),
    }  # fmt: skip


def _pool(small: bool, count: int = 2) -> contextlib.AbstractContextManager[ProcessPoolExecutor]:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if small:
        return contextlib.nullcontext(_for_all_tables())
    if torch.cuda.is_available():
        count = max(count, (os.cpu_count() or 2) - 1)
    return ProcessPoolExecutor(count, get_context("spawn"), _start, (small,))


@functools.cache
def _for_all_tables() -> ProcessPoolExecutor:
    """The try-out's one process: starting it takes longer than all that it does."""
    return ProcessPoolExecutor(1, get_context("spawn"), _start, (True,))


def shipped(seeds: list[int], small: bool) -> dict:
    """The students that the chapter judges live; their seed is one that no other table has."""
    made = table(list(students.FILES), [students.SHIPPED_SEED], small)
    for one in made.pop("found"):
        if not small and "COURSE_RECORD" not in os.environ:
            network = models.LeafNet(students.WIDTHS)
            network.load_state_dict(one["weights"])
            path = models.WEIGHTS / f"{students.FILES[one['way']]}.safetensors"
            notes = {"images": leaves.VERSION, "epochs": students.EPOCHS, "seed": one["seed"]}
            models.save(network, path, {**notes, "way": one["way"]})
    return made


def all_images(seeds: list[int], small: bool) -> dict:
    """Alone, with label smoothing, distilled, with hints first."""
    made = table(["alone", "distilled", "label smoothing", "hints, then distilled"], seeds, small)
    del made["found"]
    return made


def few(seeds: list[int], small: bool) -> dict:
    """An eighth of the images, as many steps: their labels, or the teacher's opinion of them."""
    made = table(["few, alone", "few, no labels, distilled"], seeds, small)
    del made["found"]
    return {**made, "images": made["images_seen"] // made["epochs"] // students.PART}


def fails(seeds: list[int], small: bool) -> dict:
    """Few images, no labels: temperature 1, a poor teacher, a student that is too small."""
    ways = ["few, temperature 1", "few, poor teacher", "too small, few, alone",
            "too small, few, no labels, distilled"]  # fmt: skip
    made = table(ways, seeds, small)
    del made["found"]
    return made


def mnist(seeds: list[int], small: bool) -> dict | None:
    """Hinton et al. 2015, section 3: errors of student alone, distilled, teacher, of 10,000.

    Their networks (two hidden layers of 1200 and of 800) and their asymmetry: only the teacher
    sees moved images, by one pixel where theirs moved by two. With weight decay, without their
    dropout, with fewer epochs and a lower temperature: at theirs (20) our training ran away.
    """
    if not any((place / "MNIST" / "raw").is_dir() for place in named_sets.places()):
        print("mnist: left out, MNIST is not on this machine; see images.named_sets.places()")
        return None
    with _pool(small, len(seeds)) as pool:
        jobs = [pool.submit(mnist_run, seed, small) for seed in seeds]
        rows = [job.result() for job in jobs]
    return {"rows": rows, "epochs": MNIST_EPOCHS, "temperature": MNIST_TEMPERATURE,
            "learning_rates": MNIST_RATES,
            "hinton": {"alone": 146, "distilled": 74, "teacher": 67}}  # fmt: skip


def mnist_run(seed: int, small: bool) -> dict:
    images, epochs = data.load("mnist"), MNIST_EPOCHS
    if small:
        images, epochs = some(images, 64, 32, 32), 1
    options = {"epochs": epochs, "batch_size": 128, "seed": seed, "progress": False}
    labels, teaching = ({**options, "learning_rate": rate} for rate in MNIST_RATES.values())

    def errors(network: nn.Module) -> int:
        named = training.predict(network, images.test).argmax(1)
        return int((named != images.test.labels).sum())

    torch.manual_seed(seed)
    teacher, _ = training.fit(models.LeNet300100(widths=(1200, 1200)), images, **labels)
    student = models.LeNet300100(widths=(800, 800))
    alone, _ = training.fit(student, images, augment=False, **labels)
    outputs = training.predict(teacher, images.train)
    distilled, _ = distillation.distil(
        student, outputs, images, temperature=MNIST_TEMPERATURE, augment=False, **teaching
    )
    return {"seed": seed, "alone": errors(alone), "distilled": errors(distilled),
            "teacher": errors(teacher)}  # fmt: skip


TABLES = {
    "shipped": shipped, "students": all_images, "few": few, "fails": fails, "mnist": mnist,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--small", action="store_true", help="a try-out that writes nothing")
    arguments = parser.parse_args()
    seeds = arguments.seeds[:1] if arguments.small else arguments.seeds
    scorecard.set_threads()
    for name in arguments.only:
        figures = TABLES[name](seeds, arguments.small)
        if arguments.small:
            print(name, figures)
        elif figures is not None:
            record("distillation", {name: figures}, chapter=True)


if __name__ == "__main__":
    main()

"""The search for the balance: many recipes tried, accuracy against bytes against time.

Optuna proposes settings (its TPE sampler, made for several objectives at once); each is a recipe
that is carried out, here or on the workers of a Dask cluster. Only the validation images are asked.
What is found lies in a journal, so that a search that stopped goes on where it was.
"""

import dataclasses
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from course_lib import cache, files
from course_lib.deploy import engines
from course_lib.images import photo_folders
from course_lib.images.data import ImageData
from course_lib.measure import measuring
from course_lib.measure.cards import Comparison, compare
from course_lib.measure.fresh_process import cards as judged
from course_lib.networks import training
from course_lib.recipes import cluster, pareto, steps
from course_lib.recipes.coordinator import Coordinator, Space
from course_lib.recipes.pareto import Trial, nondominated, smallest
from course_lib.recipes.recipe import LEAVES, Distil, Lesson, Step, named_right

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

    from course_lib.figures.style import Picture

RUNGS = (0.15, 1.0)  # shares of a recipe's images: first cheap ones, then in full
PROMOTED = 4  # of so many cheap trials one is carried out in full


def around_leaves(trial: "BaseTrial") -> list[Step]:
    """The default space: sizes, bits and price around the default recipe."""
    size = trial.suggest_float("size", 0.5, 1.6, log=True)
    bits = trial.suggest_int("bits", 2, 4)
    price = trial.suggest_float("price", 3e-6, 1e-4, log=True)
    prune, _, distil, pack = LEAVES
    assert isinstance(distil, Distil)
    rounding = steps.Quantize(bits)
    return [prune.scaled(size), rounding, dataclasses.replace(distil, price=price), pack]


@dataclass(frozen=True)
class Found:
    """What a search found. print(found) lists the front; `.picture()` draws all trials."""

    trials: tuple[Trial, ...]  # in full
    cheap: int  # trials on the first rung
    failed: int  # trials whose recipe raised an error
    seconds: float  # of this call
    data: ImageData
    original: nn.Module

    @property
    def front(self) -> list[Trial]:
        """The trials that no other one beats in everything."""
        return nondominated(self.trials)

    def choose(self, rule: Callable[[Sequence[Trial]], Trial] = smallest) -> Trial:
        """The winner by your own rule, a function of the trials, such as `smallest`."""
        return rule(self.trials)

    def judge(self, trial: Trial, images: int | None = None) -> Comparison:
        """The original and one trial's packed file on the test images, in a fresh process.

        Once, for the one that was chosen: whoever asks the test images of many chooses by them.
        """
        return self._compared(trial, "test", images, 10)

    def card(self, trial: Trial) -> Comparison:
        """Their scorecards on the validation images, for looking around."""
        return self._compared(trial, "val", 300, 1)

    def _compared(self, trial: Trial, split: str, images: int | None, limit_s: float) -> Comparison:
        assert trial.path is not None
        original = engines.onnx(self.original, self.data.shape)
        networks: dict[str, Any] = {"original": original, f"trial {trial.number}": trial.path}
        return compare(judged(networks, self.data, split, images, limit_s))

    def picture(self, chosen: Trial | None = None) -> "Picture":
        """All trials: bytes against accuracy, the front joined by a line."""
        from course_lib import figures

        return figures.pareto(
            [trial.bytes for trial in self.trials],
            [-trial.drop for trial in self.trials],
            [trial.latency_ms for trial in self.trials],
            [trial in self.front for trial in self.trials],
            None if chosen is None else self.trials.index(chosen),
        )

    def interactive(self, chosen: Trial | None = None) -> Any:
        """The same picture to hover over and to click: settings, and a trial's scorecard."""
        from course_lib.figures import widgets

        return widgets.Points(
            self.picture(chosen),
            [(trial.bytes, -trial.drop) for trial in self.trials],
            [str(trial) for trial in self.trials],
            lambda number: self.card(self.trials[number]),
        )

    def as_dict(self) -> dict[str, Any]:
        """The trials as JSON."""
        front = {trial.number for trial in self.front}
        return {
            "trials": [
                {
                    "number": trial.number,
                    "settings": trial.settings,
                    "accuracy": trial.accuracy,
                    "points": -trial.drop,
                    "bytes": trial.bytes,
                    "latency_ms": trial.latency_ms,
                    "recipe": trial.recipe,
                    "front": trial.number in front,
                }
                for trial in self.trials
            ],
            "cheap": self.cheap,
            "failed": self.failed,
            "seconds": round(self.seconds, 1),
        }

    @classmethod
    def restored(
        cls, plain: dict[str, Any], folder: str | Path, data: ImageData, original: nn.Module
    ) -> "Found":
        """What `plain()` told of an earlier search; folder holds its files as NUMBER.packed."""
        trials = [
            Trial(
                row["number"], row["settings"], row["accuracy"], -row["points"], row["bytes"],
                row["latency_ms"], row["recipe"], Path(folder) / f"{row['number']}.packed",
            )
            for row in plain["trials"]
        ]  # fmt: skip
        return cls(tuple(trials), plain["cheap"], plain["failed"], plain["seconds"], data, original)

    def __str__(self) -> str:
        ran = f"{len(self.trials)} trial{'s' * (len(self.trials) != 1)} in full"
        front = [str(trial) for trial in self.front]
        return "\n".join([f"{ran} after {self.cheap} cheap ones; the front:", *front])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def search(
    data: ImageData,
    folder: str | Path,
    trials: int | None = None,
    minutes: float | None = None,
    space: Space = around_leaves,
    original: nn.Module | None = None,
    rungs: tuple[float, float] = RUNGS,
    dask: str | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Found:
    """Search for recipes that lose little, are small, and are fast.

    trials: how many cheap ones (the first rung, with a share of the images); a quarter of them, the
    best by nondominated sorting, are then carried out in full. minutes: instead, two fifths of them
    for cheap trials, the rest for full ones.
    space: takes an Optuna trial, asks it for settings, and returns the recipe.
    folder: the journal and the packed files. The same call again goes on there: what is finished
    counts, what was interrupted is asked for again with the same settings.
    dask: the address of a scheduler, tcp://host:port; its workers need this package, nothing else
    (the images travel). None: here, one trial after the other.

    Raises ValueError for wrong settings, and RuntimeError if every trial fails, with the reason.
    """
    if (trials is None) == (minutes is None):
        raise ValueError(f"give either trials or minutes, got trials={trials}, minutes={minutes}")
    if (trials is not None and trials < 1) or (minutes is not None and minutes <= 0):
        raise ValueError(f"trials or minutes must be above 0, got {trials or minutes}")
    if not 0 < rungs[0] <= rungs[1]:
        raise ValueError(f"rungs must be two rising shares of the images, got {rungs}")
    measuring.set_threads()
    folder, start = Path(folder), time.perf_counter()
    photo_folders.mark(folder)
    for name in ("trials", "trainings"):
        (folder / name).mkdir(exist_ok=True)
    waiting = f"another search works in {folder}; waiting for it"
    with cache.lock(folder / "trainings" / "search", waiting), cluster.pool(dask) as pool:
        network = training.original(data, progress) if original is None else original
        lesson = Lesson(data, network, folder / "trainings", seed, progress=False)
        _ = lesson.opinions  # the original is asked once, not by every worker
        whole = engines.onnx(network, data.shape)
        before = named_right(whole, data.val).double().mean().item()
        course = Coordinator(lesson, folder, space, pool, before, whole, progress)
        until = None if minutes is None else start + 0.4 * 60 * minutes
        cheap = course.rung(0, rungs[0], trials, until, [])
        taken = (time.perf_counter() - start) / max(1, len(cheap))
        if minutes is None:
            wanted = math.ceil((trials or 1) / PROMOTED)
        else:
            left = 60 * minutes - (time.perf_counter() - start)
            wanted = max(1, int(left / (taken * rungs[1] / rungs[0])))
        best = pareto.best(cheap, wanted)
        full = course.rung(1, rungs[1], len(best), None, [trial.settings for trial in best])
    if not full:
        raise RuntimeError(f"no trial came to its end; the last error: {course.error or 'unknown'}")
    seconds = time.perf_counter() - start
    found = Found(tuple(full), len(cheap), course.failed, seconds, data, network)
    files.write(folder / "front.json", json.dumps(found.as_dict(), indent=2) + "\n")
    return found

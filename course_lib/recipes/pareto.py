"""Trials with several aims: who beats whom, the front, and rules to choose by.

>>> trials = [
...     Trial(0, {"bits": 3}, 0.97, 0.3, 9_000, 0.2, "3 bits"),
...     Trial(1, {"bits": 4}, 0.96, 1.3, 12_000, 0.2, "4 bits"),
...     Trial(2, {"bits": 2}, 0.95, 2.3, 7_000, 0.2, "2 bits")]
>>> [trial.number for trial in nondominated(trials)]  # 1 is worse than 0, and larger
[0, 2]
>>> smallest(trials, max_drop=1).number
0
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib import arguments

DIRECTIONS: tuple[Any, ...] = ("maximize", "minimize", "minimize")  # accuracy, bytes, milliseconds


@dataclass(frozen=True)
class Trial:
    """A recipe that was carried out in full, and what it left; on the validation images."""

    number: int
    settings: dict[str, Any]
    accuracy: float  # in [0, 1]
    drop: float  # points below the original
    bytes: int  # of the packed file
    latency_ms: float  # one image in ONNX Runtime on one thread, measured by the coordinator
    recipe: str
    path: Path | None = None  # the packed file

    @property
    def values(self) -> tuple[float, float, float]:
        """Accuracy, bytes and milliseconds, as the sampler sees them."""
        return self.accuracy, self.bytes, self.latency_ms

    def __post_init__(self) -> None:
        arguments.share("accuracy", self.accuracy, "0.97 is 97%", below_one=False)
        arguments.number("drop", self.drop)
        arguments.count("bytes", self.bytes, 0)
        arguments.number("latency_ms", self.latency_ms, 0)

    def __str__(self) -> str:
        chosen = ", ".join(f"{k} {v:.3g}" for k, v in self.settings.items())
        return (
            f"trial {self.number} ({chosen}): {self.accuracy:.1%} ({-self.drop:+.1f} points), "
            f"{self.bytes:,} bytes, {self.latency_ms:.3f} ms"
        )


def dominates(one: Trial, other: Trial) -> bool:
    """Is it nowhere worse and somewhere better?"""
    gains = [
        (a - b) if way == "maximize" else (b - a)
        for a, b, way in zip(one.values, other.values, DIRECTIONS, strict=True)
    ]
    return min(gains) >= 0 and max(gains) > 0


def nondominated(trials: Sequence[Trial]) -> list[Trial]:
    """The Pareto front: the trials that no other one beats in everything, smallest last."""
    front = [t for t in trials if not any(dominates(other, t) for other in trials)]
    return sorted(front, key=lambda trial: -trial.bytes)


def smallest(trials: Sequence[Trial], max_drop: float = 1.0) -> Trial:
    """A rule: the smallest file among those that lose at most max_drop points.

    Raises ValueError, with the nearest, if none does.
    """
    arguments.number("max_drop", max_drop)
    held = [trial for trial in trials if trial.drop <= max_drop]
    if not held:
        nearest = min(trials, key=lambda trial: trial.drop, default=None)
        raise ValueError(
            f"no trial loses at most {max_drop:g} points; the nearest is {nearest}; search longer, "
            f"or allow more"
        )
    return min(held, key=lambda trial: trial.bytes)


def best(trials: Sequence[Trial], count: int) -> list[Trial]:
    """The first so many by nondominated sorting: the front, the front of the rest, ..."""
    arguments.count("count", count)
    left: list[Trial] = list(trials)
    chosen: list[Trial] = []
    while left and len(chosen) < count:
        front = nondominated(left)
        # Of a front that does not fit as a whole, the most accurate ones.
        chosen += sorted(front, key=lambda trial: -trial.accuracy)
        left = [trial for trial in left if trial not in front]
    return chosen[:count]

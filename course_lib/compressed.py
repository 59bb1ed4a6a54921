"""What `recipe.compress` found: the stages, the scorecards, the sentence, the picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib import engines
from course_lib.cards import Comparison, Scorecard, compare
from course_lib.steps import State, Step, sentence
from course_lib.units import show_bytes

if TYPE_CHECKING:
    from course_lib.style import Picture


@dataclass(frozen=True)
class Try:
    """The recipe at one size; judged on the validation images."""

    factor: float  # the recipe's own sizes times this
    bytes: int
    drop: float  # points below the original
    recipe: tuple[Step, ...]
    states: tuple[State, ...]  # one a step


@dataclass(frozen=True)
class Stage:
    """The network after one step of the recipe."""

    step: str
    bytes: int  # its weights side by side in their bits; after packing: the file
    network: engines.Onnx
    card: Scorecard


@dataclass(frozen=True)
class Compressed:
    """What `compress` found. print(result) shows it; `.picture()` draws it."""

    recipe: tuple[Step, ...]  # at the size that was chosen
    before: Scorecard
    after: Scorecard
    baseline: Scorecard | None  # the same architecture, budget and rounding, from random weights
    stages: tuple[Stage, ...]  # one a step, in order
    tries: tuple[Try, ...]
    max_drop: float  # points
    seconds: float  # of compressing; training the original, baseline and measuring not counted
    folder: Path | None  # where the files are, if they were kept

    @property
    def holds(self) -> bool:
        """Did a network lose no more than max_drop points, on the validation images?"""
        return any(each.drop <= self.max_drop for each in self.tries)

    @property
    def network(self) -> engines.Onnx:
        """The compressed network, restored from its packed file."""
        return self.stages[-1].network

    @property
    def comparison(self) -> Comparison:
        """The scorecards: before, after, and the baseline."""
        return compare([self.before, self.after, *([self.baseline] if self.baseline else [])])

    def plain(self) -> dict[str, Any]:
        """The JSON of the command line: before, after, and a scorecard for each step."""
        return {
            "before": self.before.plain(),
            "after": self.after.plain(),
            "steps": [
                {"step": stage.step, "bytes": stage.bytes, **stage.card.plain()}
                for stage in self.stages
            ],
        }

    def picture(self) -> "Picture":
        """What each step left, in bytes, on a scale of powers of ten."""
        from course_lib import figures  # drawing loads matplotlib, compressing need not

        names = ["the original", *(stage.step for stage in self.stages)]
        sizes = [self.before.file_bytes, *(stage.bytes for stage in self.stages)]
        accuracies = [self.before.accuracy, *(stage.card.accuracy for stage in self.stages)]
        return figures.waterfall(names, sizes, accuracies)

    def __str__(self) -> str:
        smaller = self.before.file_bytes / self.after.packed_bytes
        faster = self.before.latency_ms_median / self.after.latency_ms_median
        lines = [
            f"The recipe: {sentence(self.recipe)}.",
            f"{show_bytes(self.before.file_bytes)} became {self.after.packed_bytes:,} bytes: "
            f"{smaller:,.0f}x smaller and {faster:.1f}x faster, after {self.seconds:,.0f} s.",
        ]
        if not self.holds:
            least = min(self.tries, key=lambda each: each.drop)
            lines.append(
                f"No network lost at most {self.max_drop:g} points of the validation images; this "
                f"one comes closest, with {least.drop:.1f}. More images in Distil, more bits or a "
                f"larger max_drop would help."
            )
        if self.network.warning:
            lines.append(f"Careful: {self.network.warning}.")
        return "\n".join([*lines, "", str(self.comparison)])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

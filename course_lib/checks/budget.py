"""Check of a tuning task: the packed file that was handed in, its bytes, and what it gets right.

The file is judged, not what the notebook says of it: it is opened as a stranger's, its weights are
held against those that the task begins with, and its network runs on the built-in leaves. In the
exercise these are validation images; the hidden check of a class takes the test images.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ..deploy import engines, packing
from ..images import data
from ..networks import training
from ..recipes import recipe
from ..techniques import students
from ..units import show_bytes
from . import lineage
from .record import Record
from .task import NotYet, Passed, still_open

JUDGED = 2000  # test images that the hidden check of a class takes; all of them take too long


@functools.cache
def leaves() -> data.ImageData:
    """The built-in leaves, whatever images the notebook itself was given."""
    return data.load("leaves")


def original() -> nn.Module:
    """The network that chapters begin with."""
    return training.original(leaves())


def student() -> nn.Module:
    """The small network of chapter 05, which the original taught."""
    return students.student(leaves(), "distilled")


@dataclass(frozen=True)
class Budget:
    """So many bytes at most, so much right at least."""

    chapter: str
    name: str
    most_bytes: int
    accuracy: float  # share of the validation images
    why: str
    hints: tuple[str, str, str]  # for a file within its bytes that is not right often enough
    test_accuracy: float | None = None  # what the hidden check asks of the test images
    origin: Callable[[], nn.Module] | None = None  # the network that the task begins with
    alike: float = lineage.EXACTLY  # how much each layer must be like the origin's, at least
    method: Callable[[engines.Onnx, Sequence[lineage.Layer]], str] | None = None  # what is missing

    def judged(self, hidden: bool) -> data.Images:
        """The images that the network is judged on."""
        return leaves().test.first(JUDGED) if hidden else leaves().val

    def unfit(self, network: engines.Onnx, judged: data.Images) -> str:
        """Why this network is none for the task, or nothing."""
        if self.origin is None:
            return ""
        found = lineage.layers(network)
        strange = lineage.stranger(found, self.origin(), self.alike)
        return strange or (self.method(network, found) if self.method else "")

    def __call__(self, path: str | Path, hidden: bool = False) -> Passed:
        """Pass, or raise NotYet with a hint. NotImplementedError as long as there is no file."""
        path, record, task = Path(path), Record(), f"{self.chapter}/{self.name}"
        if not path.exists():
            raise still_open(f"{self.name}: open. {path} is not there yet; save your network.")
        size = path.stat().st_size
        if size > self.most_bytes:
            record.failed(task, "too_large")
            raise NotYet(
                f"{self.name}: not yet. {path.name} has {show_bytes(size)}; the budget is "
                f"{show_bytes(self.most_bytes)}. `packing.inspect` shows where the bytes go."
            )
        judged = self.judged(hidden)
        least = self.test_accuracy if hidden and self.test_accuracy else self.accuracy
        try:
            network = packing.load(path)
            unfit = self.unfit(network, judged)
            right = 0.0 if unfit else recipe.named_right(network, judged).double().mean().item()
        except (OSError, ValueError, RuntimeError) as error:
            record.failed(task, "cannot_be_used")
            raise NotYet(f"{self.name}: not yet. {path.name} cannot be used: {error}") from None
        if unfit:
            record.failed(task, "another_network")
            raise NotYet(f"{self.name}: not yet. {unfit}")
        if right < least:
            times = record.failed(task, "not_right_often_enough")
            raise NotYet(
                f"{self.name}: not yet. {show_bytes(size)}, and {right:.1%} right; asked for are "
                f"{least:.1%}. {self.hints[min(times, 3) - 1]}"
            )
        record.passed(task)
        return Passed(self.name, f"{show_bytes(size)}, {right:.1%} right. {self.why}")

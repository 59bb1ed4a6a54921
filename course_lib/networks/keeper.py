"""Keeps a training on its way, so that who is killed goes on: `training.fit(checkpoint=...)`.

Written after every epoch, and in the midst of long ones: half a minute is what a kill may cost.
"""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from course_lib import cache
from course_lib.networks import checkpoints
from course_lib.networks.epochs import Run

EVERY = 30.0  # seconds; writing a LeafNet takes a twentieth of one


class Keeper:
    """The file of one training; without a path, or without a key, nothing is kept."""

    def __init__(self, path: Path | None, key: str | None, run: Run):
        self.path, self.key, self.run = (path if key else None), key or "", run
        self.last = time.perf_counter()

    def resumed(self) -> dict[str, Any] | None:
        """What history the file holds, the run put to where it was; None without a whole file."""
        if self.path is None or not self.path.exists():
            return None
        history = checkpoints.resumed(self.path, self.key, self.run)
        if history is None:
            return None
        self.run.within = history.pop("within", None)  # not in the files of earlier versions
        if "random" in history:
            torch.set_rng_state(history.pop("random"))
        return history

    @property
    def due(self) -> bool:
        """Is it time to write, in the midst of an epoch?"""
        return self.path is not None and time.perf_counter() - self.last >= EVERY

    def keep(self, history: dict[str, Any]) -> None:
        """Write the file. A full disk ends no training whose file only saves work."""
        if self.path is None:
            return
        place = {"within": self.run.within, "random": torch.get_rng_state()}
        try:
            checkpoints.keep(self.path, self.key, self.run, history | place)
        except OSError as problem:
            if not cache.in_cache(self.path):
                raise
            self.path = None
            warnings.warn(
                f"{problem.strerror or problem} (COURSE_CACHE names it). Training goes on, but "
                "begins again if it is interrupted.",
                stacklevel=3,
            )
        self.last = time.perf_counter()

    def done(self) -> None:
        """The training came to its end: nothing to go on with."""
        if self.path is not None and self.path not in _stored_later:
            self.path.unlink(missing_ok=True)


_stored_later: set[Path] = set()


@contextmanager
def until_stored(path: Path | None) -> Iterator[None]:
    """Leave a checkpoint where it is until the block, which stores what was trained, is over.

    Who is killed between training and storing would lose all otherwise.
    """
    if path is None:
        yield
        return
    _stored_later.add(path)
    try:
        yield
    finally:
        _stored_later.discard(path)
    path.unlink(missing_ok=True)

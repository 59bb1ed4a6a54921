"""Keeps a training on its way, so that who is killed or stopped goes on.

With `training.fit(checkpoint=...)` it is written after every epoch, and in the midst of long ones:
half a minute is what a kill may cost. Without, only who stops it by hand leaves a file, in the
cache, which the same call finds.
"""

import hashlib
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from course_lib import cache
from course_lib.networks import checkpoints, functions
from course_lib.networks.epochs import Run

EVERY = 30.0  # seconds; writing a LeafNet takes a twentieth of one
ASIDE = "stopped-*.part"  # in the cache: what was stopped by hand
FORGOTTEN = 7 * 86_400.0  # seconds after which nobody goes on with it


class Keeper:
    """The file of one training; without a path, or without a key, nothing is kept on the way.

    key: what the training is tied to, asked for only where it matters, as it takes a moment.
    called: functions that the training calls, which are part of what it is.
    """

    def __init__(
        self,
        path: Path | None,
        run: Run,
        key: Callable[[], str | None],
        called: Sequence[Callable | None] = (),
    ):
        self.run, self.asked, self.called = run, key, called
        self.key = (key() if path else None) or ""
        self.path = path if self.key else None
        # Also where a network has no key: stopped, it is looked for in vain.
        self.chosen = path is not None
        self.aside: Path | None = None
        self.last = time.perf_counter()

    def resumed(self) -> dict[str, Any] | None:
        """What history the file holds, the run put to where it was; None without a whole file."""
        if not self.chosen and any(cache.cache_dir().glob(ASIDE)):
            self._go_aside()
        found = self.aside or self.path
        if found is None or not found.exists():
            return None
        history = checkpoints.resumed(found, self.key, self.run)
        if history is None:
            return None
        history.pop("interrupted", None)  # of earlier versions, whose files lacked the next two
        self.run.within = history.pop("within", None)
        if "random" in history:
            torch.set_rng_state(history.pop("random"))
        return history

    @property
    def due(self) -> bool:
        """Is it time to write, in the midst of an epoch?"""
        return self.path is not None and time.perf_counter() - self.last >= EVERY

    def stopped(self, history: dict[str, Any]) -> str:
        """Keep what was learned until a training was stopped by hand, and say how to go on."""
        if self.run.whole:
            if not self.chosen:
                self._go_aside()
                self.path = self.aside
            self.keep(history)
        if self.path is not None and self.path.exists():
            return "What was learned is kept: run this again, and it goes on from there."
        return "Nothing of it is kept: run again, it begins anew."

    def _go_aside(self) -> None:
        """Find the place in the cache for this training; none if it cannot be told from others."""
        key = self.asked()
        called = [functions.identity(each, self.run.shape) for each in self.called if each]
        if key is None or None in called:
            return
        self.key = hashlib.sha256(f"{key} {called}".encode()).hexdigest()
        self.aside = cache.under_way(ASIDE.replace("*", self.key[:24]))

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
        if self.aside is not None:
            self.aside.unlink(missing_ok=True)
            for old in self.aside.parent.glob(ASIDE):
                with suppress(OSError):
                    if time.time() - old.stat().st_mtime > FORGOTTEN:
                        old.unlink()


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

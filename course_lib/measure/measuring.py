"""What is measured on this machine: threads, time, energy, memory.

One protocol everywhere, so that a figure of one chapter can stand beside that of another.

>>> before, after = latency(lambda: sum(range(10_000)), lambda: sum(range(100)), least_s=0.1)
>>> before.median_ms > after.median_ms
True
"""

import gc
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import torch

from course_lib.measure.intervals import spread

MOST_THREADS = 2  # a shared server must not be flooded
LARGEST_SPREAD = 0.05  # a median known to 5% is good enough to stop
SLICE_NS = 20_000_000  # each run gets about 20 ms of calls before the next has its turn
BRIEF_S = 0.2  # where times are asked for, and not read
WARM_UP = 3  # the first calls allocate memory and choose algorithms
POWERCAP = Path("/sys/class/powercap")  # where Linux shows the processor's energy counters


# Threads


def threads() -> int:
    """How many threads to use: the smallest of 2, the cores we may run on, the cgroup's quota.

    The environment variable COURSE_THREADS may lower it, never raise it.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    wanted = os.environ.get("COURSE_THREADS", "").strip() or str(MOST_THREADS)
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ValueError(
            f"COURSE_THREADS must be a whole number of at least 1, got {wanted!r}; "
            f"unset it for the default of {MOST_THREADS}"
        )
    return max(1, int(min(MOST_THREADS, cores or 1, cgroup_quota(), int(wanted))))


@cache
def set_threads() -> int:
    """Give torch `threads()` threads, once: a number you set afterwards is kept."""
    torch.set_num_threads(threads())
    return torch.get_num_threads()


def cgroup_quota(root: Path = Path("/")) -> float:
    """Processor cores that the cgroup (v1 or v2) of this process grants; inf without a limit.

    A container with `--cpus=1.5` sees all cores of its host, but gets the time of 1.5.
    The limit of every enclosing group counts, too.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return math.inf
    granted = [math.inf]
    for controllers, path in (line.split(":", 2)[1:] for line in lines if line.count(":") >= 2):
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        for part in ["", *path.strip("/").split("/")]:
            folder = folder / part
            try:
                if controllers:
                    quota = (folder / "cpu.cfs_quota_us").read_text().strip()
                    period = (folder / "cpu.cfs_period_us").read_text()
                else:
                    quota, period = (folder / "cpu.max").read_text().split()
                if quota not in ("max", "-1"):
                    granted.append(float(quota) / float(period))
            except (OSError, ValueError, ZeroDivisionError):
                continue  # this group has no limit of its own
    return min(granted)


# Time


@dataclass(frozen=True)
class Latency:
    """How long one call takes. `spread` is the width of the median's 95% interval / median."""

    median_ms: float
    p90_ms: float
    count: int
    spread: float
    noisy: bool


def latency(
    *runs: Callable[[], object],
    limit_s: float = 10,
    least_s: float = 0.5,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> tuple[Latency, ...]:
    """Time each of `runs`, warm and by turns in this process; one Latency for each.

    By turns, in slices of about 20 ms and in alternating order, so that a slow moment of the
    machine meets all of them; the first call of a slice is not timed (it refills the caches
    that the other run emptied). It stops, after `least_s` at the earliest, when every median
    is known to 5%: the 95% order-statistics interval of the slices' medians (distribution
    free; Le Boudec 2010, Performance Evaluation, section 2.2) is that narrow. After `limit_s`
    seconds it stops anyway, between two rounds, and says `noisy` of those that are not.
    clock: returns nanoseconds. Python's garbage collector is off while it runs.
    COURSE_BRIEF=1, for runs whose times nobody reads, makes `limit_s` a fifth of a second at most.
    """
    if not runs or limit_s <= 0:
        raise ValueError(f"latency needs something to run and limit_s > 0, got {len(runs)} runs, "
                         f"limit_s={limit_s}")  # fmt: skip
    if os.environ.get("COURSE_BRIEF") == "1":
        limit_s = min(limit_s, BRIEF_S)
    samples: list[list[int]] = [[] for _ in runs]
    medians: list[list[float]] = [[] for _ in runs]
    order = list(range(len(runs)))
    collecting = gc.isenabled()
    gc.disable()
    try:
        start = clock()
        warm = [min(_timed(run, clock) for _ in range(WARM_UP)) for run in runs]
        calls = [max(1, min(1000, SLICE_NS // max(1, ns))) for ns in warm]
        while True:
            for i in order:
                runs[i]()
                slice_ = [_timed(runs[i], clock) for _ in range(calls[i])]
                samples[i] += slice_
                medians[i].append(median(slice_))
            order.reverse()
            seconds = (clock() - start) / 1e9
            spreads = [spread(m) for m in medians]
            if seconds >= limit_s or (seconds >= least_s and max(spreads) < LARGEST_SPREAD):
                break
    finally:
        if collecting:
            gc.enable()
    return tuple(
        Latency(
            median_ms=float(np.median(ns)) / 1e6,
            p90_ms=float(np.percentile(ns, 90)) / 1e6,
            count=len(ns),
            spread=width,
            noisy=width >= LARGEST_SPREAD,
        )
        for ns, width in zip(samples, spreads, strict=True)
    )


def _timed(run: Callable[[], object], clock: Callable[[], int]) -> int:
    start = clock()
    run()
    return clock() - start


# Energy and memory


def measured_energy(
    run: Callable[[], object],
    least_s: float = 0.5,
    folder: Path = POWERCAP,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> float | None:
    """Millijoules of one call of `run` by the processor's own counters (RAPL); None without.

    Counted: the whole processor package(s), and the memory where it has a counter of its own,
    over at least `least_s` seconds of calls. The idle power is *not* subtracted: it is what
    the battery pays while you wait. Other programs at work are in it, too.
    Most virtual machines, and Linux for users other than root, hide the counters.
    """
    before = _counters(folder)
    if not before:
        return None
    count, start = 0, clock()
    while count == 0 or clock() - start < least_s * 1e9:
        run()
        count += 1
    after = _counters(folder)
    if after.keys() != before.keys():
        return None
    # a counter starts again at zero once it has reached its range
    microjoules = sum(
        now - then if now >= then else now - then + size
        for (then, size), (now, _) in ((before[zone], after[zone]) for zone in before)
    )
    return microjoules / count / 1000 if microjoules else None  # a counter that stands still lies


def _counters(folder: Path) -> dict[str, tuple[int, int]]:
    """Microjoules and range of each package and memory zone; the others are parts of these."""
    found = {}
    for zone in sorted(folder.glob("intel-rapl:*")):
        try:
            if (zone / "name").read_text().strip().startswith(("package", "dram")):
                energy = int((zone / "energy_uj").read_text())
                found[zone.name] = (energy, int((zone / "max_energy_range_uj").read_text()))
        except (OSError, ValueError):
            return {}
    return found


def peak_memory() -> int:
    """Bytes: the largest resident size that this process had so far, plus that of its children.

    Children are those alive now, with their own children; where the system keeps no peak of
    theirs (macOS), their present size. Pages shared between them count more than once.
    """
    own = psutil.Process()
    total = _peak(own)
    for child in own.children(recursive=True):
        try:
            total += _peak(child)
        except psutil.Error:
            continue  # it ended meanwhile
    return total


def _peak(process: psutil.Process) -> int:
    try:
        # Linux: not ru_maxrss, which a process inherits from the one that started it
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        pass
    if sys.platform == "darwin" and process.pid == os.getpid():
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = process.memory_info()
    return getattr(memory, "peak_wset", memory.rss)  # Windows has a peak

"""What the chapters take: seconds, in units of this machine's own speed, and memory.

    python benchmarks/chapters.py [--only 01 02] [--small]

Chapters are executed one after the other, as `make course` does. Before and after each, a fixed
load is timed: training steps, and a loop in Python. A chapter's seconds divided by that load's are
its units, which a machine twice as slow leaves nearly as they are. Compared with what was recorded
on this kind of processor (with or without 8-bit dot products), and with the limits: 90 s (07 and
08: 180 s) and 1 GB on two cores without them. Nothing here makes any command fail.
"""

import argparse
import json
import time

import torch
from torch.nn import functional as F

from _recording import RESULTS, record
from course_lib import models, processor
from course_lib.classroom.assembly import assemble, find_root, select, sources
from course_lib.classroom.execution import execute, kernel_env
from course_lib.measure.scorecard import set_threads
from course_lib.units import megabytes

LIMITS = {"07_working_together": 180, "08_trade_offs": 180}
LIMIT, LIMIT_BYTES = 90, 1e9
KINDS = {True: "with 8-bit dot products", False: "without"}


def fixed_load(steps: int = 12) -> float:
    """Seconds of a load that never changes: steps of training, and as long a loop in Python."""
    torch.manual_seed(0)
    network, images = models.LeafNet(32), torch.randn(64, 3, 64, 64)
    labels = torch.arange(64) % 12
    start = time.perf_counter()
    for _ in range(steps):
        F.cross_entropy(network(images), labels).backward()
    for number in range(steps * 500_000):
        number * number
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="What the chapters take.")
    parser.add_argument("--only", nargs="+", default=[], help="chapters, as `run` takes them")
    parser.add_argument("--small", action="store_true", help="one chapter; records nothing")
    asked = parser.parse_args()
    set_threads()
    root = find_root()
    chosen = select(asked.only, sources(root, ["notebooks"]))
    chosen = chosen[:1] if asked.small else chosen
    kind = KINDS[processor.exact_in_8_bits()]
    path = RESULTS / "chapters.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    before = {row["chapter"]: row for row in known.get(kind, {}).get("rows", [])}
    rows = []
    loads = [fixed_load(1 if asked.small else 12)]
    print(f"{processor.described()}\n{'chapter':24}{'seconds':>8}{'limit':>7}{'units':>7}{'MB':>6}")
    for source in chosen:
        done = execute(assemble(source, root), source.parent, kernel_env(root))
        if done.failure:
            raise SystemExit(f"{source.stem} failed in {done.failure}")
        loads.append(fixed_load(1 if asked.small else 12))
        units = done.seconds / ((loads[-2] + loads[-1]) / 2)
        rows.append(
            {"chapter": source.stem, "seconds": round(done.seconds, 1), "units": round(units, 1),
             "peak_bytes": done.peak_bytes}
        )  # fmt: skip
        limit = LIMITS.get(source.stem, LIMIT)
        said = (
            f"{source.stem:24}{done.seconds:8.0f}{limit:7}{units:7.1f}{done.peak_bytes / 1e6:6.0f}"
        )
        if source.stem in before:
            said += f"  {units / before[source.stem]['units']:.2f} of the recorded units"
        over = [f"{done.seconds:.0f} s"] * (done.seconds > limit)
        over += [megabytes(done.peak_bytes)] * (done.peak_bytes > LIMIT_BYTES)
        print(said + (f"  over the limit: {', '.join(over)}" if over else ""), flush=True)
    if asked.small or asked.only:
        return
    total = sum(row["seconds"] for row in rows)
    found = {"processor": processor.described(), "load_seconds": loads, "seconds": total}
    record("chapters", {**known, kind: {**found, "rows": rows}})


if __name__ == "__main__":
    main()

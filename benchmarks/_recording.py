"""What every benchmark writes beside its figures: command, commit, machine, versions, seconds."""

import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
START = time.perf_counter()


def record(name: str, figures: dict) -> Path:
    """Write benchmarks/results/NAME.json: the figures, and how they came about."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True).stdout.strip()
    script = Path(sys.argv[0]).resolve()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    made = {
        "command": " ".join(["python", script.relative_to(ROOT).as_posix(), *sys.argv[1:]]),
        "commit": commit,
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.system()} {platform.machine()}, {_processor()}, {cores} cores",
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in ("torch", "numpy", "pillow")},
        "seconds": round(time.perf_counter() - START, 1),
    }
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**figures, "made": made}, indent=2) + "\n")
    print(json.dumps({**figures, "made": made}, indent=2))
    return path


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "processor unknown"

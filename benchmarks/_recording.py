"""What every benchmark writes beside its figures: command, commit, machine, versions, seconds."""

import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from course_lib.processor import described

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PACKAGES = ("torch", "numpy", "pillow", "onnxruntime", "executorch")
last = time.perf_counter()


def record(name: str, figures: dict, chapter: bool = False) -> Path:
    """Write the figures, and how they came about, to benchmarks/results/NAME.json.

    chapter: figures are {table: its figures} for the chapter of that name, and go into
    course_lib/recorded/NAME.json (COURSE_RECORD names another folder); tables recorded before
    stay. A table's seconds are those since the last record().
    """
    global last
    now = time.perf_counter()
    made, last = {**_made(), "seconds": round(now - last, 1)}, now
    if not chapter:
        return _write(RESULTS / f"{name}.json", {**figures, "made": made})
    folder = Path(os.environ.get("COURSE_RECORD") or ROOT / "course_lib" / "recorded")
    path = folder / f"{name}.json"
    tables = json.loads(path.read_text()) if path.exists() else {}
    new = {table: {**rows, "made": made} for table, rows in figures.items()}
    return _write(path, {**tables, **new})


def _write(path: Path, content: dict) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")
    print(json.dumps(content, indent=2))
    return path


def _made() -> dict:
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True).stdout.strip()
    script = Path(sys.argv[0]).resolve()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "command": " ".join(["python", script.relative_to(ROOT).as_posix(), *sys.argv[1:]]),
        "commit": commit,
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.system()} {platform.machine()}, {described()}, {cores} cores"
        + (f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""),
        "versions": {"python": platform.python_version()} | _versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found

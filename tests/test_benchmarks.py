"""Every benchmark still runs: each at small size, where it writes nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(ROOT.glob("benchmarks/[!_]*.py"))
PLANTS = ROOT.parent / "shared" / "data" / "seedlings"


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_runs_at_small_size_and_writes_nothing(script, tmp_path):
    if script.stem == "seedlings" and not PLANTS.exists():
        pytest.skip("the photos of seedlings are not on this machine")
    if script.stem == "grading" and not shutil.which("bwrap"):
        pytest.skip("no bubblewrap here: strangers' code is not run")
    before = written()
    ran = subprocess.run(
        [sys.executable, script, "--small"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "TQDM_DISABLE": "1", "COURSE_BRIEF": "1",
             "COURSE_RECORD": str(tmp_path)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert written() == before
    assert list(tmp_path.iterdir()) == []


def written():
    """Everything that a benchmark could write over, and when it was last written."""
    folders = ("benchmarks/results", "course_lib/recorded", "course_lib/weights", "docs")
    return {
        path: path.stat().st_mtime_ns
        for folder in folders
        for path in ROOT.joinpath(folder).rglob("*")
        if path.is_file()
    }

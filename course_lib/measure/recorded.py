"""What took too long for a chapter was recorded by a benchmark; the chapters show it, and say so.

`python benchmarks/NAME.py` writes NAME.json here. With COURSE_FULL=1 in the environment it is
computed again instead of read, which takes a quarter of an hour, for distillation hours.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from course_lib import files

FOLDER = Path(__file__).parents[1] / "recorded"


class Recorded(dict):
    """The figures of a benchmark: {table: its figures}. `label(table)` says how they came about."""

    def label(self, table: str) -> str:
        """One line: when, on what machine, by which command, in what time."""
        made = self[table]["made"]
        took = f"{made['seconds']:,.0f} s"
        return f"recorded {made['date']}, {made['machine']}: {made['command']}, {took}"


def load(name: str) -> Recorded:
    """The figures that benchmarks/NAME.py recorded, or, with COURSE_FULL=1, computes now.

    Raises FileNotFoundError if there are none.
    """
    if os.environ.get("COURSE_FULL") == "1":
        return _computed(name)
    path = FOLDER / f"{name}.json"
    if not path.exists():
        there = ", ".join(sorted(file.stem for file in FOLDER.glob("*.json"))) or "nothing"
        raise FileNotFoundError(f"nothing was recorded under {name!r}; there is: {there}")
    return Recorded(json.loads(path.read_text(encoding="utf-8")))


def computed() -> str | None:
    """Why a claim about what is recorded may fail here; None as long as it is read, not computed.

    For `claims.claim(..., machine=recorded.computed())`.
    """
    if os.environ.get("COURSE_FULL") == "1":
        return "computed here instead of read (COURSE_FULL=1), on other hardware"
    return None


def _computed(name: str) -> Recorded:
    script = Path(__file__).parents[2] / "benchmarks" / f"{name}.py"
    if not script.exists():
        raise FileNotFoundError(
            "COURSE_FULL=1 runs the scripts in benchmarks/, which only a clone of the repository "
            "has; clone it, or unset COURSE_FULL"
        )
    with files.scratch() as folder:
        if (kept := FOLDER / f"{name}.json").exists():  # for tables that cannot be made here
            shutil.copy(kept, folder)
        subprocess.run(
            [sys.executable, str(script)],
            check=True,
            env={**os.environ, "COURSE_RECORD": str(folder)},
        )
        return Recorded(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))

"""`compress` killed at random moments, again and again: what it had learned must not be lost.

`kills(count, seed, seconds)` starts it in folders of its own, kills it `count` times, lets it come
to its end, and counts what is not as it should be.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from course_lib.networks import checkpoints

ROOT = Path(__file__).parents[1]
OTHERS = ("torchinductor_*", ".ses")  # what libraries keep on purpose among temporary files
LEFT = ("*.tmp", "*.part", "*.trainings", "*.new")  # what no finished command leaves behind


@dataclass
class Killed:
    """What came of it; all is well where `wrong` is empty."""

    kills: int = 0
    progress: list[tuple[int, int]] = field(default_factory=list)  # after each kill
    wrong: list[str] = field(default_factory=list)


def kills(count: int, seed: int, seconds: float, data: str = "digits") -> Killed:
    """Kill `compress` `count` times, each within `seconds` of its start; then let it end."""
    found, chance = Killed(), random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="kills-") as place:
        folders = {name: Path(place) / name for name in ("cache", "out", "tmp")}
        for folder in folders.values():
            folder.mkdir()
        while found.kills < count:
            process = _started(data, folders)
            if _ended(process, chance.uniform(0.2, seconds)):
                found.wrong += _of_the_end(process, folders)
                break
            _kill(process, found)
            found.progress.append(_progress(folders))
            if found.progress[-1] < max(found.progress):
                found.wrong.append(f"kill {found.kills}: work was lost, {found.progress}")
        else:
            process = _started(data, folders)
            process.wait()
            found.wrong += _of_the_end(process, folders)
        found.wrong += [f"left behind: {path}" for path in _left(folders)]
    return found


def _started(data: str, folders: dict[str, Path]) -> subprocess.Popen[bytes]:
    named = {"COURSE_CACHE": str(folders["cache"]), "TMPDIR": str(folders["tmp"])}
    words = ["--data", data, "--out", str(folders["out"]), "--minutes", "0"]
    return subprocess.Popen(
        [sys.executable, "-m", "course_lib", "compress", *words],
        cwd=ROOT,
        env={**os.environ, **named, "TQDM_DISABLE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=(folders["out"].parent / "said").open("ab"),
    )


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[bytes], found: Killed) -> None:
    """SIGKILL to the command alone; whatever it had started must end by itself."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    found.kills += 1
    _, living = psutil.wait_procs(children, timeout=20)
    found.wrong += [f"kill {found.kills}: process {each.pid} lives on" for each in living]


def _progress(folders: dict[str, Path]) -> tuple[int, int]:
    """How many trainings are done, and the steps of the one under way."""
    trainings = folders["out"] / "trainings"
    done = [*folders["cache"].glob("leafnet-*.safetensors"), *trainings.glob("*.safetensors")]
    steps = [0]
    for part in (*folders["cache"].glob("*.part"), *trainings.glob("*.part")):
        if not any(part.stem == each.stem for each in done):
            kept = checkpoints.read(part)
            steps.append(kept["schedule"] if kept else -1)  # -1: work that was lost
    return len(done), max(steps)


def _of_the_end(process: subprocess.Popen[bytes], folders: dict[str, Path]) -> list[str]:
    """What is wrong with a command that was let end: 1 says that no network holds."""
    from course_lib.recipes.result import Result

    if process.returncode not in (0, 1):
        said = (folders["out"].parent / "said").read_text(errors="replace").strip()
        return [f"ended with {process.returncode}: {said[-300:]}"]
    try:
        Result.load(folders["out"])
    except (ValueError, OSError) as error:
        return [f"its result is not whole: {error}"]
    return []


def _left(folders: dict[str, Path]) -> list[Path]:
    """Temporary files in any of the folders."""
    found = [path for folder in folders.values() for kind in LEFT for path in folder.rglob(kind)]
    kept = [path for kind in OTHERS for path in folders["tmp"].glob(kind)]
    return sorted({*found, *folders["tmp"].iterdir()} - {*kept})

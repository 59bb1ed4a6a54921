"""Every notebook as a small place runs it: the learner's packages, one core, one gigabyte.

    python benchmarks/learners.py [NOTEBOOK ...] [--python 3.13] [--with torch==2.11.0 ...]

Makes an environment with exactly what environment.yml names (--with: these versions instead), and
runs the learner's copies of chapters and exercises, and the solutions, each on one core. Where a
cgroup can be made, as root on Linux, it holds a notebook's kernel and what drives it to one
gigabyte, as Binder does; elsewhere memory is only measured. A line for each notebook: seconds, the
most memory its kernel took, and its longest silence, in which a learner saw nothing new. Writes
results/learners.json.
"""

import argparse
import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat

from course_lib.classroom import copies
from course_lib.classroom.execution import Progress, execute, kernel_env

ROOT = Path(__file__).resolve().parents[1]
GROUPS = (  # where cgroups of memory lie, and the file that limits one: version 2, version 1
    (Path("/sys/fs/cgroup"), "memory.max"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
)
LIMIT_BYTES = 1_000_000_000
FOLDERS = ("notebooks", "exercises", "solutions")


def main() -> None:
    """Run the notebooks asked for, print a line for each, record them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", help="like notebooks/01 or exercises; without, all")
    parser.add_argument("--python", default="3.11", help="the Python of the environment")
    parser.add_argument("--with", nargs="+", default=[], dest="versions", metavar="VERSION")
    parser.add_argument("--small", action="store_true", help="one, here; records nothing")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        run(asked.inside)
        return
    python = Path(sys.executable) if asked.small else environment(asked.python, asked.versions)
    wanted = ["notebooks/01"] if asked.small else asked.notebooks
    found = {}
    for path in sorted(ROOT.glob("*/[0-9][0-9]_*.ipynb")):
        name = path.relative_to(ROOT).with_suffix("").as_posix()
        if path.parent.name in FOLDERS and (
            not wanted or any(name.startswith(word) for word in wanted)
        ):
            found[name] = measured(path, python)
            print(f"{name:36}{line(found[name])}", flush=True)
    if not asked.small and not asked.notebooks:
        import _recording  # loads torch, which would count where a notebook is measured

        said = {"python": asked.python, "with": asked.versions, "limit_bytes": LIMIT_BYTES}
        with group() as procs:
            said["limited"] = procs is not None
        name = "_".join(["learners", *(v.replace("==", "_") for v in asked.versions[:1])])
        _recording.record(name, said | {"notebooks": found})
    if failed := [name for name, one in found.items() if one["failure"]]:
        raise SystemExit(f"failed: {', '.join(failed)}")


def line(one: dict) -> str:
    """One notebook's figures, in words."""
    said = f"{one['seconds']:6.0f} s {one['peak_bytes'] / 1e6:6.0f} MB"
    said += f"  silent for {one['silence']['seconds']:.0f} s in {one['silence']['cell']!r}"
    return said + (f"  FAILED: {one['failure']}" if one["failure"] else "")


def environment(python: str, versions: Sequence[str]) -> Path:
    """The Python of an environment with what environment.yml names, made once, in build/learners/.

    conda-forge calls one package otherwise than PyPI: pytorch-cpu, torch.
    """
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    named = re.findall(r"(?m)^ +- ([\w-]+)==?([\d.]+)$", text)
    wanted = {name.replace("pytorch-cpu", "torch"): version for name, version in named}
    wanted |= dict(version.split("==") for version in versions)
    packages = [f"{name}=={version}" for name, version in sorted(wanted.items())]
    key = hashlib.sha256(repr((python, packages)).encode()).hexdigest()[:10]
    place = ROOT / "build" / "learners" / key
    own = place / "bin" / "python"
    if not (place / "ready").exists():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--seed", "--clear", "--python", python, place], check=True)
        torch = [package for package in packages if package.startswith("torch==")]
        cpu = [*uv, "pip", "install", "-q", "--python", own, "--torch-backend", "cpu", *torch]
        if subprocess.run(cpu, stderr=subprocess.DEVNULL).returncode:
            subprocess.run([own, "-m", "pip", "install", "-qq", *torch], check=True)
        subprocess.run([own, "-m", "pip", "install", "-qq", *packages], check=True)
        (place / "ready").touch()
    return own


@contextlib.contextmanager
def group() -> Iterator[Path | None]:
    """A cgroup of LIMIT_BYTES: the file that takes its processes; None where none can be made."""
    for top, limit in GROUPS:
        place = top / f"course-{os.getpid()}"
        try:
            if not (top / "cgroup.procs").exists():  # a folder, no cgroup
                continue
            place.mkdir()
            (place / limit).write_text(str(LIMIT_BYTES))
        except OSError:
            with contextlib.suppress(OSError):
                place.rmdir()
            continue
        try:
            yield place / "cgroup.procs"
        finally:
            place.rmdir()
        return
    yield None


def measured(path: Path, python: Path) -> dict:
    """Run a notebook as a learner has it; what `run` found."""
    notebook = nbformat.read(path, as_version=4)
    if path.parent.name != "solutions":
        notebook = copies.learner_copy(notebook)
    with tempfile.TemporaryDirectory() as folder, group() as procs:
        copy = Path(folder) / path.name
        nbformat.write(notebook, copy)
        core = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None

        def enter() -> None:  # in the child, before it begins
            if procs is not None:
                procs.write_text(str(os.getpid()))
            if core is not None:
                os.sched_setaffinity(0, {core})

        own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        ran = subprocess.run(
            [python, __file__, "--inside", copy], preexec_fn=enter, capture_output=True, text=True,
            env=own | {"PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE"}, cwd=folder,
        )  # fmt: skip
    if ran.returncode:
        why = (ran.stderr.strip().splitlines() or [f"it ended with {ran.returncode}"])[-1]
        silence = {"seconds": 0.0, "cell": ""}
        return {"seconds": 0.0, "peak_bytes": 0, "silence": silence, "failure": why}
    found: dict = json.loads(ran.stdout.splitlines()[-1])
    return found


def run(path: Path) -> None:
    """In the learner's Python: execute a notebook, and print what it took as one line of JSON."""
    notebook = nbformat.read(path, as_version=4)
    code = [cell.source.strip() for cell in notebook.cells if cell.cell_type == "code"]
    heads = [source.partition("\n")[0] for source in code]
    last, longest = (0.0, (0, "")), (0.0, 0)

    def heard(progress: Progress) -> None:
        nonlocal last, longest
        since, before = last
        longest = max(longest, (progress.seconds - since, before[0]))
        if (progress.cell, progress.said) != before:
            last = progress.seconds, (progress.cell, progress.said)

    done = execute(notebook, path.parent, kernel_env(ROOT), timeout=1200, on_progress=heard)
    silence = {"seconds": round(longest[0], 1), "cell": heads[longest[1] - 1][:60]}
    print(json.dumps({
        "seconds": round(done.seconds, 1), "peak_bytes": done.peak_bytes, "silence": silence,
        "failure": str(done.failure) if done.failure else "",
    }))  # fmt: skip


if __name__ == "__main__":
    main()

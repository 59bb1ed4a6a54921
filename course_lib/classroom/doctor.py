"""The machine check: what is here, what is missing, and what to do about it.

>>> from course_lib import doctor
>>> {finding.status for finding in doctor.check(speed=False)} <= {"ok", "note", "problem"}
True

It works where torch is missing or broken, so nothing heavy is imported at the top.
"""

import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Literal

from course_lib.units import gigabytes

CORE = (
    *("torch", "torchvision", "numpy", "matplotlib", "ipywidgets", "safetensors", "tqdm"),
    *("pillow", "filelock", "psutil", "scikit-learn", "scipy", "mlxtend"),
    *("torch-pruning", "tensorly", "onnx", "onnxruntime", "onnxscript", "constriction", "optuna"),
)
LAB = ("jupyterlab", "jupytext", "nbclient", "nbconvert", "ipykernel")
BESIDE_PYTORCH = ("onnxruntime", "executorch")  # PyTorch is always there
SETUP = "run `python course.py setup`"
LEAST_MEMORY = 1.0  # GB that a chapter may need
LEAST_DISK = 1.0  # GB for cached images, networks and executed notebooks
SLOW = 60  # images/s; below it, chapters take longer than they announce


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: a problem keeps the course from running, a note does not."""

    name: str
    value: str
    status: Literal["ok", "note", "problem"] = "ok"
    remedy: str = ""

    @classmethod
    def of(
        cls, name: str, value: str, well: bool, remedy: str, otherwise: Literal["note", "problem"]
    ) -> "Finding":
        """What is well, or else a note or a problem with its remedy."""
        return cls(name, value) if well else cls(name, value, otherwise, remedy)


def check(speed: bool = True) -> list[Finding]:
    """Everything there is to know about this machine; takes about a second after importing torch.

    speed: whether the network is timed as well.
    """
    parts: list[Callable[[], Iterator[Finding]]] = [
        _python,
        _packages,
        _torch,
        _torchvision,
        _engines,
        _processors,
        _instructions,
        _memory,
        _folders,
    ]
    findings: list[Finding] = []
    for part in [*parts, *([_speed] if speed else [])]:
        try:
            findings += part()
        except Exception as error:  # one part that cannot look must not hide what others saw
            name = part.__name__.strip("_")
            findings.append(Finding(name, "not checked", "note", _line(error)))
    return findings


def report(as_json: bool = False) -> int:
    """Print what `check` finds; 0 if this machine can run the course, else 1."""
    findings = check()
    ok = not any(finding.status == "problem" for finding in findings)
    if as_json:
        print(json.dumps({"ok": ok, "findings": [asdict(finding) for finding in findings]}))
    else:
        print(table(findings))
        print("\nThis machine can run the course." if ok else "\nNot yet: see the problems above.")
    return 0 if ok else 1


def table(findings: list[Finding]) -> str:
    """Findings as text, a remedy under what needs one.

    >>> print(table([Finding("disk", "0.2 GB free", "problem", "make room")]))
    problem  disk  0.2 GB free
                   -> make room
    """
    width = max(len(finding.name) for finding in findings)
    lines = []
    for one in findings:
        lines.append(f"{one.status:<9}{one.name:<{width}}  {one.value}")
        if one.remedy:
            lines.append(" " * (11 + width) + f"-> {one.remedy}")
    # Shown in notebooks that are passed on: whose machine it was is nobody's business.
    return "\n".join(lines).replace(str(Path.home()), "~")


def _python() -> Iterator[Finding]:
    version, system = platform.python_version(), f"{platform.system()} {platform.machine()}"
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    remedy = f"install Python 3.11 to 3.13, then {SETUP}"
    yield Finding.of("python", f"{version}, {system}", fits, remedy, "problem")
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        yield Finding(
            "Intel Mac",
            "PyTorch has no build for it since 2.3",
            "problem",
            "use the Colab or Binder badge in README.md, or Linux in Docker; "
            "on Apple silicon install an arm64 Python",
        )


def _packages() -> Iterator[Finding]:
    tested = pinned_versions()
    for name in CORE + LAB:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "missing", "problem" if name in CORE else "note", SETUP)
            continue
        wanted = tested.get(name, version)
        remedy = f"should anything fail, {SETUP} for the tested {wanted}"
        yield Finding.of(name, version, version.split("+")[0] == wanted, remedy, "note")


def pinned_versions() -> dict[str, str]:
    """Package to version from constraints.txt; empty where the library lies without it."""
    file = Path(__file__).parents[2] / "constraints.txt"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return {name.lower(): version for name, version in re.findall(r"(?m)^(\S+?)==(\S+)", text)}


def _torch() -> Iterator[Finding]:
    torch, error = _load("torch")
    if torch is None:
        if importlib.util.find_spec("torch"):
            remedy = f"remove .venv, then {SETUP}"
            if os.name == "nt":
                remedy = f"install Microsoft's Visual C++ Redistributable; else {remedy}"
            yield Finding("torch works", f"no: {error}", "problem", remedy)
        return
    policy = os.environ.get("OMP_WAIT_POLICY", "not set")
    passive = policy.upper() == "PASSIVE"
    value = f"{'sleep' if passive else 'may spin'} (OMP_WAIT_POLICY: {policy})"
    remedy = "set OMP_WAIT_POLICY=PASSIVE: many times faster on a shared machine"
    yield Finding.of("waiting threads", value, passive, remedy, "note")
    if torch.cuda.is_available():
        yield Finding("gpu", str(torch.cuda.get_device_name()))
    elif torch.backends.mps.is_available():
        yield Finding("gpu", "Apple's, by Metal")
    elif shutil.which("nvidia-smi") and not torch.version.cuda:
        remedy = "none is needed; to use it set COURSE_TORCH_INDEX to PyTorch's index for CUDA, "
        yield Finding("gpu", "not used: this torch is a CPU build", "note", f"{remedy}then {SETUP}")
    else:
        yield Finding("gpu", "none, and none is needed")


def _torchvision() -> Iterator[Finding]:
    if importlib.util.find_spec("torchvision") is None or _load("torch")[0] is None:
        return
    vision, error = _load("torchvision")
    if vision is None:
        remedy = f"install the build that belongs to this torch: remove .venv, then {SETUP}"
        yield Finding("torchvision works", f"no: {error}", "problem", remedy)
    elif vision.extension._has_ops():
        yield Finding("torchvision operators", "compiled ones are there")
    else:
        yield Finding(
            "torchvision operators",
            "compiled ones are missing (built for another torch)",
            "note",
            "the course does without; for them install torch and torchvision from one index",
        )


def _engines() -> Iterator[Finding]:
    torch, _ = _load("torch")
    if torch is not None:
        threads = f"{torch.get_num_threads()} threads unless told otherwise"
        yield Finding("engine pytorch", f"{torch.__version__}, {threads}")
    for name in BESIDE_PYTORCH:
        try:
            yield Finding(f"engine {name}", importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            remedy = f"optional, for comparison: python -m pip install {name}"
            yield Finding(f"engine {name}", "missing", "note", remedy)


def _processors() -> Iterator[Finding]:
    cores = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    measuring, error = _load("course_lib.measure.measuring")
    if measuring is None:
        value = f"{cores}, of which {allowed} may be used"
        yield Finding("processors", value, "note", f"threads not known: {error}")
        return
    quota = measuring.cgroup_quota()
    limit = "" if quota == float("inf") else f", for the time of {quota:g}"
    value = f"{cores}, of which {allowed} may be used{limit}; threads: {measuring.threads()}"
    yield Finding("processors", value)


def _instructions() -> Iterator[Finding]:
    torch, error = _load("torch")
    processor, _ = _load("course_lib.processor")
    if torch is None or processor is None:
        yield Finding("instructions", f"not known without torch: {error}", "note", SETUP)
        return
    if not processor.capabilities():
        value = "not known to this torch; chapter 08 measures what 8 bits gain here"
        yield Finding("instructions", value)
        return
    if processor.exact_in_8_bits():
        meaning = "8-bit networks run two to four times as fast as in float32"
    else:
        meaning = (
            "8 bits save bytes, and less time than elsewhere: small networks gain little or none"
        )
    if processor.has_bfloat16():
        meaning += "; bfloat16 makes training faster"
    yield Finding("instructions", f"{processor.described()}. {meaning}")


def _memory() -> Iterator[Finding]:
    import psutil

    state = psutil.virtual_memory()
    total, free = state.total, state.available
    limit = memory_limit()
    if limit < total:
        total, free = limit, min(free, limit - psutil.Process().memory_info().rss)
    value = f"{gigabytes(total)}, {gigabytes(free)} free"
    remedy = "close other programs and notebooks: a chapter needs up to 1 GB"
    yield Finding.of("memory", value, free >= LEAST_MEMORY * 1e9, remedy, "problem")


def memory_limit(root: Path = Path("/sys/fs/cgroup")) -> float:
    """Bytes that the container of this process may use; inf without a limit.

    >>> memory_limit(Path("no such folder"))
    inf
    """
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            return float((root / name).read_text().strip().replace("max", "inf"))
        except (OSError, ValueError):
            continue
    return float("inf")


def _folders() -> Iterator[Finding]:
    cache, error = _load("course_lib.cache")
    if cache is None:
        chosen = os.environ.get("COURSE_CACHE", "")
        folder = Path(chosen).expanduser() if chosen else Path.home()
        yield Finding("cache", f"{chosen or 'the default'}; not checked: {error}", "note")
    else:
        folder = cache.cache_dir()
        reason = _not_writable(folder)
        value = f"{folder}: {reason}" if reason else str(folder)
        remedy = "set COURSE_CACHE to a folder that you may write to"
        yield Finding.of("cache", value, not reason, remedy, "problem")
    free = shutil.disk_usage(_existing(folder)).free
    remedy = f"make room ({LEAST_DISK:.0f} GB), or set COURSE_CACHE to a folder on another disk"
    value = f"{gigabytes(free)} free for the cache"
    yield Finding.of("disk", value, free >= LEAST_DISK * 1e9, remedy, "problem")


def _not_writable(folder: Path) -> str:
    """Why nothing can be written there, else an empty text; leaves no trace."""
    start = _existing(folder)
    if not start.is_dir():
        return f"{start} is a file"
    try:
        with tempfile.TemporaryFile(dir=start):
            return ""
    except OSError as error:
        return error.strerror or "not writable"


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in [folder.absolute(), *folder.absolute().parents] if path.exists())


def _speed() -> Iterator[Finding]:
    torch, _ = _load("torch")
    models, _ = _load("course_lib.networks.models")
    measuring, _ = _load("course_lib.measure.measuring")
    if torch is None or models is None or measuring is None:
        return
    measuring.set_threads()
    network = models.LeafNet(width=64).eval()
    with torch.inference_mode():
        many, one = (
            _milliseconds(network, torch.zeros(count, 3, 64, 64), seconds)
            for count, seconds in ((32, 0.7), (1, 0.3))
        )
    rate = 32_000 / many
    value = f"{rate:.0f} images/s in batches of 32, {one:.1f} ms for one image"
    remedy = "close other programs, plug a laptop in; chapters will take longer"
    yield Finding.of("speed", value, rate >= SLOW, remedy, "note")


def _milliseconds(run: Callable[[object], object], images: object, seconds: float) -> float:
    """Median time of one warm call."""
    run(images)
    times: list[float] = []
    while sum(times) < seconds * 1000 or len(times) < 3:
        start = time.perf_counter()
        run(images)
        times.append((time.perf_counter() - start) * 1000)
    return median(times)


def _load(name: str) -> tuple[ModuleType | None, str]:
    """A module, or None and why it cannot be imported."""
    try:
        return importlib.import_module(name), ""
    except Exception as error:  # a broken build raises whatever it likes
        return None, _line(error)


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]

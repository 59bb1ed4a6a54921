"""Run a stranger's code where it can harm nobody: no network, no files but its own, few resources.

On Linux bubblewrap (`bwrap`) makes the walls: user, network, process, IPC and mount namespaces,
no capabilities, a scratch folder in memory of a fixed size. `Watch` ends what takes too much
memory, too many processes or too long. `probe` tries the attacks that the walls are for; where
one succeeds, grading refuses to begin.
"""

import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from ...cache import cache_dir as cache_folder
from ...units import gigabytes
from . import calls

LIBRARY = Path(__file__).resolve().parents[2]
STAND_IN = Path(__file__).resolve().with_name("stand_in.py")
SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin")
SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/fonts")
TEMPORARY, SCRATCH, SOCKETS = "/tmp", "/scratch", "/sockets"
WRITABLE = (TEMPORARY, SCRATCH, SOCKETS, "/dev/shm")  # each a file system of its own, in memory
SOCKETS_BYTES = 100_000
INODE_BYTES = 1000  # that an empty file takes, about
INSTALL = "install it with `apt install bubblewrap` (Debian, Ubuntu) or `dnf install bubblewrap`"


@dataclass(frozen=True)
class Limits:
    """What one submission may take."""

    cell_seconds: int = 60
    seconds: int = 300  # of a whole submission
    memory_bytes: int = 3_000_000_000  # of the kernel, its children and their files in memory
    processes: int = 64
    scratch_bytes: int = 256_000_000  # and as many of other files
    output_bytes: int = 2_000_000  # all that its cells print


class NotContained(RuntimeError):
    """There are no walls here, or they have holes."""


@dataclass(frozen=True)
class Sandbox:
    """Builds the command that runs another behind walls; without them where `unsafe`."""

    limits: Limits = field(default_factory=Limits)
    unsafe: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """Where code behind the walls can write."""
        return () if self.unsafe else WRITABLE

    def command(
        self,
        inner: Sequence[str],
        scratch: Path,
        readable: Sequence[tuple[Path, str]] = (),
        environment: dict[str, str] | None = None,
        withheld: bool = False,
    ) -> list[str]:
        """The command line of `inner` behind walls.

        scratch: the name of its own empty folder, where it starts. readable: (file, name in
        scratch) pairs. withheld: whether the right answers of the checks are left out.
        """
        if self.unsafe:
            return list(inner)
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            raise NotContained(f"bubblewrap is not here; {INSTALL}")
        walls = [bwrap, "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000"]
        walls += ["--disable-userns", "--cap-drop", "ALL", "--die-with-parent", "--new-session"]
        walls += ["--hostname", "grading", "--clearenv", "--proc", "/proc", "--dev", "/dev"]
        for place in self.places:
            most = SOCKETS_BYTES if place == SOCKETS else self.limits.scratch_bytes
            walls += ["--size", str(most), "--tmpfs", place]
        for place in (*SYSTEM, *SETTINGS):
            if os.path.islink(place):
                walls += ["--symlink", os.readlink(place), place]
            elif os.path.exists(place):
                walls += ["--ro-bind", place, place]
        for place in _pythons():
            walls += ["--ro-bind", place, place]
        walls += _without_answers() if withheld else []
        for file, name in readable:
            walls += ["--ro-bind", str(file), str(scratch / name)]
        walls += ["--remount-ro", "/dev", "--remount-ro", "/"]
        for name, value in (environment or {}).items():
            walls += ["--setenv", name, value]
        return calls.refused([*walls, "--chdir", str(scratch), "--", *inner])


def _without_answers() -> list[str]:
    """The checks' own folder anew, with a stand-in for each file that holds a right answer."""
    checks = LIBRARY / "checks"
    walls = ["--tmpfs", str(checks)]
    for file in sorted(checks.rglob("*.py")):
        secret = re.search(r"(?m)^@task\(", file.read_text(encoding="utf-8"))
        walls += ["--ro-bind", str(STAND_IN if secret else file), str(file)]
    return [*walls, "--remount-ro", str(checks)]


def _pythons() -> list[str]:
    """Folders that this interpreter and the library need, none inside another."""
    found = {Path(sys.prefix), Path(sys.base_prefix), LIBRARY, cache_folder()}
    found |= {Path(path) for path in sys.path if "site-packages" in path}
    places = sorted({str(path.resolve()) for path in found if path.is_dir()})
    places += [str(Path(sys.prefix))] if str(Path(sys.prefix)) not in places else []
    inside = [
        place
        for place in places
        if any(place.startswith(other + os.sep) for other in (*places, *SYSTEM) if other != place)
    ]
    return [place for place in places if place not in inside]


def environment(scratch: Path) -> dict[str, str]:
    """All that code behind the walls sees of the environment."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(scratch),
        "TMPDIR": TEMPORARY,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(LIBRARY.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "XDG_CACHE_HOME": f"{TEMPORARY}/.cache",
        "IPYTHONDIR": f"{TEMPORARY}/.ipython",
        "MPLCONFIGDIR": f"{TEMPORARY}/.matplotlib",
        "OMP_WAIT_POLICY": "PASSIVE",
        "OMP_NUM_THREADS": "1",
        "TQDM_DISABLE": "1",
        "COURSE_PROGRESS": "",
        "COURSE_CACHE": str(cache_folder()),
        "COURSE_THREADS": "1",
    }


class Watch:
    """Looks after a process and all its children, and ends them when a limit is passed.

    `said` is then why, in words.
    """

    PERIOD = 0.1  # seconds

    def __init__(self, pid: int, limits: Limits, places: Sequence[str] = ()):
        self.pid, self.limits, self.places = pid, limits, places
        self.said = ""
        self.peak_bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        begun = time.monotonic()
        while not self._over.wait(self.PERIOD):
            try:
                first = psutil.Process(self.pid)
                family = [first, *first.children(recursive=True)]
            except psutil.Error:
                return
            taken = sum(_resident(one) for one in family[: 4 * self.limits.processes])
            taken += sum(_filled(family[-1].pid, place) for place in self.places)
            self.peak_bytes = max(self.peak_bytes, taken)
            if taken > self.limits.memory_bytes:
                self.stop(f"it took more than {gigabytes(self.limits.memory_bytes)} of memory")
            elif len(family) - 1 > self.limits.processes:
                self.stop(f"it started more than {self.limits.processes} processes")
            elif time.monotonic() - begun > self.limits.seconds:
                self.stop(f"it took longer than {self.limits.seconds} s")

    def stop(self, why: str) -> None:
        """End the process and everything it started, for this reason."""
        self.said = self.said or why
        end(self.pid)


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _filled(pid: int, place: str) -> int:
    """Bytes that files take in a place that a process behind walls can write to."""
    root = f"/proc/{pid}/root"
    try:
        if os.stat(root).st_dev == os.stat("/").st_dev:
            return 0  # the walls do not stand yet
        found = os.statvfs(root + place)
    except OSError:
        return 0
    files = found.f_files - found.f_ffree
    return (found.f_blocks - found.f_bfree) * found.f_frsize + files * INODE_BYTES


def end(pid: int) -> None:
    """End a process and its children; behind walls the first of them takes all others along."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return
    for one in family:
        try:
            one.send_signal(signal.SIGKILL)
        except psutil.Error:
            continue

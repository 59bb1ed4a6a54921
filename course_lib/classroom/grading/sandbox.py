"""Run a stranger's code where it can harm nobody: no network, no files but its own, few resources.

On Linux bubblewrap (`bwrap`) makes the walls: user, network, process, IPC and mount namespaces,
no capabilities, a scratch folder in memory of a fixed size. `Watch` ends what takes too much
memory, too many processes or too long. `probe` tries the attacks that the walls are for; where
one succeeds, grading refuses to begin.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from ...cache import cache_dir as cache_folder
from ...units import gigabytes

LIBRARY = Path(__file__).resolve().parents[2]
SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin")
SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/fonts")
TEMPORARY = "/tmp"
INSTALL = "install it with `apt install bubblewrap` (Debian, Ubuntu) or `dnf install bubblewrap`"


@dataclass(frozen=True)
class Limits:
    """What one submission may take."""

    cell_seconds: int = 60
    seconds: int = 300  # of a whole submission
    memory_bytes: int = 3_000_000_000  # resident, of the kernel and its children
    processes: int = 64
    scratch_bytes: int = 256_000_000
    output_bytes: int = 2_000_000  # all that its cells print


class NotContained(RuntimeError):
    """There are no walls here, or they have holes."""


@dataclass(frozen=True)
class Sandbox:
    """Builds the command that runs another behind walls; without them where `unsafe`."""

    limits: Limits = field(default_factory=Limits)
    unsafe: bool = False

    def command(
        self,
        inner: Sequence[str],
        shared: Path,
        scratch: Path,
        readable: Sequence[tuple[Path, str]] = (),
        environment: dict[str, str] | None = None,
    ) -> list[str]:
        """The command line of `inner` behind walls.

        shared: a folder that both sides see under its own name (a kernel's sockets). scratch: the
        name of its own empty folder, where it starts. readable: (file, name in scratch) pairs.
        """
        if self.unsafe:
            return list(inner)
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            raise NotContained(f"bubblewrap is not here; {INSTALL}")
        walls = [bwrap, "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000"]
        walls += ["--disable-userns", "--cap-drop", "ALL", "--die-with-parent", "--new-session"]
        walls += ["--hostname", "grading", "--clearenv", "--proc", "/proc", "--dev", "/dev"]
        walls += ["--size", str(self.limits.scratch_bytes), "--tmpfs", TEMPORARY]
        for place in (*SYSTEM, *SETTINGS):
            if os.path.islink(place):
                walls += ["--symlink", os.readlink(place), place]
            elif os.path.exists(place):
                walls += ["--ro-bind", place, place]
        for place in _pythons():
            walls += ["--ro-bind", place, place]
        walls += ["--bind", str(shared), str(shared)]
        walls += ["--size", str(self.limits.scratch_bytes), "--tmpfs", str(scratch)]
        for file, name in readable:
            walls += ["--ro-bind", str(file), str(scratch / name)]
        for name, value in (environment or {}).items():
            walls += ["--setenv", name, value]
        return [*walls, "--chdir", str(scratch), "--", *inner]


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

    def __init__(self, pid: int, limits: Limits, on_end: Callable[[], None] = lambda: None):
        self.pid, self.limits, self.on_end = pid, limits, on_end
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
                family = psutil.Process(self.pid).children(recursive=True)
            except psutil.Error:
                return
            resident = 0
            for one in family[: 4 * self.limits.processes]:
                try:
                    resident += one.memory_info().rss
                except psutil.Error:
                    continue
            self.peak_bytes = max(self.peak_bytes, resident)
            if resident > self.limits.memory_bytes:
                self.stop(f"it took more than {gigabytes(self.limits.memory_bytes)} of memory")
            elif len(family) > self.limits.processes:
                self.stop(f"it started more than {self.limits.processes} processes")
            elif time.monotonic() - begun > self.limits.seconds:
                self.stop(f"it took longer than {self.limits.seconds} s")

    def stop(self, why: str) -> None:
        """End the process and everything it started, for this reason."""
        self.said = self.said or why
        end(self.pid)
        self.on_end()


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


# Does it hold?

ATTACKS = r"""
import ctypes, os, socket, sys

secret, outside, port, name = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]


def network():
    socket.create_connection(("127.0.0.1", port), timeout=2)


def abstract_socket():
    with socket.socket(socket.AF_UNIX) as one:
        one.connect("\0" + name)


def read_grades():
    open(secret).read()


def write_outside():
    with open(os.path.join(outside, "written"), "w") as file:
        file.write("x")


def change_library():
    with open(sys.argv[5], "a") as file:
        file.write("")


def see_the_grader():
    if int(sys.argv[6]) not in [int(n) for n in os.listdir("/proc") if n.isdigit()]:
        raise OSError
    os.kill(int(sys.argv[6]), 0)


def read_environment():
    if "COURSE_PROBE" not in os.environ:
        raise OSError


def new_namespace():
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000):
        raise OSError


def fill_the_disk():
    with open("large", "wb") as file:
        for _ in range(int(sys.argv[7]) // 1_000_000 + 20):
            file.write(bytes(1_000_000))


for attack in (network, abstract_socket, read_grades, write_outside, change_library,
               see_the_grader, read_environment, new_namespace, fill_the_disk):
    try:
        attack()
    except Exception:
        print(attack.__name__, "held")
    else:
        print(attack.__name__, "broke out")
"""


def probe(sandbox: Sandbox, private: Path) -> dict[str, bool]:
    """Try each attack; {attack: whether the walls held}.

    private: a folder that nobody inside may read, such as the class's. Raises NotContained when
    there are no walls to try.
    """
    small = Sandbox(Limits(scratch_bytes=5_000_000), sandbox.unsafe)
    with tempfile.TemporaryDirectory(prefix="cg-") as folder, tempfile.TemporaryDirectory() as own:
        shared = Path(folder)
        secret = private / f".probe-{secrets.token_hex(4)}"
        secret.write_text("grades")
        name = f"course-{secrets.token_hex(4)}"
        try:
            with (
                socket.create_server(("127.0.0.1", 0)) as there,
                socket.socket(socket.AF_UNIX) as abstract,
            ):
                if sys.platform == "linux":
                    abstract.bind("\0" + name)
                    abstract.listen()
                words = [str(secret), str(private), str(there.getsockname()[1]), name]
                words += [str(LIBRARY / "__init__.py"), str(os.getpid())]
                words += [str(small.limits.scratch_bytes)]
                scratch = Path(own) if sandbox.unsafe else Path("/scratch")
                inner = [sys.executable, "-c", ATTACKS, *words]
                command = small.command(inner, shared, scratch, (), environment(scratch))
                ran = subprocess.run(
                    command,
                    capture_output=True,
                    text=True,
                    timeout=60,
                    env={**os.environ, "COURSE_PROBE": "1"},
                    cwd=own,
                )
        finally:
            secret.unlink()
            (private / "written").unlink(missing_ok=True)
    if not ran.stdout:
        raise NotContained(f"no walls can be made here: {ran.stderr.strip()[-300:]}")
    lines = [line.split(maxsplit=1) for line in ran.stdout.splitlines()]
    return {name: said == "held" for name, said in lines}


def require(sandbox: Sandbox, private: Path) -> dict[str, bool]:
    """Probe, and raise NotContained unless every wall holds (or `unsafe` was asked for)."""
    if sandbox.unsafe:
        return {}
    if sys.platform != "linux":
        raise NotContained(
            "strangers' code is contained on Linux alone; grade in a container or a virtual machine"
            " with Linux, or with --unsafe, after reading SECURITY.md"
        )
    held = probe(sandbox, private)
    if broken := [name.replace("_", " ") for name, holds in held.items() if not holds]:
        raise NotContained(
            f"submissions could break out here: {', '.join(broken)}. Grade on a machine of its own "
            "and pass --unsafe, after reading SECURITY.md"
        )
    return held

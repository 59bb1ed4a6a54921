"""Does it hold? Tries from inside what the walls of `sandbox` are for."""

import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

from ... import files
from .sandbox import LIBRARY, SCRATCH, SOCKETS, Limits, NotContained, Sandbox, environment

ATTACKS = r"""
import ctypes, os, re, socket, sys

secret, outside, port, name = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
MEGABYTES = int(sys.argv[7]) // 1_000_000 + 20


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


def fill(path):
    try:
        with open(path, "wb") as file:
            for _ in range(MEGABYTES):
                file.write(bytes(1_000_000))
    finally:
        if os.path.exists(path):
            os.unlink(path)


def fill_the_disk():
    fill("large")


def fill_the_temporary_folder():
    fill(os.path.join(os.sep, "tmp", "large"))


def fill_the_sockets():
    fill(sys.argv[8] + "/large")


def fill_shared_memory():
    fill("/dev/shm/large")


def fill_the_devices():
    fill("/dev/large")


def fill_the_root():
    fill("/large")


def memory_without_a_folder():
    os.write(os.memfd_create("large"), bytes(1_000_000))


def memory_without_a_process():
    if ctypes.CDLL(None, use_errno=True).shmget(0, 1_000_000, 0o1600) < 0:
        raise OSError


def read_the_right_answers():
    for folder, _, files in os.walk(os.path.join(os.path.dirname(sys.argv[5]), "checks")):
        for file in files:
            with open(os.path.join(folder, file), "rb") as content:
                if re.search(rb"(?m)^@task\(", content.read()):
                    return
    raise OSError


for attack in (network, abstract_socket, read_grades, write_outside, change_library,
               see_the_grader, read_environment, new_namespace, fill_the_disk,
               fill_the_temporary_folder, fill_the_sockets, fill_shared_memory, fill_the_devices,
               fill_the_root, memory_without_a_folder, memory_without_a_process,
               read_the_right_answers):
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
    with files.scratch() as own:
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
                words += [str(small.limits.scratch_bytes), str(own) if sandbox.unsafe else SOCKETS]
                scratch = Path(own if sandbox.unsafe else SCRATCH)
                inner = [sys.executable, "-c", ATTACKS, *words]
                command = small.command(inner, scratch, (), environment(scratch), withheld=True)
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

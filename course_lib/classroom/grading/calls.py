"""Memory that no folder's limit holds: the calls that ask for it are refused.

A memfd and a segment of System V belong to no folder and, while nobody looks, to no process.
bubblewrap takes the filter as a program for the kernel (seccomp), a list of instructions.
"""

import platform
import struct
import sys
from collections.abc import Sequence

# machine: (its number in <linux/audit.h>, memfd_create, memfd_secret, shmget)
MACHINES = {
    "x86_64": (0xC000003E, 319, 447, 29),
    "aarch64": (0xC00000B7, 279, 447, 194),
}
OTHER_NUMBERS = 0x40000000  # and above: x86_64's calls with short pointers
OPEN_FILES = 512
LOAD, EQUALS, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER, MACHINE = 0, 4  # where they stand in what is looked at
ALLOW, REFUSE = 0x7FFF0000, 0x00050001  # EPERM

START = f"""
import os, resource, sys
program, walls, *rest = sys.argv[1:]
reads, writes = os.pipe()
os.write(writes, bytes.fromhex(program))
os.close(writes)
os.set_inheritable(reads, True)
most = min(int({OPEN_FILES}), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
os.execv(walls, [walls, "--seccomp", str(reads), *rest])
"""


def refused(walls: Sequence[str]) -> list[str]:
    """The command of bubblewrap, with these calls refused, where the machine is a known one."""
    if platform.machine() not in MACHINES:
        return list(walls)  # the probe tells what that leaves open
    return [sys.executable, "-I", "-S", "-c", START, program(platform.machine()).hex(), *walls]


def program(machine: str) -> bytes:
    """The filter's instructions: code, how many to skip if so and if not, a number."""
    own, *numbers = MACHINES[machine]
    tests = [(EQUALS, number) for number in numbers] + [(AT_LEAST, OTHER_NUMBERS)]
    steps = [(LOAD, 0, 0, MACHINE), (EQUALS, 0, len(tests) + 2, own), (LOAD, 0, 0, NUMBER)]
    steps += [(code, len(tests) - place, 0, k) for place, (code, k) in enumerate(tests)]
    steps += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)

"""Has checks judged where none of the learner's code runs: a process of its own, behind walls.

It asks for values; whoever starts it carries the questions to the learner's kernel and the answers
back, as bytes that are counted and not opened.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from . import sandbox
from .sandbox import Sandbox

COMMAND = [sys.executable, "-P", "-m", f"{__package__}.judge"]


@dataclass
class Verdict:
    """What one check found: its share of the points, and why in the check's own words."""

    share: float
    said: str
    doubt: str = ""  # for a human to look at


class NoAnswer(RuntimeError):
    """A learner's kernel gave no answer; the message says why, and whether a human should know."""

    def __init__(self, why: str, doubtful: bool = False):
        super().__init__(why)
        self.doubtful = doubtful


class Judging:
    """A judge at work, from `async with` to its end.

    given: code of the released notebook. files: handed in, by name; strangers' work, as all.
    scratch: its own folder where there are no walls.
    """

    def __init__(self, given: str, walls: Sandbox, files: dict[str, Path], scratch: Path):
        self.given, self.walls, self.files, self.scratch = given, walls, files, scratch
        self.peak_bytes = 0

    async def __aenter__(self) -> "Judging":
        inside = self.scratch if self.walls.unsafe else Path("/scratch")
        environment = sandbox.environment(inside)
        readable = [(file, name) for name, file in self.files.items()]
        self.process = await asyncio.create_subprocess_exec(
            *self.walls.command(COMMAND, inside, readable, environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.scratch,
            env=environment,
        )
        self.watch = sandbox.Watch(self.process.pid, self.walls.limits)
        self.watch.__enter__()
        await self._send({"do": "given"}, self.given.encode())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.watch.__exit__()
        self.peak_bytes = self.watch.peak_bytes
        sandbox.end(self.process.pid)
        await self.process.wait()

    async def verdict(self, check: str, ask: Callable[[bytes], Awaitable[bytes]]) -> Verdict:
        """What a check finds; ask: a question's answer from the learner's kernel, or NoAnswer."""
        try:
            await self._send({"do": "check"}, check.encode())
            while True:
                head, content = await self._receive()
                if head["do"] == "verdict":
                    return Verdict(float(head["share"]), str(head["said"]), str(head["doubt"]))
                try:
                    await self._send({"do": "reply"}, await ask(content))
                except NoAnswer as error:
                    await self._send(
                        {"do": "failed", "why": str(error), "doubtful": error.doubtful}
                    )
        except (OSError, asyncio.IncompleteReadError, ValueError, KeyError):
            why = self.watch.said or "its process died"
            return Verdict(0, f"the check did not come to its end: {why}", f"a check ended: {why}")

    async def _send(self, head: dict, content: bytes = b"") -> None:
        assert self.process.stdin is not None
        line = json.dumps({**head, "bytes": len(content)}).encode()
        self.process.stdin.write(line + b"\n" + content)
        with contextlib.suppress(ConnectionError):  # it is seen when nothing comes back
            await self.process.stdin.drain()

    async def _receive(self) -> tuple[dict, bytes]:
        assert self.process.stdout is not None
        head = json.loads(await self.process.stdout.readline())
        return head, await self.process.stdout.readexactly(int(head["bytes"]))

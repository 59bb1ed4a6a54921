"""A kernel behind walls, reached by sockets that are files inside; what it says is counted."""

import asyncio
import base64
import contextlib
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import zmq
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from . import sandbox
from .judging import NoAnswer
from .sandbox import SOCKETS, Sandbox

ANSWER = "application/x-course-answer"
ANSWERS_BYTES = 300_000_000  # of all answers of a submission
SEND_MS = 5000  # that a message may wait; a dead kernel's would wait for ever
MESSAGE_BYTES = 50_000_000  # of one message; the connection ends at a larger one
ANSWERING = "__import__('course_lib.classroom.grading.answering', fromlist=['show'])"
CONNECTION = "kernel.json"


class _Manager(AsyncKernelManager):
    """Interrupts by the client's own connection: no other is opened once strangers' code runs."""

    connected: Any = None

    async def interrupt_kernel(self) -> None:  # type: ignore[override]
        try:
            self.connected.control_channel.send(self.session.msg("interrupt_request", {}))
        except zmq.Again:
            raise DeadKernelError("its kernel takes no message any more") from None


class Client(NotebookClient):
    """Runs a notebook's cells, and asks the kernel for answers between them.

    shared: a folder of our own. Where there are walls the kernel gets the file of its connection
    from it, and nothing else.
    """

    def __init__(
        self, notebook: NotebookNode, walls: Sandbox, files: dict[str, Path], shared: Path
    ):
        limits = walls.limits
        # The last cell is for what grading itself runs; nbclient wants each cell to have a place.
        running = nbformat.v4.new_notebook(
            cells=[*notebook.cells, nbformat.v4.new_code_cell()], metadata=notebook.metadata
        )
        super().__init__(
            running,
            timeout=limits.cell_seconds,
            interrupt_on_timeout=True,
            error_on_timeout={"ename": "TooLong", "evalue": "", "traceback": []},
            allow_errors=True,
            record_timing=False,
            store_widget_state=False,
            shutdown_kernel="immediate",
            startup_timeout=60,
            iopub_timeout=4,
            shell_timeout_interval=1,
        )
        self.walls, self.files, self.shared = walls, files, shared
        self.printed, self.answered = limits.output_bytes, ANSWERS_BYTES  # bytes that are left
        self.flood = lambda: None

    # Its kernel

    def create_kernel_manager(self):
        place = str(self.shared / "k") if self.walls.unsafe else f"{SOCKETS}/k"
        self.km = _Manager(transport="ipc", ip=place)
        self.km.connection_file = str(self.shared / CONNECTION)
        self.km._kernel_spec = KernelSpec(
            argv=self._command(), display_name="grading", language="python",
            interrupt_mode="message",
        )  # fmt: skip
        return self.km

    def _command(self) -> list[str]:
        connection = self.shared / CONNECTION
        inside = connection if self.walls.unsafe else Path("/") / CONNECTION
        inner = [sys.executable, "-m", "ipykernel_launcher", "-f", str(inside)]
        inner += ["--HistoryManager.enabled=False"]
        readable = [(file, name) for name, file in self.files.items()]
        readable.append((connection, str(inside)))
        environment = sandbox.environment(self.scratch)
        return self.walls.command(inner, self.scratch, readable, environment, withheld=True)

    @property
    def scratch(self) -> Path:
        """The kernel's own folder, by its name inside."""
        return self.shared / "s" if self.walls.unsafe else Path(sandbox.SCRATCH)

    def setup(self) -> Any:
        """The kernel, started and connected, for `async with`."""
        # Not in scratch, where strangers' files lie: Python finds modules where it is started.
        start: dict[str, Any] = {"cwd": str(self.shared if self.walls.unsafe else "/")}
        start |= {"env": sandbox.environment(self.scratch)}
        return self.async_setup_kernel(
            **start, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    async def async_start_new_kernel_client(self):
        """Connect before strangers' code runs, and once: it may put links where sockets were."""
        manager: Any = self.km
        manager.ip = await self._sockets(manager)
        client = self.kc = manager.connected = manager.client()
        client.context.setsockopt(zmq.RECONNECT_IVL, -1)
        client.context.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES)
        client.context.setsockopt(zmq.SNDTIMEO, SEND_MS)
        client.start_channels(hb=False)
        await client.wait_for_ready(timeout=self.startup_timeout)
        client.allow_stdin = False
        return client

    async def _sockets(self, manager: Any) -> str:
        """The name of the sockets as seen from here, once they are all there."""
        ports = [getattr(manager, f"{name}_port") for name in ("shell", "iopub", "control")]
        begun = time.monotonic()
        while time.monotonic() - begun < self.startup_timeout and await manager.is_alive():
            for place in self._places(manager):
                with contextlib.suppress(OSError):
                    if all(stat.S_ISSOCK(os.lstat(f"{place}-{port}").st_mode) for port in ports):
                        return place
            await asyncio.sleep(0.05)
        raise DeadKernelError("the kernel did not start")

    def _places(self, manager: Any) -> list[str]:
        """Where its sockets may be: behind walls they are reached by a process that is there."""
        if self.walls.unsafe:
            return [str(manager.ip)]
        inside = psutil.Process(self.kernel_pid()).children(recursive=True)
        return [f"/proc/{one.pid}/root{SOCKETS}/k" for one in inside]

    def kernel_pid(self) -> int | None:
        """The process that was started: the walls' own, where there are walls."""
        return getattr(getattr(self.km, "provisioner", None), "pid", None)

    # What it says

    def on_comm_open_jupyter_widget(self, msg):
        return None

    def on_comm_msg(self, *_):
        return None

    def output(self, outs, msg, display_id, cell_index):
        answers = ANSWER in msg["content"].get("data", {})
        left = "answered" if answers else "printed"
        if getattr(self, left) < 0:
            return None
        setattr(self, left, getattr(self, left) - len(str(msg["content"])))
        if getattr(self, left) < 0:
            self.flood()
            return None
        return super().output(outs, msg, display_id, cell_index)

    async def run(self, cell: NotebookNode, number: int | None = None) -> None:
        """Run a cell; its errors are in its outputs."""
        last, before = len(self.nb.cells) - 1, asyncio.all_tasks()
        try:
            await self.async_execute_cell(cell, last if number is None else number)
        except (CellExecutionError, CellTimeoutError):
            return
        finally:  # nbclient leaves those behind that look after a kernel that died
            for task in asyncio.all_tasks() - before:
                task.cancel()

    async def begin(self) -> None:
        """What the kernel needs for answers; to load that is not the learner's time."""
        place = f"; __import__('os').chdir({str(self.scratch)!r})" if self.walls.unsafe else ""
        self.timeout = self.startup_timeout
        await self.run(nbformat.v4.new_code_cell(f"{ANSWERING}{place}"))
        self.timeout = self.walls.limits.cell_seconds

    async def ask(self, question: bytes) -> bytes:
        """The kernel's reply to a question, as bytes. Raises NoAnswer."""
        asked = base64.b64encode(question).decode()
        cell = nbformat.v4.new_code_cell(f"{ANSWERING}.show({asked!r})")
        try:
            await self.run(cell)
        except DeadKernelError:
            raise
        except Exception:  # whatever nbclient makes of messages that are none
            raise NoAnswer("what came back is no answer", doubtful=True) from None
        shown = [out.data[ANSWER] for out in cell.outputs if ANSWER in out.get("data", {})]
        errors = [out for out in cell.outputs if out.output_type == "error"]
        if stopped(cell):
            raise NoAnswer("it took too long")
        if errors:
            raise NoAnswer(str(errors[-1].ename)[:100])
        if len(shown) != 1:
            raise NoAnswer(f"{len(shown)} answers came to one question", doubtful=True)
        try:
            return base64.b64decode(shown[0], validate=True)
        except (ValueError, TypeError):
            raise NoAnswer("what came back is no answer", doubtful=True) from None


def stopped(cell: NotebookNode) -> bool:
    """Whether a cell was ended because it took too long."""
    return any(out.get("ename") in ("TooLong", "KeyboardInterrupt") for out in cell.outputs)

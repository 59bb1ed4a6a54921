"""Run one repaired notebook behind walls, and say what each of its checks found.

A check counts only if its cell ran to its end: the last thing it shows is a nonce that was drawn
for that cell alone. Files that were handed in are judged first, before any line of the learner's.
"""

import asyncio
import contextlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from ...units import megabytes
from . import sandbox
from .sandbox import Sandbox

NONCE = "application/x-course-nonce"
KEPT = ("text/plain", "image/png")  # of what a stranger's cell shows: no HTML, no JavaScript

# Runs before each check: the checks' own modules are read anew, names of the course are what the
# released notebook imports, and nothing that was hung into IPython sees the next cell.
PREPARE = """\
def _prepare():
    import sys
    shell = get_ipython()
    for event in list(shell.events.callbacks):
        shell.events.callbacks[event].clear()
    shell.ast_transformers.clear()
    shell.input_transformers_post.clear()
    shell.set_custom_exc((), None)
    sys.setprofile(None)
    sys.settrace(None)
    for name in [name for name in sys.modules if name.startswith("course_lib.checks")]:
        del sys.modules[name]
    import course_lib
    vars(course_lib).pop("checks", None)
_prepare()
"""


@dataclass
class Verdict:
    """What one check found: its share of the points, and why in the check's own words."""

    share: float
    said: str


@dataclass
class Graded:
    """A submission that ran: the notebook with what it printed, a verdict for each check."""

    notebook: NotebookNode
    verdicts: dict[str, Verdict]
    seconds: float
    peak_bytes: int
    doubts: list[str] = field(default_factory=list)


class _Client(NotebookClient):
    """A kernel behind walls, reached by sockets that are files; what it prints is counted."""

    def __init__(
        self, notebook: NotebookNode, argv: list[str], shared: Path, most_bytes: int, **kw
    ):
        super().__init__(notebook, **kw)
        self.argv, self.shared, self.left = argv, shared, most_bytes
        self.flood = lambda: None

    def create_kernel_manager(self):
        self.km = AsyncKernelManager(transport="ipc", ip=str(self.shared / "k"))
        self.km.connection_file = str(self.shared / "kernel.json")
        self.km._kernel_spec = KernelSpec(
            argv=self.argv, display_name="grading", language="python", interrupt_mode="message"
        )
        return self.km

    def on_comm_open_jupyter_widget(self, msg):
        return None

    def on_comm_msg(self, *_):
        return None

    def output(self, outs, msg, display_id, cell_index):
        if self.left < 0:
            return None
        self.left -= len(str(msg["content"]))
        if self.left < 0:
            self.flood()
            return None
        return super().output(outs, msg, display_id, cell_index)

    def kernel_pid(self) -> int | None:
        return getattr(getattr(self.km, "provisioner", None), "pid", None)


def run(
    notebook: NotebookNode,
    walls: Sandbox,
    files: Sequence[Path] = (),
    imports: str = "",
) -> Graded:
    """Run a repaired notebook from top to bottom; every check gets a verdict, whatever happens.

    files: handed in beside the notebook; a check that names one judges that, and the cell that
    would make it is not run. imports: the released notebook's import statements, which are run
    again before each check.
    """
    made: NotebookNode = nbformat.from_dict(notebook)
    named = {file.name: file for file in files}
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cg-", ignore_cleanup_errors=True) as folder:
        client, start, first = _behind_walls(made, walls, named, Path(folder))
        running = _Run(client, start, first, made, named, imports, walls.limits)
        asyncio.run(running.watched())
    verdicts, doubts = running.verdicts, running.doubts
    why = doubts[-1] if doubts else "it did not run to its end"
    for cell in running.checks:
        verdict = verdicts.setdefault(_name(cell), Verdict(0, f"not reached: {why}"))
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=verdict.said + "\n")]
    for cell in made.cells:
        if cell.cell_type == "code" and not _is_check(cell):
            cell.outputs = _harmless(cell.outputs)
    return Graded(made, verdicts, time.monotonic() - begun, running.peak_bytes, doubts)


def _behind_walls(
    made: NotebookNode, walls: Sandbox, files: dict[str, Path], shared: Path
) -> tuple[_Client, dict[str, Any], str]:
    """The client of a kernel, what to start that with, and the code that it runs first."""
    limits = walls.limits
    scratch = shared / "s" if walls.unsafe else Path("/scratch")
    if walls.unsafe:
        scratch.mkdir()
        for name, file in files.items():
            shutil.copyfile(file, scratch / name)
    inner = [sys.executable, "-m", "ipykernel_launcher", "-f", str(shared / "kernel.json")]
    inner += ["--HistoryManager.enabled=False"]
    environment = sandbox.environment(scratch)
    argv = walls.command(inner, shared, scratch, [(f, n) for n, f in files.items()], environment)
    # The last cell is for what grading itself runs; nbclient wants each cell to have a place.
    running = nbformat.v4.new_notebook(
        cells=[*made.cells, nbformat.v4.new_code_cell()], metadata=made.metadata
    )
    client = _Client(
        running,
        argv,
        shared,
        limits.output_bytes,
        timeout=limits.cell_seconds,
        interrupt_on_timeout=True,
        error_on_timeout={"ename": "TooLong", "evalue": "", "traceback": []},
        allow_errors=True,
        record_timing=False,
        store_widget_state=False,
        startup_timeout=60,
        iopub_timeout=4,
        shell_timeout_interval=1,
    )
    # Not in scratch, where strangers' files lie: Python finds modules where it is started.
    start: dict[str, Any] = {"cwd": str(shared if walls.unsafe else "/"), "env": environment}
    start |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return client, start, f"import os; os.chdir({str(scratch)!r})" if walls.unsafe else ""


@dataclass
class _Run:
    """A notebook on its way through its kernel, and what was found so far."""

    client: _Client
    start: dict[str, Any]  # what the kernel is started with
    first: str  # code
    notebook: NotebookNode
    files: dict[str, Path]  # handed in, by name
    imports: str
    limits: sandbox.Limits
    verdicts: dict[str, Verdict] = field(default_factory=dict)  # by the check's name
    doubts: list[str] = field(default_factory=list)
    peak_bytes: int = 0

    @property
    def checks(self) -> list[NotebookNode]:
        return [cell for cell in self.notebook.cells if _is_check(cell)]

    async def watched(self) -> None:
        """Run all cells while the limits hold; end the kernel, whatever happens."""
        task = asyncio.ensure_future(self._through())
        while not task.done() and self.client.kernel_pid() is None:
            await asyncio.sleep(0.05)
        pid = self.client.kernel_pid()
        if pid is None:
            await task
            return
        with sandbox.Watch(pid, self.limits) as watch:
            printed = f"it printed more than {megabytes(self.limits.output_bytes)}"
            self.client.flood = lambda: watch.stop(printed)
            try:
                await _until_done(task, watch)
            except (DeadKernelError, asyncio.CancelledError, RuntimeError) as error:
                if not watch.said:
                    self.doubts.append(_died(error))
            finally:
                self.peak_bytes = watch.peak_bytes
                if watch.said:
                    self.doubts.append(f"ended: {watch.said}")
                sandbox.end(pid)

    async def _through(self) -> None:
        """All cells from top to bottom; but first the checks of files that were handed in."""
        async with self.client.async_setup_kernel(**self.start):
            await _ask(self.client, self.first)
            await _ask(self.client, self.imports)
            for cell in self.checks:
                if _judged_file(cell, self.files):
                    await self._check(cell)
            for number, cell in enumerate(self.notebook.cells):
                if cell.cell_type == "code" and _name(cell) not in self.verdicts:
                    await self._cell(cell, number)

    async def _cell(self, cell: NotebookNode, number: int) -> None:
        if _makes(cell, self.checks, self.files):
            return
        if _is_check(cell):
            await self._check(cell)
            return
        await _run_cell(self.client, cell, number)
        if _stopped(cell):
            place = _name(cell) or cell.source.strip()[:40]
            self.doubts.append(f"stopped after {self.limits.cell_seconds} s: {place!r}")

    async def _check(self, cell: NotebookNode) -> None:
        self.verdicts[_name(cell)] = await _check(self.client, cell, self.imports)


async def _until_done(task: asyncio.Future, watch: sandbox.Watch) -> None:
    """Wait for the task, and raise its error; give it up once the watch says that it must end."""
    while not task.done():
        await asyncio.wait({task}, timeout=0.5)
        if watch.said:
            task.cancel()
            await asyncio.wait({task}, timeout=10)
            break
    if task.done() and not task.cancelled():
        task.result()


async def _ask(client: _Client, code: str) -> NotebookNode:
    cell = nbformat.v4.new_code_cell(code)
    await _run_cell(client, cell, len(client.nb.cells) - 1)
    return cell


async def _run_cell(client: _Client, cell: NotebookNode, number: int) -> None:
    with contextlib.suppress(CellExecutionError, CellTimeoutError):
        await client.async_execute_cell(cell, number)


async def _check(client: _Client, cell: NotebookNode, imports: str) -> Verdict:
    """Run one check with a nonce of its own."""
    await _ask(client, PREPARE)
    nonce = secrets.token_hex(16)
    visible, *hidden = re.split(r"(?m)^(?=### BEGIN HIDDEN TESTS)", cell.source)
    asked = nbformat.v4.new_code_cell(
        f"{imports}\n_passed = {visible.strip()}\n{''.join(hidden)}\nprint(_passed)\n"
        f"get_ipython().display_pub.publish({{{NONCE!r}: {nonce!r}}})"
    )
    await _run_cell(client, asked, len(client.nb.cells) - 1)
    errors = [out for out in asked.outputs if out.output_type == "error"]
    shown = [out.data[NONCE] for out in asked.outputs if NONCE in out.get("data", {})]
    if errors:
        return Verdict(0, _words_of(errors[-1]))
    if shown != [nonce]:
        return Verdict(0, "the check did not come to its end")
    text = "".join(out.text for out in asked.outputs if out.get("name") == "stdout")
    return Verdict(1, text.strip()[:2000] or "passed")


def _words_of(error: NotebookNode) -> str:
    said = str(error.evalue).strip()[:2000]
    if _stopped(nbformat.v4.new_code_cell(outputs=[error])):
        return "not passed: it took too long"
    if error.ename in ("NotYet", "NotImplementedError") and said:
        return said
    what = f"{error.ename}: {said}" if said else str(error.ename)
    return f"not passed: {what}"


def _stopped(cell: NotebookNode) -> bool:
    return any(out.get("ename") in ("TooLong", "KeyboardInterrupt") for out in cell.outputs)


def _is_check(cell: NotebookNode) -> bool:
    own = cell.metadata.get("nbgrader", {})
    return bool(own.get("grade")) and cell.cell_type == "code"


def _name(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def _judged_file(check: NotebookNode, files: dict[str, Path]) -> bool:
    """Whether a check judges a file that was handed in: `checks.few_bits(FILE)`."""
    return bool(files) and bool(re.match(r"checks\.\w+\(FILE\b", check.source))


def _makes(cell: NotebookNode, checks: Sequence[NotebookNode], files: dict[str, Path]) -> bool:
    """Whether a cell is the learner's own making of a file that was handed in."""
    own = cell.metadata.get("nbgrader", {})
    judged = {_name(check).removesuffix("-check") for check in checks if _judged_file(check, files)}
    return bool(own.get("solution")) and _name(cell) in judged


def _died(error: BaseException) -> str:
    return "its kernel died" if isinstance(error, DeadKernelError) else f"it ended: {error}"[:200]


def _harmless(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Outputs as text and pictures alone: whoever opens the page runs nothing of a stranger's."""
    kept = []
    for output in outputs:
        one: NotebookNode = nbformat.from_dict(output)
        if "data" in one:
            one.data = {kind: value for kind, value in one.data.items() if kind in KEPT}
        if one.output_type == "error":
            one.traceback = [f"{one.ename}: {one.evalue}"[:2000]]
        kept.append(one)
    return kept

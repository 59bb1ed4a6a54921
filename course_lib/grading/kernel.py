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

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from ..units import megabytes
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
    limits = walls.limits
    made: NotebookNode = nbformat.from_dict(notebook)
    named = {file.name: file for file in files}
    checks = [c for c in made.cells if _is_check(c)]
    verdicts: dict[str, Verdict] = {}
    doubts: list[str] = []
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cg-", ignore_cleanup_errors=True) as folder:
        shared = Path(folder)
        scratch = shared / "s" if walls.unsafe else Path("/scratch")
        if walls.unsafe:
            scratch.mkdir()
            for name, file in named.items():
                shutil.copyfile(file, scratch / name)
        inner = [sys.executable, "-m", "ipykernel_launcher", "-f", str(shared / "kernel.json")]
        inner += ["--HistoryManager.enabled=False"]
        environment = sandbox.environment(scratch)
        argv = walls.command(
            inner, shared, scratch, [(f, n) for n, f in named.items()], environment
        )
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

        async def work() -> None:
            kernel = {
                "env": environment,
                "stdout": subprocess.DEVNULL,
                "stderr": subprocess.DEVNULL,
            }
            async with client.async_setup_kernel(
                cwd=str(shared if walls.unsafe else "/"), **kernel
            ):
                if walls.unsafe:
                    await _ask(client, f"import os; os.chdir({str(scratch)!r})")
                await _ask(client, imports)
                for cell in [c for c in checks if _judged_file(c, named)]:
                    verdicts[_name(cell)] = await _check(client, cell, imports)
                for number, cell in enumerate(made.cells):
                    if (
                        cell.cell_type != "code"
                        or _name(cell) in verdicts
                        or _makes(cell, checks, named)
                    ):
                        continue
                    if _is_check(cell):
                        verdicts[_name(cell)] = await _check(client, cell, imports)
                    else:
                        await _run_cell(client, cell, number)
                        if _stopped(cell):
                            place = _name(cell) or cell.source.strip()[:40]
                            doubts.append(f"stopped after {limits.cell_seconds} s: {place!r}")

        async def watched() -> None:
            task = asyncio.ensure_future(work())
            while not task.done() and client.kernel_pid() is None:
                await asyncio.sleep(0.05)
            pid = client.kernel_pid()
            if pid is None:
                await task
                return
            with sandbox.Watch(pid, limits) as watch:
                client.flood = lambda: watch.stop(
                    f"it printed more than {megabytes(limits.output_bytes)}"
                )
                try:
                    while not task.done():
                        await asyncio.wait({task}, timeout=0.5)
                        if watch.said:
                            task.cancel()
                            await asyncio.wait({task}, timeout=10)
                            break
                    if not task.cancelled() and task.done():
                        task.result()
                except (DeadKernelError, asyncio.CancelledError, RuntimeError) as error:
                    if not watch.said:
                        doubts.append(_died(error))
                finally:
                    peak[0] = watch.peak_bytes
                    if watch.said:
                        doubts.append(f"ended: {watch.said}")
                    sandbox.end(pid)

        peak = [0]
        asyncio.run(watched())
    why = doubts[-1] if doubts else "it did not run to its end"
    for cell in checks:
        verdict = verdicts.setdefault(_name(cell), Verdict(0, f"not reached: {why}"))
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=verdict.said + "\n")]
    for cell in made.cells:
        if cell.cell_type == "code" and not _is_check(cell):
            cell.outputs = _harmless(cell.outputs)
    return Graded(made, verdicts, time.monotonic() - begun, peak[0], doubts)


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


def imports_of(notebook: NotebookNode) -> str:
    """The import statements of a notebook, and its constants' names of files, as code."""
    import ast

    lines = []
    for cell in notebook.cells:
        if (
            cell.cell_type != "code"
            or "nbgrader" in cell.metadata
            or "colab" in cell.metadata.get("tags", [])
        ):
            continue
        for node in ast.parse(cell.source).body:
            constant = (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            )
            if isinstance(node, ast.Import | ast.ImportFrom) or constant:
                lines.append(ast.unparse(node))
    return "\n".join(lines)

"""Execute one notebook, and measure what it takes: seconds, and memory of kernel and children.

An error in a cell is a result, not an exception: the `Execution` says which cell and why.
"""

import atexit
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import nbformat
import psutil
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from course_lib import files

SAMPLE_SECONDS = 0.2
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Failure:
    """The code cell (counted from 1) that stopped a notebook, its first line, and the error."""

    cell: int
    head: str
    error: str

    def __str__(self) -> str:
        return f"cell {self.cell} ({self.head}): {self.error}"


@dataclass(frozen=True)
class Execution:
    """An executed notebook: seconds, peak resident bytes of kernel and children, any failure."""

    notebook: NotebookNode
    seconds: float
    peak_bytes: int
    failure: Failure | None = None


@dataclass(frozen=True)
class Progress:
    """Where an execution stands: code cell k of n, seconds so far, bytes resident now.

    said: the last line on the cell's stderr, where progress bars are drawn.
    """

    cell: int
    cells: int
    seconds: float
    bytes: int
    said: str = ""


def kernel_env(root: Path, **variables: str | None) -> dict[str, str]:
    """The environment of a kernel: this one, course_lib importable, threads that do not spin.

    variables: those to set, or with None to leave out; the others (COURSE_...) are passed on.
    """
    env = dict(os.environ)
    env.pop("MPLBACKEND", None)  # else the kernel would draw nothing into the notebook
    paths = [str(root), *env.get("PYTHONPATH", "").split(os.pathsep)]
    env["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    env["OMP_WAIT_POLICY"] = "PASSIVE"
    env["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # a debugger's warning that nobody asked for
    if env.get("COURSE_CACHE"):  # relative to here, not to the notebook's folder
        env["COURSE_CACHE"] = os.path.abspath(os.path.expanduser(env["COURSE_CACHE"]))
    for name, value in variables.items():
        env.pop(name, None)
        if value is not None:
            env[name] = value
    return env


def resident_bytes(pid: int, itself: bool = True) -> int:
    """Resident bytes of a process and all its children now; 0 when it is gone."""
    try:
        process = psutil.Process(pid)
        family = process.children(recursive=True) + ([process] if itself else [])
    except psutil.Error:
        return 0
    total = 0
    for member in family:
        try:
            total += member.memory_info().rss
        except psutil.Error:
            continue  # it ended between the two calls
    return total


class _Client(NotebookClient):
    """Runs the cells on this interpreter's own kernel, and keeps all that they show.

    What an Output widget shows stays in the cell: it is the picture seen where no kernel runs,
    and what nbval sees, which knows neither Output widgets nor clear_output.
    """

    said = ""

    def create_kernel_manager(self):
        # No folders: a kernel called python3 in the user's home may be another interpreter.
        specs = KernelSpecManager(kernel_dirs=[])
        self.km = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs)
        return self.km

    def on_comm_open_jupyter_widget(self, msg):
        return None

    def clear_output(self, outs, msg, cell_index):
        return None

    def output(self, outs, msg, display_id, cell_index):
        if msg["msg_type"] == "stream" and msg["content"]["name"] == "stderr":
            lines = re.split(r"[\r\n]", msg["content"]["text"].strip())
            self.said = lines[-1] or self.said
        return super().output(outs, msg, display_id, cell_index)

    def kernel_pid(self) -> int | None:
        return getattr(getattr(self.km, "provisioner", None), "pid", None)


def execute(
    notebook: NotebookNode | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: int = 600,  # seconds a cell may take
    on_progress: Callable[[Progress], None] | None = None,
) -> Execution:
    """Execute a notebook from top to bottom in a fresh kernel of the running interpreter.

    cwd: the kernel's folder; without it a scratch folder, or that of the notebook's file.
    on_progress is called about five times a second. An interrupt ends the kernel and is raised.
    The notebook handed in is not changed.
    """
    if isinstance(notebook, Path):
        cwd = cwd or notebook.parent
        notebook = nbformat.read(notebook, as_version=4)
    copy: NotebookNode = nbformat.from_dict(notebook)
    cells = [cell for cell in copy.cells if cell.cell_type == "code"]
    at = {"cell": 0}

    def count(cell: NotebookNode, cell_index: int) -> None:
        at["cell"] += 1
        client.said = ""

    with files.scratch() as scratch:
        client = _Client(
            copy,
            timeout=timeout,
            record_timing=False,
            store_widget_state=False,
            on_cell_execute=count,
        )
        environment = {**(env or kernel_env(Path.cwd())), "IPYTHONDIR": str(scratch)}
        errors: list[BaseException] = []

        def work() -> None:
            try:
                client.execute(cwd=str(cwd or scratch), env=environment, stderr=subprocess.DEVNULL)
            except BaseException as error:
                errors.append(error)

        # The kernel is driven by a thread, so that an interrupt reaches this one and is obeyed.
        worker = threading.Thread(target=work, daemon=True)
        peak, start = 0, time.monotonic()
        worker.start()
        try:
            while worker.is_alive():
                worker.join(SAMPLE_SECONDS)
                pid = client.kernel_pid()
                now = resident_bytes(pid) if pid else 0
                peak = max(peak, now)
                if on_progress:
                    seconds = time.monotonic() - start
                    on_progress(Progress(at["cell"], len(cells), seconds, now, client.said))
        except BaseException:
            _end(client.kernel_pid())
            worker.join(10)
            raise
        seconds = time.monotonic() - start
    if client.km is None:  # nbclient would look for it at the end of Python
        atexit.unregister(client._cleanup_kernel)
    for cell in cells:
        cell.outputs = _joined_streams(cell.outputs)
    failure = _failure(errors[0], at["cell"], cells, timeout) if errors else None
    return Execution(copy, seconds, peak, failure)


def tidy(executed: NotebookNode, metadata: NotebookNode) -> NotebookNode:
    """An executed notebook as it is kept, with the metadata given.

    Widgets lose their state and their random ids, and frames that show a page of this machine are
    left out (the static picture beside both stays); an expected error keeps only its message.
    """
    kept: NotebookNode = nbformat.from_dict(executed)
    kept.metadata = nbformat.from_dict(metadata)
    for cell in kept.cells:
        for output in cell.get("outputs", []):
            held = output.get("data", {})
            held.pop(WIDGET_VIEW, None)
            if '<iframe src="http://127.0.0.1' in held.get("text/html", ""):
                del held["text/html"]
            if output.output_type == "error" and "raises-exception" in cell.metadata.get(
                "tags", []
            ):
                output.traceback = [f"{output.ename}: {output.evalue}"]
    return kept


def _joined_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Neighbouring pieces of a stream as one, without what a progress bar has overwritten.

    stdout comes before stderr: in which order the two reach us is chance.
    """
    joined: list[NotebookNode] = []
    for is_stream, group in groupby(outputs, lambda output: output.output_type == "stream"):
        pieces = list(group)
        if not is_stream:
            joined += pieces
            continue
        for name in ("stdout", "stderr"):
            text = "".join(piece.text for piece in pieces if piece.name == name)
            text = re.sub(r"^.*\r(?=[^\n])", "", text, flags=re.MULTILINE)
            if text:
                joined.append(nbformat.v4.new_output("stream", name=name, text=text))
    return joined


def _failure(error: BaseException, cell: int, cells: list[NotebookNode], timeout: int) -> Failure:
    head = cells[cell - 1].source.strip().partition("\n")[0] if cell else "the kernel's start"
    if isinstance(error, CellExecutionError):
        text = f"{error.ename}: {error.evalue}".strip().splitlines()[-1]
        if not text.startswith(error.ename):
            text = f"{error.ename}: {text}"
    elif isinstance(error, CellTimeoutError):
        text = f"it took longer than {timeout} s"
    elif isinstance(error, DeadKernelError):
        text = "the kernel died; too little memory is the usual reason"
    elif not cell and isinstance(error, RuntimeError | OSError):  # before the first cell
        text = f"{error}; too little memory is the usual reason, `make doctor` looks for others"
    else:
        text = f"{type(error).__name__}: {error}"
    return Failure(cell, head[:80], re.sub(r"\x1b\[[0-9;]*m", "", text))


def _end(pid: int | None) -> None:
    """End a kernel and its children."""
    if pid is None:
        return
    try:
        process = psutil.Process(pid)
        family = [*process.children(recursive=True), process]
    except psutil.Error:
        return
    for member in family:
        try:
            member.kill()
        except psutil.Error:
            continue

"""Run one repaired notebook behind walls, and say what each of its checks found.

Checks never run in the learner's kernel: they are judged elsewhere (`judging`), which asks that
kernel for values when a check's turn comes. Files that were handed in are judged first, before any
line of the learner's.
"""

import asyncio
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from ...units import megabytes
from . import sandbox
from .client import Client, stopped
from .judging import Judging, NoAnswer, Verdict
from .sandbox import Sandbox


@dataclass
class Graded:
    """A submission that ran: the notebook with what it printed, a verdict for each check."""

    notebook: NotebookNode
    verdicts: dict[str, Verdict]
    seconds: float
    peak_bytes: int
    doubts: list[str] = field(default_factory=list)


def run(
    notebook: NotebookNode,
    walls: Sandbox,
    files: Sequence[Path] = (),
    given: str = "",
) -> Graded:
    """Run a repaired notebook from top to bottom; every check gets a verdict, whatever happens.

    files: handed in beside the notebook; a check that names one judges that, and the cell that
    would make it is not run. given: code of the released notebook that checks may need.
    """
    made: NotebookNode = nbformat.from_dict(notebook)
    named = {file.name: file for file in files}
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cg-", ignore_cleanup_errors=True) as folder:
        running = _Run(made, walls, named, given, Path(folder))
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


@dataclass
class _Run:
    """A notebook on its way through its kernel, and what was found so far."""

    notebook: NotebookNode
    walls: Sandbox
    files: dict[str, Path]  # handed in, by name
    given: str
    folder: Path
    verdicts: dict[str, Verdict] = field(default_factory=dict)  # by the check's name
    doubts: list[str] = field(default_factory=list)
    peak_bytes: int = 0

    @property
    def checks(self) -> list[NotebookNode]:
        return [cell for cell in self.notebook.cells if _is_check(cell)]

    async def watched(self) -> None:
        """Judge what was handed in, then run all cells and judge them while the limits hold."""
        judges, runs = self.folder / "judge", self.folder / "s"
        for folder in (judges, runs):
            folder.mkdir()
            for name, file in self.files.items() if self.walls.unsafe else ():
                shutil.copyfile(file, folder / name)
        async with Judging(self.given, self.walls, self.files, judges) as judging:
            for cell in self.checks:
                if _judged_file(cell, self.files):
                    await self._check(cell, judging, None)
            await self._kernel(judging)
            self.peak_bytes = max(self.peak_bytes, judging.watch.peak_bytes)

    async def _kernel(self, judging: Judging) -> None:
        client = Client(self.notebook, self.walls, self.files, self.folder)
        task = asyncio.ensure_future(self._through(client, judging))
        while not task.done() and client.kernel_pid() is None:
            await asyncio.sleep(0.05)
        pid = client.kernel_pid()
        if pid is None:
            await asyncio.wait({task})
            self.doubts.append(f"its kernel did not start: {task.exception()}"[:200])
            return
        limits = self.walls.limits
        with sandbox.Watch(pid, limits, self.walls.places) as watch:
            printed = f"it printed more than {megabytes(limits.output_bytes)}"
            client.flood = lambda: watch.stop(printed)
            try:
                await _until_done(task, watch)
            except (Exception, asyncio.CancelledError) as error:  # whatever a kernel sends
                if not watch.said:
                    self.doubts.append(_died(error))
            finally:
                self.peak_bytes = watch.peak_bytes
                if watch.said:
                    self.doubts.append(f"ended: {watch.said}")
                sandbox.end(pid)

    async def _through(self, client: Client, judging: Judging) -> None:
        """All cells from top to bottom."""
        async with client.setup():
            await client.begin()
            for number, cell in enumerate(self.notebook.cells):
                if cell.cell_type == "code" and _name(cell) not in self.verdicts:
                    await self._cell(cell, number, client, judging)

    async def _cell(
        self, cell: NotebookNode, number: int, client: Client, judging: Judging
    ) -> None:
        if _makes(cell, self.checks, self.files):
            return
        if _is_check(cell):
            await self._check(cell, judging, client)
            return
        await client.run(cell, number)
        if stopped(cell):
            place = _name(cell) or cell.source.strip()[:40]
            self.doubts.append(f"stopped after {self.walls.limits.cell_seconds} s: {place!r}")

    async def _check(self, cell: NotebookNode, judging: Judging, client: Client | None) -> None:
        verdict = await judging.verdict(cell.source, client.ask if client else _nobody)
        self.verdicts[_name(cell)] = verdict
        if verdict.doubt:
            self.doubts.append(f"{_name(cell)}: {verdict.doubt}")


async def _nobody(question: bytes) -> bytes:
    """Who answers while none of the learner's code has run."""
    raise NoAnswer("a file that was handed in is judged alone")


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
    if isinstance(error, DeadKernelError):
        return "its kernel died"
    return _text(f"it ended: {type(error).__name__}: {error}")[:200]


def _harmless(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Outputs as text and pictures alone: whoever opens the page runs nothing of a stranger's."""
    kept = []
    for output in outputs:
        kind, data = output.get("output_type"), output.get("data")
        if kind == "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            kept.append(nbformat.v4.new_output(kind, name=name, text=_text(output.get("text"))))
        elif kind == "error":
            ename, evalue = (_text(output.get(part)) for part in ("ename", "evalue"))
            said = [f"{ename}: {evalue}"[:2000]]
            kept.append(nbformat.v4.new_output(kind, ename=ename, evalue=evalue, traceback=said))
        elif kind in ("display_data", "execute_result") and isinstance(data, dict):
            shown = {
                name: _text(data[name]) for name, is_one in KEPT.items() if is_one(data.get(name))
            }
            kept.append(nbformat.v4.new_output("display_data", data=shown))
    return kept


def _text(value: object) -> str:
    """What a stranger's kernel sent, as text that can be written."""
    return str(value).encode("utf-8", "replace").decode()


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_picture(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9+/=\s]*", value) is not None


# Of what a stranger's cell shows: no HTML, no JavaScript.
KEPT = {"text/plain": _is_text, "image/png": _is_picture}

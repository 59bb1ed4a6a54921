"""Work through the chapters: `python -m course_lib run`.

Each chapter is executed from its source; one that fails is shown, and the rest still run.
Executed notebooks, a page of each, the scorecards and the report stay under build/.
"""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from .. import files
from ..measure.claims import not_here
from ..units import megabytes
from .assembly import GENERATED, assemble, find_root, select, sources, tags, write
from .execution import Progress, execute, kernel_env, tidy

CELL, LONG_CELL = 600, 4 * 3600  # seconds a cell may take
PLAIN_EVERY = 15  # seconds between two lines of progress where there is no terminal


@dataclass(frozen=True)
class Ran:
    """What became of one chapter."""

    chapter: str
    seconds: float
    peak_bytes: int
    error: str | None = None


def run(
    chapters: Sequence[str] = (),  # as `select` takes them; none means all
    data: str | None = None,  # the images' name or folder; None keeps COURSE_DATA's
    strict: bool = False,  # claims that depend on the machine raise, too: on the reference machine
    full: bool = False,  # what is recorded is computed again
    root: Path | str | None = None,
) -> int:
    """Execute chapters in order with live progress; 0 when all passed, 1 when any failed.

    Raises ValueError, naming the chapters there, for one that is unknown.
    """
    base = find_root(root)
    chosen = select(chapters, sources(base, ["notebooks"]))
    if not chosen:
        print("there is no chapter in notebooks/ yet")
        return 1
    data = data or os.environ.get("COURSE_DATA")
    # Training once on other images, or computing again what is recorded, may fill a long cell.
    timeout = LONG_CELL if full or data else CELL
    build = base / "build"
    (build / "scorecards").mkdir(parents=True, exist_ok=True)
    course = {"COURSE_BUILD": str(build)}
    if data:
        course["COURSE_DATA"] = _where(data)
    course |= {"COURSE_STRICT": "1"} if strict else {}
    course |= {"COURSE_FULL": "1"} if full else {}
    missed = build / "not_here.txt"  # claims about the machine that did not hold, a line each
    missed.unlink(missing_ok=True)
    env = kernel_env(base, COURSE_NOT_HERE=str(missed), **course)
    ran: list[Ran] = []
    interrupted = False
    for source in chosen:
        (build / "scorecards" / f"{source.stem}.json").unlink(missing_ok=True)
        try:
            ran.append(_run_one(source, base, build, env, timeout))
        except KeyboardInterrupt:
            interrupted = True
            print(f"{source.stem} was interrupted; nothing after it was started")
            break
        if ran[-1].error:
            print(f"{source.stem} failed in {ran[-1].error}")
    _write_report(ran, build / "report.json")
    _conclude(ran, len(sources(base, ["notebooks"])), build)
    if text := not_here(missed):
        print(f"\n{text}")
    return 130 if interrupted else int(any(one.error for one in ran))


def _where(data: str) -> str:
    """The images as the kernel should be told of them, which works in another folder."""
    folder = Path(data).expanduser()
    if folder.name == data:
        if not folder.is_dir():
            return data
        from ..images.named_sets import READERS  # slow to import, and seldom needed

        if data.lower().replace("-", "_") in READERS:
            return data
    return os.path.abspath(folder)


def _run_one(source: Path, base: Path, build: Path, env: dict[str, str], timeout: int) -> Ran:
    try:
        notebook = assemble(source, base)
    except ValueError as problem:
        return Ran(source.stem, 0.0, 0, f"its source: {problem}")
    line = _Line(source.stem)
    try:
        result = execute(notebook, cwd=source.parent, env=env, timeout=timeout, on_progress=line)
    finally:
        line.clear()
    kept = tidy(result.notebook, notebook.metadata)
    write(kept, build / f"{source.stem}.ipynb")
    files.write(build / f"{source.stem}.html", page(kept, source.stem))
    error = str(result.failure) if result.failure else None
    return Ran(source.stem, result.seconds, result.peak_bytes, error)


class _Line:
    """The live line of a chapter: redrawn on a terminal, now and then a plain one elsewhere."""

    def __init__(self, chapter: str):
        self.chapter = chapter
        self.live = sys.stderr.isatty()
        self.next_plain = 0.0

    def __call__(self, at: Progress) -> None:
        done = 20 * max(at.cell - 1, 0) // max(at.cells, 1)
        bar = f" [{'#' * done}{'.' * (20 - done)}]" if self.live else ""
        minutes, seconds = divmod(int(at.seconds), 60)
        text = (
            f"{self.chapter}{bar} cell {at.cell}/{at.cells}, "
            f"{minutes}:{seconds:02d}, {megabytes(at.bytes)}  {at.said}"
        ).rstrip()
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write("\r" + text[:width].ljust(width))
            sys.stderr.flush()
        elif at.seconds >= self.next_plain:
            self.next_plain = at.seconds + PLAIN_EVERY
            print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write("\r" + " " * width + "\r")
            sys.stderr.flush()


def page(notebook: NotebookNode, title: str) -> str:
    """One HTML page of an executed notebook, which asks nothing of the network.

    Only formulas, where there are any, are drawn by MathJax when the network is there.
    """
    from nbconvert import HTMLExporter

    copy: NotebookNode = nbformat.from_dict(notebook)
    copy.cells = [cell for cell in copy.cells if not tags(cell) & GENERATED]
    formulas = any(cell.cell_type == "markdown" and "$" in cell.source for cell in copy.cells)
    addresses = ["require_js", "jquery", "widget_renderer", "mermaid_js", "mermaid_layout_elk_js"]
    addresses += [] if formulas else ["mathjax"]
    exporter = HTMLExporter(**{f"{address}_url": "" for address in addresses})
    html, _ = exporter.from_notebook_node(copy, {"metadata": {"name": title}})
    return str(html)


def _write_report(ran: list[Ran], path: Path) -> None:
    report = [
        {
            "chapter": one.chapter,
            "ok": one.error is None,
            "error": one.error,
            "seconds": round(one.seconds, 1),
            "peak_bytes": one.peak_bytes,
        }
        for one in ran
    ]
    files.write(path, json.dumps({"chapters": report}, indent=1) + "\n")


def _conclude(ran: list[Ran], chapters: int, build: Path) -> None:
    """The table, the last scorecard, and where to look next."""
    if not ran:
        return
    print(f"\n{'chapter':<26}{'seconds':>8}{'peak MB':>9}")
    for one in ran:
        state = "failed" if one.error else "ok"
        print(f"{one.chapter:<26}{one.seconds:>8.1f}{one.peak_bytes / 1e6:>9.0f}  {state}")
    cards = (build / "scorecards" / f"{one.chapter}.json" for one in reversed(ran))
    card = next((file for file in cards if file.exists()), None)
    if card is not None:
        print(f"\nScorecard at the end of {card.stem}\n{scorecard_text(card)}")
    shown = os.path.relpath(build)
    print(f"\nWhere to look next\n  {os.path.join(shown, '*.html')}: the chapters as they ran here")
    if any(one.error for one in ran):
        failed = " ".join(one.chapter[:2] for one in ran if one.error)
        print(f"  python -m course_lib run {failed}: once more, what failed")
        print("  python -m course_lib doctor: whether this machine has what the course needs")
    elif len(ran) < chapters:
        print("  python -m course_lib run: the whole course")
    print("  make lab: work through them yourself, in your own copies in work/")


def scorecard_text(file: Path) -> str:
    """The cards in a file (one JSON object, or a list of them, before to after) as text."""
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        cards = held if isinstance(held, list) else [held]
        from ..measure.scorecard import Scorecard, compare

        return str(compare([Scorecard.from_json(json.dumps(card)) for card in cards]))
    except (ImportError, ValueError) as error:
        return f"{file.name} holds no scorecard: {error}"

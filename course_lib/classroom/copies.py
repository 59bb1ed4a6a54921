"""The learner's copies in work/: filled, brought up to date, and never overwritten once edited.

Chapters go to work/, exercises to work/exercises/. `work/.course.json` holds a hash of each
copy as it was handed out. A copy that differs from it is the learner's; a new version then
goes beside it. Without that file every copy that differs from the new version is the learner's.
"""

import hashlib
import json
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from .. import files
from . import welcome
from .assembly import FOLDED, GENERATED, HIDDEN, find_root, set_metadata, tags, write

STATE = ".course.json"
WAYS = "ways"  # the tag of the lines that lead elsewhere


def learner_copy(notebook: NotebookNode, ways: str = "") -> NotebookNode:
    """A notebook as a learner gets it: no outputs, no badges, no trace of how it was built.

    Its first code asks which Python runs it. ways: a line that leads to the other notebooks, at its
    top and at its end.
    """
    copy: NotebookNode = nbformat.from_dict(notebook)
    set_metadata(copy, {})
    copy.cells = [cell for cell in copy.cells if not tags(cell) & GENERATED]
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    asks = nbformat.v4.new_code_cell(welcome.WHICH_PYTHON, id="which-python")
    asks.metadata.update(nbformat.from_dict({**FOLDED, "tags": ["which-python", HIDDEN]}))
    at = next((n for n, cell in enumerate(copy.cells) if cell.cell_type == "code"), 0)
    copy.cells.insert(at, asks)
    if ways:
        first, last = (
            nbformat.v4.new_markdown_cell(ways, id=name, metadata={"tags": [WAYS]})
            for name in (WAYS, f"{WAYS}-end")
        )
        copy.cells = [first, *copy.cells, last]
    return copy


def written_hash(notebook: NotebookNode) -> str:
    """A hash of what somebody wrote: running cells or adding empty ones does not change it."""
    said = [[cell.cell_type, cell.source] for cell in notebook.cells if cell.source.strip()]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def fill_work(root: Path | str | None = None) -> Path:
    """Fill work/ with the learner's copies, and return it; prints a line for what was kept."""
    base = find_root(root)
    work = base / "work"
    work.mkdir(exist_ok=True)
    handed_out = _read_state(work / STATE)
    exercises = welcome.EXERCISES
    built = {folder: sorted((base / folder).glob("[0-9][0-9]_*.ipynb"))
             for folder in ("notebooks", exercises)}  # fmt: skip
    titles = {c.name: c.title for path in built["notebooks"] if (c := welcome.read(path))}
    for folder, sources in built.items():
        inside = "" if folder == "notebooks" else exercises
        for source in sources:
            ways = welcome.ways(
                source.stem, titles, inside, (base / exercises / source.name).exists()
            )
            fresh = learner_copy(nbformat.read(source, as_version=4), ways)
            _hand_out(fresh, work / inside / source.name, handed_out, work)
    files.write(work / STATE, json.dumps(handed_out, indent=1, sort_keys=True) + "\n")
    welcome.write(work)
    return work


def _hand_out(fresh: NotebookNode, target: Path, handed_out: dict[str, str], work: Path) -> None:
    name = target.relative_to(work).as_posix()
    new = written_hash(fresh)
    before, handed_out[name] = handed_out.get(name), new
    if not target.exists():
        write(fresh, target)
        return
    try:
        there = written_hash(nbformat.read(target, as_version=4))
    except Exception:  # half-written JSON, another format, no permission: all mean hands off
        print(f"work/{name} cannot be read and was left alone; delete it to get a fresh copy")
        return
    if there == new or before == new:
        return  # nothing new, or the learner has edited just this version
    if there == before:
        write(fresh, target)
        return
    beside = target.with_name(target.name.removesuffix(".ipynb") + ".new.ipynb")
    print(f"work/{name} has your edits and was kept; the new version is beside it: {beside.name}")
    _hand_out(fresh, beside, handed_out, work)


def _read_state(path: Path) -> dict[str, str]:
    """The hashes of what was handed out; empty when the file is lost or damaged."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}

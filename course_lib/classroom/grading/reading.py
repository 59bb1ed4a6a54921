"""A notebook's file, whatever an editor or a platform made of it; its exercise by its cells.

>>> from nbformat.v4 import new_code_cell, new_notebook
>>> cell = new_code_cell("def affine(): ...", metadata={"nbgrader": {"grade_id": "affine"}})
>>> known = Known({"04_quantization": new_notebook(cells=[cell])})
>>> known.exercises_of(new_notebook(cells=[new_code_cell("def affine():\\n    return 1")]))
['04_quantization']
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from .repair import LARGEST_CELL, about, defined

MOST_LINES = 1_000  # of a script; an exercise's has 400
MOST_CELLS = 1_000  # of a notebook; an exercise has 30
SHORTEST = 40  # characters of a text that only one notebook has


def read(path: Path, script: bool = False) -> tuple[NotebookNode, list[str]]:
    """A notebook from its file, and what had to be mended to read it.

    JSON in UTF-8, UTF-16 or UTF-32, with a byte order mark or without. script: a Python file of
    cells, as jupytext, VS Code and Jupyter's export write it. Raises whatever a stranger's file
    makes a parser raise.
    """
    notes = []
    raw = path.read_bytes()
    try:
        text = raw.decode(json.detect_encoding(raw), "surrogatepass")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
        notes.append("its text is in no Unicode; read as that of an old Windows")
    if script:
        # Whoever zips a whole environment hands in thousands of scripts; each costs milliseconds.
        if "course_lib" not in text or text.count("\n") > MOST_LINES:
            raise ValueError("a script of none of the exercises")
        return _script(text), notes
    data = json.loads(text)
    cells = data.get("cells") if isinstance(data, dict) else None
    if isinstance(cells, list) and len(cells) > MOST_CELLS:
        raise ValueError(f"a notebook of more than {MOST_CELLS:,} cells")
    made: NotebookNode = nbformat.reads(text, as_version=4)
    return made, notes


def _script(text: str) -> NotebookNode:
    text = re.sub(r"(?m)^# In\s?\[[\d\s]*\]:\s*$", "# %%", text)
    made: NotebookNode = jupytext.reads(text, fmt="py")
    return made


class Known:
    """What tells the exercises of a class apart: marks that one of them alone has."""

    def __init__(self, released: Mapping[str, NotebookNode]):
        every = {name: set(_marks(_own(made))) for name, made in released.items()}
        many = Counter(mark for marks in every.values() for mark in marks)
        self.own = {name: {m for m in marks if many[m] == 1} for name, marks in every.items()}

    def exercises_of(self, sent: NotebookNode) -> list[str]:
        """The exercise that a notebook is of; none, or several where its cells are of several."""
        cells = [set(_marks([cell])) for cell in sent.cells]
        found = Counter(
            {
                name: sum(not own.isdisjoint(cell) for cell in cells)
                for name, own in self.own.items()
            }
        )
        [(best, most), *others] = found.most_common(2) or [("", 0)]
        if most == 0:
            return []
        rivals = [name for name, many in others if 2 * many > most]
        return [best, *rivals]


def is_solution(sent: NotebookNode) -> bool:
    """Whether it is the course's own solution, as the repository has it."""
    return any("### BEGIN SOLUTION" in cell.source for cell in sent.cells)


def _own(released: NotebookNode) -> Iterable[NotebookNode]:
    """The cells that no two notebooks share: what is graded and written, and the words."""
    for cell in released.cells:
        given = {"badges", "colab"} & set(cell.metadata.get("tags", []))
        if "nbgrader" in cell.metadata or (cell.cell_type == "markdown" and not given):
            yield cell


def _marks(cells: Iterable[NotebookNode]) -> Iterable[str]:
    for cell in cells:
        if name := about(cell).get("grade_id"):
            yield f"name {name}"
        if "id" in cell:
            yield f"id {cell.id}"
        if len(cell.source) > LARGEST_CELL:
            continue
        words = " ".join(cell.source.split())
        if len(words) >= SHORTEST:
            yield f"text {words}"
        if cell.cell_type != "markdown":
            yield from (f"defines {name}" for name in defined(cell.source))

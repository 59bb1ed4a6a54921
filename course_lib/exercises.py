"""Exercises made from solutions, by nbgrader's own preprocessors.

A solution's source marks its cells in short, in the `# %%` line:

    # %% task="affine"                      the learner writes it; ### BEGIN SOLUTION ... inside
    # %% check="affine" points=2            calls the check; may hold ### BEGIN HIDDEN TESTS
    # %% [markdown] answer="why" points=2   written by the learner, marked by hand

`marked` turns that into nbgrader's metadata, `exercise` takes solutions and hidden tests out.
"""

from collections.abc import Sequence

import nbformat
from nbformat import NotebookNode

SCHEMA = 3  # of nbgrader's cell metadata
STUB = "raise NotImplementedError  # write your code here, and delete this line"
TEXT_STUB = "*Write your answer here.*"
KINDS = {"task": (False, True), "check": (True, False), "answer": (True, True)}
GOES_ON = "raises-exception"  # Run All goes on behind a cell with this tag that fails


def marked(cells: Sequence[NotebookNode], name: str) -> None:
    """Turn the short marks of a solution's cells into nbgrader's metadata, in place.

    Raises ValueError, naming the cell, for marks that nbgrader could not grade by.
    """
    seen: set[str] = set()
    for cell in cells:
        kinds = [kind for kind in KINDS if kind in cell.metadata]
        if not kinds:
            if any(mark in cell.source for mark in ("BEGIN SOLUTION", "BEGIN HIDDEN TESTS")):
                raise ValueError(
                    f"{name}: a cell with BEGIN SOLUTION needs task=..., one with BEGIN HIDDEN "
                    f"TESTS check=... in its line of `# %%`: {cell.source[:60]!r}"
                )
            continue
        if len(kinds) > 1:
            raise ValueError(f"{name}: a cell is a task, a check or an answer; got {kinds}")
        [kind] = kinds
        grade, solution = KINDS[kind]
        title = str(cell.metadata.pop(kind))
        grade_id = title if kind == "task" else f"{title}-{kind}"
        points = cell.metadata.pop("points", None)
        if grade and not (isinstance(points, int) and points > 0):
            raise ValueError(f"{name}: {kind}={title!r} needs points=..., a whole number above 0")
        if grade_id in seen:
            raise ValueError(f"{name}: {kind}={title!r} is there twice")
        if (kind == "task") != ("BEGIN SOLUTION" in cell.source):
            raise ValueError(f"{name}: {kind}={title!r}: tasks hold BEGIN SOLUTION, others do not")
        seen.add(grade_id)
        cell.metadata["nbgrader"] = nbformat.from_dict(
            {"grade": grade, "grade_id": grade_id, "locked": not solution, "schema_version": SCHEMA,
             "solution": solution, "task": False}
            | ({"points": points} if grade else {})
        )  # fmt: skip


def exercise(solution: NotebookNode, first: Sequence[NotebookNode]) -> NotebookNode:
    """The exercise of a solution: no answers, no hidden tests, no outputs.

    first: its own generated cells, which take the place of the solution's.
    """
    from nbgrader.preprocessors import (
        CheckCellMetadata,
        ClearHiddenTests,
        ClearOutput,
        ClearSolutions,
        LockCells,
    )
    from traitlets.config import Config

    settings = Config()
    settings.ClearSolutions.code_stub = {"python": STUB}
    settings.ClearSolutions.text_stub = TEXT_STUB
    made: NotebookNode = nbformat.from_dict(solution)
    for step in (LockCells, ClearSolutions, ClearOutput, CheckCellMetadata, ClearHiddenTests):
        made, _ = step(config=settings).preprocess(made, {})
    for cell, own in zip(made.cells, first, strict=False):
        cell.source = own.source
    for cell in made.cells:
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), GOES_ON]
    made.metadata.pop("course", None)
    return made

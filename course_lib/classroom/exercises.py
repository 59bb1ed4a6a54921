"""Exercises made from solutions, by nbgrader's own preprocessors.

A solution's source marks its cells in short, in the `# %%` line:

    # %% task="affine"                      the learner writes it; ### BEGIN SOLUTION ... inside
    # %% guess="my_factor"                  `my_factor = 4`, of which the learner gets `None`
    # %% check="affine" points=2            calls the check; may hold ### BEGIN HIDDEN TESTS
    # %% [markdown] answer="why" points=2   written by the learner, marked by hand

`marked` turns that into nbgrader's metadata, `exercise` takes solutions and hidden tests out.
"""

import re
from collections.abc import Sequence

import nbformat
from nbformat import NotebookNode

SCHEMA = 3  # of nbgrader's cell metadata
OPEN = "# Write your code here."  # outside of a function; its check says what is missing
STUB = "raise NotImplementedError  # write your code here, and delete this line"
KINDS = {  # {kind: (it has points, the learner writes it, it holds BEGIN SOLUTION)}
    "task": (False, True, True),
    "guess": (False, True, False),
    "check": (True, False, False),
    "answer": (True, True, True),
}
REGIONS = {
    "BEGIN SOLUTION": re.compile(r"BEGIN SOLUTION.*?END SOLUTION", re.DOTALL),
    "BEGIN HIDDEN TESTS": re.compile(r"BEGIN HIDDEN TESTS.*?END HIDDEN TESTS", re.DOTALL),
}
GOES_ON = "raises-exception"  # Run All goes on behind a cell with this tag that fails


def marked(cells: Sequence[NotebookNode], name: str) -> None:
    """Turn the short marks of a solution's cells into nbgrader's metadata, in place.

    Raises ValueError, naming the file and the cell, for marks that nbgrader could not grade by.
    """
    seen: set[str] = set()
    for cell in cells:
        kinds = [kind for kind in KINDS if kind in cell.metadata]
        _regions_end(cell, name)
        if not kinds:
            if any(region in cell.source for region in REGIONS):
                raise ValueError(
                    f"{name}: a cell with BEGIN SOLUTION needs task=... or answer=..., one with "
                    f"BEGIN HIDDEN TESTS check=..., in its line of `# %%`: {cell.source[:60]!r}"
                )
            continue
        if len(kinds) > 1:
            raise ValueError(f"{name}: a cell has one mark of {', '.join(KINDS)}; got {kinds}")
        [kind] = kinds
        grade, solution, region = KINDS[kind]
        title = str(cell.metadata.pop(kind))
        here = f"{name}: {kind}={title!r}"
        grade_id = title if kind in ("task", "guess") else f"{title}-{kind}"
        points = cell.metadata.pop("points", None)
        if not re.fullmatch(r"[a-z]\w*", title):
            raise ValueError(f"{here}: a name of small letters, digits and _ is wanted")
        if grade and not (isinstance(points, int) and points > 0):
            raise ValueError(f"{here} needs points=..., a whole number above 0; got {points!r}")
        if not grade and points is not None:
            raise ValueError(f"{here}: its check has the points, not the cell itself")
        if grade_id in seen:
            raise ValueError(f"{here} is there twice")
        if (cell.cell_type == "markdown") != (kind == "answer"):
            raise ValueError(f"{here}: answers are [markdown] cells, all others code")
        if region != ("BEGIN SOLUTION" in cell.source):
            raise ValueError(f"{here}: tasks and answers hold BEGIN SOLUTION, others do not")
        if kind == "guess" and not re.fullmatch(rf"{title} = \S+", cell.source.strip()):
            raise ValueError(f"{here}: its cell is the line `{title} = NUMBER`")
        seen.add(grade_id)
        cell.metadata["nbgrader"] = nbformat.from_dict(
            {"grade": grade, "grade_id": grade_id, "locked": not solution, "schema_version": SCHEMA,
             "solution": solution, "task": False}
            | ({"points": points} if grade else {})
        )  # fmt: skip


def _regions_end(cell: NotebookNode, name: str) -> None:
    """Whether each region that begins also ends: nbgrader would hand out half a solution."""
    for begin, region in REGIONS.items():
        whole = len(region.findall(cell.source))
        end = begin.replace("BEGIN", "END")
        if not whole == cell.source.count(begin) == cell.source.count(end):
            raise ValueError(f"{name}: {begin} and {end} do not match in {cell.source[:60]!r}")


def is_guess(cell: NotebookNode) -> bool:
    """Whether a cell of a solution holds a guess: one line that the learner writes, no region."""
    own = cell.metadata.get("nbgrader", {})
    return bool(
        own.get("solution") and cell.cell_type == "code" and "BEGIN SOLUTION" not in cell.source
    )


def exercise(
    solution: NotebookNode, first: Sequence[NotebookNode], hidden_tests: bool = False
) -> NotebookNode:
    """The exercise of a solution: no answers, no hidden tests, no outputs.

    first: its own generated cells, which take the place of the solution's. hidden_tests: keep
    them, for whoever grades.
    """
    from nbgrader.preprocessors import (
        CheckCellMetadata,
        ClearHiddenTests,
        ClearOutput,
        ClearSolutions,
        LockCells,
    )
    from traitlets.config import Config

    from ..checks.rubric import TEXT_STUB  # brings torch, which only a built exercise needs

    settings = Config()
    settings.ClearSolutions.code_stub = {"python": STUB}
    settings.ClearSolutions.text_stub = TEXT_STUB
    made: NotebookNode = nbformat.from_dict(solution)
    guesses = [cell.metadata.nbgrader.grade_id for cell in made.cells if is_guess(cell)]
    steps = [LockCells, ClearSolutions, ClearOutput, CheckCellMetadata]
    for step in [*steps, *([] if hidden_tests else [ClearHiddenTests])]:
        made, _ = step(config=settings).preprocess(made, {})
    for cell, own in zip(made.cells, first, strict=False):
        cell.source = own.source
    for cell in made.cells:
        own = cell.metadata.get("nbgrader")
        if own and cell.cell_type == "code":
            lines = cell.source.splitlines()
            cell.source = "\n".join(OPEN if line == STUB else line for line in lines)
            if own.grade_id in guesses:
                cell.source = f"{own.grade_id} = None  # your guess, a number"
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), GOES_ON]
    made.metadata.pop("course", None)
    made.metadata.pop("jupytext", None)  # there is no source beside it to be paired with
    return made
